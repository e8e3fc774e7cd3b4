"""Who may be spoken to: JOIN, STOP, START, strangers, people who stopped, and a blocked bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.audience import invites
from alertd.audience.consent import channel_key
from alertd.model import HOUR, Button, stable_id
from alertd.settings import text_in
from alertd.wording.catalogue import LANGUAGES, phrase
from alertd.wording.clean import clean

if TYPE_CHECKING:
    from alertd.audience.person import Person
    from alertd.conversation.talk import Talk


def join(talk: Talk, code: str) -> None:
    """Redeem a code: the chat becomes a channel of the invited person, with consent.

    In a group only a code for a `shared` subscriber works: any other would hand one person's alerts to everybody there.
    """
    if invites.exhausted(talk.view.tries(talk.sender), talk.now):
        talk.reply(talk.say("chat.exhausted"), once=_hourly(talk, "exhausted"))
        return
    invite = talk.people.invite(code)
    if invite is None or not invites.valid(invite, talk.now):
        # The link was pressed once more by the person it was for: Telegram sends `/start CODE` each time.
        if invite is not None and invite.used is not None and any(one.id == invite.subscriber for one in talk.holders):
            start(talk)
            return
        talk.answer.tried = True
        talk.reply(talk.say("chat.wrong_code"))
        return
    invited = talk.people.get(invite.subscriber)
    assert invited is not None  # `People.invite` knows only codes of people who are listed
    if talk.group and not invited.shared:
        talk.reply(talk.say("chat.private"), once=_hourly(talk, "private"))
        return
    language = talk.words.speaks(invited)
    greeting = "chat.welcome_group" if talk.group else "chat.welcome"
    state, entries = talk.people.joined(invited.id, talk.chat, talk.now, wording=talk.wording(greeting, language))
    talk.answer.people.append(state)
    talk.answer.consents += entries
    talk.answer.invites.append(invites.redeemed(invite, talk.now))
    _welcome(talk, invited, language)


def _welcome(talk: Talk, invited: Person, language: str) -> None:
    """Greet who has joined, with the farm's own words, and ask for the language."""
    name, farm = clean(invited.name), talk.words.farm_name(language)
    if talk.group:
        lines = [talk.words.say(language, "chat.welcome_group", farm=farm)]
    else:
        lines = [talk.words.say(language, "chat.welcome", name=name, farm=farm)]
    if talk.setup.texts.welcome is not None:
        lines.append(text_in(talk.setup.texts.welcome, language, talk.words.language))
    buttons = tuple(Button(phrase(code, "name"), f"lang:{code}") for code in LANGUAGES)
    if talk.means.buttons >= len(buttons):
        lines.append(talk.words.say(language, "chat.ask_language"))
    else:
        others = (talk.words.say(language, "chat.language_word", code=code) for code in LANGUAGES if code != language)
        lines.append(talk.words.say(language, "chat.ask_language_words", choices=", ".join(others)))
        buttons = ()
    talk.reply("\n".join(lines), person=invited, buttons=buttons)


def stop(talk: Talk, how: str = "stop") -> None:
    """Take back consent for this chat, for everybody whose channel it is; confirmed the first time only."""
    changed = False
    for holder in talk.holders:
        state, entries = talk.people.stopped(
            holder.id, talk.chat, talk.now, how, talk.wording("chat.stopped", talk.language)
        )
        if entries:
            changed = True
            talk.answer.people.append(state)
            talk.answer.consents += entries
    if changed and how == "stop":
        talk.reply(talk.say("chat.stopped"))


def start(talk: Talk) -> None:
    """Undo STOP where there was consent before it; say so where nothing was stopped."""
    if talk.open and all(talk.people.stopped_at(holder.id, talk.chat) is None for holder in talk.holders):
        talk.reply(talk.say("chat.running"))
        return
    changed = False
    for holder in talk.holders:
        state, entries = talk.people.started(
            holder.id, talk.chat, talk.now, wording=talk.wording("chat.started", talk.language)
        )
        if entries:
            changed = True
            talk.answer.people.append(state)
            talk.answer.consents += entries
    if changed:
        talk.reply(talk.say("chat.started"))
    else:
        refuse(talk)


def refuse(talk: Talk) -> None:
    """Say politely that there is nothing to say: a hint once a STOP, a refusal once an hour and sender."""
    for holder in talk.holders:
        stopped = talk.people.stopped_at(holder.id, talk.chat)
        if stopped is not None:
            hint = stable_id("hint", holder.id, channel_key(talk.chat), stopped)
            talk.reply(talk.say("chat.hint"), once=hint, person=holder)
            return
    talk.reply(talk.say("chat.stranger"), once=_hourly(talk, "stranger"))


def _hourly(talk: Talk, what: str) -> str:
    """Return an id that stays the same for the hour of the clock: a second reply with it is never sent."""
    return stable_id("hourly", what, talk.sender, channel_key(talk.chat), talk.now // HOUR)

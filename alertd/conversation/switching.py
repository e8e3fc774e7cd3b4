"""Devices switched from the chat: who may, what is asked back, and what is told in the end.

A wish is a `Switching`. It is published by somebody else (`publishing.switcher`), after
its commit, within `PROMPT` of being meant or never; here it is only taken and answered.
Authority is the sender's, on messengers that vouch for their senders; a group's chat has none.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.conversation.setup import label_of, plain
from alertd.conversation.vocabulary import NO, YES, stripped
from alertd.model import HOUR, MINUTE, SECOND, Button, Kind, Message, Said, Stage, Switching, stable_id
from alertd.wording.clean import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.conversation.setup import Setup
    from alertd.conversation.talk import Talk
    from alertd.ingest.settings import Action
    from alertd.model import Micros
    from alertd.wording import Words

LAPSES: Final = 2 * MINUTE
"""How long a question waits for its answer (CONTRACT.md section 6, actions)."""
PROMPT: Final = 10 * SECOND
"""How soon after it was meant a wish is published, or not at all (the same)."""
FRESH: Final = 12 * HOUR
"""The button of an older message asks back, whatever the action says: much has happened since."""
MOST: Final = 6
"""How often one action may be switched in a minute: motors and relays have their limits."""


def concerns(talk: Talk, text: str) -> bool:
    """Return whether a text is for switching: an action's name, or the answer to this person's question."""
    return plain(text) in talk.setup.spellings() or (_yes_or_no(talk, text) is not None and _asked(talk) is not None)


def written(talk: Talk, person: Person, text: str) -> bool:
    """Take a wish, or the answer to the question that is open; False: the text is for somebody else."""
    yes = _yes_or_no(talk, text)
    if yes is not None and (question := _asked(talk)) is not None:
        _answered(talk, person, question, yes=yes)
        return True
    action = talk.setup.spellings().get(plain(text))
    if action is not None:
        _wished(talk, person, action, (), stale=False)
    return action is not None


def meant(talk: Talk, person: Person, text: str) -> str:
    """Return the label of an action this person may have meant, "" if none is near."""
    mine = {spelling: action for spelling, action in talk.setup.spellings().items() if person.id in action.allowed}
    near = difflib.get_close_matches(plain(text), mine, n=1, cutoff=0.75)
    return label_of(mine[near[0]], talk.language) if near else ""


def pressed(talk: Talk, person: Person, key: str, message_id: str) -> None:
    """Take the press of an action's button under an alert."""
    action = talk.setup.action_key(key)
    numbers = talk.view.named_in(message_id)
    if action is None or not numbers:
        talk.respond(talk.say("chat.too_old"))
        return
    alerts = [alert for number in numbers if (alert := talk.view.numbered(number)) is not None]
    stale = talk.update.timeless or not any(
        alert.open and talk.now - (alert.fired or alert.started) <= FRESH for alert in alerts
    )
    _wished(talk, person, action, [f"A-{number}" for number in numbers], stale=stale)


def answered(talk: Talk, person: Person, name: str, *, yes: bool) -> None:
    """Take the press of a button under our question."""
    question = next((one for one in talk.view.switched() if one.id == name), None)
    if question is None:
        talk.respond(talk.say("chat.too_old"))
    else:
        _answered(talk, person, question, yes=yes)


def offered(talk: Talk, person: Person) -> list[str]:
    """Return what this person may switch here, as they would write it."""
    if not talk.means.authenticates:
        return []
    return [label_of(one, talk.language) for one in talk.setup.actions.values() if person.id in one.allowed]


def told(
    switching: Switching, stage: Stage, fault: str, people: People, words: Words, setup: Setup, now: Micros
) -> Said:
    """Return what became of a wish, for the record and for who wished it.

    `fault` is a key of the catalogue (`chat.switch.fault.…`), "" where nothing went wrong.
    """
    person = people.get(switching.by)
    language = words.speaks(person) if person else words.language
    action = setup.actions.get(switching.action)
    name = label_of(action, language) if action else clean(switching.action)
    why = words.say(language, f"chat.switch.fault.{fault}") if fault else ""
    time = words.clock(now, person, now) if person else ""
    text = words.say(language, f"chat.switch.{stage}", action=name, time=time, why=why)
    mark = stable_id("switched", switching.id, stage)
    reply = Message(mark, Kind.REPLY, switching.by, (switching.chat,), text, now, language=language)
    english = words.say("en", f"chat.switch.fault.{fault}") if fault else ""
    return Said(mark, now, replies=[reply], switchings=[replace(switching, stage=stage, ended=now, why=english)])


def _wished(talk: Talk, person: Person, action: Action, alerts: Sequence[str], *, stale: bool) -> None:
    hindrance = _hindrance(talk, person, action)
    if hindrance:
        talk.respond(hindrance)
        return
    wish = Switching(
        id=stable_id("switching", talk.update.messenger, talk.update.id),
        action=action.name,
        by=person.id,
        chat=talk.chat,
        asked=talk.now,
        alerts=tuple(alerts),
    )
    if not (action.confirm or stale or _late(talk)):
        _meant(talk, wish, action)
        return
    talk.answer.switchings.append(wish)
    label = label_of(action, talk.language)
    if talk.means.buttons:
        buttons = (
            Button(talk.say("button.yes", action=label), f"yes:{wish.id}"),
            Button(talk.say("button.no"), f"no:{wish.id}"),
        )
        talk.reply(talk.say("chat.switch.ask", action=label), buttons=buttons)
    else:
        talk.reply(talk.say("chat.switch.ask_words", action=label))


def _answered(talk: Talk, person: Person, question: Switching, *, yes: bool) -> None:
    action = talk.setup.actions.get(question.action)
    label = label_of(action, talk.language) if action else clean(question.action)
    if question.by != person.id:
        text = talk.say("chat.switch.not_yours", name=_name(talk, question.by))
    elif question.stage is not Stage.ASKED:
        at = question.ended or question.confirmed or question.asked
        text = talk.say("chat.switch.answered", action=label, time=talk.clock(at, person))
    elif not yes:
        talk.answer.switchings.append(replace(question, stage=Stage.DECLINED, ended=talk.now))
        text = talk.say("chat.switch.declined", action=label)
    elif action is None or talk.now - question.asked > LAPSES or _late(talk):
        text = talk.say("chat.switch.lapsed", action=label)
    elif hindrance := _hindrance(talk, person, action):
        text = hindrance
    else:
        _meant(talk, question, action)
        return
    talk.respond(text)


def _meant(talk: Talk, wish: Switching, action: Action) -> None:
    """Say yes to a wish: it is published once this is committed. The spinner says so; the outcome is the reply."""
    confirmed = min(talk.now, talk.update.at)
    talk.answer.switchings.append(replace(wish, stage=Stage.CONFIRMED, confirmed=confirmed))
    talk.note(talk.say("chat.switch.confirmed", action=label_of(action, talk.language)))


def _hindrance(talk: Talk, person: Person, action: Action) -> str:
    """Return why this person may not switch this now, "" if they may."""
    label = label_of(action, talk.language)
    if not talk.means.authenticates:
        return talk.say("chat.switch.unsafe", action=label, messenger=talk.update.messenger)
    if person.id not in action.allowed:
        return talk.say("chat.switch.not_allowed", action=label)
    same = [one for one in talk.view.switched() if one.action == action.name and one.confirmed is not None]
    within = PROMPT + (action.result.within if action.result else 0)
    for one in same:
        if one.stage is Stage.CONFIRMED and talk.now - (one.confirmed or 0) <= within:
            time = talk.clock(one.confirmed or talk.now, person)
            return talk.say("chat.switch.under_way", action=label, name=_name(talk, one.by), time=time)
    if sum(talk.now - (one.confirmed or 0) < MINUTE for one in same) >= MOST:
        return talk.say("chat.switch.too_often", action=label, count=MOST)
    return ""


def _late(talk: Talk) -> bool:
    """Return whether this may have been meant so long ago that it must not switch anything."""
    return talk.update.waited or talk.now - talk.update.at > PROMPT


def _asked(talk: Talk) -> Switching | None:
    """Return the newest question to this person in this chat that is open."""
    if talk.person is None:
        return None
    mine = [
        one
        for one in talk.view.switched()
        if one.by == talk.person.id
        and one.chat == talk.chat
        and one.stage is Stage.ASKED
        and talk.now - one.asked <= LAPSES
    ]
    return max(mine, key=lambda one: one.asked, default=None)


def _yes_or_no(talk: Talk, text: str) -> bool | None:
    if text.rstrip().endswith("?"):
        return None  # who asks is not sure
    word = plain(stripped(text)).removeprefix("/")
    if word in YES or (word == "1" and not talk.means.buttons):
        return True
    return False if word in NO or (word == "2" and not talk.means.buttons) else None


def _name(talk: Talk, by: str) -> str:
    known = talk.people.get(by)
    return clean(known.name if known else by)

"""One update from a messenger becomes an answer: the page to read first.

The order is the order of rights. Going away and STOP are always heard; a code or
START opens a chat; everything else needs a person who is known, in a chat that may
be told things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from alertd.audience import invites
from alertd.conversation import acting, asking, duty, joining, maintenance, switching
from alertd.conversation.setup import Setup
from alertd.conversation.talk import NOTE, Answer, Talk, View
from alertd.conversation.vocabulary import Asked, Word, read, stripped
from alertd.model import OBJECT
from alertd.settings import text_in

if TYPE_CHECKING:
    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.model import Inbound, Micros
    from alertd.wording import Words


SETUP: Final = Setup()


def answer(
    update: Inbound, people: People, view: View, words: Words, now: Micros, setup: Setup = SETUP, over: int = 0
) -> Answer:
    """Return what a person's words or press come to; the same update gives the same answer.

    Never raises, whatever was written, and acts on nothing but the words of CONTRACT.md section 6 and the
    names of device actions. The answer must be applied before the next update is answered: a code works once.

    Args:
        update: what they did.
        people: everybody.
        view: what the book shows.
        words: what is said.
        now: when it is answered.
        setup: what the configuration says of conversation.
        over: by how many updates this sender is over what is answered in a minute (`flood`).
    """
    talk = Talk(update, people, view, words, now, setup)
    if over:
        if over == 1 and not talk.group:
            talk.respond(talk.say("chat.flood"))
        return talk.answer
    if update.gone:
        joining.stop(talk, how="blocked")
    elif update.data:
        _pressed(talk)
    elif update.text == OBJECT:
        _wordless(talk)
    elif update.text.strip() and not update.back:  # unblocking is not yet a START, see `audience.consent`
        _written(talk, read(update.text))
    return talk.answer


def _pressed(talk: Talk) -> None:
    if talk.person is not None and talk.open:
        _button(talk, talk.person)
    elif talk.update.callback:
        talk.answer.note = talk.say("chat.hint" if talk.person is not None and not talk.group else "chat.stranger")[
            :NOTE
        ]
    else:
        joining.refuse(talk)


def _button(talk: Talk, person: Person) -> None:
    """Carry out a known person's press: of an alert, an action, our question, or a language."""
    kind, _, rest = talk.update.data.partition(":")
    if kind == "act":
        key, _, message_id = rest.partition(":")
        switching.pressed(talk, person, key, message_id)
    elif kind in ("yes", "no"):
        switching.answered(talk, person, rest, yes=kind == "yes")
    elif kind == "lang":
        asking.language(talk, person, rest)
    else:
        acting.press(talk, person)


def _written(talk: Talk, asked: Asked) -> None:
    known = talk.person is not None
    if talk.group and asked.word is None and not switching.concerns(talk, talk.update.text):
        return  # people talk to each other there
    if asked.word is Word.JOIN and asked.rest and talk.stopped:
        joining.refuse(talk)  # nothing but START undoes a STOP, not even a new code
    elif asked.word is Word.JOIN and asked.rest:
        joining.join(talk, asked.rest)
    elif asked.word is Word.STOP and known and talk.holders and not _more_than(asked, "all alles"):
        joining.stop(talk)
    elif asked.word is Word.START and asked.rest and (asked.slash or _is_code(asked.rest)):
        joining.join(talk, asked.rest)
    elif asked.word is Word.START and known and talk.holders and not asked.rest:
        joining.start(talk)
    elif talk.person is None or not talk.open:
        joining.refuse(talk)
    elif switching.written(talk, talk.person, talk.update.text):
        pass
    elif asked.word is None:
        _no_word(talk, talk.person, asked)
    else:
        _word(talk, talk.person, asked.word, asked.rest)


def _wordless(talk: Talk) -> None:
    """Say that a voice message or a picture was not understood: who sent it may think that it was."""
    if talk.group:
        return
    if talk.person is None or not talk.open:
        joining.refuse(talk)
    else:
        talk.reply(talk.say("chat.wordless"))


def _no_word(talk: Talk, person: Person, asked: Asked) -> None:
    """Answer what begins with none of our words: a number, a word of the farm's own, a slip, or anything else."""
    text = stripped(talk.update.text).rstrip(".)")
    if not talk.means.buttons and text.isascii() and text.isdigit() and acting.choose(talk, person, int(text[:9])):
        return
    own = talk.setup.keyword(talk.update.text)
    if own is not None:
        talk.reply(text_in(own, talk.language, talk.words.language))
        return
    meant = switching.meant(talk, person, talk.update.text) or asked.meant
    if meant:
        talk.reply(talk.say("chat.meant", word=meant))
    elif talk.setup.texts.default is not None:
        talk.reply(text_in(talk.setup.texts.default, talk.language, talk.words.language))
    else:
        talk.reply(talk.say("chat.unknown"))


def _word(talk: Talk, person: Person, word: Word, rest: str) -> None:
    """Answer a known person's word in a chat that may be told things."""
    match word:
        case Word.JOIN:
            talk.reply(talk.say("chat.already"))
        case Word.STOP:
            talk.reply(talk.say("chat.usage.stop"))
        case Word.START:
            talk.reply(talk.say("chat.usage.start"))
        case Word.HELP:
            asking.help_(talk, person)
        case Word.ACK | Word.SNOOZE | Word.FALSE:
            acting.act(talk, person, word, rest)
        case Word.LIST:
            asking.list_open(talk, person)
        case Word.STATUS:
            asking.status(talk, person, rest)
        case Word.CHART:
            asking.chart(talk, person, rest)
        case Word.DUTY:
            duty.duty(talk, person, rest)
        case Word.LANGUAGE:
            asking.language(talk, person, rest)
        case Word.MAINTENANCE:
            maintenance.maintenance(talk, person, rest)
        case _:
            assert_never(word)


def _more_than(asked: Asked, fillers: str) -> bool:
    """Return whether something follows the word that could change its meaning: "Stop the fan" is no STOP."""
    return asked.rest.casefold().strip(" .!") not in ("", *fillers.split())


def _is_code(text: str) -> bool:
    return invites.canonical(text) is not None

"""One update from a messenger becomes an answer: the page to read first.

The order is the order of rights. Going away and STOP are always heard; a code or
START opens a chat; everything else needs a person who is known, in a chat that may
be told things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from alertd.audience import invites
from alertd.conversation import acting, asking, duty, joining, maintenance
from alertd.conversation.talk import Answer, Talk, View
from alertd.conversation.vocabulary import Asked, Word, read

if TYPE_CHECKING:
    from alertd.audience.people import People, Person
    from alertd.model import Inbound, Micros
    from alertd.wording import Words


def answer(update: Inbound, people: People, view: View, words: Words, now: Micros) -> Answer:
    """Return what a person's words or press come to; the same update gives the same answer.

    Never raises, whatever was written, and acts on nothing but the words of CONTRACT.md section 6.
    The answer must be applied before the next update is answered: a code works once.
    """
    talk = Talk(update, people, view, words, now)
    if update.gone:
        joining.stop(talk, how="blocked")
    elif update.data:
        _pressed(talk)
    elif update.text.strip() and not update.back:  # unblocking is not yet a START, see `audience.consent`
        _written(talk, read(update.text))
    return talk.answer


def _pressed(talk: Talk) -> None:
    if talk.person is not None and talk.open:
        acting.press(talk, talk.person)
    elif talk.update.callback:
        talk.answer.note = talk.say("chat.hint" if talk.person is not None and not talk.group else "chat.stranger")[
            :200
        ]
    else:
        joining.refuse(talk)


def _written(talk: Talk, asked: Asked) -> None:
    known = talk.person is not None
    if talk.group and asked.word is None:
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
    elif asked.word is None:
        talk.reply(talk.say("chat.meant", word=asked.meant) if asked.meant else talk.say("chat.unknown"))
    else:
        _word(talk, talk.person, asked.word, asked.rest)


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
            talk.reply(talk.say("chat.help"))
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

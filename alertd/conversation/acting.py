"""What people do to alerts from a chat: acknowledge, snooze, false alarm, by word or by button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.alerting.rules import alert_attributes
from alertd.audience.routing import in_scope
from alertd.conversation import reasons, switching
from alertd.conversation.moments import ends_at
from alertd.conversation.vocabulary import Word, target
from alertd.model import DAY, HOUR
from alertd.wording.clean import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.audience.person import Person
    from alertd.conversation.talk import Talk
    from alertd.model import Micros

SNOOZE: Final = 2 * HOUR
"""How long a snooze lasts when nothing else is said (CONTRACT.md section 4)."""

MOST_SNOOZE: Final = 7 * DAY
"""A longer quiet is a silence, which the operator plans."""

BARE_WITHIN: Final = 12 * HOUR
"""How old a message may be that a bare OK answers (CONTRACT.md section 6)."""

SHOWN: Final = 10
"""How many alerts a reply lists; the rest is counted."""

_ACTIONS: Final = {Word.ACK: "ack", Word.SNOOZE: "snooze", Word.FALSE: "false_alarm"}
_DONE: Final = {
    Word.ACK: ("chat.taken", "chat.taken_by"),
    Word.SNOOZE: ("chat.snoozed", "chat.snoozed_here"),
    Word.FALSE: ("chat.false", "chat.false_by"),
}
"""What is answered alone, and in a group, where everybody reads it."""
_BUTTONS: Final = {"ack": Word.ACK, "snz": Word.SNOOZE, "fa": Word.FALSE}
_NEXT: Final = "esc"
_BY_NUMBER: Final = (Word.ACK, Word.SNOOZE, Word.FALSE)  # the order of the buttons


def act(talk: Talk, person: Person, word: Word, rest: str) -> None:
    """Carry out ACK, SNOOZE or FALSE with what stands after it; what is not clear is asked back."""
    rest, reason = reasons.split(word, rest)
    asked = target(word, rest)
    quiet = ends_at(asked.when, person.timezone, talk.now) if asked.when else talk.now + SNOOZE
    if not asked.clear or quiet is None or quiet > talk.now + MOST_SNOOZE:
        talk.reply(talk.say(f"chat.usage.{word}"))
        return
    numbers, unknown = list(asked.alerts), []
    for incident in asked.incidents:
        members = talk.view.in_incident(incident)
        if members is None:
            unknown.append(talk.say("chat.no_number", number=f"I-{incident}"))
        else:
            numbers += members
    if asked.alerts or asked.incidents:
        talk.reply("\n".join(unknown + _carry_out(talk, person, word, numbers, quiet)))
        _why(talk, person, reason, numbers)
        return
    quoted = talk.view.named_in(talk.update.about) if talk.update.about else None
    waiting = [quoted] if quoted else _unanswered(talk)
    if len(waiting) == 1:
        talk.reply("\n".join(_carry_out(talk, person, word, waiting[0], quiet)))
        _why(talk, person, reason, waiting[0])
    elif not waiting:
        talk.reply(talk.say("chat.none_unanswered"))
    else:
        lines = [
            talk.words.line(alert, person, talk.now)
            for number in dict.fromkeys(number for numbers in waiting for number in numbers)
            if (alert := talk.view.numbered(number)) is not None and alert.open and alert.acknowledged_by is None
        ]
        talk.reply("\n".join([talk.say("chat.which", word=talk.say(f"word.{word}")), *shown(talk, lines)]))


def press(talk: Talk, person: Person) -> None:
    """Carry out a pressed button: it means the alerts named in its message."""
    label, answered = reasons.pressed(talk.update.data)
    if label:
        talk.respond(reasons.note(talk, answered, label, person.id))
        return
    prefix, _, message_id = talk.update.data.partition(":")
    word = _BUTTONS.get(prefix)
    numbers = talk.view.named_in(message_id) if word else None
    if prefix == _NEXT:
        text = _pass_on(talk, person, talk.view.named_in(message_id) or ())
    elif word is None or not numbers:
        text = talk.say("chat.too_old")
    else:
        text = "\n".join(_carry_out(talk, person, word, numbers, talk.now + SNOOZE))
    talk.respond(text)
    if word is Word.SNOOZE and talk.group and talk.answer.commands and talk.update.callback:
        talk.reply(text)  # the others in the group see neither the note nor a change of the message
    if word is Word.FALSE and numbers:
        _why(talk, person, "", numbers)


def choose(talk: Talk, person: Person, number: int) -> bool:
    """Take the number of a button where the messenger has none; False: no button has that number.

    It counts, like a bare OK, only where exactly one message waits for an answer.
    """
    quoted = talk.view.named_in(talk.update.about) if talk.update.about else None
    waiting = [quoted] if quoted else _unanswered(talk)
    known = [alert for numbers in waiting[:1] for one in numbers if (alert := talk.view.numbered(one)) is not None]
    actions = talk.words.actions(person, known) if len(waiting) == 1 else []
    if not 1 <= number <= len(_BY_NUMBER) + len(actions):
        return False
    if number <= len(_BY_NUMBER):
        act(talk, person, _BY_NUMBER[number - 1], "")
    else:
        switching.written(talk, person, actions[number - 1 - len(_BY_NUMBER)].name)
    return True


def _why(talk: Talk, person: Person, reason: str, numbers: Sequence[int]) -> None:
    """Keep the reason of a false alarm, or ask for it once, where one has just been said."""
    false = [number for one in talk.answer.commands if one.action == "false_alarm" for number in one.numbers]
    before = [number for number in numbers if (alert := talk.view.numbered(number)) and alert.false_alarm_by]
    if reason and (false or before):
        talk.answer.replies[-1].text += "\n" + reasons.note(talk, false or before, reason, person.id)
    elif false:
        text, buttons = reasons.question(talk, false)
        if talk.answer.replies:  # one message less
            talk.answer.replies[-1].text += f"\n{text}"
        else:
            talk.reply(text)
        talk.answer.replies[-1].buttons = buttons


def _pass_on(talk: Talk, person: Person, numbers: Sequence[int]) -> str:
    """Have the next in the chain told now, of what is open and nobody has taken."""
    waiting = [number for number in numbers if _hindrance(talk, person, Word.ACK, number) is None]
    if not waiting:
        return talk.say("chat.none_unanswered" if numbers else "chat.too_old")
    talk.command("escalate", waiting, person.id)
    return talk.say("chat.passed_on", number=_numbers(talk, waiting))


def shown(talk: Talk, lines: Sequence[str]) -> list[str]:
    """Return the first lines and how many more there are."""
    rest = len(lines) - SHOWN
    return [*lines[:SHOWN], talk.say("more", count=rest)] if rest > 0 else list(lines)


def _unanswered(talk: Talk) -> list[tuple[int, ...]]:
    """Return what waits for an answer in this chat; a reminder of the same alerts is the same question."""
    found = {
        frozenset(numbers): numbers
        for holder in talk.holders
        for numbers in talk.view.unanswered(holder.id, talk.now - BARE_WITHIN)
    }
    return list(found.values())


def _carry_out(talk: Talk, person: Person, word: Word, numbers: Sequence[int], quiet: Micros) -> list[str]:
    """Command what can be done, and say of every alert what happened: a line for each outcome."""
    outcomes: dict[str, list[int]] = {}
    done: list[int] = []
    for number in dict.fromkeys(numbers):
        outcome = _hindrance(talk, person, word, number)
        if outcome is None:
            done.append(number)
        else:
            outcomes.setdefault(outcome, []).append(number)
    lines = []
    if done:
        snooze = quiet if word is Word.SNOOZE else None
        talk.command(_ACTIONS[word], done, person.id, snooze)
        if snooze is not None and talk.group:  # what is told here is told to the group's own subscriber
            for holder in talk.holders:
                talk.command(_ACTIONS[word], done, holder.id, snooze, comment=f"by {person.id}")
        fields = {"name": named(talk, person.id)} if talk.group else {}
        time = talk.clock(talk.now if snooze is None else snooze, person)
        lines.append(talk.say(_DONE[word][talk.group], number=_numbers(talk, done), time=time, **fields))
    lines += [text.replace("\0", _numbers(talk, found)) for text, found in outcomes.items()]
    return lines


def _hindrance(talk: Talk, person: Person, word: Word, number: int) -> str | None:
    """Return why nothing is to be done to an alert, with a NUL where its number belongs; None: it can be done."""
    alert = talk.view.numbered(number)
    if alert is None or not in_scope(person, alert_attributes(alert)):
        return talk.say("chat.no_number", number="\0")
    if not alert.open:
        over = talk.now if alert.resolved is None else alert.resolved
        return talk.say("chat.over", number="\0", time=talk.clock(over, person))
    if word is not Word.ACK or alert.acknowledged_by is None:
        return None
    if alert.acknowledged_by == person.id and alert.acknowledged_until is not None:
        return None  # it would lapse: taken for another while
    time = talk.clock(talk.now if alert.acknowledged_at is None else alert.acknowledged_at, person)
    if alert.acknowledged_by == person.id:
        return talk.say("chat.taken_you_already", number="\0", time=time)
    return talk.say("chat.taken_already", number="\0", time=time, name=named(talk, alert.acknowledged_by))


def named(talk: Talk, by: str) -> str:
    """Return how people call somebody: a subscriber's name, or the name the API gave."""
    known = talk.people.get(by)
    return clean(known.name if known else by)


def _numbers(talk: Talk, numbers: Sequence[int]) -> str:
    text = ", ".join(f"A-{number}" for number in numbers[:SHOWN])
    rest = len(numbers) - SHOWN
    return f"{text} {talk.say('more', count=rest)}" if rest > 0 else text

"""DUTY: who is on, going on and off for a while, and asking somebody to take over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.conversation.moments import ends_at, is_when
from alertd.conversation.vocabulary import NO, OFF, ON, SWAP, YES
from alertd.model import DAY, HOUR, DutyWish
from alertd.wording.clean import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.audience.person import Person
    from alertd.conversation.talk import Talk
    from alertd.model import Micros

MOST: Final = 60 * DAY
"""A longer absence belongs into the plan."""
WISH_HOLDS: Final = 12 * HOUR
"""After that an unanswered wish is off: who asked has long found another way."""


def duty(talk: Talk, person: Person, rest: str) -> None:
    """Go on or off duty, swap, or tell who is on."""
    first, *more = [*rest.casefold().rstrip(".!").split(), ""][: 1 + len(rest.split())]
    more = [word for word in more if word]
    if not first:
        _who(talk, person)
    elif first in ON | OFF:
        _go(talk, person, more, on=first in ON)
    elif first in SWAP:
        _ask(talk, person, rest.rstrip(".!").split()[1:])
    elif first in YES | NO and not more:
        _answered(talk, person, yes=first in YES)
    else:
        talk.reply(talk.say("chat.usage.duty"))


def _go(talk: Talk, person: Person, more: Sequence[str], *, on: bool) -> None:
    until = _until(talk, person, more) if more else None
    if more and until is None:
        talk.reply(talk.say("chat.usage.duty"))
        return
    people = talk.people
    if on and until is None and not people.plan.duty(person.id, talk.now).on:
        # The plan has them free: on duty from now until the plan itself says something new of them.
        until = people.plan.next_change(person.id, talk.now) or talk.now + DAY
    talk.answer.people.append(people.on_duty(person.id, on, until))
    key = "chat.duty_on" if on else "chat.duty_off"
    if until is None:
        talk.reply(talk.say(key))
    else:
        talk.reply(talk.say(f"{key}_until", time=talk.clock(until, person)))


def _who(talk: Talk, person: Person) -> None:
    lines = []
    for one in talk.people.all():
        if one.subscriptions == ():
            continue  # called by escalation only: never on duty
        now = talk.people.duty(one.id, talk.now)
        change = now.until or talk.people.plan.next_change(one.id, talk.now)
        key = "chat.duty_is_on" if now.on else "chat.duty_is_off"
        until = "" if change is None else talk.say("chat.duty_change", time=talk.clock(change, person))
        lines.append(talk.say(key, name=clean(one.name)) + until)
    talk.reply("\n".join([*lines, talk.say("chat.duty_help")]))


def _ask(talk: Talk, person: Person, words: Sequence[str]) -> None:
    """Ask somebody to take over; nothing changes before they say yes."""
    number = next((n for n, word in enumerate(words) if is_when(word)), len(words))
    name, when = " ".join(words[:number]), [word.casefold() for word in words[number:]]
    other = next(
        (one for one in talk.people.all() if name.casefold() in (one.id.casefold(), one.name.casefold())), None
    )
    until = _until(talk, person, when) if when else None
    if other is None or other.id == person.id or (when and until is None):
        names = ", ".join(clean(one.name) for one in talk.people.all() if one.id != person.id)
        talk.reply(talk.say("chat.duty_ask_whom", names=names))
        return
    if not talk.people.reachable(other.id):
        talk.reply(talk.say("chat.duty_cannot_ask", name=clean(other.name)))
        return
    if until is None:
        until = talk.people.plan.next_change(person.id, talk.now) or talk.now + DAY
    talk.answer.people.append(talk.people.wished(other.id, DutyWish(person.id, until, talk.now)))
    talk.tell(other, "chat.duty_wish", name=clean(person.name), time=talk.clock(until, other))
    talk.reply(talk.say("chat.duty_asked", name=clean(other.name)))


def _answered(talk: Talk, person: Person, *, yes: bool) -> None:
    wish = talk.people.state(person.id).asked
    asker = None if wish is None else talk.people.get(wish.by)
    if wish is None or asker is None or talk.now >= min(wish.until, wish.at + WISH_HOLDS):
        talk.reply(talk.say("chat.duty_no_wish"))
        return
    if not yes:
        talk.answer.people.append(talk.people.wished(person.id, None))
        talk.tell(asker, "chat.duty_declined", name=clean(person.name))
        talk.reply(talk.say("chat.duty_declined_you", name=clean(asker.name)))
        return
    talk.answer.people += [
        talk.people.on_duty(person.id, duty=True, until=wish.until),
        talk.people.on_duty(asker.id, duty=False, until=wish.until),
    ]
    talk.tell(asker, "chat.duty_swapped", name=clean(person.name), time=talk.clock(wish.until, asker))
    talk.reply(talk.say("chat.duty_on_until", time=talk.clock(wish.until, person)))


def _until(talk: Talk, person: Person, words: Sequence[str]) -> Micros | None:
    """Read `until 06:00`, `06:00`, `4h` or `3 days`; None if it is neither, or too long."""
    end = ends_at(words, person.timezone, talk.now)
    return end if end is not None and end <= talk.now + MOST else None

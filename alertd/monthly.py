"""Once a month the operator hears how the rules did: alerts, false alarms, messages, cost, and what to look at.

The figures come from the store, so whoever owns it asks `owed` from time to time and brings the
event. A counter that commits with the message says which month was told last: a kill before
the commit tells it again, one after it never does.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from alertd.audience.hours import instant, local
from alertd.audience.timing import next_digest
from alertd.model import DAY, Kind, Message, stable_id
from alertd.wording.summary import summary_text

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.alerting.turn import Turn
    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.model import Micros, Monthly
    from alertd.wording import Words

TOLD: Final = "monthly"
"""The counter: the last month that was told, or the last one that alertd did not see."""
SILENT: Final = DAY
"""A device of which nothing was received for so long (and three usual intervals) is listed as silent."""


def begin(turn: Turn, people: People, now: Micros) -> None:
    """The first start ever: months before this one are nobody's business."""
    book = turn.book
    if TOLD not in book.counters:
        zone = people.operator.timezone if people.operator is not None else "UTC"
        book.counters[TOLD] = turn.changes.counters[TOLD] = unseen(zone, now)


def unseen(zone: str, first: Micros) -> int:
    """Return the last month that is nobody's business where the first start ever was then."""
    return _month(zone, first) - 1


def owed(book: Book, people: People, now: Micros) -> tuple[int, Micros, Micros] | None:
    """Return the month to be told now with its first and last instant; None: nothing is due, or nobody can be told.

    It is due on the first day of the next one, with the operator's digest. Of several missed only the last is told.
    """
    operator = people.operator
    if operator is None or not book.clock_trusted or TOLD not in book.counters or not people.reachable(operator.id):
        return None
    this = _month(operator.timezone, now)
    last = this - 1 if now >= next_digest(operator, _start(operator, this)) else this - 2
    if last <= book.counters[TOLD]:
        return None
    return last, _start(operator, last), _start(operator, last + 1)


def tell(turn: Turn, event: Monthly, people: People, words: Words) -> None:
    """Tell the operator of a month, once."""
    book, operator = turn.book, people.operator
    if operator is None or event.month <= book.counters.get(TOLD, 0) or not people.reachable(operator.id):
        return
    turn.undo.item(book.counters, TOLD)
    book.counters[TOLD] = turn.changes.counters[TOLD] = event.month
    first = _start(operator, event.month)
    turn.changes.messages.append(
        Message(
            id=stable_id("monthly", event.month),
            kind=Kind.OPERATOR,
            subscriber=operator.id,
            channels=people.reachable(operator.id),
            text=summary_text(words, operator, event, first, silent(book, event.at)),
            due=event.at,
            language=operator.language,
        )
    )
    turn.changes.why.append(f"the summary of {local(operator.timezone, first):%Y-%m} for {operator.id}")


def silent(book: Book, at: Micros) -> list[tuple[str, Micros | None]]:
    """Return devices that should be heard and are not, with when they last were (None: never); longest first."""
    heard: dict[str, tuple[int, int]] = {}
    for (device, _), row in book.rows.items():
        if device and book.watched(row, at):
            last, usual = heard.get(device, (0, 0))
            heard[device] = (max(last, int(book.panel.received[row])), max(usual, book.panel.interval(row)))
    quiet = [(last, device) for device, (last, usual) in heard.items() if at - last > max(SILENT, 3 * usual)]
    return [(device, last or None) for last, device in sorted(quiet)]


def _month(zone: str, at: Micros) -> int:
    today = local(zone, at)
    return 12 * today.year + today.month - 1


def _start(person: Person, month: int) -> Micros:
    return instant(person.timezone, date(month // 12, month % 12 + 1, 1), "00:00")

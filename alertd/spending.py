"""What messages cost, before it is spent: the operator hears in time that a month's budget will not last, once a month.

Costs are in the store, so whoever owns it brings the event from time to time. A counter that commits with the message
says for which month it was told: a restart tells nothing again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from alertd.audience.timing import quiet_until
from alertd.model import DAY, Kind, Message, Severity, stable_id
from alertd.wording.catalogue import phrase
from alertd.wording.cldr import decimal

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.alerting.turn import Turn
    from alertd.audience.people import People
    from alertd.model import Micros, Spending

NEARLY: Final = 0.8
"""The share of a budget at which the operator hears of it, whatever the pace."""
FIRST_DAYS: Final = 3 * DAY
"""Until so much of a month is over its pace says nothing: one bad night is no month."""


def owed(event: Spending, book: Book, people: People) -> bool:
    """Tell whether the operator is to hear of it now: nearly spent, or it will not last, and not told this month."""
    operator = people.operator
    told = book.counters.get(_counter(event), 0) >= month_of(event.at)
    if told or operator is None or not people.reachable(operator.id):
        return False
    return event.spent >= NEARLY * event.budget > 0 or (forecast(event.spent, event.at) or 0.0) > event.budget


def tell(turn: Turn, event: Spending, people: People) -> None:
    """Tell the operator that the budget is nearly spent, or will be by the month's end."""
    operator = people.operator
    if operator is None or not owed(event, turn.book, people):
        return
    month, name, foreseen = month_of(event.at), _counter(event), forecast(event.spent, event.at)
    turn.undo.item(turn.book.counters, name)
    turn.book.counters[name] = turn.changes.counters[name] = month
    language = operator.language

    def money(amount: float) -> str:
        return f"{decimal(f'{amount:.2f}', language)} {event.currency}"

    spent, budget = money(event.spent), money(event.budget)
    lines = [phrase(language, "spending.now", messenger=event.messenger, spent=spent, budget=budget)]
    if foreseen is not None and foreseen > event.budget:
        lines.append(phrase(language, "spending.forecast", forecast=money(foreseen)))
    lines.append(phrase(language, "spending.then"))
    turn.changes.messages.append(
        Message(
            id=stable_id("spending", event.messenger, month),
            kind=Kind.OPERATOR,
            subscriber=operator.id,
            channels=people.reachable(operator.id),
            text=" ".join(lines),
            due=quiet_until(operator, Severity.INFO, event.at) or event.at,
            severity=Severity.INFO,
            language=language,
        )
    )
    turn.changes.why.append(f"{event.messenger}: {event.spent:.2f} of {event.budget:g} {event.currency} are spent")


def _counter(event: Spending) -> str:
    return f"spending {event.messenger}"


def forecast(spent: float, at: Micros) -> float | None:
    """Return what the month will have cost at its end if it goes on like this; None: too early to say."""
    start, end = bounds(at)
    return spent * (end - start) / (at - start) if at - start >= FIRST_DAYS else None


def month_of(at: Micros) -> int:
    """Return the month (UTC, as the providers bill) in which a time lies: 12 a year, 0 is January of the year 0."""
    day = datetime.fromtimestamp(at // 1_000_000, UTC)
    return 12 * day.year + day.month - 1


def bounds(at: Micros) -> tuple[Micros, Micros]:
    """Return when the month of a time begins and ends."""
    month = month_of(at)
    first, following = (datetime(one // 12, one % 12 + 1, 1, tzinfo=UTC) for one in (month, month + 1))
    return round(first.timestamp()) * 1_000_000, round(following.timestamp()) * 1_000_000

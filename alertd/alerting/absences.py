"""Silence: when a series that says nothing is missed, and when it is looked at again.

Only time counts in which it could have been heard: alertd ran, and the broker was there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.model import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from alertd.alerting.turn import Turn
    from alertd.model import Micros

NEVER_HEARD: Final = DAY
"""A listed device that was never heard is reported after this long."""


def watch(turn: Turn, row: int) -> None:
    """Arm the silence timers of a series: it was just heard, or its silence is over."""
    book = turn.book
    for rule in book.absences:
        if not book.panel.applies[rule, row] or (rule, row) in book.machines:
            continue
        wait = book.rules[rule].detect.quiet_after(book.panel.interval(row))
        if wait is not None:
            wait = wait if book.panel.interval(row) else min(wait, HOUR)
            book.timers.set(("quiet", rule, row), int(book.panel.received[row]) + wait, turn.undo)


def overdue(turn: Turn, rule: int, row: int, at: Micros) -> bool:
    """Return whether a listed device that never spoke should have by now; if not, it is looked at again.

    After weeks without power it has the rest of its day.
    """
    book = turn.book
    if not book.watched(row, at):  # its collar is put on later, or was taken off before it spoke
        again = at + NEVER_HEARD
    else:
        listed = book.counters.get(f"listed {book.series[row].device}", at - NEVER_HEARD)
        left = NEVER_HEARD - (at - listed - book.away_between(listed, at))
        if left <= 0 and book.down_since is None:
            return True
        again = at + max(left, MINUTE if book.down_since is not None else 1)
    book.timers.set(("never", rule, row), again, turn.undo)
    return False


def silent(turn: Turn, rule: int, row: int, at: Micros) -> Micros | None:
    """Return for how long a series has said nothing if that is too long; None: not yet, and it is looked at again."""
    book = turn.book
    detect = book.rules[rule].detect
    last = int(book.panel.received[row])
    wait = detect.quiet_after(book.panel.interval(row))
    if wait is None or last == 0:
        return None
    wait += detect.hold
    spent = at - last - book.away_between(last, at)
    forget = getattr(detect, "forget", None)
    if spent < wait or book.down_since is not None:
        # Heard since the timer was set, or away meanwhile. While the link is down the rest of
        # the wait cannot be known: look again in a minute.
        again = at + max(wait - spent, MINUTE if book.down_since is not None else 1)
        if not book.panel.interval(row):
            again = min(again, at + HOUR)  # `{intervals: n}` becomes shorter once the interval is learned
    elif not book.watched(row, at) or (forget is not None and spent >= forget):
        again = at + max(wait, HOUR)
    else:
        return spent
    book.timers.set(("quiet", rule, row), max(again, book.resumed), turn.undo)
    return None

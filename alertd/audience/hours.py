"""Local times of day as instants: exact to the day on which clocks change.

A time of day that comes twice (autumn) means the first one, as the end of a span the
second: while the clock shows a time within it, the span is on. One that is skipped
(spring) means the moment at which the clock was put forward past it. So quiet hours
of a night in March are an hour shorter and nobody is woken at 4 by a rule of 5.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from alertd.model import SECOND, Micros

if TYPE_CHECKING:
    from collections.abc import Iterable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)


def zone(name: str) -> tzinfo:
    """Return the zone of an IANA name; UTC if this machine does not know it (`check` names that before)."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return UTC


def local(timezone: str, at: Micros) -> datetime:
    """Return what clock and calendar show there at `at`."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone(timezone))


def local_day(timezone: str, at: Micros) -> int:
    """Return the local date as a number that grows by one at each local midnight."""
    return local(timezone, at).date().toordinal()


def instant(timezone: str, day: date, clock: str) -> Micros:
    """Return when the clock there shows `HH:MM` on a day."""
    where = zone(timezone)
    naive = datetime.combine(day, time.fromisoformat(clock))
    first = _micros(naive.replace(tzinfo=where))
    if local(timezone, first).replace(tzinfo=None) == naive:
        return first
    # Skipped. Read with the offset of after (fold=1) it is before the change, read with that of before, after it.
    early, late = _micros(naive.replace(tzinfo=where, fold=1)), first
    offset = local(timezone, early).utcoffset()
    while late - early > SECOND:
        middle = (early + late) // 2
        if local(timezone, middle).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late - late % SECOND


def _last_instant(timezone: str, day: date, clock: str) -> Micros:
    """Return when the clock there shows `HH:MM` on a day for the last time."""
    naive = datetime.combine(day, time.fromisoformat(clock))
    second = _micros(naive.replace(tzinfo=zone(timezone), fold=1))
    return max(second, instant(timezone, day, clock))  # skipped: read with fold=1 it is before the change


def next_time(timezone: str, clocks: Iterable[str], after: Micros) -> Micros:
    """Return the first instant after `after` at which the clock there shows one of these times of day."""
    today = local(timezone, after).date()
    days = [today + timedelta(days=ahead) for ahead in range(3)]  # a day may skip its time or have it behind it
    return min(at for day in days for clock in clocks if (at := instant(timezone, day, clock)) > after)


def end_of_span(timezone: str, start: str, end: str, at: Micros) -> Micros | None:
    """Return when the daily span from `start` to `end` in which `at` lies ends; None: it lies in none.

    The span may go over midnight. Its first instant is in it, its last is not.
    """
    today = local(timezone, at).date()
    for back in (0, 1):
        day = today - timedelta(days=back)
        ends = _last_instant(timezone, day + timedelta(days=start >= end), end)
        if instant(timezone, day, start) <= at < ends:
            return ends
    return None


def _micros(when: datetime) -> Micros:
    return (when - _EPOCH) // _MICRO

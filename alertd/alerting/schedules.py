"""Planned quiet that comes back: on some days, from one time of day to another, in the farm's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from alertd.alerting.settings import DAYS
from alertd.model import SECOND

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from alertd.alerting.settings import QuietTime
    from alertd.model import Micros

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def quiet_until(one: QuietTime, at: Micros, zone: ZoneInfo) -> Micros | None:
    """Return when the quiet that `at` lies in ends; None: it lies in none."""
    return next((end for start, end in _spans(one, at, zone) if start <= at < end), None)


def next_start(one: QuietTime, at: Micros, zone: ZoneInfo) -> Micros:
    """Return when it becomes quiet next, after `at`."""
    return min(start for start, _ in _spans(one, at, zone) if start > at)


def _spans(one: QuietTime, at: Micros, zone: ZoneInfo) -> list[tuple[Micros, Micros]]:
    """Return the spans from yesterday to a week from now; one that does not end after its begin ends the next day."""
    today = (_EPOCH + timedelta(microseconds=at)).astimezone(zone).date()
    begin, end = time.fromisoformat(one.from_), time.fromisoformat(one.to)
    found = []
    for offset in range(-1, 9):
        day = today + timedelta(days=offset)
        if DAYS[day.weekday()] in one.days:
            last = day + timedelta(days=1) if end <= begin else day
            ends = (_micros(datetime.combine(last, end.replace(fold=fold), zone)) for fold in (0, 1))
            found.append((_micros(datetime.combine(day, begin, zone)), max(ends)))  # in autumn an end comes twice
    return found


def _micros(when: datetime) -> Micros:
    return (when.astimezone(UTC) - _EPOCH) // timedelta(seconds=1) * SECOND

"""Times and spans as people read them, in their own zone; and RFC 3339 for programs.

Months come from CLDR (Babel). Spans are ours: their short forms differ too much from what
stands on a stable clock (CLDR writes `2 Std., 15 Min.`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from alertd.model import DAY, HOUR, MINUTE, SECOND, Micros
from alertd.wording.catalogue import counted, phrase
from alertd.wording.cldr import day

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at: Micros | None) -> str | None:
    """Write a time as `2026-11-22T02:10:00Z`, with as many decimals as it has; None stays None."""
    if at is None:
        return None
    return (_EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


def zone(name: str) -> tzinfo:
    """Return the zone of an IANA name; UTC if this machine does not know it (a message must not fail for it)."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown (ZoneInfoNotFoundError), a folder, not a name at all
        return UTC


def local(at: Micros, timezone: str) -> datetime:
    """Return a time as the clock on the wall shows it."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone(timezone))


def clock(at: Micros, now: Micros, timezone: str, language: str) -> str:
    """Write a time of today as `02:10`, of another day as `21 Nov 23:50`, of another year with the year."""
    then, today = local(at, timezone), local(now, timezone)
    time = f"{then:%H:%M}"
    if then.date() == today.date():
        return time
    key = "date" if then.year == today.year else "date.year"
    return f"{day(then, phrase(language, key), language)} {time}"


def span(duration: Micros, language: str) -> str:
    """Write a duration with its two largest units: `40 min`, `2 h 15 min`, `3 days`, `under a minute`."""
    minutes = max(0, duration) // MINUTE
    if minutes == 0:
        return phrase(language, "span.short") if duration >= SECOND else phrase(language, "span.none")
    if duration < HOUR:
        return phrase(language, "span.minutes", minutes=minutes)
    hours, minutes = divmod(minutes, HOUR // MINUTE)
    if duration < DAY:
        key = "span.hours_minutes" if minutes else "span.hours"
        return phrase(language, key, hours=hours, minutes=minutes)
    days, hours = divmod(hours, DAY // HOUR)
    if days == 1 and hours:
        return phrase(language, "span.day_hours", hours=hours)
    return counted(language, "span.days", days)

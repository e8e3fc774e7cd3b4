"""When a payload says it was measured: epoch numbers by size, RFC 3339, local times; and how far to believe it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from alertd.model import MINUTE, SECOND, Micros, Quality

if TYPE_CHECKING:
    from datetime import tzinfo

IMPOSSIBLE: Final = -1
"""A time that cannot be: it stands for anything before 1970 and for what is no time at all."""

EARLIEST: Final = 1_577_836_800 * SECOND
"""2020-01-01: no clock that was ever set says less (gateways boot in 1970, 2000 or 2012)."""

LATEST: Final = 4_102_444_800 * SECOND
"""2100-01-01: judged even while our own clock cannot be trusted."""

TOLERANCE: Final = 5 * MINUTE
"""Older than this is late, further ahead is impossible (CONTRACT.md section 3)."""

SHORTEST: Final = len("2020-01-01T00:00")
"""Characters of a time; what is shorter is a date."""
_CALENDAR: Final = len("20200101000000")
"""Digits of a time without any sign; as a number of milliseconds it would be of the year 2610."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (what a local clock says, before its zone is known)
DAY_SECONDS: Final = 24 * 3600
_LIVE, _LATE = int(Quality.LIVE), int(Quality.LATE)
_PER_UNIT: Final = {"unix_s": SECOND, "unix_ms": 1000, "unix_us": 1}
_MONTHS: Final = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)  # noqa: SIM905 (reads better)
}
_MAIL = re.compile(r"(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4})(?= )")
_ISO = re.compile(r"(\d{1,4})[/.](\d{1,2})[/.](\d{1,4})(?=[ T])")


def parse_time(value: Any, kind: str, zone: tzinfo, received: Micros) -> Micros:
    """Return microseconds since 1970 UTC, or IMPOSSIBLE for what is no time; never raises.

    `kind` is a `TimeMapping.format`; `auto` takes numbers (also as text) by their size:
    below 1e11 seconds, 1e14 milli-, 1e17 micro-, else nanoseconds (DOMAIN.md section 2).
    Texts without a zone are in `zone`; of the doubled hour in autumn the later reading is
    taken unless it would lie ahead of `received` by more than the tolerance.
    """
    kind_of = type(value)  # exact: to isinstance a bool is an int
    if kind_of is str:
        text = value.strip()
        if len(text) == _CALENDAR and kind == "auto" and text[:2] == "20" and text.isdecimal():
            own = time_of_text(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:]}", zone, received)
            if own != IMPOSSIBLE:
                return own
        if text[4:5] != "-" and kind != "rfc3339":  # a date is no number: an exception costs more than all the rest
            try:
                return _from_number(float(text), kind)
            except ValueError:
                pass
        return time_of_text(text, zone, received) if kind in ("auto", "rfc3339") else IMPOSSIBLE
    if kind_of is int or kind_of is float:
        return _from_number(value, kind) if kind != "rfc3339" else IMPOSSIBLE
    if kind_of is dict and kind == "auto":
        return _from_parts(value, zone)
    return IMPOSSIBLE


def _from_number(value: float, kind: str) -> Micros:
    if not 0 <= value < 1e20:  # NaN, too  # noqa: PLR2004 (nanoseconds until the year 5138)
        return IMPOSSIBLE
    per_unit = _PER_UNIT.get(kind)
    if per_unit is None:
        if kind == "unix_ns" or value >= 1e17:  # noqa: PLR2004 (see parse_time)
            return int(value) // 1000
        per_unit = SECOND if value < 1e11 else 1000 if value < 1e14 else 1  # noqa: PLR2004 (see parse_time)
    # An int stays exact; a float of seconds has 2e-7 s of precision left in this century.
    return value * per_unit if isinstance(value, int) else round(value * per_unit)


def _from_parts(parts: dict[str, Any], zone: tzinfo) -> Micros:
    """Read `{year: 2026, month: "March", day: 1, hours: 6, minutes: 30, seconds: 5}` (Laird)."""
    month = parts.get("month")
    if isinstance(month, str):
        month = _MONTHS.get(month[:3].lower())
    clock = [parts.get(name, parts.get(f"{name}s", 0)) for name in ("hour", "minute", "second")]
    whole = [part for part in (parts.get("year"), month, parts.get("day"), *clock) if type(part) is int]
    if len(whole) != 6:  # noqa: PLR2004 (year to second)
        return IMPOSSIBLE
    year, month, day, hour, minute, second = whole
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except (ValueError, OverflowError):
        return IMPOSSIBLE
    return max(_micros(moment - EPOCH), IMPOSSIBLE)


def time_of_text(text: str, zone: tzinfo, received: Micros) -> Micros:
    """Return the time of a text that is no number, see `parse_time`."""
    try:
        moment = datetime.fromisoformat(text)  # digits beyond microseconds are cut off
        if len(text) < SHORTEST:  # Python would read "2020" or "20200101" as midnight: that is a date
            return IMPOSSIBLE
    except ValueError:  # another way to write it, and perhaps no time at all
        text = text.strip()
        if text.endswith((" UTC", " GMT")):
            text = _MAIL.sub(_from_mail, text)[:-4] + "+00:00"
        if "/" in text or "." in text[:3]:
            text = _ISO.sub(_turned, text)
        if len(text) < SHORTEST:
            return IMPOSSIBLE
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return IMPOSSIBLE
    try:
        if moment.tzinfo is not None:
            span = moment - EPOCH
            own = (span.days * DAY_SECONDS + span.seconds) * SECOND + span.microseconds
        else:
            ahead = _ahead(zone, moment.toordinal(), moment.hour)
            if ahead is None:
                return _doubtful(moment, zone, received)
            span = moment - _LOCAL_EPOCH
            own = (span.days * DAY_SECONDS + span.seconds) * SECOND + span.microseconds - ahead
    except (ValueError, OverflowError):  # at the edge of the calendar
        return IMPOSSIBLE
    return own if own > IMPOSSIBLE else IMPOSSIBLE  # noqa: FURB136 (three times as fast as max)


def _doubtful(moment: datetime, zone: tzinfo, received: Micros) -> Micros:
    """Return the time in an hour in which the clocks are changed."""
    own = _micros(moment.replace(tzinfo=zone, fold=1) - EPOCH)
    if own > received + TOLERANCE:
        own = _micros(moment.replace(tzinfo=zone, fold=0) - EPOCH)
    return max(own, IMPOSSIBLE)


def _micros(span: timedelta) -> Micros:
    return (span.days * DAY_SECONDS + span.seconds) * SECOND + span.microseconds


@lru_cache(maxsize=4096)
def _ahead(zone: tzinfo, day: int, hour: int) -> Micros | None:
    """Return how far local time is ahead of UTC in an hour of the calendar; None for one in which that changes."""
    start = datetime.fromordinal(day).replace(hour=hour, tzinfo=zone)
    end = start.replace(minute=59, second=59, microsecond=999_999)
    offsets = {moment.replace(fold=fold).utcoffset() for moment in (start, end) for fold in (0, 1)}
    offset = offsets.pop()
    return _micros(offset) if not offsets and offset is not None else None


def _from_mail(found: re.Match[str]) -> str:
    """Return `Mon, 23 Nov 2026`, as RFC 5322 has it, as `2026-11-23`."""
    day, month, year = found.groups()
    return f"{year}-{_MONTHS.get(month.lower(), 0):02}-{day:0>2}"


def _turned(found: re.Match[str]) -> str:
    """Return `2026/03/01` and `01.03.2026` as `2026-03-01`; with the year last the day comes first."""
    first, month, last = found.groups()
    year, day = (first, last) if len(first) == 4 else (last, first)  # noqa: PLR2004 (a year has four digits)
    return f"{year}-{month:0>2}-{day:0>2}"


def judge_time(own: Micros, received: Micros, *, clock_trusted: bool) -> int | None:
    """Return `Quality` LIVE or LATE for an own time, None for an impossible one.

    An own time up to 5 min ahead is live and stays as it is: a reading that comes again
    after a crash is known by its own time, and half of all good clocks are a little ahead
    of ours. Until our clock can be trusted only the calendar's limits are checked.
    """
    if not clock_trusted:
        return _LIVE if EARLIEST <= own < LATEST else None
    if own < EARLIEST <= received or own > received + TOLERANCE:  # a recording from before 2020 has such arrivals too
        return None
    return _LIVE if own >= received - TOLERANCE else _LATE

"""The child: a calendar on stdin becomes its events on stdout. `python -m alertd.rota.reading ZONE START END`.

A process of its own, because the libraries take 25 MB that the daemon shall not hold, and a feed
from outside (an event that comes back every second, for ever) shall take nothing with it.

Source: RFC 5545; recurring-ical-events and icalendar know its time zones, exceptions and
cancellations, X-WR-TIMEZONE and the zone names of Outlook.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY: Final = 512 << 20
"""Bytes of address space."""
SECONDS: Final = 20
"""Of processor time; the parent watches the clock."""
MOST: Final = 5000
"""Events that are handed on: five weeks of a rota have a few dozen."""
UNREADABLE: Final = 3
"""Exit code: this is no calendar; stderr says why."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def main(zone: str, start: str, end: str) -> int:
    """Read, expand, write; return the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        found = list(events(sys.stdin.buffer.read(), ZoneInfo(zone), int(start), int(end)))
    except Exception as error:  # noqa: BLE001 (whatever a feed makes the libraries raise: it cannot be read)
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return UNREADABLE
    json.dump(found, sys.stdout)
    return 0


def events(calendar: bytes, zone: ZoneInfo, start: int, end: int) -> Iterator[list[Any]]:
    """Yield [start, end, title, attendees] of each event in a span (microseconds since 1970), by its start.

    All-day events and times without a zone are those of `zone`. What was cancelled is left out, and so are
    attendees who declined.

    Raises:
        ValueError: it is no calendar.
    """
    import icalendar  # noqa: PLC0415 (limits first)
    import recurring_ical_events  # noqa: PLC0415

    parsed = icalendar.Calendar.from_ical(calendar)
    if parsed.name != "VCALENDAR":
        raise ValueError(f"begins with {parsed.name}, not with VCALENDAR")
    span = [(_EPOCH + timedelta(microseconds=at)).astimezone(zone) for at in (start, end)]
    found = []
    for event in recurring_ical_events.of(parsed, skip_bad_series=True).between(*span):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        begins, ends = (_instant(event[key].dt, zone) for key in ("DTSTART", "DTEND"))
        if ends > begins:
            found.append([begins, ends, str(event.get("SUMMARY", "")), list(_attendees(event))])
    yield from sorted(found, key=lambda one: one[:3])[:MOST]


def _instant(when: datetime | date, zone: ZoneInfo) -> int:
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, tzinfo=zone)
    elif when.tzinfo is None:
        when = when.replace(tzinfo=zone)
    return (when - _EPOCH) // timedelta(microseconds=1)


def _attendees(event: Any) -> Iterator[str]:
    """Yield how each attendee may be called: their name, and their mail address."""
    listed = event.get("ATTENDEE", [])
    for one in listed if isinstance(listed, list) else [listed]:
        if str(one.params.get("PARTSTAT", "")).upper() == "DECLINED":
            continue
        if "CN" in one.params:
            yield str(one.params["CN"])
        yield str(one).removeprefix("mailto:").removeprefix("MAILTO:")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))

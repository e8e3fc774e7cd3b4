"""Which device readings belong to: a collar is one thing, the cow that wears it for a time another.

The listed device is the animal or place that readings are about: windows, alerts and history
are its own. The ids that radio modules call themselves by are its aliases, with dates where a
module moves on. So when a collar goes to another cow, each keeps her history.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from alertd.ingest.labels import canonical_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from alertd.ingest.settings import Alias, Device
    from alertd.model import Micros

ALWAYS: Final = -(1 << 62)
NEVER: Final = 1 << 62
"""The ends of an assignment that has no dates."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple["Micros", "Micros"]
"""From the first microsecond to before the second."""


def span(alias: Alias, zone: ZoneInfo) -> Span:
    """Return when an alias counts; a date means its midnight in the farm's time zone."""
    start = ALWAYS if alias.from_ is None else _micros(alias.from_, zone)
    end = NEVER if alias.until is None else _micros(alias.until, zone)
    return start, end


def worn(devices: Iterable[Device], zone: ZoneInfo) -> dict[str, list[tuple[Micros, Micros, Device]]]:
    """Return, by the canonical form of each alias, who wears it when, in order of time."""
    found: dict[str, list[tuple[Micros, Micros, Device]]] = {}
    for device in devices:
        for alias in device.aliases:
            found.setdefault(canonical_id(alias.id), []).append((*span(alias, zone), device))
    for turns in found.values():
        turns.sort(key=lambda turn: turn[0])
    return found


def expected(device: Device, at: Micros, zone: ZoneInfo) -> bool:
    """Return whether something should be heard of a listed device: not while every collar it had is taken off."""
    if not device.aliases:
        return True
    return any(start <= at < end for start, end in (span(alias, zone) for alias in device.aliases))


def _micros(day: date | datetime, zone: ZoneInfo) -> Micros:
    moment = day if isinstance(day, datetime) else datetime(day.year, day.month, day.day, tzinfo=zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // timedelta(microseconds=1)

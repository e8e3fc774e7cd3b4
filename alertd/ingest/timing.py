"""When the readings of a row were taken, and how far to believe it: the quality table of CONTRACT.md section 3."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.labels import clean
from alertd.ingest.paths import MISSING, getter
from alertd.ingest.times import (
    DAY_SECONDS,
    EARLIEST,
    EPOCH,
    SHORTEST,
    TOLERANCE,
    judge_time,
    parse_time,
    time_of_text,
)
from alertd.model import SECOND, Quality, Rejected

if TYPE_CHECKING:
    from alertd.ingest.decoder import Decoded
    from alertd.ingest.dialects import Row
    from alertd.ingest.mapping import Route
    from alertd.ingest.sink import Shared, Sink
    from alertd.model import Micros
    from alertd.seams import Raw

_LIVE, _LATE = int(Quality.LIVE), int(Quality.LATE)
UNKNOWN: Final = int(Quality.UNKNOWN_TIME)
_RETAINED: Final = int(Quality.RETAINED)
_SMALL_MILLIS, _LARGE_MILLIS = 10**11, 10**14
"""Numbers that are milliseconds by their size, smaller ones are seconds, see `parse_time`."""

_SECONDS: Final = 10
"""Digits of a text that is seconds since 1970: of 2001 to 2286."""


class Timing:
    """A route's time: paths and format are decided once, a message costs a look-up and a comparison."""

    __slots__ = ("_auto", "_find", "_find_later", "_format", "_key", "_several", "_zone")

    def __init__(self, route: Route, *, several: bool) -> None:
        """Compile a route; with `several` a message may hold many rows, and each gets its own time of arrival."""
        self._key = route.time[0] if route.time is not None and len(route.time) == 1 else None
        self._find = getter(route.time) if route.time is not None else None
        self._find_later = getter(route.later_time) if route.later_time is not None else None
        self._format = route.time_format
        self._auto = route.time_format == "auto"
        self._zone = route.zone
        self._several = several

    def of(self, value: Any, context: Any, sink: Sink, raw: Raw, out: Decoded) -> tuple[Micros, int]:
        """Return time and quality of a row; `value` is its own time, MISSING or None: the message's, in `context`."""
        if value is None or value is MISSING:
            if self._key is not None and type(context) is dict:
                value = context.get(self._key)
            elif self._find is not None:
                value = self._find(context)
            if (value is None or value is MISSING) and self._find_later is not None:
                value = self._find_later(context)
        shared = sink.shared
        if value is None or value is MISSING or value == "":
            return self.arrived(shared, raw, UNKNOWN if raw.backlog else _LIVE)
        if value is shared.told and raw.received == shared.told_at and self is shared.told_by:
            return shared.moment  # the next row of one message
        moment = self.told(value, shared, raw)
        if moment is None:
            why = Rejected("bad_time", f"{clean(str(value)[:40])} cannot be: taken as of its arrival")
            sink.refuse(out, raw, why)
            return self.arrived(shared, raw, UNKNOWN)
        if type(value) is str:
            shared.told, shared.told_at, shared.told_by, shared.moment = value, raw.received, self, moment
        return moment

    def told(self, value: Any, shared: Shared, raw: Raw) -> tuple[Micros, int] | None:
        """Return the time that a value says, and its quality; None for an impossible one."""
        # Each usual way to tell the time is read here: a call takes as long as the reading.
        kind, received = type(value), raw.received
        if kind is str and self._auto and len(value) == _SECONDS and value.isdecimal():
            own = int(value) * SECOND
        elif kind is str and self._auto and value[4:5] == "-":
            own = time_of_text(value, self._zone, received)
        elif (kind is int or kind is float) and self._auto and 0 <= value < _LARGE_MILLIS:
            own = value * (SECOND if value < _SMALL_MILLIS else 1000)
            if kind is float:
                own = round(own)
        else:
            own = parse_time(value, self._format, self._zone, received)
        if -TOLERANCE <= own - received <= TOLERANCE and shared.trusted and own >= EARLIEST:
            return own, _RETAINED if raw.retained else _LIVE  # nearly all: what `judge_time` says of them, too
        quality = judge_time(own, received, clock_trusted=shared.trusted)
        if quality is None:
            return None
        return own, _RETAINED if raw.retained else quality

    def told_in_full(self, value: Any, shared: Shared, raw: Raw) -> tuple[Micros, int] | None:
        """Return what `told` does, in half the time where the value is a date, a time and its zone."""
        try:
            span = datetime.fromisoformat(value) - EPOCH
        except (TypeError, ValueError, OverflowError):
            return self.told(value, shared, raw)
        received, own = raw.received, (span.days * DAY_SECONDS + span.seconds) * SECOND + span.microseconds
        if -TOLERANCE <= own - received <= TOLERANCE and shared.trusted and own >= EARLIEST and len(value) >= SHORTEST:
            return own, _RETAINED if raw.retained else _LIVE
        return self.told(value, shared, raw)

    def is_full(self, value: Any) -> bool:
        """Return whether a value may be such a time."""
        return self._auto and type(value) is str and (value.endswith("Z") or value[-6:-5] in ("+", "-"))

    def arrived(self, shared: Shared, raw: Raw, quality: int = _LIVE) -> tuple[Micros, int]:
        """Return the time of arrival: rows of one message have the same, but no two readings of a series may."""
        arrival = raw.received if raw.received > shared.arrival else shared.arrival + 1
        if self._several:
            shared.arrival = arrival
        return arrival, _RETAINED if raw.retained else quality

    def of_row(self, row: Row, context: Any, sink: Sink, raw: Raw, out: Decoded) -> tuple[Micros, int]:
        """Return time and quality of what a dialect found: it may be relative to now, or known to be history."""
        if row.relative:
            own = raw.received + round(row.time * SECOND)
            judged = judge_time(own, raw.received, clock_trusted=sink.shared.trusted)
            if judged is None:
                return raw.received, UNKNOWN
            return own, _RETAINED if raw.retained else judged
        time, quality = self.of(row.time, context, sink, raw, out)
        return time, _LATE if row.late and quality == _LIVE else quality

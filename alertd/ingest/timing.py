"""When the readings of a row were taken, and how far to believe it: the quality table of CONTRACT.md section 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.labels import clean
from alertd.ingest.paths import MISSING, getter
from alertd.ingest.times import EARLIEST, TOLERANCE, judge_time, parse_time, time_of_text
from alertd.model import SECOND, Quality, Rejected

if TYPE_CHECKING:
    from alertd.ingest.decoder import Decoded
    from alertd.ingest.dialects import Row
    from alertd.ingest.mapping import Route
    from alertd.ingest.sink import Sink
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

    def of(  # noqa: PLR0912 (each usual way to tell the time is read here: a call takes as long as the reading)
        self, value: Any, context: Any, sink: Sink, raw: Raw, out: Decoded
    ) -> tuple[Micros, int]:
        """Return time and quality of a row; `value` is its own time, MISSING or None: the message's, in `context`."""
        received = raw.received
        if value is None or value is MISSING:
            if self._key is not None and type(context) is dict:
                value = context.get(self._key)
            elif self._find is not None:
                value = self._find(context)
            if (value is None or value is MISSING) and self._find_later is not None:
                value = self._find_later(context)
        shared = sink.shared
        if value is not None and value is not MISSING and value != "":
            kind = type(value)
            if (kind is int or kind is float) and self._auto and 0 <= value < _LARGE_MILLIS:
                told = value * (SECOND if value < _SMALL_MILLIS else 1000)
                own = told if kind is int else round(told)
            elif kind is str and self._auto and len(value) == _SECONDS and value.isdecimal():
                own = int(value) * SECOND
            elif value is shared.told and received == shared.told_at and self._zone is shared.told_zone:
                own = shared.told_time  # the next row of one message
            else:
                if kind is str and self._auto and value[4:5] == "-":
                    own = time_of_text(value, self._zone, received)
                else:
                    own = parse_time(value, self._format, self._zone, received)
                if kind is str:
                    shared.told, shared.told_at, shared.told_zone, shared.told_time = value, received, self._zone, own
            if shared.trusted and received - TOLERANCE <= own <= received + TOLERANCE and own >= EARLIEST:
                return own, _RETAINED if raw.retained else _LIVE  # nearly all: what `judge_time` says of them, too
            quality = judge_time(own, received, clock_trusted=shared.trusted)
            if quality is not None:
                return own, _RETAINED if raw.retained else quality
            why = Rejected("bad_time", f"{clean(str(value)[:40])} cannot be: taken as of its arrival")
            sink.refuse(out, raw, why)
            quality = UNKNOWN
        else:
            quality = UNKNOWN if raw.backlog else _LIVE
        # Rows of one message have one arrival, but no two readings of a series may share a time.
        arrival = received if received > shared.arrival else shared.arrival + 1
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

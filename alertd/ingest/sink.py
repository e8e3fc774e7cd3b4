"""Where values become readings: ranges, counters and positions, one column entry each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from alertd.ingest.fields import POSITION
from alertd.model import Quality, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from alertd.ingest.decoder import Decoded
    from alertd.ingest.fields import Field
    from alertd.ingest.learned import Learned
    from alertd.ingest.repeats import Repeats
    from alertd.ingest.requests import Requests
    from alertd.ingest.roster import Entry, Roster
    from alertd.ingest.settings import Limits
    from alertd.model import Micros
    from alertd.seams import Raw

_UNKNOWN: Final = int(Quality.UNKNOWN_TIME)
_RETAINED: Final = int(Quality.RETAINED)
_ORDER: Final = ("latitude", "longitude", "position_error", "heading")


@dataclass(slots=True)
class Shared:
    """What all plans of a decoder have in common, and of one call: `trusted` clock, `arrival` handed out last."""

    roster: Roster
    learned: Learned
    requests: Requests
    repeats: Repeats
    limits: Limits
    profiles: Mapping[str, str] = field(default_factory=dict)
    """Canonical id of a listed device to the profile chosen for it."""
    trusted: bool = True
    arrival: Micros = 0


class Sink:
    """Takes the values of one topic, in rows that share device, time and quality."""

    __slots__ = ("label", "shared", "source")

    def __init__(self, source: int, label: str, shared: Shared) -> None:
        self.source = source
        self.label = label
        self.shared = shared

    def refuse(self, out: Decoded, raw: Raw, why: Rejected) -> None:
        """Note what gave no reading."""
        out.rejected.append((self.label, raw.topic, why))

    def take(
        self,
        pairs: Iterable[tuple[Field, Any]],
        entry: Entry,
        time: Micros,
        quality: int,
        raw: Raw,
        out: Decoded,
    ) -> None:
        """Append the readings of one row; a field whose value is none is refused alone."""
        if entry.turns:
            entry = entry.at(time)
        rows, received, source = entry.rows, raw.received, self.source
        position: list[tuple[Field, float | Rejected]] | None = None
        for field_, value in pairs:
            kind = type(value)  # exact: to isinstance a bool is an int
            if field_.plain and field_.exact and (kind is float or kind is int) and field_.low <= value <= field_.high:
                row = rows.get(field_.metric)
                if row is not None:  # nearly all readings: a plain number of a known series
                    out.row.append(row)
                    out.time.append(time)
                    out.received.append(received)
                    out.value.append(float(value))
                    out.quality.append(quality)
                    out.source.append(source)
                    continue
            number = field_.read(value)
            if field_.metric in POSITION:
                position = [*(position or ()), (field_, number)]
            elif isinstance(number, Rejected):
                self.refuse(out, raw, number)
            elif not field_.counter:
                self._emit(entry, field_, number, time, quality, raw, out)
            else:
                self._count(entry, field_, number, time, quality, raw, out)
        if position:
            self._place(position, entry, time, quality, raw, out)

    def _emit(
        self, entry: Entry, field_: Field, value: float, time: Micros, quality: int, raw: Raw, out: Decoded
    ) -> None:
        row = entry.rows.get(field_.metric)
        if row is None:
            row = self.shared.roster.row(entry, field_)
            if row < 0:
                self.refuse(out, raw, self.shared.roster.no_room(entry, field_))
                return
        out.row.append(row)
        out.time.append(time)
        out.received.append(raw.received)
        out.value.append(value)
        out.quality.append(quality)
        out.source.append(self.source)

    def _count(
        self, entry: Entry, field_: Field, raw_value: float, time: Micros, quality: int, raw: Raw, out: Decoded
    ) -> None:
        """Emit a counter's total; without a time of its own nobody can say where it belongs."""
        if quality == _UNKNOWN:
            self.refuse(out, raw, Rejected("unknown_time", f"{field_.metric}: a counter needs to know when"))
            return
        row = entry.rows.get(field_.metric)
        if row is None:
            row = self.shared.roster.row(entry, field_)
        if row >= 0:
            counters, old = self.shared.learned.counters, quality == _RETAINED
            raw_value = counters.total(row, entry.sender, time, raw_value, field_.wrap, old=old)
        self._emit(entry, field_, raw_value, time, quality, raw, out)

    def _place(
        self,
        position: list[tuple[Field, float | Rejected]],
        entry: Entry,
        time: Micros,
        quality: int,
        raw: Raw,
        out: Decoded,
    ) -> None:
        """Emit a position whole, or not at all: half of one, or 0/0 of a receiver without a fix, is no place."""
        found = {field_.metric: number for field_, number in position}
        faults = [number for _, number in position if isinstance(number, Rejected)]
        fix = [found[metric] for metric in ("latitude", "longitude") if metric in found]
        if not faults and len(fix) == 1:
            faults = [Rejected("not_a_measurement", "a position needs latitude and longitude")]
        elif not faults and fix == [0.0, 0.0]:
            faults = [Rejected("not_a_measurement", "0/0 is what a receiver without a fix reports")]
        if faults:
            for why in faults:
                self.refuse(out, raw, why)
            return
        for field_, number in sorted(position, key=lambda pair: _ORDER.index(pair[0].metric)):
            if not isinstance(number, Rejected):
                self._emit(entry, field_, number, time, quality, raw, out)

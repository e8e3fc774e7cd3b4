"""Where values become readings: ranges, counters and positions, one column entry each."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Final

from alertd.ingest.auto import chosen
from alertd.ingest.paths import MISSING, find
from alertd.model import Quality, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from alertd.ingest.auto import Finder
    from alertd.ingest.decoder import Decoded
    from alertd.ingest.fields import Field
    from alertd.ingest.learned import Learned
    from alertd.ingest.mapping import Route
    from alertd.ingest.reader import Reader
    from alertd.ingest.repeats import Repeats
    from alertd.ingest.requests import Requests
    from alertd.ingest.roster import Entry, Roster
    from alertd.ingest.settings import Limits
    from alertd.ingest.timing import Timing
    from alertd.model import Micros
    from alertd.seams import Raw

_UNKNOWN: Final = int(Quality.UNKNOWN_TIME)
_RETAINED: Final = int(Quality.RETAINED)
FAULTY: Final = frozenset({"implausible", "not_a_measurement"})
"""What is refused because the sensor is broken, not because the mapping is."""
_ORDER: Final = ("latitude", "longitude", "position_error", "heading")


@dataclass(slots=True)
class Shared:
    """What all plans of a decoder have in common, and of one call: `trusted` clock, `arrival` handed out last.

    `fault`: where a rule looks at it, what a device says that is no measurement is a reading of its own, of 1.
    """

    roster: Roster
    learned: Learned
    requests: Requests
    repeats: Repeats
    limits: Limits
    profiles: Mapping[str, str] = attribute(default_factory=dict)
    """Canonical id of a listed device to the profile chosen for it."""
    fault: Field | None = None
    patterns: int = 0
    """Patterns that are remembered of one topic."""
    profiled: dict[tuple[int, str], Route] = attribute(default_factory=dict)
    """Identity of a route and name of a profile to the route of such devices."""
    learn_from: Micros = 0
    """When the next may be made."""
    trusted: bool = True
    arrival: Micros = 0
    told: str = ""
    """The last time that was told as text, to `told_by` in a message of `told_at`, and what it means: `moment`."""
    told_at: Micros = 0
    told_by: Timing | None = None
    moment: tuple[Micros, int] = (0, 0)


class Sink:
    """Takes the values of one topic, in rows that share device, time and quality."""

    __slots__ = ("label", "position", "shared", "source")

    def __init__(self, source: int, label: str, shared: Shared) -> None:
        self.source = source
        self.label = label
        self.shared = shared
        self.position: list[tuple[Field, float | Rejected]] = []
        """Of the row in hand: a position is emitted whole."""

    def refuse(self, out: Decoded, raw: Raw, why: Rejected) -> None:
        """Note what gave no reading."""
        out.rejected.append((self.label, raw, why))

    def take(
        self,
        reader: Reader,
        row: dict[str, Any],
        context: Any,
        entry: Entry,
        time: Micros,
        quality: int,
        raw: Raw,
        out: Decoded,
    ) -> None:
        """Append the readings of one row: what is mapped first, then what the payload offers.

        A field whose value is none is refused alone. `context` is the message around the row.
        """
        if entry.turns:
            entry = entry.at(time)
        known, received, source, readings = entry.rows, raw.received, self.source, out.readings
        if reader.mapped:
            mapped_from = row if reader.route.each is None else context
            for field, key, gather in reader.mapped:
                value = gather(mapped_from) if key is None else mapped_from.get(key, MISSING)
                kind = type(value)  # exact: to isinstance a bool is an int
                if (kind is float or kind is int) and field.least <= value <= field.most and field.metric in known:
                    readings += (known[field.metric], time, received, float(value), quality, source)
                elif value is not MISSING and not (field.unless and _skipped(field, row, context)):
                    self.one(field, value, entry, time, quality, raw, out)
        finder = reader.finder
        if finder is not None:
            fields = finder.fields
            for key, value in row.items():
                try:
                    found = fields[key]
                except KeyError:
                    found = finder.meet(key, value)
                if found is None:
                    continue
                kind = type(value)
                if (kind is float or kind is int) and found.least <= value <= found.most and found.metric in known:
                    readings += (known[found.metric], time, received, float(value), quality, source)
                elif found.beside or (kind is dict and "value" not in value):
                    self._look(finder, found, row, value, entry, time, quality, raw, out)
                elif value is not None:
                    self.one(found, value, entry, time, quality, raw, out)
        if self.position:
            self.place(entry, time, quality, raw, out)

    def text(
        self,
        finder: Finder,
        key: str,
        value: str,
        entry: Entry,
        time: Micros,
        quality: int,
        raw: Raw,
        out: Decoded,
    ) -> None:
        """Take a text that gave no field until now."""
        found = finder.meet(key, value)
        if found is not None:
            self.one(found, value, entry, time, quality, raw, out)

    def single(
        self, field: Field, value: Any, entry: Entry, time: Micros, quality: int, raw: Raw, out: Decoded
    ) -> None:
        """Append the one reading of a message."""
        self.one(field, value, entry.at(time) if entry.turns else entry, time, quality, raw, out)
        if self.position:
            self.place(entry, time, quality, raw, out)

    def forget(self) -> None:
        """Drop what is in hand of a message that could not be read to its end."""
        self.position.clear()

    def _look(
        self,
        finder: Finder,
        field: Field,
        row: dict[str, Any],
        value: Any,
        entry: Entry,
        time: Micros,
        quality: int,
        raw: Raw,
        out: Decoded,
    ) -> None:
        """Take a value of a row that is no plain number, or whose name depends on the keys beside it."""
        meant = chosen(field, row) if field.beside else field
        if meant is None or value is None:
            return
        if type(value) is dict and "value" not in value:
            for channel, inner in finder.channels(meant, value):
                self.one(channel, inner, entry, time, quality, raw, out)
        else:
            self.one(meant, value, entry, time, quality, raw, out)

    def one(self, field: Field, value: Any, entry: Entry, time: Micros, quality: int, raw: Raw, out: Decoded) -> None:
        """Take a value that must be looked at."""
        kind = type(value)
        if field.linear and (kind is float or kind is int):
            number = field.convert(value, field.factor, field.offset)
        else:
            number = field.read(value)
        if type(number) is float and field.free and field.metric in entry.rows:
            out.readings += (entry.rows[field.metric], time, raw.received, number, quality, self.source)
        elif field.placed:
            self.position.append((field, number))
        elif isinstance(number, Rejected):
            out.rejected.append((self.label, raw, number))
            if self.shared.fault is not None and number.reason in FAULTY:
                self._emit(entry, self.shared.fault, 1.0, time, quality, raw, out)
        elif field.counter:
            self._count(entry, field, number, time, quality, raw, out)
        else:
            self._emit(entry, field, number, time, quality, raw, out)

    def _count(
        self, entry: Entry, field: Field, raw_value: float, time: Micros, quality: int, raw: Raw, out: Decoded
    ) -> None:
        """Emit a counter's total; without a time of its own nobody can say where it belongs."""
        if quality == _UNKNOWN:
            self.refuse(out, raw, Rejected("unknown_time", f"{field.metric}: a counter needs to know when"))
            return
        row = entry.rows.get(field.metric)
        if row is None:
            row = self.shared.roster.row(entry, field)
            if row < 0:
                self.refuse(out, raw, self.shared.roster.no_room(entry, field))
                return
        counters, old = self.shared.learned.counters, quality == _RETAINED
        total = counters.total(row, entry.sender, time, raw_value, field.wrap, old=old)
        out.readings += (row, time, raw.received, total, quality, self.source)

    def _emit(
        self, entry: Entry, field: Field, value: float, time: Micros, quality: int, raw: Raw, out: Decoded
    ) -> None:
        row = entry.rows.get(field.metric)
        if row is None:
            row = self.shared.roster.row(entry, field)
            if row < 0:
                self.refuse(out, raw, self.shared.roster.no_room(entry, field))
                return
        out.readings += (row, time, raw.received, value, quality, self.source)

    def place(self, entry: Entry, time: Micros, quality: int, raw: Raw, out: Decoded) -> None:
        """Emit a position whole, or not at all: half of one, or 0/0 of a receiver without a fix, is no place."""
        position, self.position = self.position, []
        found = {field.metric: number for field, number in position}
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
        for field, number in sorted(position, key=lambda pair: _ORDER.index(pair[0].metric)):
            if not isinstance(number, Rejected):
                self._emit(entry, field, number, time, quality, raw, out)


def _skipped(field: Field, row: Any, context: Any) -> bool:
    return any(find(row, flag) is True or find(context, flag) is True for flag in field.unless)

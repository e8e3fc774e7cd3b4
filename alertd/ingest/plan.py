"""A plan: how one source reads the messages of one topic. This is the hot path.

Everything a topic decides (device, labels, metric) is looked up once and kept here;
per message there remain a decode, dictionary look-ups and appends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.auto import Finder
from alertd.ingest.fields import POSITION, Field
from alertd.ingest.labels import clean, device_text
from alertd.ingest.paths import EVERY, MISSING, Path, find, spread
from alertd.ingest.presets import Spec
from alertd.ingest.roster import Entry
from alertd.ingest.times import judge_time, parse_time
from alertd.model import Quality, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from alertd.ingest.counters import Counters
    from alertd.ingest.decoder import Decoded
    from alertd.ingest.mapping import Route
    from alertd.ingest.repeats import Repeats
    from alertd.ingest.roster import Roster
    from alertd.ingest.settings import Limits
    from alertd.model import Micros
    from alertd.seams import Raw

TAGS: Final = 16
"""Labels taken from a payload's tags."""

ENTRIES: Final = 100_000
"""Spellings of device ids remembered per topic; beyond that they are looked up again."""

_LIVE, _UNKNOWN, _RETAINED = int(Quality.LIVE), int(Quality.UNKNOWN_TIME), int(Quality.RETAINED)


@dataclass(slots=True)
class Shared:
    """What all plans of a decoder have in common, and of one call: `trusted` clock, `arrival` handed out last."""

    roster: Roster
    counters: Counters
    repeats: Repeats
    limits: Limits
    trusted: bool = True
    arrival: Micros = 0


class Plan:
    """One source's way of reading one topic."""

    def __init__(self, source: int, label: str, route: Route, captures: Mapping[str, str], shared: Shared) -> None:
        self.source = source
        self.label = label
        self.route = route
        self._captures = captures
        self._shared = shared
        self._spreads = route.each is not None or len(route.rows) > 1
        self._time_key = _single_key(route.time)
        self._device = clean(route.device.format_map(captures)) if route.device_path is None else ""
        self._entry: Entry | None = None
        self._entries: dict[str | int, Entry] = {}
        self._finder = Finder(route.names, route.ignore, {f.metric for f in route.fields}) if route.auto else None
        self._number = self._number_field() if route.metric else None

    @property
    def crowded(self) -> bool:
        """Whether one message may give two readings of one series."""
        return self._spreads or (self._finder is not None and self._finder.crowded)

    def read(self, raw: Raw, out: Decoded) -> None:
        """Append the readings of one message to `out`, and what was refused; never raises for a payload."""
        route = self.route
        document = route.parse(raw.payload, self._shared.limits)
        if isinstance(document, Rejected):
            self._refuse(out, raw, document)
        elif route.repeat is not None and self._shared.repeats.known(self.source, raw, find(document, route.repeat)):
            self._refuse(out, raw, Rejected("repeated", "this message came before, under the same id"))
        elif route.metric:
            self._read_number(document, raw, out)
        elif self._spreads:
            for row, context, own_time in self._rows(document):
                self._read_row(row, context, own_time, raw, out)
        else:
            path = route.rows[0][0]
            self._read_row(find(document, path) if path else document, document, None, raw, out)

    def _refuse(self, out: Decoded, raw: Raw, why: Rejected) -> None:
        out.rejected.append((self.label, raw.topic, why))

    # --- what stands where ------------------------------------------------------------------

    def _rows(self, document: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield (row, where time and device stand, the row's own time or None) of a message that fans out."""
        each = self.route.each
        if each is None:
            for number, (path, time) in enumerate(self.route.rows):
                rows = list(spread(document, path))
                for row in rows if rows or number else [MISSING]:
                    yield row, document, None if time is None else find(row, time)
            return
        stem = each[: each.index(EVERY)] if EVERY in each else each
        if find(document, stem) is MISSING:
            yield document, document, None  # a message without history is a row itself
            return
        message = document if isinstance(document, dict) else {}
        for row in spread(document, each):
            fields = row if isinstance(row, dict) else {"value": row}
            yield fields, {**message, **fields}, None

    def _read_row(self, row: Any, context: Any, own_time: Any, raw: Raw, out: Decoded) -> None:
        if not isinstance(row, dict):
            self._refuse(out, raw, _no_object(row, self.route.rows[0][0]))
            return
        before = len(out.row) + len(out.rejected)
        self._take(self._pairs(row, context), context, own_time, raw, out)
        if self._finder is not None and self._finder.refused:
            out.rejected.extend((self.label, raw.topic, why) for why in self._finder.refused)
            self._finder.refused.clear()
        if len(out.row) + len(out.rejected) == before:
            keys = ", ".join(clean(key)[:32] for key in list(row)[:8]) or "nothing"
            self._refuse(out, raw, Rejected("no_metrics", f"no mapped number among {keys}; see metrics: of the source"))

    def _pairs(self, row: dict[str, Any], context: dict[str, Any]) -> Iterator[tuple[Field, Any]]:
        source = row if self.route.each is None else context
        for field in self.route.fields:
            value = source.get(field.key, MISSING) if field.key is not None else find(source, field.path)
            if value is not MISSING:
                if field.unless and any(find(context, flag) is True for flag in field.unless):
                    continue
                yield field, value
        if self._finder is not None:
            yield from self._finder.pairs(row)

    def _number_field(self) -> Field | None:
        """Return the field of a topic that names its metric; None if that name is empty."""
        name = clean(self.route.metric.format_map(self._captures))
        if not name:
            return None
        spec = self.route.specs.get(name) or replace(self.route.specs.get("{metric}", Spec(name)), metric=name)
        return Field(spec if spec.path else replace(spec, path="value"))

    def _read_number(self, document: Any, raw: Raw, out: Decoded) -> None:
        field = self._number
        value = find(document, field.path) if field is not None and isinstance(document, dict) else document
        if field is None or value is MISSING:
            self._refuse(out, raw, Rejected("no_metrics", "no metric in the topic, or no value in the payload"))
        elif isinstance(value, str) and value.startswith(("{", "[")):
            self._refuse(out, raw, Rejected("not_a_measurement", f"{field.metric}: looks like JSON; format: json?"))
        else:
            self._take(((field, value),), document if isinstance(document, dict) else {}, None, raw, out)

    # --- device and time --------------------------------------------------------------------

    def _find_entry(self, context: Any) -> Entry | Rejected:
        path = self.route.device_path
        if path is None:
            entry = self._shared.roster.entry(self.source, self._device, self._captures, self._payload_labels(context))
            if isinstance(entry, Entry):
                self._entry = entry
            return entry
        name = find(context, path)
        if isinstance(name, bool) or not isinstance(name, str | int):
            name = ""
        known = self._entries.get(name)
        if known is not None:
            return known
        labels = self._payload_labels(context)
        entry = self._shared.roster.entry(self.source, device_text(name), self._captures, labels)
        if isinstance(entry, Entry):
            if len(self._entries) >= ENTRIES:
                self._entries.clear()
            self._entries[name] = entry
        return entry

    def _payload_labels(self, context: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        tags = find(context, self.route.tags) if self.route.tags is not None else None
        if isinstance(tags, dict):
            found.update((clean(key), clean(tag)) for key, tag in list(tags.items())[:TAGS] if isinstance(tag, str))
        for label, path in self.route.labels:
            text = find(context, path)
            if isinstance(text, str):
                found[label] = clean(text)
        return found

    def _time(self, value: Any, raw: Raw, out: Decoded) -> tuple[Micros, int]:
        """Return the time of a row's readings and its quality (the table of CONTRACT.md section 3)."""
        shared = self._shared
        received = raw.received
        if value is not None and value is not MISSING and value != "":
            own = parse_time(value, self.route.time_format, self.route.zone, received)
            quality = judge_time(own, received, clock_trusted=shared.trusted)
            if quality is not None:
                return own, _RETAINED if raw.retained else quality
            self._refuse(out, raw, Rejected("bad_time", f"{clean(str(value)[:40])} cannot be: taken as of its arrival"))
            late = _UNKNOWN
        else:
            late = _UNKNOWN if raw.backlog else _LIVE
        # Rows of one message have one arrival, but no two readings of a series may share a time.
        arrival = received if received > shared.arrival else shared.arrival + 1
        if self._spreads:
            shared.arrival = arrival
        return arrival, _RETAINED if raw.retained else late

    # --- readings ---------------------------------------------------------------------------

    def _take(self, pairs: Iterable[tuple[Field, Any]], context: Any, own_time: Any, raw: Raw, out: Decoded) -> None:
        entry = self._entry or self._find_entry(context)
        if isinstance(entry, Rejected):
            self._refuse(out, raw, entry)
            return
        if (own_time is None or own_time is MISSING) and self.route.time is not None:
            key = self._time_key
            own_time = context.get(key) if key is not None else find(context, self.route.time)
        time, quality = self._time(own_time, raw, out)
        position: list[tuple[Field, float | Rejected]] = []
        for field, value in pairs:
            kind = type(value)  # exact: to isinstance a bool is an int
            if field.plain and field.exact and (kind is float or kind is int) and field.low <= value <= field.high:
                self._emit(entry, field, float(value), time, quality, raw, out)
                continue
            number = field.read(value)
            if field.metric in POSITION:
                position.append((field, number))
            elif isinstance(number, Rejected):
                self._refuse(out, raw, number)
            elif not field.counter:
                self._emit(entry, field, number, time, quality, raw, out)
            else:
                self._count(entry, field, number, time, quality, raw, out)
        if position:
            self._place(position, entry, time, quality, raw, out)

    def _emit(
        self, entry: Entry, field: Field, value: float, time: Micros, quality: int, raw: Raw, out: Decoded
    ) -> None:
        row = entry.rows.get(field.metric)
        if row is None:
            row = self._shared.roster.row(entry, field)
            if row < 0:
                self._refuse(out, raw, self._shared.roster.no_room(entry, field))
                return
        out.row.append(row)
        out.time.append(time)
        out.received.append(raw.received)
        out.value.append(value)
        out.quality.append(quality)
        out.source.append(self.source)

    def _count(
        self, entry: Entry, field: Field, raw_value: float, time: Micros, quality: int, raw: Raw, out: Decoded
    ) -> None:
        """Emit a counter's total; without a time of its own nobody can say where it belongs."""
        if quality == _UNKNOWN:
            self._refuse(out, raw, Rejected("unknown_time", f"{field.metric}: a counter needs to know when"))
            return
        row = entry.rows.get(field.metric)
        if row is None:
            row = self._shared.roster.row(entry, field)
        total = self._shared.counters.total(row, time, raw_value, field.wrap) if row >= 0 else raw_value
        self._emit(entry, field, total, time, quality, raw, out)

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
        found = {field.metric: number for field, number in position}
        faults = [number for _, number in position if isinstance(number, Rejected)]
        fix = [found[metric] for metric in ("latitude", "longitude") if metric in found]
        if not faults and len(fix) == 1:
            faults = [Rejected("not_a_measurement", "a position needs latitude and longitude")]
        elif not faults and fix == [0.0, 0.0]:
            faults = [Rejected("not_a_measurement", "0/0 is what a receiver without a fix reports")]
        if faults:
            for why in faults:
                self._refuse(out, raw, why)
            return
        for field, number in sorted(position, key=lambda pair: _ORDER.index(pair[0].metric)):
            if not isinstance(number, Rejected):
                self._emit(entry, field, number, time, quality, raw, out)


_ORDER: Final = ("latitude", "longitude", "position_error", "heading")


def _single_key(path: Path | None) -> str | None:
    return path[0] if path is not None and len(path) == 1 and isinstance(path[0], str) else None


def _no_object(row: Any, path: Path) -> Rejected:
    where = ".".join(str(step) for step in path)
    if row is MISSING or row is None:
        return Rejected("no_metrics", f"no {where}: the payload is not decoded; give the device profile a codec")
    if isinstance(row, list):
        return Rejected("not_an_object", "a list of rows: write each: '[*]' on the source")
    return Rejected("not_an_object", "not an object with named values; format: number?")

"""A plan: how one source reads the messages of one topic. This is the hot path.

Everything a topic decides (device, labels, metric) is looked up once and kept here;
per message there remain a decode, dictionary look-ups and appends.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.auto import Finder, field_of
from alertd.ingest.fields import Field
from alertd.ingest.formats import parse_json
from alertd.ingest.labels import canonical_id, clean, device_text, eui
from alertd.ingest.mapping import with_profile
from alertd.ingest.paths import EVERY, MISSING, Path, find, spread
from alertd.ingest.profiles import load_profiles
from alertd.ingest.roster import Entry
from alertd.ingest.shapes import Spec
from alertd.ingest.sink import Sink
from alertd.ingest.times import judge_time, parse_time
from alertd.model import SECOND, Quality, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.decoder import Decoded
    from alertd.ingest.dialects import Row
    from alertd.ingest.mapping import NamedRows, Route
    from alertd.ingest.sink import Shared
    from alertd.model import Micros
    from alertd.seams import Raw

TAGS: Final = 16
"""Labels taken from a payload's tags."""

ENTRIES: Final = 100_000
"""Spellings of device ids remembered per topic; beyond that they are looked up again."""

KINDS: Final = 256
"""Models, and sets of keys, whose profile is remembered per topic."""

_LIVE, _LATE = int(Quality.LIVE), int(Quality.LATE)
_UNKNOWN, _RETAINED = int(Quality.UNKNOWN_TIME), int(Quality.RETAINED)


class Reader:
    """A route with what was learned of its payloads: one for the topic, one for each profile met there."""

    __slots__ = ("finder", "further", "route", "spreads", "time_key")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.finder = Finder(route, {field.metric for field in route.fields}) if route.auto or route.dialect else None
        self.spreads = route.each is not None or len(route.rows) > 1 or route.named is not None
        self.time_key = _single_key(route.time)
        self.further = tuple(
            (path[: path.index(EVERY)] if EVERY in path else path, path, time) for path, time in route.rows[1:]
        )

    @property
    def crowded(self) -> bool:
        """Whether two keys of one row may give the same metric."""
        return self.finder is not None and self.finder.crowded

    def pairs(self, row: dict[str, Any], context: Any) -> Iterator[tuple[Field, Any]]:
        """Return (field, value) of a row: what is mapped first, then what the payload offers."""
        if self.finder is None:
            return self._mapped(row, context)
        offered = self.finder.pairs(row)
        return chain(self._mapped(row, context), offered) if self.route.fields else offered

    def _mapped(self, row: dict[str, Any], context: Any) -> Iterator[tuple[Field, Any]]:
        source = row if self.route.each is None else context
        for field in self.route.fields:
            if field.aggregate is not None:
                value = field.gather(source)
            else:
                value = source.get(field.key, MISSING) if field.key is not None else find(source, field.path)
            if value is not MISSING and not (field.unless and _skipped(field, row, context)):
                yield field, value

    def fans_out(self, document: Any) -> bool:
        """Whether this message of a route that may spread does: most are one row."""
        if self.route.each is not None or self.route.named is not None:
            return True
        return any(find(document, stem) is not MISSING for stem, _, _ in self.further)


class Plan:
    """One source's way of reading one topic."""

    def __init__(self, source: int, label: str, route: Route, captures: Mapping[str, str], shared: Shared) -> None:
        self.twin = ""
        """The topic that says the same in the unit we keep; the decoder reads that one alone once it came."""
        self.source = source
        self.label = label
        self.route = route
        self._captures = captures
        self._labels = {name: level for name, level in captures.items() if not name.startswith("_")}
        self._bridge = clean(route.bridge.format_map(captures)) if route.bridge else ""
        if self._bridge:
            self._labels["bridge"] = self._bridge
        self._request = route.request.format_map(captures) if route.request else ""
        if self._request.endswith("/keepalive"):
            shared.requests.keep_alive(self._request)
        self._shared = shared
        self._sink = Sink(source, label, shared)
        fixed = route.device_path is None and not route.silent
        self._device = clean(route.device.format_map(captures)) if fixed else ""
        self._reader = Reader(route)
        self._readers: dict[str | None, Reader] = {None: self._reader}
        self._kinds: dict[str | tuple[str, ...], str | None] = {}
        self._chosen = shared.profiles.get(canonical_id(self._device)) or route.profile or None
        self._rows = 0
        self._last = self._reader
        self._entry: Entry | None = None
        self._entries: dict[str | int, Entry] = {}
        self._number = self._number_field() if route.metric or route.namer else None
        self._other = Finder(route, set(), route.other_names) if route.otherwise is not None else None

    @property
    def crowded(self) -> bool:
        """Whether the last message may have given two readings of one series."""
        return self._rows > 1 or self._last.crowded

    @property
    def silent(self) -> bool:
        """Whether messages of this topic are known to hold nothing."""
        return self.route.silent or (self.route.namer is not None and self._number is None)

    def read(self, raw: Raw, out: Decoded) -> None:
        """Append the readings of one message to `out`, and what was refused; never raises for a payload."""
        route = self.route
        self._rows = 0
        document = route.parse(raw.payload, self._shared.limits)
        if route.nested and isinstance(document, dict) and isinstance(document.get(route.nested), str):
            inner = parse_json(document[route.nested].encode("utf-8", "replace"), self._shared.limits)
            document = inner if isinstance(inner, Rejected) else {**document, "object": inner}
        if isinstance(document, Rejected):
            self._sink.refuse(out, raw, document)
        elif route.repeat and self._repeated(document, raw):
            self._sink.refuse(out, raw, Rejected("repeated", "this message came before, under the same id"))
        elif route.dialect is not None:
            self._read_dialect(route.dialect(document, self._captures, self._shared.learned.nodes), document, raw, out)
        elif self._number is not None or route.metric:
            self._read_number(document, raw, out)
        else:
            self._read_object(document, raw, out)

    def _repeated(self, document: Any, raw: Raw) -> bool:
        if len(self.route.repeat) == 1:
            name = find(document, self.route.repeat[0])
            return self._shared.repeats.known(
                self.source, raw, name, self._device if self.route.repeat_of else raw.topic
            )
        parts = [find(document, path) for path in self.route.repeat]
        if not isinstance(parts[-1], str):
            return False  # without the payload itself a frame counter is no id: it starts again with every join
        name = "|".join([str(part)[:64] for part in parts if isinstance(part, str) or _short(part)])
        return self._shared.repeats.known(self.source, raw, name[:128], raw.topic)

    # --- what stands where ------------------------------------------------------------------

    def _read_object(self, document: Any, raw: Raw, out: Decoded) -> None:
        reader = self._reader_of(document) if self.route.profiled or self._chosen else self._reader
        route = reader.route
        self._last = reader
        if route.needs and any(find(find(document, route.rows[0][0]), path) is False for path in route.needs):
            self._sink.refuse(out, raw, Rejected("not_a_measurement", "the device says that this is not valid"))
        elif route.rows[0][1] is None and not (reader.spreads and reader.fans_out(document)):
            path = route.rows[0][0]
            row = find(document, path) if path else document
            if row is MISSING and route.otherwise is not None:
                self._read_dialect(
                    route.otherwise(document, self._captures, self._shared.learned.nodes), document, raw, out
                )
            else:
                self._read_row(reader, row, document, None, raw, out)
        else:
            for row, context, own_time in _rows(reader, document):
                if row is MISSING and route.otherwise is not None:
                    rows = route.otherwise(document, self._captures, self._shared.learned.nodes)
                    self._read_dialect(rows, document, raw, out)
                elif route.named is not None and isinstance(row, dict):
                    for values, named_time in _gather(row, route.named):
                        self._read_row(reader, values, context, named_time, raw, out)
                else:
                    self._read_row(reader, row, context, own_time, raw, out)

    def _reader_of(self, document: Any) -> Reader:
        """Return how this device's payload is read: by the profile chosen, its model, or its keys."""
        name = self._chosen
        if name is None:
            for path in self.route.models:
                model = find(document, path)
                if isinstance(model, str):
                    name = self._kind(model)
                    break
        if name is None:
            row = find(document, self.route.rows[0][0])
            if isinstance(row, dict) and len(row) <= KINDS:
                name = self._kind(tuple(row))
        reader = self._readers.get(name)
        if reader is None:
            profile = load_profiles().known.get(name or "")
            reader = Reader(with_profile(self.route, profile)) if profile is not None else self._reader
            self._readers[name] = reader
        return reader

    def _kind(self, key: str | tuple[str, ...]) -> str | None:
        """Return the profile of a model or of an object's keys."""
        if key not in self._kinds:
            if len(self._kinds) >= KINDS:
                self._kinds.clear()
            profiles = load_profiles()
            self._kinds[key] = profiles.by_model(key) if isinstance(key, str) else profiles.by_keys(frozenset(key))
        return self._kinds[key]

    def _read_row(self, reader: Reader, row: Any, context: Any, own_time: Any, raw: Raw, out: Decoded) -> None:
        if not isinstance(row, dict):
            self._sink.refuse(out, raw, _no_object(row, reader.route.rows[0][0]))
            return
        self._rows += 1
        before = len(out.row) + len(out.rejected)
        entry = self._entry or self._find_entry(context, row)
        if isinstance(entry, Rejected):
            self._sink.refuse(out, raw, entry)
            return
        time, quality = self._time(reader, own_time, context, raw, out)
        if quality == _UNKNOWN and not reader.route.undated and len(out.row) + len(out.rejected) > before:
            return  # the clock was never set, and the row may be from any year
        self._sink.take(reader.pairs(row, context), entry, time, quality, raw, out)
        for field in reader.route.outer:
            outer = find(context, field.path)
            if outer is not MISSING and self._rows == 1:
                self._sink.take(((field, outer),), entry, time, quality, raw, out)
        self._refuse_found(reader.finder, raw, out)
        if len(out.row) + len(out.rejected) == before:
            keys = ", ".join(clean(key)[:32] for key in list(row)[:8]) or "nothing"
            why = Rejected("no_metrics", f"no mapped number among {keys}; see metrics: of the source")
            self._sink.refuse(out, raw, why)

    def _read_dialect(self, rows: Any, document: Any, raw: Raw, out: Decoded) -> None:
        reader = self._reader
        finder = self._other or reader.finder
        assert finder is not None
        for row in rows:
            if isinstance(row, Rejected):
                self._sink.refuse(out, raw, row)
                if row.reason == "unknown_alias" and self._request and not raw.backlog:
                    self._shared.requests.rebirth(self._request, raw.received)
                continue
            self._rows += 1
            entry = self._entry_of(row, document)
            if isinstance(entry, Rejected):
                self._sink.refuse(out, raw, entry)
                continue
            time, quality = self._row_time(reader, row, document, raw, out)
            if self._other is None:
                pairs = reader.pairs(row.values, document if reader.route.each is None else row.values)
            else:
                pairs = finder.pairs(row.values)
            self._sink.take(pairs, entry, time, quality, raw, out)
            self._refuse_found(finder, raw, out)

    def _refuse_found(self, finder: Finder | None, raw: Raw, out: Decoded) -> None:
        if finder is not None and finder.refused:
            for why in finder.refused:
                self._sink.refuse(out, raw, why)
            finder.refused.clear()

    def _number_field(self) -> Field | None:
        """Return the field of a topic that names its metric; None if it holds no measurement."""
        route = self.route
        if route.namer is not None:
            name = route.namer(self._captures)
            if name is None or not name.metric:
                return None
            spec = route.specs.get(name.metric)
            return Field(replace(spec, path="value")) if spec is not None else field_of(name)
        metric = clean(route.metric.format_map(self._captures))
        if not metric:
            return None
        spec = route.specs.get(metric) or replace(route.specs.get("{metric}", Spec(metric)), metric=metric)
        return Field(spec if spec.path else replace(spec, path="value"))

    def _read_number(self, document: Any, raw: Raw, out: Decoded) -> None:
        field = self._number
        value = document
        if field is not None and isinstance(document, dict):
            value = find(document, field.path)
        if field is None or value is MISSING:
            why = Rejected("no_metrics", "no metric in the topic, or no value in the payload")
            self._sink.refuse(out, raw, why)
            return
        if isinstance(value, str) and value.startswith(("{", "[")):
            why = Rejected("not_a_measurement", f"{field.metric}: looks like JSON; format: json?")
            self._sink.refuse(out, raw, why)
            return
        context = document if isinstance(document, dict) else {}
        entry = self._entry or self._find_entry(context, context)
        if isinstance(entry, Rejected):
            self._sink.refuse(out, raw, entry)
            return
        time, quality = self._time(self._reader, None, context, raw, out)
        self._sink.take(((field, value),), entry, time, quality, raw, out)

    # --- device and time --------------------------------------------------------------------

    def _entry_of(self, row: Row, document: Any) -> Entry | Rejected:
        if row.device is None or self._device:
            if row.device is not None and row.device != self._device and self.route.device_path is None:
                return self._entry_by_name(row.device, document)
            return self._entry or self._find_entry(document, document)
        return self._entry_by_name(row.device, document)

    def _find_entry(self, context: Any, row: Any) -> Entry | Rejected:
        route = self.route
        if route.device_path is not None:
            name = find(context, route.device_path)
            return self._entry_by_name(find(row, route.device_path) if name is MISSING else name, context)
        device = self._device
        if route.device_eui is not None:
            inner = eui(find(context, route.device_eui))
            if inner:
                return self._entry_by_name(inner, context)
        entry = self._shared.roster.entry(self.source, device, self._told(device), self._payload_labels(context))
        if isinstance(entry, Entry) and route.device_eui is None:
            self._entry = entry
        return entry

    def _entry_by_name(self, name: Any, context: Any) -> Entry | Rejected:
        if isinstance(name, bool) or not isinstance(name, str | int):
            name = ""
        known = self._entries.get(name)
        if known is not None:
            return known
        labels = self._payload_labels(context)
        device = device_text(name)
        entry = self._shared.roster.entry(self.source, device, self._told(device), labels)
        if isinstance(entry, Entry):
            if len(self._entries) >= ENTRIES:
                self._entries.clear()
            self._entries[name] = entry
        return entry

    def _told(self, device: str) -> dict[str, str]:
        """Return the labels of a device by its topic; the one that others speak through has the role `bridge`."""
        return {**self._labels, "role": "bridge"} if device and device == self._bridge else self._labels

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

    def _row_time(self, reader: Reader, row: Row, document: Any, raw: Raw, out: Decoded) -> tuple[Micros, int]:
        if row.relative:
            own = raw.received + round(row.time * SECOND)
            judged = judge_time(own, raw.received, clock_trusted=self._shared.trusted)
            if judged is None:
                return raw.received, _UNKNOWN
            return own, _RETAINED if raw.retained else int(judged)
        time, quality = self._time(reader, row.time, document, raw, out)
        return time, _LATE if row.late and quality == _LIVE else quality

    def _time(self, reader: Reader, value: Any, context: Any, raw: Raw, out: Decoded) -> tuple[Micros, int]:
        """Return the time of a row's readings and its quality (the table of CONTRACT.md section 3)."""
        shared, route, received = self._shared, reader.route, raw.received
        if (value is None or value is MISSING) and route.time is not None:
            if reader.time_key is not None:
                value = context.get(reader.time_key) if isinstance(context, dict) else None
            else:
                value = find(context, route.time)
            if route.later_time is not None and (value is None or value is MISSING):
                value = find(context, route.later_time)
        if value is not None and value is not MISSING and value != "":
            own = parse_time(value, route.time_format, route.zone, received)
            quality = judge_time(own, received, clock_trusted=shared.trusted)
            if quality is not None:
                return own, _RETAINED if raw.retained else quality
            why = Rejected("bad_time", f"{clean(str(value)[:40])} cannot be: taken as of its arrival")
            self._sink.refuse(out, raw, why)
            late = _UNKNOWN
        else:
            late = _UNKNOWN if raw.backlog else _LIVE
        # Rows of one message have one arrival, but no two readings of a series may share a time.
        arrival = received if received > shared.arrival else shared.arrival + 1
        if reader.spreads or route.dialect is not None:
            shared.arrival = arrival
        return arrival, _RETAINED if raw.retained else late


def _rows(reader: Reader, document: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield (row, where time and device stand, the row's own time or None) of a message that fans out."""
    route, each = reader.route, reader.route.each
    if each is None:
        path, time = route.rows[0]
        row = find(document, path)
        yield row, document, None if time is None else find(row, time)
        for stem, path, time in reader.further:
            if find(document, stem) is not MISSING:
                for row in spread(document, path):
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


def _gather(row: dict[str, Any], named: NamedRows) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield (values by their names, time) of a list of measurements, one for each time in it."""
    groups: dict[Any, dict[str, Any]] = {}
    pending = list(spread(row, named.rows))
    for element in pending:
        for one in element if isinstance(element, list) else (element,):
            if not isinstance(one, dict):
                continue
            time = one.get(named.time, MISSING) if named.time is not None else MISSING
            values = groups.setdefault(time if isinstance(time, str | int | float) else MISSING, {})
            name = one.get(named.name)
            if isinstance(name, str | int) and device_text(name) and named.value in one:
                values[device_text(name)] = one[named.value]
            else:
                values.update((key, inner) for key, inner in one.items() if key != named.time)
    for time, values in groups.items():
        yield values, time


def _short(value: Any) -> bool:
    return type(value) is int and abs(value) < 1 << 64


def _skipped(field: Field, row: Any, context: Any) -> bool:
    return any(find(row, flag) is True or find(context, flag) is True for flag in field.unless)


def _single_key(path: Path | None) -> str | None:
    return path[0] if path is not None and len(path) == 1 and isinstance(path[0], str) else None


def _no_object(row: Any, path: Path) -> Rejected:
    where = ".".join(str(step) for step in path)
    if row is MISSING or row is None:
        return Rejected("no_metrics", f"no {where}: the payload is not decoded; give the device profile a codec")
    if isinstance(row, list):
        return Rejected("not_an_object", "a list of rows: write each: '[*]' on the source")
    return Rejected("not_an_object", "not an object with named values; format: number?")

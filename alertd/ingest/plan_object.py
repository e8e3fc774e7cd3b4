"""The plan of payloads that are objects with named values: one row, or many of them, read by the device's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.formats import parse_json, parse_json_or_text
from alertd.ingest.labels import canonical_id, clean
from alertd.ingest.mapping import with_profile
from alertd.ingest.paths import MISSING, Path, find, getter
from alertd.ingest.patterns.of_object import pattern_of_object
from alertd.ingest.patterns.sketch import Unlike
from alertd.ingest.plan import Plan
from alertd.ingest.profiles import load_profiles
from alertd.ingest.reader import Reader, gather
from alertd.ingest.timing import UNKNOWN
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alertd.ingest.decoder import Decoded
    from alertd.ingest.mapping import Route
    from alertd.ingest.patterns.pattern import Pattern
    from alertd.ingest.profiles import Profile
    from alertd.ingest.roster import Entry
    from alertd.ingest.sink import Shared
    from alertd.seams import Raw

KINDS: Final = 256
"""Models, and sets of keys, whose reader is remembered per topic."""


class ObjectPlan(Plan):
    """Objects with named values."""

    def __init__(
        self, source: int, label: str, route: Route, topic: str, captures: Mapping[str, str], shared: Shared
    ) -> None:
        super().__init__(source, label, route, topic, captures, shared)
        self._chosen = shared.profiles.get(canonical_id(self.whose.device)) or route.profile or None
        self._nested = route.nested
        self._profiled = bool(route.profiled or self._chosen)
        self._models = tuple(getter(path) for path in route.models)
        self._readers: dict[str | None, Reader] = {None: self.reader}
        self._by_model: dict[str, Reader | None] = {}
        self._by_keys: dict[tuple[str, ...], Reader] = {}
        self._other = Reader(route, route.other_names) if route.otherwise is not None else None

    def _pattern(self, document: Any) -> Pattern:
        if self.route.parse is not parse_json and self.route.parse is not parse_json_or_text:
            raise Unlike
        whole = self._unfolded(dict(document)) if self._nested and type(document) is dict else document
        reader, model = self.reader, self._profiled and self._chosen is None
        if self._profiled:
            reader = self._reader_of(whole, self.reader.row(whole))
        return pattern_of_object(self, reader, document, model=model)

    def _read(self, raw: Raw, out: Decoded) -> bool:
        document = self._parse(raw.payload, self.shared.limits)
        if self._nested and type(document) is dict:
            document = self._unfolded(document)
        if type(document) is Rejected:
            self.sink.refuse(out, raw, document)
            return False
        if self._came_before(document, raw, out):
            return False
        reader = self.reader
        row = reader.row(document) if reader.base else document
        if self._profiled:
            reader = self._reader_of(document, row)
        self._rows = 0
        if reader.plain and not (reader.further and reader.fans_out(document)):
            self._read_row(reader, row, document, None, raw, out)
        else:
            self._read_many(reader, document, raw, out)
        return self._rows > 1 or (reader.finder is not None and reader.finder.crowded)

    def _unfolded(self, document: dict[str, Any]) -> Any:
        """Return a message whose object travels as text with the object in its place."""
        text = document.get(self._nested)
        if type(text) is str:
            inner = parse_json(text.encode("utf-8", "replace"), self.shared.limits)
            if type(inner) is Rejected:
                return inner
            document["object"] = inner
        return document

    def _read_many(self, reader: Reader, document: Any, raw: Raw, out: Decoded) -> None:
        """Read a message of many rows, or one that may say itself that it is not valid."""
        route = reader.route
        if route.needs and _invalid(reader, document):
            self.sink.refuse(out, raw, Rejected("not_a_measurement", "the device says that this is not valid"))
            return
        for row, context, own_time in reader.rows(document):
            if route.named is not None and type(row) is dict:
                for values, named_time in gather(row, route.named):
                    self._read_row(reader, values, context, named_time, raw, out)
            else:
                self._read_row(reader, row, context, own_time, raw, out)

    def _reader_of(self, document: Any, row: Any) -> Reader:
        """Return how this device's payload is read: by the profile chosen, its model, or its keys."""
        if self._chosen is not None:
            return self._reader_by(self._chosen)
        reader: Reader | None = None
        for look in self._models:
            model = look(document)
            if type(model) is str:
                if model not in self._by_model:
                    _make_room(self._by_model)
                    name = load_profiles().by_model(model)
                    self._by_model[model] = self._reader_by(name) if name is not None else None
                reader = self._by_model[model]
                break
        if reader is None:
            if type(row) is not dict or len(row) > KINDS:
                return self.reader
            keys = tuple(row)
            reader = self._by_keys.get(keys)
            if reader is None:
                _make_room(self._by_keys)
                reader = self._by_keys[keys] = self._reader_by(load_profiles().by_keys(frozenset(keys)))
        return reader

    def _reader_by(self, name: str | None) -> Reader:
        """Return the reader of a profile; one that is not known, or None, reads as the route says."""
        reader = self._readers.get(name)
        if reader is None:
            profile = load_profiles().known.get(name or "")
            reader = Reader(self._profiled_by(name, profile)) if name and profile is not None else self.reader
            self._readers[name] = reader
        return reader

    def _profiled_by(self, name: str, profile: Profile) -> Route:
        """Return the route with a profile, one for all topics."""
        known = self.shared.profiled
        route = known.get((id(self.route), name))
        if route is None:
            route = known[id(self.route), name] = with_profile(self.route, profile)
        return route

    def _read_row(self, reader: Reader, row: Any, context: Any, own_time: Any, raw: Raw, out: Decoded) -> None:
        sink, route = self.sink, reader.route
        if type(row) is not dict:
            if row is MISSING and self._other is not None:
                assert route.otherwise is not None
                rows = route.otherwise(context, self.captures, self.shared.learned.nodes)
                self._read_rows(rows, self._other, context, raw, out)
            else:
                sink.refuse(out, raw, _no_object(row, route.rows[0][0]))
            return
        self._rows += 1
        entry = self.whose.fixed
        if entry is None:
            found = self.whose.of(context, row)
            if isinstance(found, Rejected):
                sink.refuse(out, raw, found)
                return
            entry = found
        outer = [look(context) for _, look in reader.outer] if reader.outer and self._rows == 1 else ()
        self._take_row(reader, row, context, entry, own_time, outer, raw, out)

    def _take_row(
        self,
        reader: Reader,
        row: dict[str, Any],
        context: Any,
        entry: Entry,
        own_time: Any,
        outer: Sequence[Any],
        raw: Raw,
        out: Decoded,
    ) -> None:
        """Append the readings of a row, and of what the message around it says for all rows (`outer`)."""
        sink, readings, rejected = self.sink, len(out.readings), len(out.rejected)
        time, quality = reader.timing.of(own_time, context, sink, raw, out)
        if quality == UNKNOWN and not reader.route.undated and len(out.rejected) > rejected:
            return  # the clock was never set, and the row may be from any year
        sink.take(reader, row, context, entry, time, quality, raw, out)
        if outer:
            for (field, _), value in zip(reader.outer, outer, strict=False):
                if value is not MISSING:
                    sink.single(field, value, entry, time, quality, raw, out)
        if reader.finder is not None and reader.finder.refused:
            self.refuse_found(reader.finder, raw, out)
        if (
            len(out.readings) == readings
            and len(out.rejected) == rejected
            and not any(key in row for key in reader.past)
        ):
            keys = ", ".join(clean(key)[:32] for key in list(row)[:8]) or "nothing"
            sink.refuse(out, raw, Rejected("no_metrics", f"no mapped number among {keys}; see metrics: of the source"))


def _make_room(kinds: dict[Any, Any]) -> None:
    if len(kinds) >= KINDS:
        kinds.clear()


def _invalid(reader: Reader, document: Any) -> bool:
    row = reader.row(document)
    return any(find(row, path) is False for path in reader.route.needs)


def _no_object(row: Any, path: Path) -> Rejected:
    where = ".".join(str(step) for step in path)
    if where and (row is MISSING or row is None):
        return Rejected("no_metrics", f"no {where}: the payload is not decoded; give the device profile a codec")
    if isinstance(row, list):
        return Rejected("not_an_object", "a list of rows: write each: '[*]' on the source")
    return Rejected("not_an_object", "not an object with named values; format: number?")

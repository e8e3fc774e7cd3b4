"""A plan: how one source reads the messages of one topic. This is the hot path.

Everything a topic decides (device, labels, metric) is looked up once and kept here;
per message there remain a decode, dictionary look-ups and appends. Payloads are of three
kinds: rows that a dialect makes, a single value, and (`plan_object`) objects with named
values. Calls are few, because each costs as much as reading one value.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.auto import field_of
from alertd.ingest.fields import Field
from alertd.ingest.labels import clean
from alertd.ingest.paths import MISSING, find, getter
from alertd.ingest.reader import Reader
from alertd.ingest.shapes import Spec
from alertd.ingest.sink import Sink
from alertd.ingest.whose import Whose
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.auto import Finder
    from alertd.ingest.decoder import Decoded
    from alertd.ingest.mapping import Route
    from alertd.ingest.sink import Shared
    from alertd.model import Micros
    from alertd.seams import Raw


_LONG: Final = 1 << 64
"""No frame counter is a larger number."""


class Plan:
    """One source's way of reading one topic."""

    def __init__(self, source: int, label: str, route: Route, captures: Mapping[str, str], shared: Shared) -> None:
        self.source = source
        self.label = label
        self.route = route
        self._parse = route.parse
        self._captures = captures
        self._shared = shared
        self._sink = Sink(source, label, shared)
        self._whose = Whose(source, route, captures, shared.roster)
        self._request = route.request.format_map(captures) if route.request else ""
        if self._request.endswith("/keepalive"):
            shared.requests.keep_alive(self._request)
        self._reader = Reader(route)
        self._repeat = tuple(getter(path) for path in route.repeat)
        self._repeat_of = self._whose.device if route.repeat_of else ""
        self._rows = 0

    def read(self, raw: Raw, out: Decoded) -> bool:
        """Append the readings of one message to `out`, and what was refused; never raises for a payload.

        True: the message may have given two readings of one series.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what is in hand of a message that could not be read to its end."""
        self._sink.forget()
        if self._reader.finder is not None:
            self._reader.finder.refused.clear()

    def _repeated(self, parts: tuple[Any, ...], raw: Raw, out: Decoded) -> bool:
        """Refuse a message that came before, under the same id."""
        name = parts[-1]
        if len(parts) > 1:
            if type(name) is not str:
                return False  # without the payload itself a frame counter is no id: it starts again with every join
            name = ""
            for part in parts:
                if type(part) is str:
                    name += f"|{part[:64]}"
                elif type(part) is int and -_LONG < part < _LONG:
                    name += f"|{part}"
            name = name[1:129]
        if not self._shared.repeats.known(self.source, raw, name, self._repeat_of or raw.topic):
            return False
        self._sink.refuse(out, raw, Rejected("repeated", "this message came before, under the same id"))
        return True

    def _read_rows(self, rows: Any, reader: Reader, document: Any, raw: Raw, out: Decoded) -> bool:
        """Append the readings of what a dialect found; the reader knows its names.

        True: there may be two readings of one series and time.
        """
        whose, timing, sink, finder = self._whose, self._reader.timing, self._sink, reader.finder
        moments: set[tuple[str, Micros]] = set()
        for row in rows:
            if type(row) is Rejected:
                sink.refuse(out, raw, row)
                if row.reason == "unknown_alias" and self._request and not raw.backlog:
                    self._shared.requests.rebirth(self._request, raw.received)
                continue
            self._rows += 1
            entry = whose.fixed if row.device is None else None
            if entry is None:
                found = whose.of_row(row, document)
                if isinstance(found, Rejected):
                    sink.refuse(out, raw, found)
                    continue
                entry = found
            if row.relative or row.late:
                time, quality = timing.of_row(row, document, sink, raw, out)
            else:
                time, quality = timing.of(row.time, document, sink, raw, out)
            moments.add(((entry.at(time) if entry.turns else entry).device, time))
            sink.take(reader, row.values, document, entry, time, quality, raw, out)
            if finder is not None and finder.refused:
                self._refuse_found(finder, raw, out)
        return self._rows > len(moments) or (finder is not None and finder.crowded)

    def _refuse_found(self, finder: Finder, raw: Raw, out: Decoded) -> None:
        for why in finder.refused:
            self._sink.refuse(out, raw, why)
        finder.refused.clear()


class DialectPlan(Plan):
    """Rows of named values, each perhaps with a device and a time of its own."""

    def read(self, raw: Raw, out: Decoded) -> bool:
        """Append the readings of one message."""
        document = self._parse(raw.payload, self._shared.limits)
        if type(document) is Rejected:
            self._sink.refuse(out, raw, document)
            return False
        if self._repeat and self._repeated(tuple([look(document) for look in self._repeat]), raw, out):
            return False
        self._rows = 0
        assert self.route.dialect is not None
        rows = self.route.dialect(document, self._captures, self._shared.learned.nodes)
        return self._read_rows(rows, self._reader, document, raw, out)


class ValuePlan(Plan):
    """One value whose meaning the topic knows: a number or a word alone, or at a path."""

    def __init__(self, source: int, label: str, route: Route, captures: Mapping[str, str], shared: Shared) -> None:
        super().__init__(source, label, route, captures, shared)
        self._field = _field_of_topic(route, captures)
        self._silent = route.namer is not None and self._field is None

    def read(self, raw: Raw, out: Decoded) -> bool:
        """Append the reading of one message."""
        field, sink = self._field, self._sink
        value = context = self._parse(raw.payload, self._shared.limits)
        kind = type(value)
        if kind is dict and field is not None:
            value = find(context, field.path)
        elif kind is Rejected:
            if not self._silent:
                sink.refuse(out, raw, value)
            return False
        if field is None or value is MISSING:
            if not self._silent:
                sink.refuse(out, raw, Rejected("no_metrics", "no metric in the topic, or no value in the payload"))
            return False
        if type(value) is str and value[:1] in ("{", "["):
            sink.refuse(out, raw, Rejected("not_a_measurement", f"{field.metric}: looks like JSON; format: json?"))
            return False
        if kind is not dict:
            context = {}
        entry = self._whose.fixed
        if entry is None:
            found = self._whose.of(context, context)
            if isinstance(found, Rejected):
                sink.refuse(out, raw, found)
                return False
            entry = found
        time, quality = self._reader.timing.of(None, context, sink, raw, out)
        sink.single(field, value, entry, time, quality, raw, out)
        return False


class SilentPlan(Plan):
    """Topics that are known to hold no measurement."""

    def read(self, _raw: Raw, _out: Decoded) -> bool:
        """Leave the message alone."""
        return False


class Twin(Plan):
    """A topic that says the same as another one in the unit we keep: read until that one came."""

    def __init__(self, plan: Plan, other: str, known: Mapping[str, object]) -> None:
        self.source, self.label = plan.source, plan.label
        self._plan, self._other, self._known = plan, other, known

    def read(self, raw: Raw, out: Decoded) -> bool:
        """Append the readings of one message unless the other topic is there."""
        return self._other not in self._known and self._plan.read(raw, out)

    def forget(self) -> None:
        """Drop what is in hand of a message that could not be read to its end."""
        self._plan.forget()


def _field_of_topic(route: Route, captures: Mapping[str, str]) -> Field | None:
    """Return the field of a topic that names its metric; None if it holds no measurement."""
    if route.namer is not None:
        name = route.namer(captures)
        if name is None or not name.metric:
            return None
        spec = route.specs.get(name.metric)
        return Field(replace(spec, path="value")) if spec is not None else field_of(name)
    metric = clean(route.metric.format_map(captures))
    if not metric:
        return None
    spec = route.specs.get(metric) or replace(route.specs.get("{metric}", Spec(metric)), metric=metric)
    return Field(spec if spec.path else replace(spec, path="value"))

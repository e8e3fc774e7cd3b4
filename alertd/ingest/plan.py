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
from alertd.ingest.dialects.hubs import read_ultralight
from alertd.ingest.dialects.ruuvi import read_ruuvi
from alertd.ingest.dialects.senml import read_senml
from alertd.ingest.fields import Field
from alertd.ingest.labels import clean
from alertd.ingest.paths import MISSING, find, getter
from alertd.ingest.patterns.of_rows import pattern_of_rows
from alertd.ingest.patterns.of_ruuvi import pattern_of_ruuvi
from alertd.ingest.patterns.of_senml import pattern_of_senml
from alertd.ingest.patterns.of_ultralight import pattern_of_ultralight
from alertd.ingest.patterns.sketch import Unlike
from alertd.ingest.reader import Reader
from alertd.ingest.repeats import name_of
from alertd.ingest.shapes import Spec
from alertd.ingest.sink import Sink
from alertd.ingest.whose import Whose
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alertd.ingest.auto import Finder
    from alertd.ingest.decoder import Decoded
    from alertd.ingest.dialects import Dialect
    from alertd.ingest.mapping import Route
    from alertd.ingest.patterns.pattern import Pattern
    from alertd.ingest.patterns.written import Read
    from alertd.ingest.sink import Shared
    from alertd.model import Micros
    from alertd.seams import Raw


_PATTERNS: Final[dict[Dialect | None, Callable[[Plan, Reader, Any], Pattern]]] = {
    read_ruuvi: pattern_of_ruuvi,
    read_senml: pattern_of_senml,
    read_ultralight: pattern_of_ultralight,
}
"""What finds the pattern of a message whose dialect is not `steady`."""


TRUST: Final = 16
"""By so many messages of no pattern may a sender be ahead of those that are of one."""

PAUSE: Final = 256
"""Then no pattern is tried for so many messages."""

PACE: Final = 10_000
"""Microseconds between two messages that are learned of. To learn takes 0.2 ms where others are alike, and 5 ms of a
message that nobody sent before: whoever makes up new ones must not keep us busy."""


def _nothing(_raw: Raw, _out: Decoded) -> bool | None:
    """Leave every message alone."""
    return None


class Plan:
    """One source's way of reading one topic."""

    def __init__(
        self, source: int, label: str, route: Route, topic: str, captures: Mapping[str, str], shared: Shared
    ) -> None:
        self.source = source
        self.label = label
        self.route = route
        self.topic = topic
        self._parse = route.parse
        self.captures = captures
        self.shared = shared
        self.sink = Sink(source, label, shared)
        self.whose = Whose(source, route, captures, shared.roster)
        self._request = route.request.format_map(captures) if route.request else ""
        if self._request.endswith("/keepalive"):
            shared.requests.keep_alive(self._request)
        self.reader = Reader(route)
        self._repeat = tuple(getter(path) for path in route.repeat)
        self.owner = (self.whose.device if route.repeat_of else "") or topic
        """Whose ids of messages are told apart by: the device's, if several topics may bring one of them."""
        self._rows = 0
        self.quick: Read = _nothing
        """Reads a message like the last one; None: it is unlike it, and `read` is to be asked."""
        self._patterns: list[Pattern] = []
        self._trust = TRUST
        self._pause = 0
        self._unlike = 0
        """Messages of no pattern, since what is known of the keys changed."""
        self._due = 2
        """By so many of them it is time to learn of one."""

    def read(self, raw: Raw, out: Decoded) -> bool:
        """Append the readings of one message to `out`, and what was refused; never raises for a payload.

        True: the message may have given two readings of one series.
        """
        if self._pause:
            self._pause -= 1
            return self._read(raw, out)
        for pattern in self._patterns:
            crowded = pattern.read(raw, out) if pattern.read is not self.quick else None
            if crowded is not None:
                self.quick = pattern.read
                self._trust = min(self._trust + 1, TRUST)
                return crowded
        self.quick = _nothing
        crowded = self._read(raw, out)
        if self._patterns:
            self._doubt()
        self._unlike += 1
        if self._unlike >= self._due and raw.received >= self.shared.learn_from and self.shared.patterns:
            self._due, self.shared.learn_from = (
                2 * self._unlike,
                raw.received + PACE,
            )  # ever more rarely, and each in turn
            self._learn(raw)
        return crowded

    def _doubt(self) -> None:
        """Take note of a message of no pattern: where most are, to try costs more than it saves."""
        fresh = [pattern for pattern in self._patterns if not pattern.stale]
        if len(fresh) < len(self._patterns):
            self._patterns, self._unlike, self._due = fresh, 0, 2
        self._trust -= 1
        if self._trust < 0:
            self._trust, self._pause = TRUST // 2, PAUSE

    def _read(self, raw: Raw, out: Decoded) -> bool:
        """Read a message whatever it is like."""
        raise NotImplementedError

    def _pattern(self, _document: Any) -> Pattern:
        """Return what messages like this one have in common.

        Raises:
            Unlike: nothing.
        """
        raise Unlike

    def _learn(self, raw: Raw) -> None:
        """Remember what messages like this one, which was read just now, have in common."""
        try:
            pattern = self._pattern(self._parse(raw.payload, self.shared.limits))
        except Unlike:
            return
        if pattern.fits(raw.payload):
            self._patterns = [pattern, *self._patterns[: self.shared.patterns - 1]]
            self.quick = pattern.read

    def written(self) -> list[str]:
        """Return the functions written for its messages, the newest first."""
        return [pattern.source for pattern in self._patterns]

    def forget(self) -> None:
        """Drop what is in hand of a message that could not be read to its end."""
        self.sink.forget()
        if self.reader.finder is not None:
            self.reader.finder.refused.clear()

    def refuse_repeat(self, raw: Raw, out: Decoded) -> None:
        """Refuse a message that came before."""
        self.sink.refuse(out, raw, Rejected("repeated", "this message came before, under the same id"))

    def _came_before(self, document: Any, raw: Raw, out: Decoded) -> bool:
        name = name_of(tuple([look(document) for look in self._repeat])) if self._repeat else ()
        if not name or not self.shared.repeats.known(self.source, raw, name, self.owner):
            return False
        self.refuse_repeat(raw, out)
        return True

    def _read_rows(self, rows: Any, reader: Reader, document: Any, raw: Raw, out: Decoded) -> bool:
        """Append the readings of what a dialect found; the reader knows its names.

        True: there may be two readings of one series and time.
        """
        whose, timing, sink, finder = self.whose, self.reader.timing, self.sink, reader.finder
        moments: set[tuple[str, Micros]] = set()
        for row in rows:
            if type(row) is Rejected:
                sink.refuse(out, raw, row)
                if row.reason == "unknown_alias" and self._request and not raw.backlog:
                    self.shared.requests.rebirth(self._request, raw.received)
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
                self.refuse_found(finder, raw, out)
        return self._rows > len(moments) or (finder is not None and finder.crowded)

    def refuse_found(self, finder: Finder, raw: Raw, out: Decoded) -> None:
        """Refuse what is wrong without belonging to a field."""
        for why in finder.refused:
            self.sink.refuse(out, raw, why)
        finder.refused.clear()


class DialectPlan(Plan):
    """Rows of named values, each perhaps with a device and a time of its own."""

    def _pattern(self, document: Any) -> Pattern:
        make = _PATTERNS.get(self.route.dialect, pattern_of_rows if self.route.steady else None)
        if make is None:
            raise Unlike
        return make(self, self.reader, document)

    def _read(self, raw: Raw, out: Decoded) -> bool:
        document = self._parse(raw.payload, self.shared.limits)
        if type(document) is Rejected:
            self.sink.refuse(out, raw, document)
            return False
        if self._came_before(document, raw, out):
            return False
        self._rows = 0
        assert self.route.dialect is not None
        rows = self.route.dialect(document, self.captures, self.shared.learned.nodes)
        return self._read_rows(rows, self.reader, document, raw, out)


class ValuePlan(Plan):
    """One value whose meaning the topic knows: a number or a word alone, or at a path."""

    def __init__(
        self, source: int, label: str, route: Route, topic: str, captures: Mapping[str, str], shared: Shared
    ) -> None:
        super().__init__(source, label, route, topic, captures, shared)
        self._field = _field_of_topic(route, captures)
        self._silent = route.namer is not None and self._field is None
        self.quick = self.read

    def read(self, raw: Raw, out: Decoded) -> bool:
        """Append the reading of one message."""
        field, sink = self._field, self.sink
        value = context = self._parse(raw.payload, self.shared.limits)
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
        entry = self.whose.fixed
        if entry is None:
            found = self.whose.of(context, context)
            if isinstance(found, Rejected):
                sink.refuse(out, raw, found)
                return False
            entry = found
        time, quality = self.reader.timing.of(None, context, sink, raw, out)
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
        self.source, self.label, self.quick = plan.source, plan.label, _nothing
        self._plan, self._other, self._known = plan, other, known

    def read(self, raw: Raw, out: Decoded) -> bool:
        """Append the readings of one message unless the other topic is there."""
        return self._other not in self._known and self._plan.read(raw, out)

    def forget(self) -> None:
        """Drop what is in hand of a message that could not be read to its end."""
        self._plan.forget()

    def written(self) -> list[str]:
        """Return the functions written for its messages."""
        return self._plan.written()


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

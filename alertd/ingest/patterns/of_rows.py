"""The pattern of a message that a dialect takes apart: found out by looking where the values went.

The dialect is asked again with every number and text of the message replaced by an equal one
that is known again; what comes out says from where. That is enough for the dialects in
STEADY: which rows they make, and how things are called in them, depends on keys, texts and
truth values alone, never on how large a number is. Texts that did not come out may have
steered the dialect: they must be the same in a message of the pattern. Of truth values it is
tried what each does.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from alertd.ingest.paths import MISSING, find
from alertd.ingest.patterns.line import Line
from alertd.ingest.patterns.message_type import Leaf, codec_of
from alertd.ingest.patterns.ops import ops_of
from alertd.ingest.patterns.pattern import Layout, Pattern
from alertd.ingest.patterns.sketch import MOST, NUMBER, Unlike, draw
from alertd.model import Rejected

if TYPE_CHECKING:
    from alertd.ingest.dialects import Row
    from alertd.ingest.mapping import Route
    from alertd.ingest.paths import Path
    from alertd.ingest.patterns.line import Op
    from alertd.ingest.plan import Plan
    from alertd.ingest.reader import Reader
    from alertd.ingest.roster import Entry

_SHORTEST: Final = 2
"""Python keeps one copy of each shorter text: two of them cannot be told apart."""

_EXACT: Final = 1 << 53
"""Whole numbers up to here are floats without loss, and beyond nothing is measured."""

_FLAGS: Final = 16
"""Truth values that are tried out; a message with more is read the general way."""

_LIKE: Final = {str: Leaf(str), int: NUMBER, float: NUMBER, bool: Leaf(bool), NoneType: Leaf(NoneType)}


@dataclass(frozen=True, slots=True)
class _Said:
    """A value of a row that stands at no place of the message that is known."""

    value: object


_Form: TypeAlias = "list[tuple[Row, dict[str, Path | _Said]]]"
"""Rows, and where each of their values stands in the message."""


class _Marked:
    """A copy of a document whose numbers and texts are known again: `places` has their path by identity."""

    def __init__(self, document: Any, flipped: Path | None = None) -> None:
        self.places: dict[int, Path] = {}
        self.scalars: dict[Path, Any] = {}
        self._flipped = flipped
        self.document = self._copy(document, ())

    def _copy(self, value: Any, path: Path) -> Any:
        kind = type(value)
        if kind is dict:
            return {key: self._copy(inner, (*path, key)) for key, inner in value.items()}
        if kind is list:
            return [self._copy(inner, (*path, place)) for place, inner in enumerate(value)]
        copy = value
        if kind is str and len(value) >= _SHORTEST:
            copy = "".join([value[:1], value[1:]])
        elif kind is float:
            copy = value * 1.0
        elif kind is int:
            if abs(value) > _EXACT:
                raise Unlike
            copy = float(value)
        elif kind is bool:
            copy = value is not (path == self._flipped)
        if kind is not bool and copy is not value:
            self.places[id(copy)] = path
        self.scalars[path] = copy
        return copy


def pattern_of_rows(plan: Plan, reader: Reader, document: Any) -> Pattern:
    """Return the pattern of a message that was read by the route's dialect.

    Raises:
        Unlike: it has none.
    """
    route = plan.route
    asked = route.device_path, route.device_eui, route.later_time
    if any(path is not None for path in asked) or route.repeat or not isinstance(document, (dict, list)):
        raise Unlike
    marked = _Marked(document)
    form = _form(plan, marked)
    if not form or len(marked.scalars) > MOST:
        raise Unlike
    guards = _flags(plan, document, marked, form)
    leaves = {path: _LIKE[type(value)] for path, value in marked.scalars.items()}
    read: set[Path] = set()
    lines: list[Line] = []
    values: list[Path] = []
    for row, stands in form:
        ops: list[Op] = []
        for op, leaf, key in ops_of(reader, {key: _value(document, where) for key, where in stands.items()}):
            where = stands.get(str(key[0])) if len(key) == 1 else None
            if isinstance(where, tuple):
                read.add(where)
                if op is not None:
                    ops.append(op)
                    values.append(where)
                    leaves[where] = leaf if leaf.kind is float else leaves[where]
            elif op is not None and where != _Said(None):
                raise Unlike
        lines.append(Line(_entry(plan, row, document), tuple(ops)))
    times = [_time(route, row, document, marked) for row, _ in form]
    devices = {id(row.device) for row, _ in form}
    guards |= {path for path, value in marked.scalars.items() if type(value) is str and path not in (*read, *times)}
    guards |= {path for mark, path in marked.places.items() if mark in devices}
    layout = Layout(
        codec=codec_of(draw(document, leaves).node()),
        guards=tuple((path, find(document, path)) for path in marked.scalars if path in guards),
        times=tuple(() if time is None else (time,) for time in times),
        full=any(time is not None and reader.timing.is_full(find(document, time)) for time in times),
        values=tuple(values),
    )
    return Pattern(plan, reader, tuple(lines), layout)


def _form(plan: Plan, marked: _Marked) -> _Form:
    """Ask the dialect, and see where everything comes from."""
    assert plan.route.dialect is not None
    form: _Form = []
    for row in plan.route.dialect(marked.document, plan.captures, plan.shared.learned.nodes):
        if isinstance(row, Rejected) or row.late or row.relative or not row.steady:
            raise Unlike
        form.append((row, {key: marked.places.get(id(value)) or _Said(value) for key, value in row.values.items()}))
    return form


def _flags(plan: Plan, document: Any, marked: _Marked, form: _Form) -> set[Path]:
    """Return the truth values that steer; where one comes out as a value, write into the form where it stands."""
    flags = [path for path, value in marked.scalars.items() if type(value) is bool]
    if len(flags) > _FLAGS:
        raise Unlike
    steering: set[Path] = set()
    said = [stands.copy() for _, stands in form]
    for path in flags:
        try:
            other = _form(plan, _Marked(document, path))
        except Unlike:
            other = []
        if [(row.device, list(stands)) for row, stands in form] != [(row.device, list(one)) for row, one in other]:
            steering.add(path)
            continue
        changed = [
            (number, key)
            for number, (_, stands) in enumerate(other)
            for key, where in stands.items()
            if where != said[number][key]
        ]
        if len(changed) > 1:
            steering.add(path)
        elif changed:
            (number, key) = changed[0]
            form[number][1][key] = path
    return steering


def _value(document: Any, where: Path | _Said) -> Any:
    return where.value if isinstance(where, _Said) else find(document, where)


def _entry(plan: Plan, row: Row, document: Any) -> Entry | None:
    """Return the device of a row, None where it is the topic's."""
    if row.device is None:
        return None
    entry = plan.whose.of_row(row, document)
    if isinstance(entry, Rejected):
        raise Unlike
    return entry


def _time(route: Route, row: Row, document: Any, marked: _Marked) -> Path | None:
    """Return where the time of a row stands: its own, or else the message's."""
    if row.time is not MISSING and row.time is not None:
        where = marked.places.get(id(row.time))
        if where is None:
            raise Unlike
        return where
    time = find(document, route.time) if route.time is not None else None
    return route.time if time is not MISSING and time is not None else None

"""The pattern of a SenML pack: the same names and units, other numbers and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects import Row
from alertd.ingest.dialects.senml import RELATIVE, REMEMBERED, UNITS, split_name
from alertd.ingest.patterns.line import Line
from alertd.ingest.patterns.message_type import Leaf, codec_of
from alertd.ingest.patterns.ops import op_of, op_of_number
from alertd.ingest.patterns.pattern import Layout, Pattern
from alertd.ingest.patterns.sketch import MOST, Unlike, draw
from alertd.ingest.patterns.written import NUMBERS
from alertd.model import Rejected

if TYPE_CHECKING:
    from alertd.ingest.fields import Field
    from alertd.ingest.paths import Path
    from alertd.ingest.patterns.line import Op
    from alertd.ingest.plan import Plan
    from alertd.ingest.reader import Reader
    from alertd.ingest.roster import Entry

_NUMBER: Final = Leaf(float, -float(1 << 53), float(1 << 53))
"""A time that is as exact as a float; microseconds are."""

_NAME: Final = Leaf(str)
_LEAVES: Final = {
    **dict.fromkeys(("bn", "bu", "n", "u"), _NAME),
    **dict.fromkeys(("bt", "t", "v"), _NUMBER),
    "vb": Leaf(bool),
}
"""Keys whose part in a record is known here; a pack with others is read the general way, with a base value too."""

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    key: (str,) if leaf is _NAME else (bool,) if key == "vb" else (int, float) for key, leaf in _LEAVES.items()
}


def pattern_of_senml(plan: Plan, reader: Reader, document: Any) -> Pattern:
    """Return the pattern of a pack of numbers and truth values, each series once.

    Raises:
        Unlike: it has none.
    """
    route, finder = plan.route, reader.finder
    if (
        type(document) is not list
        or len(document) > MOST
        or reader.mapped
        or finder is None
        or route.device_path is not None
    ):
        raise Unlike
    bn: str = ""
    bu: str = ""
    bt: tuple[Path, ...] = ()
    leaves: dict[Path, Leaf] = {}
    guards: list[tuple[Path, Any]] = []
    groups: dict[tuple[str, tuple[Path, ...]], list[tuple[Op, Path]]] = {}
    series: set[tuple[str, str]] = set()
    for place, record in enumerate(document):
        if type(record) is not dict or not record.keys() <= _LEAVES.keys():
            raise Unlike
        for key, value in record.items():
            path = (place, key)
            leaf = _LEAVES[key]
            if type(value) not in _KINDS[key]:
                raise Unlike
            leaves[path] = leaf
            if leaf is _NAME:
                guards.append((path, value))
        bn = record.get("bn", bn)
        bu = record.get("bu", bu)
        bt = ((place, "bt"),) if "bt" in record else bt
        taken = [key for key in ("v", "vb") if key in record]
        if not taken:
            continue
        n: str = record.get("n", "")
        unit: str = record.get("u", bu)
        if len(taken) > 1 or len(bn) + len(n) + len(unit) > REMEMBERED:
            raise Unlike
        device, metric = split_name(bn, n, unit)
        field = finder.fields.get(metric)
        if field is None or field.beside or (device, metric) in series:
            raise Unlike
        series.add((device, metric))
        op, leaf = _op(field, record[taken[0]], UNITS.get(unit, unit))
        leaves[place, taken[0]] = leaf
        time = (*bt, (place, "t")) if "t" in record else bt
        groups.setdefault((device, time), []).append((op, (place, taken[0])))
    if not groups:
        raise Unlike
    layout = Layout(
        codec=codec_of(draw(document, leaves).node()),
        guards=tuple(guards),
        times=tuple(time for _, time in groups),
        since=RELATIVE,
        values=tuple(path for found in groups.values() for _, path in found),
    )
    lines = [
        Line(_entry(plan, device, document), tuple(op for op, _ in found)) for (device, _), found in groups.items()
    ]
    return Pattern(plan, reader, tuple(lines), layout)


def _op(field: Field, value: Any, unit: str) -> tuple[Op, Leaf]:
    """Return what is done with the value of a record, and how it must be."""
    if type(value) is bool or not unit:
        return op_of(field, value)
    if unit not in field.scales or not (field.linear and field.free):
        raise Unlike
    op, leaf = op_of_number(field, value, *field.scales[unit])
    if op.kind not in NUMBERS:
        raise Unlike
    return op, leaf


def _entry(plan: Plan, device: str, document: Any) -> Entry:
    entry = plan.whose.of_row(Row({}, device=device), document)
    if isinstance(entry, Rejected):
        raise Unlike
    return entry

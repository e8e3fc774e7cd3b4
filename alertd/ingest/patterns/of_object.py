"""The pattern of an object with named values: one row, whose message says around it what the route asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from alertd.ingest.formats import parse_json
from alertd.ingest.paths import MISSING, Path, find
from alertd.ingest.patterns.line import Line
from alertd.ingest.patterns.message_type import Leaf, codec_of
from alertd.ingest.patterns.ops import ops_of
from alertd.ingest.patterns.pattern import Layout, Pattern
from alertd.ingest.patterns.sketch import NUMBER, SOFT, THERE, Sketch, Unlike, draw
from alertd.ingest.patterns.written import NUMBERS
from alertd.ingest.repeats import LARGEST, LONGEST, name_of, said

if TYPE_CHECKING:
    from alertd.ingest.mapping import Route
    from alertd.ingest.plan import Plan
    from alertd.ingest.reader import Reader


_TEXT: Final = Leaf(Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)])
_COUNT: Final = Leaf(Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)])
"""Parts of an id as `name_of` leaves them."""


def pattern_of_object(plan: Plan, reader: Reader, document: Any, *, model: bool) -> Pattern:
    """Return the pattern of a message that `reader` has read; with `model` it was chosen by what the message says.

    Raises:
        Unlike: it has none.
    """
    route = reader.route
    if not reader.simple or type(document) is not dict:
        raise Unlike
    text = document.get(route.nested) if route.nested else None
    inner = parse_json(text.encode("utf-8", "replace"), plan.shared.limits) if type(text) is str else None
    row = find(document, reader.base) if inner is None else inner
    if type(row) is not dict or any(key in row for key in reader.past):
        raise Unlike
    found = ops_of(reader, row, inside=True)
    if not any(op is not None and (op.kind in NUMBERS or leaf is NUMBER) for op, leaf, _ in found):
        raise Unlike  # of a message that may turn out to say nothing it has to be told why
    leaves: dict[Path, Leaf] = {}
    for op, leaf, path in found:  # what is mapped comes first; the finder leaves its key alone
        if leaves.setdefault(path, leaf) != leaf and op is not None:
            raise Unlike
    dated = route.rows[0][1]
    if dated is not None:  # the row says itself when it was
        taken = [path for op, _, path in found if op is not None or path != dated]
        if inner is not None or find(row, dated) is MISSING or any(dated[: len(path)] == path for path in taken):
            raise Unlike
        leaves[dated] = THERE
    drawn = draw(row, leaves)
    root = Sketch() if inner is not None or reader.base else drawn
    if inner is not None:
        root.put((route.nested,), Leaf(str))
    elif reader.base:
        root.put(reader.base, drawn)

    def put(path: Path | None, leaf: Leaf = SOFT) -> Path | None:
        if path is None or (inner is not None and path[: len(reader.base)] == reader.base):
            return None
        return root.put(path, leaf)

    ids, silent = _ids(route, document)
    guards = [*silent, *(route.models if model else ()), *([(route.nested,)] if route.nested and inner is None else [])]
    device = route.device_path or route.device_eui
    prefix = () if inner is not None else reader.base
    time = put(route.time if dated is None else prefix + dated)
    layout = Layout(
        guards=tuple((there, find(document, there)) for path in guards if (there := put(path)) is not None),
        device=put(device),
        ids=tuple(there for path, leaf in ids if (there := put(path, leaf)) is not None),
        times=(() if time is None else (time,),),
        full=time is not None and reader.timing.is_full(find(document, time)),
        later=put(route.later_time) if dated is None else None,
        outer=tuple((field, there) for field in route.outer if (there := put(field.path)) is not None),
        values=tuple(prefix + path for op, _, path in found if op is not None),
        text=(route.nested,) if inner is not None else None,
        inner=codec_of(drawn.node()) if inner is not None else None,
        deep=root.deep or drawn.deep,
        codec=codec_of(root.node()),
    )
    if not set(layout.values) <= (layout.inner or layout.codec).at.keys():
        raise Unlike  # one stands inside of what another takes whole
    return Pattern(plan, reader, (Line(None, tuple(op for op, _, _ in found if op is not None)),), layout)


def _ids(route: Route, document: Any) -> tuple[list[tuple[Path, Leaf]], list[Path]]:
    """Return where the parts of a message's id stand, each as it must be, and those that say nothing."""
    parts = [(path, find(document, path)) for path in route.repeat]
    if not parts or not name_of(tuple(value for _, value in parts)):
        return [], [path for path, _ in parts]
    told = [(path, _TEXT if type(value) is str else _COUNT) for path, value in parts if said(value)]
    return told, [path for path, value in parts if not said(value)]

"""The pattern of a Ruuvi advertisement: what counts are 24 bytes, the message around them says when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from alertd.ingest.dialects.ruuvi import MEASURED, read_advertisement
from alertd.ingest.patterns.line import Line
from alertd.ingest.patterns.message_type import Codec, Leaf, codec_of
from alertd.ingest.patterns.ops import ops_of
from alertd.ingest.patterns.pattern import Layout, Pattern
from alertd.ingest.patterns.sketch import SOFT, Sketch, Unlike
from alertd.ingest.patterns.written import PLAIN, RANGED
from alertd.ingest.repeats import LONGEST, name_of

if TYPE_CHECKING:
    from alertd.ingest.plan import Plan
    from alertd.ingest.reader import Reader

_DATA: Final = ("data",)
_HEX: Final = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]


def pattern_of_ruuvi(plan: Plan, reader: Reader, document: Any) -> Pattern:
    """Return the pattern of messages with an advertisement in which the same was measured.

    Raises:
        Unlike: it has none.
    """
    text = document.get("data") if type(document) is dict else None
    if type(text) is not str or (plan.route.repeat and not name_of((text,))):
        raise Unlike
    try:
        told = read_advertisement(text)
    except ValueError:
        raise Unlike from None

    def decode(text: str) -> dict[str, float]:
        values = read_advertisement(text)
        if len(values) != len(told) or (len(told) < MEASURED and values.keys() != told.keys()):
            raise ValueError("something else was measured")
        return values

    found = [(op, path) for op, _, path in ops_of(reader, told) if op is not None]
    if reader.mapped:
        raise Unlike
    ops = tuple(
        op._replace(kind=RANGED, fact=(op.field.low, op.field.high)) if op.kind == PLAIN and op.field else op
        for op, _ in found
    )
    root = Sketch()
    root.put(_DATA, Leaf(_HEX))
    time = root.put(plan.route.time, SOFT) if plan.route.time is not None else None
    layout = Layout(
        codec=codec_of(root.node()),
        text=_DATA,
        inner=Codec(decode, {(key,): f"['{key}']" for key in told}),
        ids=(_DATA,) if plan.route.repeat else (),
        times=(() if time is None else (time,),),
        values=tuple((str(path[0]),) for _, path in found),
        deep=True,
    )
    return Pattern(plan, reader, (Line(None, ops),), layout)

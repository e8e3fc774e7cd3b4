"""The pattern of UltraLight: `t|15.5|h|80` with the same keys in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alertd.ingest.formats import bare_text
from alertd.ingest.patterns.line import Line
from alertd.ingest.patterns.message_type import Codec
from alertd.ingest.patterns.of_rows import pattern_of_rows
from alertd.ingest.patterns.ops import ops_of
from alertd.ingest.patterns.pattern import Layout, Pattern
from alertd.ingest.patterns.sketch import MOST, Unlike

if TYPE_CHECKING:
    from alertd.ingest.paths import Path
    from alertd.ingest.plan import Plan
    from alertd.ingest.reader import Reader


def pattern_of_ultralight(plan: Plan, reader: Reader, document: Any) -> Pattern:
    """Return the pattern of one group of keys and values, perhaps behind their time; of JSON that of its object.

    Raises:
        Unlike: it has none.
    """
    if type(document) is not str:
        return pattern_of_rows(plan, reader, document)
    parts = document.split("|")
    first = len(parts) % 2
    keys = parts[first::2]
    strange = len(set(keys)) < len(keys) or "TimeInstant" in keys or any(key != key.strip() for key in keys)
    if not keys or strange or "#" in document or len(parts) > MOST or reader.mapped:
        raise Unlike

    def decode(payload: bytes) -> list[str]:
        text = bare_text(payload)
        told = text.split("|")
        if told[first::2] != keys or len(told) != len(parts) or "#" in text or text[0] in "{[":
            raise ValueError("other keys")
        return told

    found = [(op, path) for op, _, path in ops_of(reader, dict(zip(keys, parts[first + 1 :: 2], strict=True))) if op]
    places: dict[Path, str] = {(key,): f"[{first + 2 * number + 1}]" for number, key in enumerate(keys)}
    layout = Layout(
        codec=Codec(decode, {**places, (): "[0]"}),
        times=(((),) if first else (),),
        values=tuple((str(path[0]),) for _, path in found),
    )
    return Pattern(plan, reader, (Line(None, tuple(op for op, _ in found)),), layout)

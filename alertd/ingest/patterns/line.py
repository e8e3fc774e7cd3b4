"""A line of a pattern: one row of its messages, whose it is, and what becomes of each of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from alertd.ingest.patterns.written import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.ingest.auto import Finder
    from alertd.ingest.decoder import Decoded
    from alertd.ingest.fields import Field
    from alertd.ingest.roster import Entry
    from alertd.ingest.sink import Sink
    from alertd.model import Micros
    from alertd.seams import Raw


class Op(NamedTuple):
    """What becomes of one value; `key` is the metric, or of a text that gave no field its own.

    `fact` is what its kind needs to know, see there. `counted`: the number is a counter's, and no reading yet.
    """

    kind: str
    key: str
    field: Field | None
    fact: Any = None
    counted: bool = False


class Line(NamedTuple):
    """One row, in the order of its keys. `entry` is the device that it names, None: the topic's or the message's."""

    entry: Entry | None
    ops: tuple[Op, ...]

    def rows_of(self, entry: Entry) -> tuple[int, ...] | None:
        """Return the rows of the series of its numbers; None: one is not there yet."""
        rows = [entry.rows.get(op.key) for op in self.ops if op.kind in NUMBERS]
        return tuple(row for row in rows if row is not None) if None not in rows else None

    def read_new(
        self,
        values: Sequence[Any],
        sink: Sink,
        finder: Finder | None,
        entry: Entry,
        time: Micros,
        quality: int,
        raw: Raw,
        out: Decoded,
    ) -> None:
        """Append the readings of a device that was not read yet, or for which there is no room."""
        for op, value in zip(self.ops, values, strict=True):
            if op.field is not None and value is not None:
                sink.one(op.field, value, entry, time, quality, raw, out)
            elif op.field is None and finder is not None:
                sink.text(finder, op.key, value, entry, time, quality, raw, out)

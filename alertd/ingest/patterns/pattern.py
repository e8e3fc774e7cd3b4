"""A pattern: what the messages of one topic have in common. The hot path of payloads that are JSON.

Senders say the same thing again and again: the same keys, other numbers. So the first
messages of a topic are read the general way, by looking at each key and each value, and
what was found becomes a type (`message_type`, `sketch`). A message of that type is then read
in one go: its plain numbers are in range, or it could not have been decoded. Nothing is
decided here that the general way does not decide: a message of another type, a device not
met, a time that needs a closer look, and the message is left to it, untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from alertd.ingest.patterns.written import BROKEN, Read, Steps, written_for

if TYPE_CHECKING:
    from alertd.ingest.fields import Field
    from alertd.ingest.paths import Path
    from alertd.ingest.patterns.line import Line
    from alertd.ingest.patterns.message_type import Codec
    from alertd.ingest.plan import Plan
    from alertd.ingest.reader import Reader

FEW: Final = 4
"""Patterns remembered of one topic: a collar's daily summary is not its hourly message."""


class Layout(NamedTuple):
    """What decodes some messages, and where in them everything stands.

    `guards` are (path, value) without which a message is not one of these; `device` says whose it is;
    `ids` are what a message that comes twice is known by; `times` are those of the lines, each the sum
    of what stands at its paths and not below `since` (`full`: written with date and zone), `later` is
    where the time stands if there is none; `outer` belongs to the message around its only line; `values`
    are of the lines in turn, in what `inner` makes of the `text` if there is one.
    """

    codec: Codec
    guards: tuple[tuple[Path, Any], ...] = ()
    device: Path | None = None
    ids: tuple[Path, ...] = ()
    times: tuple[tuple[Path, ...], ...] = ()
    since: int | None = None
    full: bool = False
    later: Path | None = None
    outer: tuple[tuple[Field, Path], ...] = ()
    values: tuple[Path, ...] = ()
    text: Path | None = None
    inner: Codec | None = None
    deep: bool = False
    """Whether parts are skipped, which may be nested deeper than is allowed."""


class Pattern:
    """One type of message on one topic."""

    __slots__ = (
        "_keys",
        "arrived",
        "decode",
        "decode_text",
        "finder",
        "guards",
        "lines",
        "outer",
        "plan",
        "read",
        "since",
        "source",
        "told",
    )

    def __init__(self, plan: Plan, reader: Reader, lines: tuple[Line, ...], layout: Layout) -> None:
        self.plan = plan
        timing = reader.timing
        self.arrived, self.told = timing.arrived, timing.told_in_full if layout.full else timing.told
        self.finder = reader.finder
        self._keys = len(reader.finder.fields) if reader.finder is not None else 0
        self.lines = lines
        self.guards = tuple(value for _, value in layout.guards)
        self.outer = tuple(field for field, _ in layout.outer)
        self.since = layout.since
        self.decode = layout.codec.decode
        self.decode_text = layout.inner.decode if layout.inner is not None else None
        at = {path: f"m{there}" for path, there in layout.codec.at.items()}
        inside = at if layout.inner is None else {path: f"n{there}" for path, there in layout.inner.at.items()}
        values = iter([inside[path] for path in layout.values])
        times = tuple(dict.fromkeys(layout.times))
        steps = Steps(
            found=reader.finder is not None,
            deep=layout.deep,
            text=at[layout.text] if layout.text is not None else "",
            guards=tuple(at[path] for path, _ in layout.guards),
            device=at[layout.device] if layout.device is not None else "",
            times=tuple(" + ".join(at[path] for path in paths) for paths in times),
            since=layout.since is not None,
            later=at[layout.later] if layout.later is not None else "",
            ids=tuple(at[path] for path in layout.ids),
            rows=tuple(
                (
                    times.index(time),
                    line.entry is not None,
                    tuple((op.kind, next(values), op.counted) for op in line.ops),
                )
                for line, time in zip(lines, layout.times, strict=True)
            ),
            outer=tuple(at[path] for _, path in layout.outer),
        )
        self.source, make = written_for(steps)
        self.read: Read = make(self)
        """Append the readings of a message; None: it is of another type, and nothing was done."""

    @property
    def stale(self) -> bool:
        """Whether more is known of the keys now than when this was made."""
        return self.finder is not None and len(self.finder.fields) != self._keys

    def fits(self, payload: bytes) -> bool:
        """Return whether a message is of this type."""
        try:
            self.decode(payload)
        except BROKEN:
            return False
        return True

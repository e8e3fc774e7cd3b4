"""Rings of one size in one pool: 13 bytes a cell, and what a step changes can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from alertd.undo import Undo

SIZES: Final = (16, 64, 256, 640)
"""Cells of a ring by class. The last holds 256 raw readings, 257 thinned ones, and room before it is thinned again."""

TOP: Final = len(SIZES) - 1
CLASS, LINE, HEAD, COUNT, TAKEN, LAST, SPAN, SAMPLES = range(8)
"""Columns of `ints`: ring class and line in its pool, next cell, cells used, readings ever taken, newest time, wants.
One row is one cache line."""
COLUMNS: Final = 8
VALUE, PIVOT = range(2)
"""Columns of `floats`: the newest value and what offsets are from."""

Rows = NDArray[np.signedinteger[Any]]
"""Row numbers of series: int32 in batches, intp after numpy's own searches."""

Columns = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.uint8]]
"""Times in microseconds, offsets from the row's pivot, flags."""


class Pool:
    """All rings of one size: three arrays with one ring a line."""

    __slots__ = ("cells", "flags", "free", "offset", "size", "time", "used")

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self.free: list[int] = []
        self.own(np.zeros((0, size), np.int64), np.zeros((0, size), np.float32), np.zeros((0, size), np.uint8))

    def own(self, time: NDArray[np.int64], offset: NDArray[np.float32], flags: NDArray[np.uint8]) -> None:
        """Take these arrays for its own, and see them as `cells` too, counted through all lines: for few readings."""
        self.time, self.offset, self.flags = time, offset, flags
        self.cells = time.reshape(-1).data, offset.reshape(-1).data, flags.reshape(-1).data

    def lend(self, undo: Undo) -> int:
        """Return the line of a ring nobody uses."""
        if self.free:
            line = self.free.pop()
            undo.call(lambda: self.free.append(line))
            return line
        if self.used == len(self.time):
            self._grow(undo)
        line = self.used
        self.used = line + 1

        def unlend() -> None:
            self.used = line

        undo.call(unlend)
        return line

    def give_back(self, line: int, undo: Undo) -> None:
        """Take a ring back whose row has moved to another class."""
        self.free.append(line)

        def keep() -> None:
            self.free.pop()

        undo.call(keep)

    def save(self, index: Any, undo: Undo) -> None:
        """Announce that the cells at `index` change."""
        time, offset, flags = self.time, self.offset, self.flags
        before = time[index].copy(), offset[index].copy(), flags[index].copy()

        def restore() -> None:
            time[index], offset[index], flags[index] = before

        undo.call(restore)

    def write(
        self,
        cell: NDArray[np.int64],
        time: NDArray[np.int64],
        offset: NDArray[np.float32],
        flags: NDArray[np.uint8],
        undo: Undo,
    ) -> None:
        """Write one cell each of different rings, counted through all lines; announced."""
        times, offsets, marks = self.time.reshape(-1), self.offset.reshape(-1), self.flags.reshape(-1)
        before = times.take(cell), offsets.take(cell), marks.take(cell)

        def restore() -> None:
            times[cell], offsets[cell], marks[cell] = before

        undo.call(restore)
        times[cell], offsets[cell], marks[cell] = time, offset, flags

    def _grow(self, undo: Undo) -> None:
        """Make an eighth more room: doubling would leave a third of a farm's memory empty on average."""
        before = self.time, self.offset, self.flags

        # Cells saved before this belong to the old arrays, those saved later to the new: restoring
        # in reverse order meets each pair in its own time.
        undo.call(self.own, *before)
        more = max(8, len(self.time) // 8)
        self.own(*(np.concatenate([old, np.zeros((more, self.size), old.dtype)]) for old in before))

"""Where each row's ring lies: it moves to a larger class, is thinned, and its pivot follows the level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.detect.common import CELLS
from alertd.detect.rings import (
    CLASS,
    COLUMNS,
    COUNT,
    HEAD,
    LAST,
    LINE,
    PIVOT,
    SAMPLES,
    SIZES,
    SPAN,
    TAKEN,
    TOP,
    Columns,
    Pool,
    Rows,
)
from alertd.undo import Undo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros

NEVER: Final = -(2**62)
"""Older than every reading; far enough from the edge of int64 that differences do not wrap."""
LARGEST: Final = float(np.finfo(np.float32).max)
CELLS_OF: Final = np.array(SIZES)


class Places:
    """The rings of all rows. Rows are series; every change is announced to `Undo` before it is made."""

    def __init__(self) -> None:
        self.rows = 0
        self.pools = [Pool(size) for size in SIZES]
        self.ints = np.zeros((64, COLUMNS), np.int64)
        self.floats = np.zeros((64, 2))
        self.short: NDArray[np.intp] = np.zeros(0, np.intp)
        """Rows whose rules look further back than those of the snapshot that was loaded, and than it holds."""
        self._see()

    def add(self, span: Micros, samples: int) -> int:
        """Register a series whose rules look back `span` microseconds or `samples` readings; return its row.

        Not part of a step: no `Undo` may hold changes of these arrays, which may move.
        """
        row = self.rows
        if row == len(self.ints):
            more = max(64, row // 8)
            self.ints = np.concatenate([self.ints, np.zeros((more, COLUMNS), np.int64)])
            self.floats = np.concatenate([self.floats, np.zeros((more, 2))])
            self._see()
        # Who looks back on a span hardly needs less than 64; a ring outgrown is memory wasted.
        first = max(int(np.searchsorted(SIZES, samples)), 1 if span else 0)
        self.ints[row] = first, self.pools[first].lend(Undo()), 0, 0, 0, NEVER, span, samples
        self.floats[row] = np.nan, 0.0
        self.rows = row + 1
        return row

    def _see(self) -> None:
        """See `ints` and `floats` as memory, too: one line is read and written in a quarter of numpy's time."""
        self._lines = self.ints.data.cast("B"), self.floats.data.cast("B")
        self.numbers: memoryview = self.ints.reshape(-1).data

    def columns(self, row: int) -> Columns:
        """Return the row's times, offsets and flags, oldest first, as copies."""
        number, line, head, count = self.ints[row, :TAKEN].tolist()
        pool = self.pools[number]
        cell = (head - count + np.arange(count)) % pool.size
        return pool.time[line, cell], pool.offset[line, cell], pool.flags[line, cell]

    def memory(self) -> int:
        """Return the bytes the arrays hold."""
        arrays = [array for pool in self.pools for array in (pool.time, pool.offset, pool.flags)]
        return sum(array.nbytes for array in [self.ints, self.floats, *arrays])

    # --- surviving a restart ------------------------------------------------------------------

    def dump(self) -> tuple[list[list[int]], dict[str, NDArray[Any]]]:
        """Return the free lines by class, and the arrays."""
        arrays: dict[str, NDArray[Any]] = {"ints": self.ints[: self.rows], "floats": self.floats[: self.rows]}
        for number, pool in enumerate(self.pools):
            for name in ("time", "offset", "flags"):
                arrays[f"{name}.{number}"] = getattr(pool, name)[: pool.used]
        return [pool.free for pool in self.pools], arrays

    def load(self, free: list[list[int]], arrays: dict[str, NDArray[Any]], flags: NDArray[np.uint8]) -> None:
        """Restore a dump for the first rows; those added since keep empty rings. `flags` maps old rule bits to new."""
        for number, pool in enumerate(self.pools):
            pool.own(arrays[f"time.{number}"], arrays[f"offset.{number}"], flags[arrays[f"flags.{number}"]])
            pool.used, pool.free = len(pool.time), list(free[number])
        rows = len(arrays["ints"])
        more = (self.ints[:rows, SPAN:] > arrays["ints"][:, SPAN:]).any(axis=1)
        self.short = (more & (arrays["ints"][:, COUNT] < arrays["ints"][:, TAKEN])).nonzero()[0]
        self.ints[:rows, :SPAN] = arrays["ints"][:, :SPAN]  # how far back rules look follows from the rules of today
        self.floats[:rows] = arrays["floats"]
        for row in range(rows, self.rows):
            self.ints[row, LINE] = self.pools[self.ints[row, CLASS]].lend(Undo())

    def forget(self, rows: Rows) -> None:
        """Empty the rings of these rows. Not part of a step."""
        self.ints[rows, HEAD] = self.ints[rows, COUNT] = 0

    def merge(self, row: int, other: Places, flags: NDArray[np.uint8]) -> None:
        """Put what another's ring of the same series holds into the row's; `flags` maps its rule bits to these.

        Not part of a step. What is in both is as it is here, with the bits of both.
        """
        if self.ints[row, COUNT] == 0:
            self.ints[row, TAKEN : LAST + 1] = other.ints[row, TAKEN : LAST + 1]
            self.floats[row] = other.floats[row]
        mine, theirs = self.columns(row), other.columns(row)
        times = np.union1d(mine[0], theirs[0])
        offsets, marks = np.zeros(len(times), np.float32), np.zeros(len(times), np.uint8)
        values = other.floats[row, PIVOT] + theirs[1].astype(np.float64)
        moved = theirs[0], to_offsets(values, self.floats[row, PIVOT]), flags[theirs[2]]
        for time, offset, bits in (moved, mine):
            at = np.searchsorted(times, time)
            offsets[at] = offset
            marks[at] |= bits
        times, offsets, marks = times[-SIZES[TOP] :], offsets[-SIZES[TOP] :], marks[-SIZES[TOP] :]
        number, line = self.ints[row, :HEAD].tolist()
        wanted = int(np.searchsorted(SIZES, len(times)))
        if wanted > number:
            self.pools[number].give_back(line, Undo())
            self.ints[row, :HEAD] = wanted, self.pools[wanted].lend(Undo())
        self._rewrite(row, (times, offsets, marks), Undo())

    # --- keeping house ------------------------------------------------------------------------

    def _save(self, rows: Rows, undo: Undo) -> None:
        """Announce that these rows change. `take` along an axis is three times as fast as an index."""
        self._announce(rows, self.ints.take(rows, axis=0), self.floats.take(rows, axis=0), undo)

    def _announce(self, rows: Rows, ints: NDArray[np.int64], floats: NDArray[np.float64], undo: Undo) -> None:
        """Announce that these rows change from what they are now."""
        every, each = self.ints, self.floats

        def restore() -> None:
            every[rows], each[rows] = ints, floats

        undo.call(restore)

    def _save_one(self, row: int, undo: Undo) -> None:
        undo.cells(self.ints, row)
        undo.cells(self.floats, row)

    def _make_room(self, rows: Rows, now: NDArray[np.int64], undo: Undo) -> bool:
        """Where the next push would overwrite what a rule still looks at: more cells, or fewer readings.

        For full rings only. Returns whether anything changed.
        """
        ints = self.ints[rows]
        since = now - ints[:, SPAN]
        oldest = np.empty(len(rows), np.int64)
        for number, some in by_class(ints[:, CLASS]):
            oldest[some] = self.pools[number].time[ints[some, LINE], ints[some, HEAD]]
        lost = np.flatnonzero(((oldest >= since) & (ints[:, SPAN] > 0)) | (ints[:, COUNT] < ints[:, SAMPLES]))
        for at in lost:
            self._enlarge(int(rows[at]), int(since[at]), undo)
        return len(lost) > 0

    def _enlarge(self, row: int, since: Micros, undo: Undo) -> None:
        columns = self.columns(row)
        number, line = self.ints[row, :HEAD].tolist()
        self._save_one(row, undo)
        if number < TOP:
            self.pools[number].give_back(line, undo)
            self.ints[row, :HEAD] = number + 1, self.pools[number + 1].lend(undo)
        else:
            times = columns[0]
            bucket = times // self._bucket(row)
            keep = times >= since
            keep[1:] &= bucket[1:] != bucket[:-1]
            keep[-CELLS:] = True
            columns = (times[keep], columns[1][keep], columns[2][keep])
        self._rewrite(row, columns, undo)

    def _bucket(self, row: int) -> Micros:
        return max(int(self.ints[row, SPAN]) // CELLS, 1)

    def _bucket_is_taken(self, row: int, times: NDArray[np.int64], at: int, time: Micros) -> bool:
        if self.ints[row, CLASS] != TOP or at > len(times) - CELLS:
            return False
        width = self._bucket(row)
        around = times[max(at - 1, 0) : at + 1] // width
        return bool((around == time // width).any())

    def _rebase(self, row: int, pivot: float, undo: Undo) -> None:
        times, offsets, flags = self.columns(row)
        self._save_one(row, undo)
        moved = to_offsets(self.floats[row, PIVOT] + offsets.astype(np.float64), np.array(pivot))
        moved[-1] = 0.0  # the newest is the pivot itself, not what float32 made of it
        self.floats[row, PIVOT] = pivot
        self._rewrite(row, (times, moved, flags), undo)

    def _rewrite(self, row: int, columns: Columns, undo: Undo) -> None:
        number, line = self.ints[row, :HEAD].tolist()
        pool, count = self.pools[number], len(columns[0])
        pool.save(line, undo)
        self._save_one(row, undo)
        pool.time[line, :count], pool.offset[line, :count], pool.flags[line, :count] = columns
        self.ints[row, HEAD:TAKEN] = count % pool.size, count


def by_class(classes: NDArray[np.int64]) -> list[tuple[int, Any]]:
    """Return each ring class that occurs and an index of where."""
    first = int(classes[0]) if len(classes) else 0
    if (classes == first).all():
        return [(first, slice(None))] if len(classes) else []
    return [(number, np.flatnonzero(classes == number)) for number in range(len(SIZES)) if (classes == number).any()]


def to_offsets(value: NDArray[np.float64], pivot: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return float32 offsets; what float32 cannot hold becomes its largest, so that no window is poisoned."""
    offset = value - pivot
    with np.errstate(over="ignore"):
        if np.abs(offset).max(initial=0.0) > LARGEST:
            np.clip(offset, -LARGEST, LARGEST, out=offset)
        return offset.astype(np.float32)


def put(array: NDArray[Any], rows: Rows, lines: NDArray[Any]) -> None:
    """Assign `array[rows] = lines`, both contiguous: as whole lines that is twice as fast as number by number."""
    whole = np.dtype((np.void, array.itemsize * array.shape[1]))
    array.view(whole)[rows, 0] = lines.view(whole)[:, 0]


def to_offset(value: float, pivot: float) -> float:
    """Do as `to_offsets` for one."""
    return float(np.float32(min(max(value - pivot, -LARGEST), LARGEST)))

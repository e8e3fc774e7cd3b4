"""The recent readings of all series, as arrays: one ring each, as long as its rules look back.

A cell is a time (int64), an offset from the series' own pivot (float32) and eight rule
bits. Offsets, because float32 values at 1e9 are 64 apart and their spread would be nothing;
float32, because at 60 cells the rings are the memory of the whole daemon.

Up to 256 readings a window is raw. One that must span more keeps its newest 256 raw and of
the older ones the first in every 256th of the span. Not the mean or median of each: an
average of n readings varies less by the root of n, and measured by its spread every raw
reading would look anomalous. One real reading in n has the spread of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.detect.common import CELLS
from alertd.detect.history import Past
from alertd.detect.rings import (
    CLASS,
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
    VALUE,
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
GAPS: Final = 8
"""The usual interval is the median of so many gaps (CONTRACT.md section 2)."""
FINE: Final = 1000
"""A step between two readings that float32 blurs by a thousandth: the level has moved far from the pivot."""
LARGEST: Final = float(np.finfo(np.float32).max)
CELLS_OF: Final = np.array(SIZES)


class Windows:
    """One ring per row. Rows are series; every change is announced to `Undo` before it is made."""

    def __init__(self) -> None:
        self.rows = 0
        self.pools = [Pool(size) for size in SIZES]
        self.ints = np.zeros((64, 8), np.int64)
        self.floats = np.zeros((64, 2))

    def add(self, span: Micros, samples: int) -> int:
        """Register a series whose rules look back `span` microseconds or `samples` readings; return its row.

        Not part of a step: no `Undo` may hold changes of these arrays, which may move.
        """
        row = self.rows
        if row == len(self.ints):
            self.ints = np.concatenate([self.ints, np.zeros_like(self.ints)])
            self.floats = np.concatenate([self.floats, np.zeros_like(self.floats)])
        self.ints[row] = 0, self.pools[0].lend(Undo()), 0, 0, 0, NEVER, span, samples
        self.floats[row] = np.nan, 0.0
        self.rows = row + 1
        return row

    def history(self, rows: Rows, now: NDArray[np.int64], span: Micros, samples: int) -> Past:
        """Return what the rows' windows hold before `now`: `span` microseconds, or if that is 0 `samples` readings."""
        return Past(self, rows, now, span, samples)

    # --- taking readings ----------------------------------------------------------------------

    def push(
        self,
        rows: Rows,
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        flags: NDArray[np.uint8],
        undo: Undo,
    ) -> None:
        """Append one reading to each of k different rows, newer than their last."""
        if len(rows) == 1:
            self._push_one(int(rows[0]), int(time[0]), float(value[0]), int(flags[0]), undo)
            return
        ints = self.ints.take(rows, axis=0)
        size = CELLS_OF.take(ints[:, CLASS])
        looked = (ints[:, SPAN] | ints[:, SAMPLES]) > 0
        tight = looked & (ints[:, COUNT] == size)
        if tight.any() and self._make_room(rows[tight], time[tight], undo):
            ints = self.ints.take(rows, axis=0)
            size = CELLS_OF.take(ints[:, CLASS])
        floats = self.floats.take(rows, axis=0)
        self._save(rows, undo)
        before = floats[:, VALUE]
        pivot = np.where(ints[:, TAKEN] == 0, value, floats[:, PIVOT])
        offset = _offset(value, pivot)
        head = ints[:, HEAD].copy()
        for number, some in _by_class(ints[:, CLASS]):
            pool = self.pools[number]
            index = (ints[some, LINE].copy(), head[some])  # copies: the undo keeps them, `ints` goes on
            pool.save(index, undo)
            pool.time[index], pool.offset[index], pool.flags[index] = time[some], offset[some], flags[some]
        far = looked & (np.abs((pivot + offset) - value) > np.abs(value - before) / FINE) & (value != before)
        ints[:, HEAD] = np.where(head + 1 == size, 0, head + 1)
        ints[:, COUNT] += ints[:, COUNT] < size
        ints[:, TAKEN] += 1
        ints[:, LAST] = time
        self.ints[rows] = ints
        self.floats[rows, VALUE] = value
        self.floats[rows, PIVOT] = pivot
        for at in far.nonzero()[0]:
            self._rebase(int(rows[at]), float(value[at]), undo)

    def _push_one(self, row: int, time: Micros, value: float, flags: int, undo: Undo) -> None:
        """Do as `push` for one row, in scalars: numpy's fixed costs are ten times this."""
        number, line, head, count, taken, _, span, samples = self.ints[row].tolist()
        if count == SIZES[number] and (span or samples):
            only = np.array([row])
            if self._make_room(only, np.array([time]), undo):
                number, line, head, count, taken, _, span, samples = self.ints[row].tolist()
        before, pivot = self.floats[row].tolist()
        if taken == 0:
            pivot = value
        offset = _offset_of(value, pivot)
        self._save_one(row, undo)
        pool = self.pools[number]
        pool.save((line, head), undo)
        pool.time[line, head], pool.offset[line, head], pool.flags[line, head] = time, offset, flags
        size = SIZES[number]
        self.ints[row, HEAD:SPAN] = (head + 1) % size, min(count + 1, size), taken + 1, time
        self.floats[row] = value, pivot
        if (span or samples) and value != before and abs((pivot + offset) - value) > abs(value - before) / FINE:
            self._rebase(row, value, undo)

    def push_runs(
        self,
        rows: Rows,
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        undo: Undo,
    ) -> None:
        """Append several readings to rows that no rule looks back on: same end as pushing one by one.

        Sorted by row and then time, all newer than their row's last.
        """
        edge = np.flatnonzero(rows[1:] != rows[:-1]) + 1
        start = np.concatenate([[0], edge])
        end = np.concatenate([edge, [len(rows)]])
        length, who = end - start, rows[start]
        self._save(who, undo)
        ints = self.ints[who]
        size = CELLS_OF[ints[:, CLASS]]
        pivot = np.where(ints[:, TAKEN] == 0, value[start], self.floats[who, PIVOT])
        offset = _offset(value, np.repeat(pivot, length))
        rank = np.arange(len(rows)) - np.repeat(start, length)
        kept = np.flatnonzero(rank >= np.repeat(length - size, length))  # what would be overwritten is not written
        each = np.repeat(np.arange(len(who)), length)[kept]
        cell = (ints[each, HEAD] + rank[kept]) % size[each]
        for number, some in _by_class(ints[each, CLASS]):
            pool, what = self.pools[number], kept[some]
            index = (ints[each[some], LINE], cell[some])
            pool.save(index, undo)
            pool.time[index], pool.offset[index], pool.flags[index] = time[what], offset[what], 0
        ints[:, HEAD] = (ints[:, HEAD] + length) % size
        ints[:, COUNT] = np.minimum(ints[:, COUNT] + length, size)
        ints[:, TAKEN] += length
        ints[:, LAST] = time[end - 1]
        self.ints[who] = ints
        self.floats[who, VALUE], self.floats[who, PIVOT] = value[end - 1], pivot

    def insert(self, row: int, time: Micros, value: float, undo: Undo) -> None:
        """Put a late reading in its place; one older than a full window's oldest is not kept."""
        self._save_one(row, undo)
        self.ints[row, TAKEN] += 1
        if self.ints[row, COUNT] == SIZES[self.ints[row, CLASS]]:
            self._make_room(np.array([row]), self.ints[row, LAST : LAST + 1], undo)
        size = SIZES[self.ints[row, CLASS]]
        times, offsets, flags = self.columns(row)
        at = int(np.searchsorted(times, time))
        if self._bucket_is_taken(row, times, at, time) or (len(times) == size and at == 0):
            return
        offset = _offset_of(value, float(self.floats[row, PIVOT]))
        columns = (np.insert(times, at, time), np.insert(offsets, at, offset), np.insert(flags, at, 0))
        if len(times) == size:
            columns = (columns[0][1:], columns[1][1:], columns[2][1:])
        self._rewrite(row, columns, undo)

    # --- looking ------------------------------------------------------------------------------

    def columns(self, row: int) -> Columns:
        """Return the row's times, offsets and flags, oldest first, as copies."""
        number, line, head, count = self.ints[row, :TAKEN].tolist()
        pool = self.pools[number]
        cell = (head - count + np.arange(count)) % pool.size
        return pool.time[line, cell], pool.offset[line, cell], pool.flags[line, cell]

    def exists(self, row: int, time: Micros, value: float) -> bool | None:
        """Return whether the reading is kept already; None: another value is kept at this time."""
        times, offsets, _ = self.columns(row)
        at = int(np.searchsorted(times, time))
        if at == len(times) or times[at] != time:
            return False
        if time == self.ints[row, LAST]:
            return True if value == self.floats[row, VALUE] else None
        pivot = float(self.floats[row, PIVOT])
        # Rebasing rounds: what float32 cannot tell from the kept value is the kept value.
        close = abs(value - pivot - float(offsets[at])) <= 1e-6 * max(abs(value - pivot), float(np.ptp(offsets)))
        return True if close else None

    def interval(self, row: int) -> Micros:
        """Return the usual gap between readings: the median of the last 8, in microseconds; 0 unknown."""
        number, line, head, count = self.ints[row, :TAKEN].tolist()
        count = min(count, GAPS + 1)
        if count <= 1:
            return 0
        pool = self.pools[number]
        times = pool.time[line, (head - count + np.arange(count)) % pool.size]
        return int(np.median(np.diff(times)))

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
            pool.time, pool.offset = arrays[f"time.{number}"], arrays[f"offset.{number}"]
            pool.flags = flags[arrays[f"flags.{number}"]]
            pool.used, pool.free = len(pool.time), list(free[number])
        rows = len(arrays["ints"])
        self.ints[:rows, :SPAN] = arrays["ints"][:, :SPAN]  # how far back rules look follows from the rules of today
        self.floats[:rows] = arrays["floats"]
        for row in range(rows, self.rows):
            self.ints[row, LINE] = self.pools[0].lend(Undo())

    # --- keeping house ------------------------------------------------------------------------

    def _save(self, rows: Rows, undo: Undo) -> None:
        """Announce that these rows change. `take` along an axis is three times as fast as an index."""
        ints, floats = self.ints, self.floats
        before = ints.take(rows, axis=0), floats.take(rows, axis=0)

        def restore() -> None:
            ints[rows], floats[rows] = before

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
        for number, some in _by_class(ints[:, CLASS]):
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
        moved = _offset(self.floats[row, PIVOT] + offsets.astype(np.float64), np.array(pivot))
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


def _by_class(classes: NDArray[np.int64]) -> list[tuple[int, Any]]:
    """Return each ring class that occurs and an index of where."""
    first = int(classes[0]) if len(classes) else 0
    if (classes == first).all():
        return [(first, slice(None))] if len(classes) else []
    return [(number, np.flatnonzero(classes == number)) for number in range(len(SIZES)) if (classes == number).any()]


def _offset(value: NDArray[np.float64], pivot: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return float32 offsets; what float32 cannot hold becomes its largest, so that no window is poisoned."""
    with np.errstate(over="ignore"):
        return np.clip(value - pivot, -LARGEST, LARGEST).astype(np.float32)


def _offset_of(value: float, pivot: float) -> float:
    """Do as `_offset` for one."""
    return float(np.float32(min(max(value - pivot, -LARGEST), LARGEST)))

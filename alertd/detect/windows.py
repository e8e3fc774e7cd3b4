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

from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.detect.common import CELLS
from alertd.detect.history import Past
from alertd.detect.places import LARGEST, NEVER, Places, by_class, put, to_offset, to_offsets
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
    VALUE,
    Rows,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros
    from alertd.undo import Undo

GAPS: Final = 8
"""The usual interval is the median of so many gaps (CONTRACT.md section 2)."""
FINE: Final = 1000
"""A step between two readings that float32 blurs by a thousandth: the level has moved far from the pivot."""
CELLS_OF: Final = np.array(SIZES)
INTS: Final = Struct("8q")
LIVING: Final = Struct("4q")
FLOATS: Final = Struct("2d")
INTS_SIZE: Final = INTS.size
FLOATS_SIZE: Final = FLOATS.size
LIVING_AT: Final = 8 * HEAD
"""A line of `ints`, what every reading changes of it (`HEAD` to `LAST`), and a line of `floats`; their bytes."""


class Windows(Places):
    """The windows of all rows: what comes in is taken, what detectors ask is shown."""

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
            self.push_one(int(rows[0]), int(time[0]), float(value[0]), int(flags[0]), undo)
            return
        ints = self.ints.take(rows, axis=0)
        size = CELLS_OF.take(ints[:, CLASS])
        looked = (ints[:, SPAN] | ints[:, SAMPLES]) > 0
        tight = looked & (ints[:, COUNT] == size)
        if tight.any() and self._make_room(rows[tight], time[tight], undo):
            ints = self.ints.take(rows, axis=0)
            size = CELLS_OF.take(ints[:, CLASS])
        floats = self.floats.take(rows, axis=0)
        self._announce(rows, ints.copy(), floats.copy(), undo)
        before = floats[:, VALUE]
        pivot = floats[:, PIVOT].copy()
        first = (ints[:, TAKEN] == 0).nonzero()[0]
        pivot[first] = value[first]
        offset = to_offsets(value, pivot)
        head = ints[:, HEAD]
        for number, some in by_class(ints[:, CLASS]):
            self.pools[number].write(
                ints[some, LINE] * SIZES[number] + head[some], time[some], offset[some], flags[some], undo
            )
        far = looked.nonzero()[0]
        if len(far):
            moved = value[far] - before[far]
            blurred = np.abs((pivot[far] + offset[far]) - value[far])
            far = far[(blurred > np.abs(moved) / FINE) & (moved != 0)]
        head += 1
        head[head == size] = 0
        ints[:, COUNT] += ints[:, COUNT] < size
        ints[:, TAKEN] += 1
        ints[:, LAST] = time
        floats[:, VALUE] = value
        floats[:, PIVOT] = pivot
        put(self.ints, rows, ints)
        put(self.floats, rows, floats)
        for at in far:
            self._rebase(int(rows[at]), float(value[at]), undo)

    def push_one(self, row: int, time: Micros, value: float, flags: int, undo: Undo) -> None:
        """Do as `push` for one row, in scalars: numpy's fixed costs are ten times this."""
        lines = every, each = self._lines
        ints, floats = INTS.unpack_from(every, row * INTS_SIZE), FLOATS.unpack_from(each, row * FLOATS_SIZE)
        number, line, head, count, taken, _, span, samples = ints
        size = SIZES[number]
        if count == size and (span or samples):
            oldest = self.pools[number].cells[0][line * size + head]
            if (span and oldest >= time - span) or count < samples:
                self._enlarge(row, time - span, undo)
                ints = INTS.unpack_from(every, row * INTS_SIZE)
                number, line, head, count, taken, _, span, samples = ints
                size = SIZES[number]
        before, pivot = floats
        pivot = pivot if taken else value
        times, offsets, marks = cells = self.pools[number].cells
        at = line * size + head
        undo.note((_take_out, lines, row, ints, floats, cells, at, (times[at], offsets[at], marks[at])))
        offset = value - pivot  # rounded to float32 like the arrays
        if offset > LARGEST or offset < -LARGEST:
            offset = LARGEST if offset > 0 else -LARGEST
        times[at], offsets[at], marks[at] = time, offset, flags
        head, count = head + 1 if head + 1 < size else 0, count + 1 if count < size else size
        LIVING.pack_into(every, row * INTS_SIZE + LIVING_AT, head, count, taken + 1, time)
        FLOATS.pack_into(each, row * FLOATS_SIZE, value, pivot)
        if (span or samples) and value != before:
            blurred = abs(pivot + offsets[at] - value)
            if blurred > abs(value - before) / FINE:
                self._rebase(row, value, undo)

    def push_runs(
        self,
        rows: Rows,
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        flags: NDArray[np.uint8],
        undo: Undo,
    ) -> None:
        """Append several readings to rows whose windows take them as they are: same end as pushing one by one.

        Sorted by row and then time, all newer than their row's last, all `steady`.
        """
        edge = np.flatnonzero(rows[1:] != rows[:-1]) + 1
        start = np.concatenate([[0], edge])
        end = np.concatenate([edge, [len(rows)]])
        length, who = end - start, rows[start]
        self._save(who, undo)
        ints = self.ints[who]
        size = CELLS_OF[ints[:, CLASS]]
        pivot = np.where(ints[:, TAKEN] == 0, value[start], self.floats[who, PIVOT])
        offset = to_offsets(value, np.repeat(pivot, length))
        rank = np.arange(len(rows)) - np.repeat(start, length)
        kept = np.flatnonzero(rank >= np.repeat(length - size, length))  # what would be overwritten is not written
        each = np.repeat(np.arange(len(who)), length)[kept]
        cell = (ints[each, HEAD] + rank[kept]) % size[each]
        for number, some in by_class(ints[each, CLASS]):
            pool, what = self.pools[number], kept[some]
            index = (ints[each[some], LINE], cell[some])
            pool.save(index, undo)
            pool.time[index], pool.offset[index], pool.flags[index] = time[what], offset[what], flags[what]
        ints[:, HEAD] = (ints[:, HEAD] + length) % size
        ints[:, COUNT] = np.minimum(ints[:, COUNT] + length, size)
        ints[:, TAKEN] += length
        ints[:, LAST] = time[end - 1]
        self.ints[who] = ints
        self.floats[who, VALUE], self.floats[who, PIVOT] = value[end - 1], pivot

    def looked(self, rows: Rows) -> NDArray[np.bool_]:
        """Return whether rules look back on the rows."""
        looked: NDArray[np.bool_] = (self.ints[rows, SPAN] | self.ints[rows, SAMPLES]) > 0
        return looked

    def steady(
        self, rows: Rows, rank: NDArray[np.intp], time: NDArray[np.int64], value: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which readings a window takes as it is, and how many it will have taken before each.

        As it is: no ring is too small and no pivot too far. `rank` counts the readings of a row, sorted by row
        and then time.
        """
        ints = self.ints.take(rows, axis=0)
        span, samples, size = ints[:, SPAN], ints[:, SAMPLES], CELLS_OF.take(ints[:, CLASS])
        steady = (span | samples) == 0
        looked = np.flatnonzero(~steady & (ints[:, TAKEN] > 0) & (rank < size))
        oldest = np.full(len(rows), NEVER)
        full = looked[(ints[:, COUNT] + rank >= size)[looked]]
        for number, some in by_class(ints[full, CLASS]):
            at = full[some]
            cell = (ints[at, HEAD] + rank[at]) % SIZES[number]
            oldest[at] = self.pools[number].time[ints[at, LINE], cell]
        lost = (oldest >= time - span) & (span > 0)
        lost[full] |= size[full] < samples[full]
        steady[looked] = ~lost[looked]
        pivot, before = self.floats[rows, PIVOT], self.floats[rows, VALUE]
        again = np.flatnonzero(rank > 0)
        before[again] = value[again - 1]
        moved = np.abs(value - before)
        blurred = np.abs((pivot + to_offsets(value, pivot)) - value) > moved / FINE
        steady[looked] &= ~(blurred & (moved != 0))[looked]
        return steady, ints[:, TAKEN] + rank

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
        offset = to_offset(value, float(self.floats[row, PIVOT]))
        columns = (np.insert(times, at, time), np.insert(offsets, at, offset), np.insert(flags, at, 0))
        if len(times) == size:
            columns = (columns[0][1:], columns[1][1:], columns[2][1:])
        self._rewrite(row, columns, undo)

    def reaches(self, row: int, time: Micros) -> bool:
        """Return whether the window holds all that was taken since `time`, raw and not one of many."""
        number, line, head, count, taken = self.ints[row, : TAKEN + 1].tolist()
        if count == taken:
            return True
        pool = self.pools[number]
        oldest: int = pool.time.item(line, (head - min(count, CELLS)) % pool.size)
        return oldest <= time

    # --- looking ------------------------------------------------------------------------------

    def exists(self, row: int, time: Micros, value: float) -> bool | None:
        """Return whether the reading is kept already; None: another value is kept at this time."""
        if time == self.ints[row, LAST]:  # known also of a series that no rule looks at, whose ring is empty
            return True if value == self.floats[row, VALUE] else None
        times, offsets, _ = self.columns(row)
        at = int(np.searchsorted(times, time))
        if at == len(times) or times[at] != time:
            return False
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
        times = [pool.time.item(line, (head - back) % pool.size) for back in range(count, 0, -1)]
        gaps = sorted(after - before for before, after in pairwise(times))
        middle: Micros = (gaps[(count - 2) // 2] + gaps[(count - 1) // 2]) // 2
        return middle


def _take_out(
    lines: tuple[memoryview, memoryview],
    row: int,
    ints: tuple[int, ...],
    floats: tuple[float, ...],
    cells: tuple[memoryview, memoryview[Any], memoryview],
    at: int,
    cell: tuple[int, float, int],
) -> None:
    """Undo `push_one`."""
    INTS.pack_into(lines[0], row * INTS_SIZE, *ints)
    FLOATS.pack_into(lines[1], row * FLOATS_SIZE, *floats)
    for column, before in zip(cells, cell, strict=True):
        column[at] = before

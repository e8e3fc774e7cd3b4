"""Buckets of time, an hour each as a rule, of which a rule remembers days: what a series does at its own same hours.

A line of learned columns holds the bucket under way (`SUM`, `COUNT`, …) and behind `HEAD` a ring
of float32, one closed bucket a cell: an hour costs 4 bytes, ten days one KB. Offsets from the
first value, because float32 at 1e9 steps by 64.

A late reading still enters its bucket, so that a collar which delivers a night at once has its
own same hours complete; what was judged stays judged. A closed bucket has forgotten its readings:
where the window cannot prove that one is new (it is older than all that is kept), it fills only
hours in which nothing was measured, in order, so that a backlog delivered twice counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from alertd.model import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros

Aggregate = Literal["mean", "sum", "min", "max", "median"]
Cycle = Literal["day", "week"]
"""After how long the same hours come back: a cow's every day, those of people and machines every week."""
WEEK: Final = 7 * DAY

PIVOT, BLOCK, SUM, COUNT, EXTREME, USUAL, SPARE, LATE, LATE_COUNT, LATE_TIME = range(10)
"""float64: what offsets are from; number of the bucket under way, its sum, readings, smallest or largest; readings of
the bucket closed before; one for the rule that uses it; the closed bucket that late readings were put into last, its
readings and the newest time of those."""
HEAD: Final = 10
NO_BUCKET: Final = -1.0


@dataclass(frozen=True, slots=True)
class Hours:
    """How a line is laid out: `width` of a bucket in microseconds, `cells` of the ring."""

    width: Micros
    cells: int
    aggregate: Aggregate = "mean"

    @property
    def columns(self) -> int:
        """Return the float64 columns of a line."""
        return HEAD + (self.cells + 1) // 2

    def take(self, line: NDArray[np.float64], time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Take one reading each into k lines."""
        bucket = time // self.width
        ring = line.view(np.float32)[:, 2 * HEAD :]
        new = np.isnan(line[:, PIVOT]).nonzero()[0]
        if len(new):
            line[new, :HEAD] = 0.0
            line[new, PIVOT] = 0.0 if self.aggregate == "sum" else value[new]
            line[new, BLOCK] = bucket[new]
            line[new, LATE] = NO_BUCKET
            ring[new] = np.nan
        passed = bucket - line[:, BLOCK]
        closing = (passed > 0).nonzero()[0]
        if len(closing):
            self._close(line, ring, closing, passed[closing].astype(np.int64))
        offset = value - line[:, PIVOT]
        first = line[:, COUNT] == 0
        line[:, BLOCK] = bucket
        line[:, SUM] += offset
        line[:, COUNT] += 1
        extreme = np.minimum if self.aggregate == "min" else np.maximum
        line[:, EXTREME] = np.where(first, offset, extreme(line[:, EXTREME], offset))

    def _close(
        self, line: NDArray[np.float64], ring: NDArray[np.float32], closing: NDArray[np.intp], passed: NDArray[np.int64]
    ) -> None:
        """Write the buckets that are over into their cells, and clear those nothing was measured in."""
        at = line[closing, BLOCK].astype(np.int64) % self.cells
        ring[closing, at] = self.current(line[closing])
        skipped = (passed > 1).nonzero()[0]
        if len(skipped):
            rows = closing[skipped]
            age = (np.arange(ring.shape[1]) - at[skipped, None]) % self.cells
            gone = (age > 0) & (age < passed[skipped, None]) | (passed[skipped, None] >= self.cells)
            ring[rows] = np.where(gone, np.float32(np.nan), ring[rows])
        line[closing, USUAL] = line[closing, COUNT]
        line[closing, SUM] = line[closing, COUNT] = 0.0

    def late(self, line: NDArray[np.float64], time: Micros, value: float, *, proven: bool) -> None:
        """Take a reading older than the last one into its bucket; `proven`: it is surely not one that was taken."""
        bucket = time // self.width
        if np.isnan(line[PIVOT]):
            self.take(line[None, :], np.array([time]), np.array([value]))
            return
        offset = value - line.item(PIVOT)
        if bucket == line[BLOCK]:
            if proven:
                line[SUM] += offset
                line[COUNT] += 1
                line[EXTREME] = self._extreme(line.item(EXTREME), offset)
            return
        age = line.item(BLOCK) - bucket
        if not 0 < age < self.cells:
            return
        cells = line.view(np.float32)[2 * HEAD :]
        at = bucket % self.cells
        known = float(cells[at])
        if bucket == line[LATE]:
            if not proven and time <= line[LATE_TIME]:
                return
            count = line.item(LATE_COUNT)
        elif np.isnan(known):
            count, known = 0.0, 0.0
        elif proven:
            count = max(line.item(USUAL), 1.0)
        else:
            return
        cells[at] = self._with(known, count, offset)
        newest = max(float(time), line.item(LATE_TIME)) if bucket == line[LATE] else float(time)
        line[LATE], line[LATE_COUNT], line[LATE_TIME] = bucket, count + 1, newest

    def _with(self, known: float, count: float, offset: float) -> float:
        """Return what a bucket of `count` readings amounts to with one more."""
        if self.aggregate == "sum":
            return known + offset
        if self.aggregate in ("min", "max"):
            return self._extreme(known, offset) if count else offset
        return known + (offset - known) / (count + 1)

    def _extreme(self, known: float, offset: float) -> float:
        return min(known, offset) if self.aggregate == "min" else max(known, offset)

    def current(self, line: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the bucket under way amounts to, as an offset from the pivot."""
        if self.aggregate == "sum":
            return line[:, SUM].copy()
        if self.aggregate in ("min", "max"):
            return line[:, EXTREME].copy()
        mean: NDArray[np.float64] = line[:, SUM] / np.maximum(line[:, COUNT], 1)
        return mean

    def back(self, line: NDArray[np.float64], ago: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (k, *ago.shape) closed buckets by their age in buckets, at least 1; NaN where nothing was measured."""
        ring = line.view(np.float32)[:, 2 * HEAD :]
        block = line[:, BLOCK].astype(np.int64)
        cell: NDArray[Any] = (block.reshape(-1, *[1] * ago.ndim) - ago) % self.cells
        row = np.arange(len(line)).reshape(-1, *[1] * ago.ndim)
        found: NDArray[np.float64] = ring[row, cell].astype(np.float64)
        return found

"""Buckets of time, an hour each as a rule, of which a rule remembers days: what a series does at its own same hours.

A line of learned columns holds the bucket under way (`SUM`, `COUNT`, …) and behind `HEAD` a ring
of float32, one closed bucket a cell: an hour costs 4 bytes, ten days one KB. Offsets from the
first value, because float32 at 1e9 steps by 64. A late reading does not change a closed bucket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros

Aggregate = Literal["mean", "sum", "min", "max", "median"]

PIVOT, BLOCK, SUM, COUNT, EXTREME, USUAL, SPARE = range(7)
"""float64: what offsets are from; number of the bucket under way, its sum, readings, smallest or largest; readings of
the bucket closed before; one for the rule that uses it."""
HEAD: Final = 7


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

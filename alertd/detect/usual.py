"""What is usual in a window: the closed buckets of it, and those of the same hours of each of the days before.

Computed once an hour: the reading that closes a bucket pays for it. Readings in between only add to the
bucket under way (`Usual.lasts` says where that holds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.detect.cells import Cells
from alertd.detect.hours import BEFORE, COUNT, Hours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

ENOUGH: Final = 3
"""Earlier days that must be known, or all there are in a shorter baseline."""
MINE: Final = Struct("=4d")
"""The columns that `compute` returns."""


@dataclass(frozen=True)
class Usual:
    """A window of `window` buckets against the `times` windows before, each `shift` buckets before the one after it.

    `median`: of the windows before, not their mean.
    """

    hours: Hours
    window: int
    shift: int
    times: int
    median: bool

    @cached_property
    def _ago(self) -> NDArray[np.int64]:
        """Return the ages of the buckets (1 + times, cells): the window's, and those of the windows before.

        The last of each is that of the hour under way; its smallest and largest say nothing before it is over.
        """
        window = np.arange(self.window)[::-1] + int(self.hours.aggregate in ("min", "max"))
        ages: NDArray[np.int64] = self.shift * np.arange(self.times + 1)[:, None] + window
        return ages

    @cached_property
    def _agos(self) -> tuple[int, ...]:
        """Return how many buckets ago the windows before were."""
        return tuple(self.shift * back for back in range(1, self.times + 1))

    @cached_property
    def _cells(self) -> Cells:
        return Cells(self.hours.count)

    @cached_property
    def lasts(self) -> bool:
        """Return whether what is computed of closed buckets holds for the hour: the one under way only adds to it."""
        return not (self.hours.aggregate == "median" or (self.hours.aggregate == "sum" and self.median))

    def compute(self, learned: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rule's own columns (k, 4) from the closed buckets.

        The usual, as an offset from the pivot and without the hour under way; infinite: not known.
        What the closed buckets of the window amount to, of how many buckets. What is usual in the hour
        under way, of a sum; NaN if that hour does not count, because none of the earlier days has it, or because it is
        in the other columns already (`lasts`).
        """
        hours, under_way = self.hours, self.hours.aggregate not in ("min", "max")
        buckets = hours.back(learned, self._ago)
        now, then = buckets[:, 0], buckets[:, 1:]
        if under_way:
            now[:, -1] = 0.0 if self.lasts else hours.current(learned)
        if self.hours.aggregate == "sum" and not self.lasts:
            then[:, :, -1] *= elapsed(learned)[:, None]
        had = np.isfinite(then)
        both = np.isfinite(now) & had.any(axis=1)
        expected = had.sum(axis=2).max(axis=1)  # so many buckets such a window had in the past
        then = np.where(both[:, None, :], then, np.nan)
        there, had = both.sum(axis=1), np.isfinite(then).sum(axis=2)
        full = (had > 0) & (2 * had >= there[:, None])
        known = (full.sum(axis=1) >= min(ENOUGH, self.times)) & (2 * there >= expected)
        with np.errstate(invalid="ignore", divide="ignore"):
            usual, first = self._usual(then, full)
        if under_way and self.lasts:
            first = np.where(both[:, -1], first, np.nan)
            there, both[:, -1] = there - both[:, -1], False
        else:
            first = np.full(len(learned), np.nan)
        rest = self._together(np.where(both, now, np.nan), whole=True)
        return np.stack([np.where(known, usual, np.inf), rest, there.astype(np.float64), first], axis=1)

    def compute_one(self, ring: memoryview, block: int) -> tuple[float, float, float, float] | None:
        """Do as `compute` for one line; None: hours are missing, which only arrays know to handle."""
        under_way = self.hours.aggregate not in ("min", "max")
        runs, count = self._cells.runs, self.window
        oldest = block - count + under_way
        there = runs(ring, [oldest], count - under_way)
        days = runs(ring, [oldest - ago for ago in self._agos], count)
        if there is None or days is None:
            return None
        now = there[0]
        if self.hours.aggregate == "sum":
            each = [added(hour) / len(days) for hour in zip(*days, strict=True)]
            return added(each[:-1]), added(now), float(len(now)), each[-1]
        if under_way:
            whole, rest, first = [added(day) / count for day in days], added(now), 0.0
        else:
            of = min if self.hours.aggregate == "min" else max
            whole, rest, first = [of(day) for day in days], of(now), math.nan
        if self.median:
            whole.sort()
            usual = whole[(len(whole) - 1) // 2] / 2 + whole[len(whole) // 2] / 2
        else:
            usual = added(whole) / len(whole)
        return usual, rest, float(len(now)), first

    def _usual(
        self, then: NDArray[np.float64], full: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean or median over the windows before, and what of a sum is the last hour's, apart."""
        nothing = np.zeros(len(then))
        if self.median:
            each_whole = self._together(then)
            if self.hours.aggregate == "sum":  # as with all its hours: one that is missing is no drop
                had = np.isfinite(then).sum(axis=2)
                each_whole = each_whole * (had.max(axis=1, keepdims=True) / np.maximum(had, 1))
            return _middle(np.where(full, each_whole, np.nan)), nothing
        if self.hours.aggregate == "sum":
            there = np.isfinite(then)
            hours = np.moveaxis(np.where(there, then, 0.0), 1, 2)
            each = total(hours) / np.maximum(there.sum(axis=1), 1)
            return total(each[:, :-1]), each[:, -1]
        return total(np.where(full, self._together(then), 0.0)) / full.sum(axis=1), nothing

    def _together(self, buckets: NDArray[np.float64], *, whole: bool = False) -> NDArray[np.float64]:
        """Aggregate the last axis, of a mean with `whole` the sum; what was not measured does not count."""
        there = np.isfinite(buckets)
        if self.hours.aggregate == "median":
            return _middle(buckets)
        if self.hours.aggregate in ("min", "max"):
            lowest = self.hours.aggregate == "min"
            filled = np.where(there, buckets, np.inf if lowest else -np.inf)
            extreme: NDArray[Any] = filled.min(axis=-1) if lowest else filled.max(axis=-1)
            return extreme
        amount = total(np.where(there, buckets, 0.0))
        return amount if whole or self.hours.aggregate == "sum" else amount / np.maximum(there.sum(axis=-1), 1)


def total(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum along the last axis, added from left to right as `added` does: numpy's `sum` adds in blocks."""
    if not cells.shape[-1]:
        return np.zeros(cells.shape[:-1])
    summed: NDArray[np.float64] = np.cumsum(cells, axis=-1)[..., -1]
    return summed


def added(values: Iterable[float]) -> float:
    """Return a sum, added from left to right: Python's `sum` does more from 3.12 on."""
    return reduce(add, values, 0.0)


def elapsed(learned: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of the hour under way is over: its readings by those of the hour before."""
    over: NDArray[np.float64] = learned[:, COUNT] / np.maximum(learned[:, COUNT], learned[:, BEFORE])
    return over


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the medians along the last axis of what is there, NaN where nothing is."""
    there = np.isfinite(values)
    ascending = np.sort(np.where(there, values, np.inf), axis=-1)
    used = there.sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ascending, np.maximum((used - 1) // 2, 0), axis=-1)
    high = np.take_along_axis(ascending, np.minimum(used // 2, values.shape[-1] - 1), axis=-1)
    middle: NDArray[Any] = np.where(used > 0, low / 2 + high / 2, np.nan)[..., 0]
    return middle

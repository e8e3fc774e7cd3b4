"""Buckets of time, an hour each as a rule, of which a rule remembers days: what a series does at its own same hours.

A line of learned columns holds the bucket under way (`AMOUNT`, `COUNT`, …) and behind `HEAD` a ring
of closed buckets (`alertd.detect.cells`): an hour costs 2.2 bytes, ten days half a KB. Offsets from the
first value, because float32 at 1e9 steps by 64.

Between two readings of one hour nothing changes but the bucket under way. What a rule computes of the closed ones
it keeps in the columns from `USUAL` on; they are NaN when it must do so again.

A late reading still enters its bucket, so that a collar which delivers a night at once has its
own same hours complete; what was judged stays judged. A closed bucket has forgotten its readings:
where the window cannot prove that one is new (it is older than all that is kept), it fills only
hours in which nothing was measured, in order, so that a backlog delivered twice counts once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from alertd.detect.cells import BYTES, Cells, Singles
from alertd.model import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros

Aggregate = Literal["mean", "sum", "min", "max", "median"]
Cycle = Literal["day", "week"]
"""After how long the same hours come back: a cow's every day, those of people and machines every week."""
WEEK: Final = 7 * DAY

PIVOT, BLOCK, AMOUNT, COUNT, BEFORE, LATE, LATE_COUNT, LATE_TIME, USUAL = range(9)
"""float64: what offsets are from; number of the bucket under way, its sum (or smallest or largest), its readings;
readings of the bucket closed before; the closed bucket that late readings were put into last, its
readings and the newest time of those; what the rule computed of closed buckets."""
OWN: Final = 4
"""Columns from `USUAL` on: the rule's own."""
HEAD: Final = USUAL + OWN
LINE: Final = Struct(f"={HEAD}d")
TAKEN: Final = Struct("=2d")
AT: Final = AMOUNT * BYTES
"""`AMOUNT` and `COUNT`, and where in the bytes of a line they begin."""
RING: Final = HEAD * BYTES
"""Where the ring begins."""
NO_BUCKET: Final = -1.0


@dataclass(frozen=True)
class Hours:
    """How a line is laid out: `width` of a bucket in microseconds, `count` of the ring's cells.

    `alike`: hours that are equal must be so to the last bit.
    """

    width: Micros
    count: int
    aggregate: Aggregate = "mean"
    alike: bool = False

    @cached_property
    def cells(self) -> Cells | Singles:
        """Return how the ring is laid out."""
        return Singles(self.count) if self.alike else Cells(self.count)

    @cached_property
    def columns(self) -> int:
        """Return the float64 columns of a line."""
        return HEAD + self.cells.columns

    def take(self, line: NDArray[np.float64], time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Take one reading each into k lines."""
        bucket = time // self.width
        new = np.isnan(line[:, PIVOT]).nonzero()[0]
        if len(new):
            line[new, :HEAD] = 0.0
            line[new, PIVOT] = 0.0 if self.aggregate == "sum" else value[new]
            line[new, BLOCK] = bucket[new]
            line[new, LATE] = NO_BUCKET
            line[new, USUAL] = np.nan
            self.cells.clear(line[:, HEAD:], new)
        passed = bucket - line[:, BLOCK]
        closing = (passed > 0).nonzero()[0]
        if len(closing):
            self._close(line, closing, passed[closing].astype(np.int64))
        offset = value - line[:, PIVOT] + 0.0  # of two zeros numpy and Python may call another the smaller
        line[:, BLOCK] = bucket
        if self.aggregate in ("min", "max"):
            extreme = np.minimum if self.aggregate == "min" else np.maximum
            line[:, AMOUNT] = np.where(line[:, COUNT] == 0, offset, extreme(line[:, AMOUNT], offset))
        else:
            line[:, AMOUNT] += offset
        line[:, COUNT] += 1

    def take_one(self, line: memoryview, time: Micros, value: float) -> tuple[float, ...]:
        """Do as `take` for one line; return the head of it."""
        head = LINE.unpack_from(line)
        pivot, block, amount, count = head[:BEFORE]
        passed = time // self.width - block
        if passed == 1.0 and self.cells.put_one(line[RING:], int(block) % self.count, self._amount(amount, count)):
            block, before, amount, count = block + 1.0, count, 0.0, 0.0
            head = (pivot, block, amount, count, before, *head[LATE:USUAL], math.nan, *head[USUAL + 1 :])
            LINE.pack_into(line, 0, *head)
        elif passed != 0.0:  # also where it is NaN
            whole = np.frombuffer(line).reshape(1, -1)
            with np.errstate(over="ignore", invalid="ignore"):
                self.take(whole, np.array([time]), np.array([value]))
            return LINE.unpack_from(line)
        offset = value - pivot + 0.0
        if self.aggregate in ("min", "max"):
            amount = self._extreme(amount, offset) if count else offset
        else:
            amount += offset
        TAKEN.pack_into(line, AT, amount, count + 1)
        return (pivot, block, amount, count + 1, *head[BEFORE:])

    def _close(self, line: NDArray[np.float64], closing: NDArray[np.intp], passed: NDArray[np.int64]) -> None:
        """Write the buckets that are over into their cells, and clear those nothing was measured in."""
        ring = line[:, HEAD:]
        at = line[closing, BLOCK].astype(np.int64) % self.count
        self.cells.put(ring, closing, at, self.current(line[closing]))
        skipped = (passed > 1).nonzero()[0]
        if len(skipped):
            age = (np.arange(self.count) - at[skipped, None]) % self.count
            gone = (age > 0) & (age < passed[skipped, None]) | (passed[skipped, None] >= self.count)
            self.cells.drop(ring, closing[skipped], gone)
        line[closing, BEFORE] = line[closing, COUNT]
        line[closing, AMOUNT] = line[closing, COUNT] = 0.0
        line[closing, USUAL] = np.nan

    def late(self, line: NDArray[np.float64], time: Micros, value: float, *, proven: bool) -> None:
        """Take a reading older than the last one into its bucket; `proven`: it is surely not one that was taken."""
        bucket = time // self.width
        if np.isnan(line[PIVOT]):
            self.take(line[None, :], np.array([time]), np.array([value]))
            return
        offset = value - line.item(PIVOT) + 0.0
        if bucket == line[BLOCK]:
            if proven:
                extreme = self.aggregate in ("min", "max")
                line[AMOUNT] = self._extreme(line.item(AMOUNT), offset) if extreme else line[AMOUNT] + offset
                line[COUNT] += 1
            return
        age = line.item(BLOCK) - bucket
        if not 0 < age < self.count:
            return
        ring, at = line[None, HEAD:], np.array([bucket % self.count])
        known = self.cells.get(ring, at[None, :]).item()
        if bucket == line[LATE]:
            if not proven and time <= line[LATE_TIME]:
                return
            count = line.item(LATE_COUNT)
        elif np.isnan(known):
            count, known = 0.0, 0.0
        elif proven:
            count = max(line.item(BEFORE), 1.0)
        else:
            return
        self.cells.put(ring, np.zeros(1, np.intp), at, np.array([self._with(known, count, offset)]))
        newest = max(float(time), line.item(LATE_TIME)) if bucket == line[LATE] else float(time)
        line[LATE], line[LATE_COUNT], line[LATE_TIME] = bucket, count + 1, newest
        line[USUAL] = np.nan

    def _with(self, known: float, count: float, offset: float) -> float:
        """Return what a bucket of `count` readings amounts to with one more."""
        if self.aggregate == "sum":
            return known + offset
        if self.aggregate in ("min", "max"):
            return self._extreme(known, offset) if count else offset
        return known + (offset - known) / (count + 1)

    def _amount(self, amount: float, count: float) -> float:
        """Return what a bucket amounts to whose `AMOUNT` and `COUNT` these are."""
        return amount if self.aggregate in ("sum", "min", "max") else amount / max(count, 1.0)

    def _extreme(self, known: float, offset: float) -> float:
        return min(known, offset) if self.aggregate == "min" else max(known, offset)

    def current(self, line: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the bucket under way amounts to, as an offset from the pivot."""
        if self.aggregate in ("sum", "min", "max"):
            return line[:, AMOUNT].copy()
        mean: NDArray[np.float64] = line[:, AMOUNT] / np.maximum(line[:, COUNT], 1)
        return mean

    def back(self, line: NDArray[np.float64], ago: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (k, *ago.shape) closed buckets by their age in buckets, at least 1; NaN where nothing was measured."""
        block = line[:, BLOCK].astype(np.int64)
        if (block == block[:1]).all():  # as a rule: then they lie in the same cells of all
            block = block[:1]
        cell: NDArray[Any] = (block.reshape(-1, *[1] * ago.ndim) - ago) % self.count
        return self.cells.get(line[:, HEAD:], cell)

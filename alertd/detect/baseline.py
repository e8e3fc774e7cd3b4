"""`baseline`: an aggregate over a window against the series' own, of the same hours of the days before."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.cells import BYTES
from alertd.detect.common import LARGE, Detector, Number, bounded, show
from alertd.detect.hours import BLOCK, HEAD, LINE, PIVOT, RING, USUAL, WEEK, Aggregate, Cycle, Hours
from alertd.detect.usual import ENOUGH, MINE, Usual, elapsed
from alertd.model import BAD, BAND, DAY, GOOD, HOUR, SECOND, Verdicts
from alertd.settings import Duration, show_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

Span = Annotated[Duration, Field(gt=0)]
Ratio = Annotated[Number, Field(gt=0)]
PARTS: Final = 4
"""A window shorter than four hours is cut into so many buckets."""
MOST: Final = 384
"""Buckets of a baseline; longer ones have wider buckets."""
PARTS_OF_DAY: Final = tuple(hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12))
"""Buckets over weeks: with others the same hours would lie elsewhere in them every week."""


class Baseline(Detector):
    """Bad when the window's aggregate is beyond a difference to, or a ratio of, what is usual.

    Usual is the mean of the same aggregate over the same hours of each of the days before, for
    a baseline of less than two days over the windows before. What was bad is thus compared with
    a day later at the earliest, and by then is part of the normal by time alone. With `usual: median`
    it becomes so only when it has lasted for half of the baseline: a sensor that hung for three days,
    an illness, a heat leave the normal as it was.
    """

    learns_late: ClassVar[bool] = True
    form: ClassVar[int] = 3
    limits: ClassVar[frozenset[str]] = frozenset({"delta_above", "delta_below", "ratio_above", "ratio_below"})
    kind: Literal["baseline"] = "baseline"
    window: Span = Field(description="over which time it is put together, in whole hours if it is longer than four")
    baseline: Span = Field(description="how far back the usual reaches")
    aggregate: Aggregate = Field("mean", description="median: of the means of its hours")
    usual: Literal["mean", "median"] = Field(
        "mean", description="of the days before; median: days of a fault do not count"
    )
    cycle: Cycle = Field("day", description="week: the same hours of the same weekday, where work and people decide")
    delta_above: Number | None = Field(None, description="more above the usual, in the metric's unit")
    delta_below: Number | None = Field(None, description="so much below the usual, with or without a minus sign")
    ratio_above: Ratio | None = Field(None, description="more than so many times the usual")
    ratio_below: Ratio | None = Field(None, description="less than so many times the usual: 0.6")

    @model_validator(mode="after")
    def _limited(self) -> Baseline:
        if all(x is None for x in (self.delta_above, self.delta_below, self.ratio_above, self.ratio_below)):
            raise ValueError("needs delta_above, delta_below, ratio_above or ratio_below")
        if self.baseline <= self.window:
            raise ValueError("baseline must be longer than window")
        if self.cycle == "week" and self.baseline < 2 * WEEK:
            raise ValueError("cycle: week needs a baseline of at least 2w")
        return self

    @cached_property
    def _width(self) -> Micros:
        fine = HOUR if self.window >= PARTS * HOUR else max(self.window // PARTS, SECOND)
        width = max(fine, -(-self.baseline // MOST))
        return width if self.cycle == "day" else next((one for one in PARTS_OF_DAY if one >= width), DAY)

    @cached_property
    def _cells(self) -> int:
        return max(1, round(self.window / self._width))

    @cached_property
    def _shift(self) -> int:
        """Buckets from one compared window to the one before it."""
        cycle = DAY if self.cycle == "day" else WEEK
        return (
            max(1, round(-(-self.window // cycle) * cycle / self._width)) if self.baseline >= 2 * DAY else self._cells
        )

    @cached_property
    def _times(self) -> int:
        """How many windows the usual is made of."""
        return max(1, int(self.baseline / (self._shift * self._width)))

    @cached_property
    def _hours(self) -> Hours:
        return Hours(self._width, self._times * self._shift + self._cells + 1, self.aggregate)

    @cached_property
    def _base(self) -> Usual:
        return Usual(self._hours, self._cells, self._shift, self._times, median=self.usual == "median")

    @property
    def learned(self) -> int:
        """Return the columns of its buckets."""
        return self._hours.columns

    def warmup(self, interval: Micros) -> Micros | None:  # noqa: ARG002
        """Return the days that must be known, of a baseline shorter than two days the windows."""
        return min(ENOUGH, self._times) * self._shift * self._width

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (its buckets are learned columns)
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002 (what was bad is a day old when it is compared with)
    ) -> Verdicts:
        """Judge k readings; the score is the ratio, or the difference without a ratio's limit; `normal` the usual."""
        self._hours.take(learned, time, bounded(value))
        stale = np.isnan(learned[:, USUAL]).nonzero()[0] if self._base.lasts else np.arange(len(time))
        if len(stale):
            learned[stale, USUAL:HEAD] = self._base.compute(learned[stale])
        usual, rest, there, first = learned[:, USUAL:HEAD].T
        counts = np.isfinite(first)
        with np.errstate(invalid="ignore", divide="ignore"):
            actual = rest + np.where(counts, self._hours.current(learned), 0.0)
            if self.aggregate == "sum":
                usual = usual + np.where(counts, first * elapsed(learned), 0.0)
            elif self.aggregate == "mean":
                actual = actual / (there + counts)
            known = np.isfinite(usual)
            usual, actual = usual + learned[:, PIVOT], actual + learned[:, PIVOT]
            delta = np.where(known, actual - usual, 0.0)
            rated = known & (usual > 0)
            ratio = np.where(rated, actual / usual, 1.0)
        bad = np.zeros(len(time), np.bool_)
        for by_ratio, limit, above in self._limits:
            found = ratio if by_ratio else delta
            bad |= found > limit if above else found < limit
        judged = known if self._by_difference else rated
        state = np.where(judged, np.where(bad, BAD, GOOD), BAND).astype(np.int8)
        return Verdicts(state, ratio if self._rates else delta, np.where(judged, usual, np.nan))

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge one reading; arrays only once an hour, where the usual is computed anew."""
        value = min(max(reading.value, -LARGE), LARGE)
        head = self._hours.take_one(line, reading.time, value)
        if head[USUAL] != head[USUAL] and self._base.lasts:
            mine = self._base.compute_one(line[RING:], int(head[BLOCK]))
            if mine is not None:
                MINE.pack_into(line, USUAL * BYTES, *mine)
                head = (*head[:USUAL], *mine)
        if head[USUAL] != head[USUAL] or not self._base.lasts:
            whole = np.frombuffer(line).reshape(1, -1)
            with np.errstate(over="ignore", invalid="ignore"):
                whole[:, USUAL:HEAD] = self._base.compute(whole)
            head = LINE.unpack_from(line)
        pivot, _, amount, count, before, _, _, _, usual, actual, there, first = head
        if first - first == 0.0:  # it is a number: the hour under way counts
            if self.aggregate == "sum":
                usual += first * (count / max(count, before))
            elif self.aggregate == "mean":
                amount, there = amount / count, there + 1.0
            actual += amount
        if usual - usual != 0.0:  # it is none: not known
            return BAND, 1.0 if self._rates else 0.0, math.nan
        if self.aggregate == "mean":
            actual /= there
        usual, actual = usual + pivot, actual + pivot
        delta, rated = actual - usual, usual > 0
        ratio = actual / usual if rated else 1.0
        score = ratio if self._rates else delta
        if not (rated or self._by_difference):
            return BAND, score, math.nan
        for by_ratio, limit, above in self._limits:
            found = ratio if by_ratio else delta
            if found > limit if above else found < limit:
                return BAD, score, usual
        return GOOD, score, usual

    @cached_property
    def _limits(self) -> tuple[tuple[bool, float, bool], ...]:
        """Return the limits that are set: (of the ratio, the limit, bad above it)."""
        below = None if self.delta_below is None else -abs(self.delta_below)
        each = (
            (False, self.delta_above, True),
            (False, below, False),
            (True, self.ratio_above, True),
            (True, self.ratio_below, False),
        )
        return tuple((by_ratio, limit, above) for by_ratio, limit, above in each if limit is not None)

    @cached_property
    def _rates(self) -> bool:
        return self.ratio_above is not None or self.ratio_below is not None

    @cached_property
    def _by_difference(self) -> bool:
        return self.delta_above is not None or self.delta_below is not None

    def told(self, value: float, score: float, normal: float) -> float:
        """Return what the window amounts to: the last reading is not what was judged."""
        return value if np.isnan(normal) else score * normal if self._rates else normal + score

    @property
    def told_over(self) -> Micros:
        """Return the window."""
        return self.window

    def late(self, line: memoryview, time: Micros, value: float, *, proven: bool) -> None:
        """Take a late reading into its bucket."""
        self._hours.late(np.frombuffer(line), time, min(max(value, -LARGE), LARGE), proven=proven)

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say what the window amounts to, and what is usual."""
        actual = self.told(value, score, normal)
        usual = f"its usual {show(normal, unit)} at these hours (of {show_duration(self.baseline)})"
        if self.cycle == "week":
            usual = f"its usual {show(normal, unit)} at these hours of this weekday (of {show_duration(self.baseline)})"
        if self.baseline < 2 * DAY:
            usual = f"its usual {show(normal, unit)} (of {show_duration(self.baseline)})"
        far = f"{score:.2f} times" if self._rates else f"{show(abs(score), unit)} {'above' if score > 0 else 'below'}"
        what = f"{show_duration(self.window)} {self.aggregate} {show(actual, unit)}"
        return f"{what} is {far} {usual}"

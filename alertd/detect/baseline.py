"""`baseline`: an aggregate over a window against the series' own, of the same hours of the days before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.common import LARGE, Detector, Number, bounded, show
from alertd.detect.hours import COUNT, PIVOT, USUAL, WEEK, Aggregate, Cycle, Hours
from alertd.model import BAD, BAND, DAY, GOOD, HOUR, SECOND, Verdicts
from alertd.settings import Duration, show_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
ENOUGH: Final = 3
"""Earlier days that must be known, or all there are in a shorter baseline."""


class Baseline(Detector):
    """Bad when the window's aggregate is beyond a difference to, or a ratio of, what is usual.

    Usual is the mean of the same aggregate over the same hours of each of the days before, for
    a baseline of less than two days over the windows before. What was bad is thus compared with
    a day later at the earliest, and by then is part of the normal by time alone. With `usual: median`
    it becomes so only when it has lasted for half of the baseline: a sensor that hung for three days,
    an illness, a heat leave the normal as it was.
    """

    learns_late: ClassVar[bool] = True
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

    @property
    def _width(self) -> Micros:
        fine = HOUR if self.window >= PARTS * HOUR else max(self.window // PARTS, SECOND)
        width = max(fine, -(-self.baseline // MOST))
        return width if self.cycle == "day" else next((one for one in PARTS_OF_DAY if one >= width), DAY)

    @property
    def _cells(self) -> int:
        return max(1, round(self.window / self._width))

    @property
    def _shift(self) -> int:
        """Buckets from one compared window to the one before it."""
        cycle = DAY if self.cycle == "day" else WEEK
        return (
            max(1, round(-(-self.window // cycle) * cycle / self._width)) if self.baseline >= 2 * DAY else self._cells
        )

    @property
    def _times(self) -> int:
        """How many windows the usual is made of."""
        return max(1, int(self.baseline / (self._shift * self._width)))

    @property
    def _hours(self) -> Hours:
        return Hours(self._width, self._times * self._shift + self._cells + 1, self.aggregate)

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
        hours = self._hours
        hours.take(learned, time, bounded(value))
        now, then = self._compared(hours, learned)
        both = np.isfinite(now) & np.isfinite(then).any(axis=1)
        now, then = np.where(both, now, np.nan), np.where(both[:, None, :], then, np.nan)
        there, had = both.sum(axis=1), np.isfinite(then).sum(axis=2)
        full = (had > 0) & (2 * had >= there[:, None])
        days = full.sum(axis=1)
        known = (days >= min(ENOUGH, self._times)) & (2 * there >= self._expected(hours, learned))
        with np.errstate(invalid="ignore", divide="ignore"):
            usual = self._usual(then, full) + learned[:, PIVOT]
            actual = self._together(now) + learned[:, PIVOT]
            delta = np.where(known, actual - usual, 0.0)
            rated = known & (usual > 0)
            ratio = np.where(rated, actual / usual, 1.0)
        bad = np.zeros(len(time), np.bool_)
        for limit, found, more in (
            (self.delta_above, delta, True),
            (None if self.delta_below is None else -abs(self.delta_below), delta, False),
            (self.ratio_above, ratio, True),
            (self.ratio_below, ratio, False),
        ):
            if limit is not None:
                bad |= found > limit if more else found < limit
        known &= rated | (self.delta_above is not None) | (self.delta_below is not None)
        state = np.where(known, np.where(bad & known, BAD, GOOD), BAND).astype(np.int8)
        return Verdicts(state, ratio if self._rates else delta, np.where(known, usual, np.nan))

    def _compared(self, hours: Hours, learned: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the window's buckets (k, n), and those of the windows before (k, times, n).

        The hour under way counts with what is there of it; of a sum as much of the earlier
        days' hour is taken. Its smallest and largest say nothing before it is over.
        """
        begin = int(self.aggregate in ("min", "max"))
        window = np.arange(begin, begin + self._cells)
        now = hours.back(learned, window)
        if not begin:
            now[:, 0] = hours.current(learned)
        then = hours.back(learned, self._shift * np.arange(1, self._times + 1)[:, None] + window)
        if self.aggregate == "sum":
            then[:, :, 0] *= (learned[:, COUNT] / np.maximum(learned[:, COUNT], learned[:, USUAL]))[:, None]
        return now, then

    def _expected(self, hours: Hours, learned: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how many buckets such a window had in the past."""
        past = hours.back(learned, self._shift * np.arange(1, self._times + 1)[:, None] + np.arange(self._cells))
        most: NDArray[np.float64] = np.isfinite(past).sum(axis=2).max(axis=1)
        return most

    def _usual(self, then: NDArray[np.float64], full: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the mean or median over the windows before; of a sum one missing hour is no drop."""
        if self.usual == "median":
            each_whole = self._together(then)
            if self.aggregate == "sum":  # as much as it would be with all its hours
                had = np.isfinite(then).sum(axis=2)
                each_whole = each_whole * (had.max(axis=1, keepdims=True) / np.maximum(had, 1))
            return _middle(np.where(full, each_whole, np.nan))
        if self.aggregate == "sum":
            there = np.isfinite(then)
            each: NDArray[Any] = np.where(there, then, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
            total: NDArray[Any] = each.sum(axis=1)
            return total
        whole: NDArray[Any] = np.where(full, self._together(then), 0.0).sum(axis=1) / full.sum(axis=1)
        return whole

    @property
    def _rates(self) -> bool:
        return self.ratio_above is not None or self.ratio_below is not None

    def _together(self, buckets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Aggregate the last axis; what was not measured does not count."""
        there = np.isfinite(buckets)
        if self.aggregate == "median":
            return _middle(buckets)
        if self.aggregate in ("min", "max"):
            lowest = self.aggregate == "min"
            filled = np.where(there, buckets, np.inf if lowest else -np.inf)
            extreme: NDArray[Any] = filled.min(axis=-1) if lowest else filled.max(axis=-1)
            return extreme
        total: NDArray[Any] = np.where(there, buckets, 0.0).sum(axis=-1)
        return total if self.aggregate == "sum" else total / np.maximum(there.sum(axis=-1), 1)

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


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the medians along the last axis of what is there, NaN where nothing is."""
    there = np.isfinite(values)
    ascending = np.sort(np.where(there, values, np.inf), axis=-1)
    used = there.sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ascending, np.maximum((used - 1) // 2, 0), axis=-1)
    high = np.take_along_axis(ascending, np.minimum(used // 2, values.shape[-1] - 1), axis=-1)
    middle: NDArray[Any] = np.where(used > 0, low / 2 + high / 2, np.nan)[..., 0]
    return middle

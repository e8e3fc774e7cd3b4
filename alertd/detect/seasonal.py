"""`seasonal`: far from what is usual for the series at this hour of the day."""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.cells import BYTES, Singles
from alertd.detect.common import LARGE, Detector, Number, bounded, show
from alertd.detect.hours import AMOUNT, BLOCK, COUNT, PIVOT, RING, USUAL, Cycle, Hours
from alertd.detect.robust_zscore import MEAN_TO_SIGMA, TO_SIGMA, middle_of
from alertd.detect.rolling import step_of, total
from alertd.detect.usual import added
from alertd.model import BAD, BAND, DAY, GOOD, HOUR, Verdicts
from alertd.settings import Duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

Span = Annotated[Duration, Field(gt=0)]
SPREAD, INSIDE = USUAL + 1, USUAL + 2
"""Of its own columns: what its same hours are apart, and readings of one hour."""
COLUMN: Final = Struct("=d")
OWN: Final = Struct("=2d")
ENOUGH: Final = 3
"""Days on which this hour must have been seen before it is judged."""
WITHIN: Final = 0.02
"""What one reading weighs in the learned deviation within an hour."""
MOST: Final = 1024
"""Buckets that are kept at most."""


class Seasonal(Detector):
    """Bad when more than `above` robust deviations from the median of its own same hours.

    The spread is that of the hour's means over the days and of readings within an hour, both:
    a mean of twelve readings varies less than one of them. The hours of a day ago and more are
    compared with, so what was bad becomes normal by time alone.
    """

    learns_late: ClassVar[bool] = True
    form: ClassVar[int] = 3
    limits: ClassVar[frozenset[str]] = frozenset({"above", "direction"})
    kind: Literal["seasonal"] = "seasonal"
    baseline: Span = Field(10 * DAY, validate_default=False, description="how many days back: 10d")
    bucket: Annotated[Duration, Field(gt=0, le=DAY)] = Field(
        HOUR, validate_default=False, description="what counts as the same time of day"
    )
    cycle: Cycle = Field("day", description="week: the same hour of the same weekday, where work and people decide")
    above: Annotated[Number, Field(gt=0)] = Field(description="robust deviations (1.4826 MAD) that are too many")
    direction: Literal["up", "down", "both"] = "both"

    @model_validator(mode="after")
    def _some_days(self) -> Seasonal:
        if self.baseline < ENOUGH * self._every * DAY:
            raise ValueError(f"baseline needs at least {ENOUGH}{'d' if self.cycle == 'day' else 'w'}")
        if self._days * self._a_day > MOST:
            raise ValueError(f"{self._days} days of {self._a_day} buckets are more than {MOST}: use a wider bucket")
        return self

    @property
    def _a_day(self) -> int:
        return max(1, round(DAY / self.bucket))

    @property
    def _width(self) -> Micros:
        return DAY // self._a_day

    @property
    def _every(self) -> int:
        """Days from one of its same hours to the next."""
        return 1 if self.cycle == "day" else 7

    @property
    def _days(self) -> int:
        return self.baseline // DAY

    @cached_property
    def _hours(self) -> Hours:
        return Hours(self._width, self._days * self._a_day + 1, alike=True)

    @cached_property
    def _ring(self) -> Singles:
        return Singles(self._hours.count)

    @property
    def learned(self) -> int:
        """Return the columns of its buckets."""
        return self._hours.columns

    def warmup(self, interval: Micros) -> Micros | None:  # noqa: ARG002
        """Return the days on which its hour must have been seen."""
        return ENOUGH * self._every * DAY

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (its buckets are learned columns)
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002 (what was bad is a day old when it is compared with)
    ) -> Verdicts:
        """Judge k readings; the score is the signed distance in robust deviations, `normal` the median."""
        hours = self._hours
        value = bounded(value)
        hours.take(learned, time, value)
        stale = np.isnan(learned[:, USUAL]).nonzero()[0]
        if len(stale):
            learned[stale, USUAL : USUAL + 2] = self._compute(learned[stale])
        offset, median, inside = value - learned[:, PIVOT], learned[:, USUAL], learned[:, INSIDE]
        with np.errstate(invalid="ignore"):
            away = MEAN_TO_SIGMA * inside
            spread = np.sqrt(learned[:, SPREAD] * learned[:, SPREAD] + away * away)
            known = np.isfinite(median) & (spread > 0)
            score = np.zeros(len(time))
            np.divide(offset - median, spread, out=score, where=known)
        apart = np.abs(offset - hours.current(learned))
        learned[:, INSIDE] += np.where(learned[:, COUNT] > 1, WITHIN * (apart - inside), 0.0)
        far = {"up": score, "down": -score, "both": np.abs(score)}[self.direction] > self.above
        state = np.where(known, np.where(far, BAD, GOOD), BAND).astype(np.int8)
        return Verdicts(state, score, np.where(known, median + learned[:, PIVOT], np.nan))

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge one reading."""
        value = min(max(reading.value, -LARGE), LARGE)
        head = self._hours.take_one(line, reading.time, value)
        pivot, count, median, apart, inside = head[PIVOT], head[COUNT], *head[USUAL : INSIDE + 1]
        if math.isnan(median):
            median, apart = self._compute_one(line, int(head[BLOCK]), pivot)
            OWN.pack_into(line, USUAL * BYTES, median, apart)
        offset, away = value - pivot, MEAN_TO_SIGMA * inside
        spread = math.sqrt(apart * apart + away * away)
        if count > 1:
            inside += WITHIN * (abs(offset - head[AMOUNT] / count) - inside)
            COLUMN.pack_into(line, INSIDE * BYTES, inside)
        if not (math.isfinite(median) and spread > 0):
            return BAND, 0.0, math.nan
        score: float = (offset - median) / spread
        far = score if self.direction == "up" else -score if self.direction == "down" else abs(score)
        return BAD if far > self.above else GOOD, score, median + pivot

    def _compute(self, learned: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (k, 2) the median of its same hours as an offset (infinite: not known), and their spread."""
        then = self._hours.back(learned, np.array(self._agos))
        there = np.isfinite(then)
        used = there.sum(axis=1)
        found = np.zeros((len(learned), 2))
        found[:, 0] = np.inf
        some = (used >= ENOUGH).nonzero()[0]
        if len(some):
            ascending = np.sort(np.where(there[some], then[some], np.inf), axis=1)
            median = middle_of(ascending, used[some])
            away = np.where(np.isfinite(ascending), np.abs(ascending - median[:, None]), np.inf)
            spread = TO_SIGMA * middle_of(np.sort(away, axis=1), used[some])
            mean = total(np.where(np.isfinite(away), away, 0.0)) / used[some]
            spread = np.where(spread > 0, spread, MEAN_TO_SIGMA * mean)
            floor = step_of(ascending, used[some], median + learned[some, PIVOT])
            found[some, 0], found[some, 1] = median, np.maximum(spread, floor)
        return found

    def _compute_one(self, line: memoryview, block: int, pivot: float) -> tuple[float, float]:
        """Do as `_compute` for one line."""
        there = sorted(self._ring.known(line[RING:], [block - ago for ago in self._agos]))
        used = len(there)
        if used < ENOUGH:
            return math.inf, 0.0
        low, high = (used - 1) // 2, used // 2
        median = (there[low] + there[high]) / 2
        away = [abs(one - median) for one in there]
        mean = added(away) / used
        away.sort()
        spread = TO_SIGMA * ((away[low] + away[high]) / 2)
        least = 1e-6 * (there[-1] - there[0])
        step = min((after - before for before, after in pairwise(there) if after - before > least), default=math.inf)
        if not spread > 0:
            spread = MEAN_TO_SIGMA * mean
        return median, max(spread, step if step < math.inf else abs(median + pivot) / 100)

    @cached_property
    def _agos(self) -> tuple[int, ...]:
        """Return how many buckets ago its same hours were."""
        return tuple(self._a_day * day for day in range(self._every, self._days + 1, self._every))

    def late(self, line: memoryview, time: Micros, value: float, *, proven: bool) -> None:
        """Take a late reading into its bucket."""
        self._hours.late(np.frombuffer(line), time, min(max(value, -LARGE), LARGE), proven=proven)

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say how far it is from its usual at this hour."""
        side, of = "above" if score > 0 else "below", " of the week" if self.cycle == "week" else ""
        return (
            f"{show(value, unit)}, {abs(score):.1f} deviations {side} its usual {show(normal, unit)} at this hour{of}"
        )

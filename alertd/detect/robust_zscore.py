"""`robust_zscore`: far from the median of the series' own recent readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.common import CELLS, Detector, Number, Samples, Window, show
from alertd.model import BAD, BAND, DAY, GOOD, Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros
    from alertd.seams import History

TO_SIGMA: Final = 1.4826
"""MAD to standard deviation for normal data: 1 / 0.6745."""
MEAN_TO_SIGMA: Final = 1.2533
"""Mean absolute deviation to standard deviation for normal data: sqrt(pi / 2)."""
RELEARN: Final = DAY
"""So long a value judged bad stays out of the baseline; then it enters by time alone (DESIGN.md, Learned state)."""
MEDIAN, SPREAD, AT, TAKEN, USED = range(5)
"""The learned columns: median, spread, time of learning, `taken` then, and how many values were used."""


class RobustZScore(Detector):
    """Bad when more than `above` robust deviations from the median of its window.

    Median and MAD, not mean and deviation: one frozen probe must not widen the very band
    that should catch it. What was judged bad stays out of the baseline for a day.
    """

    kind: Literal["robust_zscore"] = "robust_zscore"
    window: Window = Field(description="how far back its normal reaches: 24h, or {samples: 60}")
    above: float = Field(gt=0, allow_inf_nan=False, description="robust deviations (1.4826 MAD) that are too many")
    direction: Literal["up", "down", "both"] = "both"
    min_samples: int = Field(12, ge=3, le=CELLS, description="not judged with fewer values in the window")
    floor: Number | None = Field(
        None, ge=0, description="smallest spread assumed, in the metric's unit; default: the sensor's own resolution"
    )

    @model_validator(mode="after")
    def _window_holds_enough(self) -> RobustZScore:
        if isinstance(self.window, Samples):
            if "min_samples" in self.model_fields_set and self.min_samples > self.window.samples:
                raise ValueError(f"min_samples ({self.min_samples}) is more than the window's {self.window.samples}")
        elif self.window <= 0:
            raise ValueError("window must be longer than 0s")
        return self

    @property
    def span(self) -> Micros:
        """Return the window's duration in microseconds, 0 if it counts readings."""
        return 0 if isinstance(self.window, Samples) else self.window

    @property
    def samples(self) -> int:
        """Return the window's readings, 0 if it is a duration."""
        return self.window.samples if isinstance(self.window, Samples) else 0

    @property
    def learned(self) -> int:
        """Return 5: see `MEDIAN` and its neighbours."""
        return 5

    @property
    def _needed(self) -> int:
        return min(self.min_samples, self.samples or self.min_samples)

    def judge(
        self,
        history: History | None,
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,
    ) -> Verdicts:
        """Judge k readings; the score is the signed distance in robust deviations, `normal` the median.

        Median and spread are learned anew when an eighth of the window is new, in readings or in
        reading time: counted per series in its own readings, so batches change nothing and of
        eight readings at most one pays for sorting (a 64th of the time would be every reading of
        a window of 60).
        """
        assert history is not None
        stale = ~(history.taken - learned[:, TAKEN] < np.maximum(learned[:, USED] / 8, 1))  # also where it is NaN
        if self.span:
            stale |= ~(time - learned[:, AT] < self.span / 8)
        if stale.any():
            index = np.flatnonzero(stale)
            learned[index] = self._learn(history.take(index), time[index], slot)
        median, spread = learned[:, MEDIAN], learned[:, SPREAD]
        known = (learned[:, USED] >= self._needed) & (spread > 0)
        score = np.zeros(len(value))
        np.divide(value - median, spread, out=score, where=known)
        far = {"up": score, "down": -score, "both": np.abs(score)}[self.direction] > self.above
        state = np.where(known, np.where(far, BAD, GOOD), BAND).astype(np.int8)
        return Verdicts(state, score, np.where(known, median, np.nan))

    def _learn(self, history: History, time: NDArray[np.int64], slot: int) -> NDArray[np.float64]:
        """Return the learned columns for these series from their windows."""
        values = history.value
        kept = np.isfinite(values)
        kept &= ~(((history.flags >> slot) & 1).astype(bool) & (time[:, None] - history.time < RELEARN))
        used = kept.sum(axis=1)
        fresh = np.zeros((len(time), 5))
        fresh[:, AT], fresh[:, TAKEN], fresh[:, USED] = time, history.taken, used
        enough = np.flatnonzero(used >= self._needed)
        if len(enough):
            sorted_ = np.sort(np.where(kept[enough], values[enough], np.inf), axis=1)
            median = _middle(sorted_, used[enough])
            fresh[enough, MEDIAN] = median
            fresh[enough, SPREAD] = self._spread(sorted_, used[enough], median)
        return fresh

    def _spread(
        self, ascending: NDArray[np.float64], used: NDArray[np.int64], median: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return 1.4826 MAD, but not less than the floor.

        Quantised and bursty data have a MAD of nothing or of less than one step, and then every
        second reading looks infinitely far. The default floor is the sensor's own resolution,
        the smallest step between two values in the window: of continuous data it is tiny and
        changes nothing. Where more than half the values are alike, the mean deviation counts
        too. Where all are alike no step is known: one percent of the value.
        """
        present = np.arange(ascending.shape[1]) < used[:, None]
        away = np.where(present, np.abs(ascending - median[:, None]), np.inf)
        mean = np.where(present, away, 0.0).sum(axis=1) / used
        spread = TO_SIGMA * _middle(np.sort(away, axis=1), used)
        if self.floor is not None:
            return np.maximum(spread, self.floor)
        spread = np.where(spread > 0, spread, MEAN_TO_SIGMA * mean)
        # float32 offsets carry rounding of 6e-8 of the range: what is closer than that is one value
        steps = np.diff(np.where(present, ascending, np.nan), axis=1)
        width = ascending[np.arange(len(used)), used - 1] - ascending[:, 0]
        steps = np.where(steps > 1e-6 * width[:, None], steps, np.inf)
        step = steps.min(axis=1)
        return np.maximum(spread, np.where(np.isfinite(step), step, np.abs(median) / 100))

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say how far it is from its normal."""
        side = "above" if score > 0 else "below"
        return f"{show(value, unit)} is {abs(score):.1f} robust deviations {side} its normal {show(normal, unit)}"


def _middle(ascending: NDArray[np.float64], used: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the medians of sorted rows of which the first `used` cells count."""
    rows = np.arange(len(used))
    return (ascending[rows, (used - 1) // 2] + ascending[rows, used // 2]) / 2

"""What `zscore` and `robust_zscore` share: far from the middle of the series' own recent readings."""

from __future__ import annotations

import math
from abc import abstractmethod
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.common import CELLS, Detector, Number, Samples, Window, show
from alertd.model import BAD, BAND, DAY, GOOD, Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

RELEARN: Final = DAY
"""So long a value judged bad stays out of the baseline; then it enters by time alone (DESIGN.md, Learned state)."""
MIDDLE, SPREAD, AT, TAKEN, USED = range(5)
"""The learned columns: middle, spread, time of learning, `taken` then, and how many values were used."""
LINE: Final = Struct("=5d")


class Rolling(Detector):
    """Bad when more than `above` deviations from the middle of its window.

    What was judged bad stays out of the baseline for a day. Until `min_samples` values are in
    the window nothing is judged.
    """

    paced: ClassVar[bool] = True
    deviations: ClassVar[str]
    """What `above` counts, in words."""

    window: Window = Field(description="how far back its normal reaches: 24h, or {samples: 60}")
    above: float = Field(gt=0, allow_inf_nan=False, description="deviations that are too many")
    direction: Literal["up", "down", "both"] = "both"
    min_samples: int = Field(12, ge=2, le=CELLS, description="not judged with fewer values in the window")
    floor: Number | None = Field(
        None, ge=0, description="smallest spread assumed, in the metric's unit; default: the sensor's own resolution"
    )

    @model_validator(mode="after")
    def _window_holds_enough(self) -> Self:
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
        """Return 5: see `MIDDLE` and its neighbours."""
        return 5

    def warmup(self, interval: Micros) -> Micros | None:
        """Return the time of `min_samples` readings."""
        wait = self._needed * interval
        return None if self.span and wait > self.span else wait

    @property
    def _needed(self) -> int:
        return min(self.min_samples, self.samples or self.min_samples)

    @abstractmethod
    def measure(
        self, ascending: NDArray[np.float64], used: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the middle and the spread of sorted rows of which the first `used` cells count."""

    def judge(
        self,
        history: History | None,
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,
    ) -> Verdicts:
        """Judge k readings; the score is the signed distance in deviations, `normal` the middle.

        Middle and spread are learned anew when an eighth of the window is new, in readings or in
        reading time: counted per series in its own readings, so batches change nothing and of
        eight readings at most one pays for sorting (a 64th of the time would be every reading of
        a window of 60).
        """
        assert history is not None
        stale = np.flatnonzero(~self.steady(learned, history.taken, time))
        if len(stale):
            learned[stale] = self._learn(history.take(stale), time[stale], slot)
        return self.by_learned(learned, value)

    def steady(self, learned: NDArray[np.float64], taken: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[Any]:
        """Return whether middle and spread need not be learned anew; of what was never learned they must."""
        fresh: NDArray[Any] = taken - learned[:, TAKEN] < np.maximum(learned[:, USED] / 8, 1)  # False where it is NaN
        if self.span:
            fresh &= time - learned[:, AT] < self.span / 8
        return fresh

    def by_learned(self, learned: NDArray[np.float64], value: NDArray[np.float64]) -> Verdicts:
        """Judge by middle and spread as they are."""
        middle, spread = learned[:, MIDDLE], learned[:, SPREAD]
        known = (learned[:, USED] >= self._needed) & (spread > 0)
        score = np.zeros(len(value))
        np.divide(value - middle, spread, out=score, where=known)
        far = {"up": score, "down": -score, "both": np.abs(score)}[self.direction] > self.above
        state = np.where(known, np.where(far, BAD, GOOD), BAND).astype(np.int8)
        return Verdicts(state, score, np.where(known, middle, np.nan))

    def judge_one(self, reading: Reading, line: memoryview, *, slot: int) -> tuple[int, float, float]:
        """Judge one reading; arrays only where middle and spread are learned anew."""
        middle, spread, at, taken, used = LINE.unpack(line)
        enough = reading.taken - taken < max(used / 8, 1) and not (
            self.span and not reading.time - at < self.span / 8
        )  # both False where it is NaN
        if not enough:
            with np.errstate(over="ignore", invalid="ignore"):
                fresh = self._learn(reading.past(self.span, self.samples), np.array([reading.time]), slot)
            line[:] = fresh.tobytes()
            middle, spread, at, taken, used = LINE.unpack(line)
        if not (used >= self._needed and spread > 0):
            return BAND, 0.0, math.nan
        score: float = (reading.value - middle) / spread
        far = score if self.direction == "up" else -score if self.direction == "down" else abs(score)
        return BAD if far > self.above else GOOD, score, middle

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
            ascending = np.sort(np.where(kept[enough], values[enough], np.inf), axis=1)
            fresh[enough, MIDDLE], fresh[enough, SPREAD] = self.measure(ascending, used[enough])
        return fresh

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say how far it is from its normal."""
        side = "above" if score > 0 else "below"
        return f"{show(value, unit)} is {abs(score):.1f} {self.deviations} {side} its normal {show(normal, unit)}"


def within(ascending: NDArray[np.float64], used: NDArray[np.int64]) -> NDArray[Any]:
    """Mark the cells that count."""
    present: NDArray[Any] = np.arange(ascending.shape[1]) < used[:, None]
    return present


def total(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each row, added from left to right.

    Not `sum`: that adds in blocks, and how wide the rows are follows from the longest window in
    the batch. The zeros behind shorter ones must not move the last bit.
    """
    summed: NDArray[np.float64] = np.cumsum(cells, axis=1)[:, -1]
    return summed


def step_of(ascending: NDArray[np.float64], used: NDArray[np.int64], middle: NDArray[np.float64]) -> NDArray[Any]:
    """Return the sensor's own resolution: the smallest step between two of its values.

    Of continuous data it is tiny and changes nothing; of quantised data it is the least that
    can be called a spread. Where all values are alike no step is known: one percent of the
    value.
    """
    # float32 offsets carry rounding of 6e-8 of the range: what is closer than that is one value
    steps = np.diff(np.where(within(ascending, used), ascending, np.nan), axis=1)
    width = ascending[np.arange(len(used)), used - 1] - ascending[:, 0]
    step = np.where(steps > 1e-6 * width[:, None], steps, np.inf).min(axis=1)
    return np.where(np.isfinite(step), step, np.abs(middle) / 100)

"""`rate`: the value rises or falls too fast."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.common import Detector, Number, show
from alertd.model import BAD, BAND, GOOD, HOUR, MINUTE, SECOND, Verdicts
from alertd.settings import Duration, show_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

NAMES = {SECOND: "second", MINUTE: "minute", HOUR: "hour", 24 * HOUR: "day"}


class Rate(Detector):
    """Bad when the change over the window, per hour or `per`, is above or below a limit.

    The reading is compared with the one measured nearest to `window` before it, at least half
    and at most twice as long ago: uneven sampling and a missed reading then change the divisor
    and not the answer. Without such a reading nothing is judged.
    """

    kind: Literal["rate"] = "rate"
    window: Annotated[Duration, Field(gt=0)] = Field(description="over which time the change is measured")
    above: Number | None = Field(None, description="bad when it rises faster, in the metric's unit per `per`")
    below: Number | None = Field(None, description="bad when it changes by less: -2 is falling by more than 2")
    per: Annotated[Duration, Field(gt=0)] = Field(HOUR, validate_default=False, description="the time unit")

    @model_validator(mode="after")
    def _limited(self) -> Rate:
        if self.above is None and self.below is None:
            raise ValueError("needs above or below")
        return self

    @property
    def span(self) -> Micros:
        """Return twice the window: where the reading to compare with may lie."""
        return 2 * self.window

    def warmup(self, interval: Micros) -> Micros | None:
        """Return half the window, in whole intervals: so old must the reading be that is compared with."""
        wait = self.window // 2 if interval <= 0 else -(-self.window // (2 * interval)) * interval
        return None if wait > 2 * self.window else wait

    def judge(
        self,
        history: History | None,
        learned: NDArray[np.float64],  # noqa: ARG002 (the window is all it needs)
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002 (a change is a change, whatever was thought of the readings)
    ) -> Verdicts:
        """Judge k readings; the score is the change per `per`, `normal` the value compared with."""
        assert history is not None
        values = history.value
        if not values.shape[1]:
            return Verdicts(np.full(len(value), BAND, np.int8), np.zeros(len(value)), np.full(len(value), np.nan))
        age = time[:, None] - history.time
        fits = np.isfinite(values) & (2 * age >= self.window) & (age <= 2 * self.window)
        nearest = np.where(fits, np.abs(age - self.window), np.iinfo(np.int64).max).argmin(axis=1)
        each = np.arange(len(value))
        known = fits[each, nearest]
        then = np.where(known, values[each, nearest], np.nan)
        score = np.zeros(len(value))
        np.divide((value - then) * self.per, age[each, nearest], out=score, where=known)
        bad = np.zeros(len(value), np.bool_)
        if self.above is not None:
            bad |= score > self.above
        if self.below is not None:
            bad |= score < self.below
        return Verdicts(np.where(known, np.where(bad, BAD, GOOD), BAND).astype(np.int8), score, then)

    def judge_one(self, reading: Reading, line: memoryview, *, slot: int) -> tuple[int, float, float]:
        """Judge one reading; arrays only of a window so full that it is thinned."""
        if reading.thinned:
            return super().judge_one(reading, line, slot=slot)
        nearest, then, far = 0, math.nan, math.inf
        for when, value in reading.around(reading.time - self.window):
            age = reading.time - when
            if 2 * age >= self.window and age <= 2 * self.window and abs(age - self.window) < far:
                nearest, then, far = age, value, abs(age - self.window)
        if not nearest:
            return BAND, 0.0, math.nan
        score: float = (reading.value - then) * self.per / nearest
        bad = (self.above is not None and score > self.above) or (self.below is not None and score < self.below)
        return BAD if bad else GOOD, score, then

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say how fast, and from where to where."""
        way = "rising" if score > 0 else "falling" if score < 0 else "changing"
        per = NAMES.get(self.per, show_duration(self.per))
        over = f" in about {show_duration(self.window)}" if np.isfinite(normal) else ""
        return f"{way} by {show(abs(score), unit)} per {per}: {show(normal, unit)} to {show(value, unit)}{over}"

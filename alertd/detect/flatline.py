"""`flatline`: the value does not change."""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from pydantic import Field

from alertd.detect.common import Detector, Number, show
from alertd.model import BAD, GOOD, HOUR, SECOND, Verdicts
from alertd.settings import Duration, show_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

LOW, HIGH, SINCE, READINGS = range(4)
"""The learned columns: the bounds of the run, when it began, and its readings."""
LINE: Final = Struct("=4d")
ENOUGH: Final = 3
"""Readings alike before a run means anything: two around an outage say nothing of what was between them."""


class Flatline(Detector):
    """Bad when all readings of the last `for` lie within `tolerance` of each other.

    Only readings prove it: a sensor that says nothing is a case for `absence`.
    """

    kind: Literal["flatline"] = "flatline"
    for_: Annotated[Duration, Field(gt=0)] = Field(alias="for", description="how long it may stay the same")
    tolerance: Number = Field(0.0, ge=0, description="what still counts as the same, in the metric's unit")

    @property
    def learned(self) -> int:
        """Return 4: see `LOW` and its neighbours."""
        return 4

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (the run is kept in the learned columns)
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002
    ) -> Verdicts:
        """Judge k readings; the score is the length of the run in hours, `normal` where it began."""
        low, high = np.fmin(learned[:, LOW], value), np.fmax(learned[:, HIGH], value)
        goes_on = (learned[:, READINGS] >= 1) & (high - low <= self.tolerance)
        learned[:, LOW] = np.where(goes_on, low, value)
        learned[:, HIGH] = np.where(goes_on, high, value)
        learned[:, SINCE] = np.where(goes_on, learned[:, SINCE], time)
        learned[:, READINGS] = np.where(goes_on, learned[:, READINGS] + 1, 1)
        run = time - learned[:, SINCE]
        bad = (run >= self.for_) & (learned[:, READINGS] >= ENOUGH)
        state = np.where(bad, BAD, GOOD).astype(np.int8)
        return Verdicts(state, run / HOUR, np.full(len(value), np.nan))

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge one reading."""
        time, value = reading.time, reading.value
        low, high, since, readings = LINE.unpack(line)
        if readings >= 1 and max(high, value) - min(low, value) <= self.tolerance:
            low, high, readings = min(low, value), max(high, value), readings + 1
        else:
            low, high, since, readings = value, value, float(time), 1.0
        LINE.pack_into(line, 0, low, high, since, readings)
        run: float = time - since
        return BAD if run >= self.for_ and readings >= ENOUGH else GOOD, run / HOUR, math.nan

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:  # noqa: ARG002 (it expects a change)
        """Say for how long: `score` is the run in hours."""
        run: Micros = round(score * HOUR / SECOND) * SECOND if np.isfinite(score) else 0
        return f"{show(value, unit)}, unchanged for {show_duration(run)}"

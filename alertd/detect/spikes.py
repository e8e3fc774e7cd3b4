"""`spikes`: a sensor that now and then tells one wild value, out and back."""

from __future__ import annotations

import math
import struct
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from alertd.detect.common import LARGE, Detector, Number, bounded, show
from alertd.model import BAD, BAND, DAY, GOOD, HOUR, Verdicts
from alertd.settings import Duration, show_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

BEFORE, LAST, AT, FOUND = range(4)
"""The learned columns: the two readings before, when the newer of them was measured, and from `FOUND` on the times of
the newest spikes."""


class Spikes(Detector):
    """Bad while the last `count` spikes lie within `within`.

    A spike is one reading further than `jump` from the one before it and the one after it, on the same
    side: what stays where it went is no spike, however far. It is known with the reading after it.
    """

    kind: Literal["spikes"] = "spikes"
    jump: Annotated[Number, Field(gt=0)] = Field(description="out and back by more than this, in the metric's unit")
    count: int = Field(2, ge=1, le=16, description="so many are too many")
    within: Annotated[Duration, Field(gt=0)] = Field(DAY, validate_default=False, description="in so long")
    direction: Literal["up", "down", "both"] = "both"

    @property
    def learned(self) -> int:
        """Return three and one for each spike that is remembered."""
        return FOUND + self.count

    def warmup(self, interval: Micros) -> Micros | None:
        """Return the gaps to the two readings before."""
        return 2 * interval

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (the two readings before are learned columns)
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002
    ) -> Verdicts:
        """Judge k readings; the score is the hours since the oldest spike that counts, `normal` what was before."""
        value = bounded(value)
        before, last = learned[:, BEFORE].copy(), learned[:, LAST].copy()
        out, back = last - before, last - value
        up, down = (out > self.jump) & (back > self.jump), (out < -self.jump) & (back < -self.jump)
        spike = {"up": up, "down": down, "both": up | down}[self.direction]
        learned[spike, FOUND + 1 :] = learned[spike, FOUND:-1]
        learned[spike, FOUND] = learned[spike, AT]
        learned[:, BEFORE] = np.where(spike, before, last)
        learned[:, LAST], learned[:, AT] = value, time
        age = time - learned[:, FOUND + self.count - 1]
        bad = age <= self.within
        state = np.where(bad, BAD, np.where(np.isfinite(before), GOOD, BAND)).astype(np.int8)
        return Verdicts(
            state, np.where(bad, age / HOUR, 0.0), np.where(np.isfinite(before), learned[:, BEFORE], np.nan)
        )

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge one reading."""
        value = min(max(reading.value, -LARGE), LARGE)
        before, last, at, *found = struct.unpack(self._line, line)
        out, back = last - before, last - value
        up, down = out > self.jump and back > self.jump, out < -self.jump and back < -self.jump
        if up if self.direction == "up" else down if self.direction == "down" else up or down:
            found, usual = [at, *found[:-1]], before
        else:
            usual = last
        struct.pack_into(self._line, line, 0, usual, value, float(reading.time), *found)
        known = math.isfinite(before)
        age: float = reading.time - found[-1]
        if age <= self.within:
            return BAD, age / HOUR, usual if known else math.nan
        return (GOOD, 0.0, usual) if known else (BAND, 0.0, math.nan)

    @cached_property
    def _line(self) -> str:
        return f"={self.learned}d"

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:  # noqa: ARG002 (counts matter)
        """Say how many there were."""
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"jumped by more than {show(self.jump, unit)} and back {times} within {show_duration(self.within)}"

"""`threshold`: the value is beyond a limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.common import Detector, Number, plain, show
from alertd.model import BAD, BAND, GOOD
from alertd.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Verdicts
    from alertd.seams import History


class Clear(Settings):
    """Where it is good again, for each side; a side left out clears at its limit."""

    above: Number | None = None
    below: Number | None = None


class Threshold(Detector):
    """Bad strictly beyond a limit, good again at the clear value, between them whatever was, stays.

    A value equal to a limit is not beyond it, a value equal to its clear value is clear:
    quantised sensors sit exactly on both.
    """

    kind: Literal["threshold"] = "threshold"
    above: Number | None = Field(None, description="bad above this, in the metric's unit")
    below: Number | None = Field(None, description="bad below this, in the metric's unit")
    clear: Number | Clear | None = Field(None, description="good again at this value; default: the limit itself")

    @model_validator(mode="after")
    def _limits_fit(self) -> Threshold:
        if self.above is None and self.below is None:
            raise ValueError("needs above, below or both")
        if self.above is not None and self.below is not None and self.below >= self.above:
            raise ValueError(f"below ({self.below:g}) must be less than above ({self.above:g})")
        return self

    @model_validator(mode="after")
    def _clear_fits(self) -> Threshold:
        if isinstance(self.clear, Clear):
            for side in ("above", "below"):
                if getattr(self.clear, side) is not None and getattr(self, side) is None:
                    raise ValueError(f"clear has {side}, but there is no limit {side}")
        elif self.clear is not None and self.above is not None and self.below is not None:
            raise ValueError("with two limits clear is written as {above: ..., below: ...}")
        top, bottom = self._clear
        if self.above is not None and top > self.above:
            raise ValueError(f"clear ({top:g}) must not be beyond above ({self.above:g})")
        if self.below is not None and bottom < self.below:
            raise ValueError(f"clear ({bottom:g}) must not be beyond below ({self.below:g})")
        if bottom > top:
            raise ValueError(f"nothing can be clear: clear.below ({bottom:g}) is above clear.above ({top:g})")
        return self

    @property
    def _clear(self) -> tuple[float, float]:
        """Return the highest and the lowest value that is clear; a side without a limit is always clear."""
        above, below = (
            (self.clear.above, self.clear.below) if isinstance(self.clear, Clear) else (self.clear, self.clear)
        )
        top = np.inf if self.above is None else self.above if above is None else above
        bottom = -np.inf if self.below is None else self.below if below is None else below
        return top, bottom

    @property
    def timeless(self) -> bool:
        """Return True: a limit needs no time."""
        return True

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (a limit needs no history)
        learned: NDArray[np.float64],  # noqa: ARG002
        time: NDArray[np.int64],  # noqa: ARG002
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002
    ) -> Verdicts:
        """Judge values against the limits; the score is the value."""
        top, bottom = self._clear
        good, bad = np.ones(len(value), np.bool_), np.zeros(len(value), np.bool_)
        if self.above is not None:
            good, bad = value <= top, value > self.above
        if self.below is not None:
            good, bad = good & (value >= bottom), bad | (value < self.below)
        return plain(bad.view(np.int8) - good.view(np.int8), value)  # BAD is 1, GOOD is -1

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,  # noqa: ARG002
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge one value."""
        value = reading.value
        if (self.above is not None and value > self.above) or (self.below is not None and value < self.below):
            return BAD, value, math.nan
        if self.clear is None:
            return GOOD, value, math.nan
        top, bottom = self._clear
        return GOOD if bottom <= value <= top else BAND, value, math.nan

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:  # noqa: ARG002 (no opinion on normal)
        """Name the limit that was passed."""
        if self.above is not None and value > self.above:
            return f"{show(value, unit)} is above {show(self.above, unit)}"
        limit = self.below if self.below is not None else self.above
        assert limit is not None
        side = "below" if self.below is not None else "not clear of"
        return f"{show(value, unit)} is {side} {show(limit, unit)}"

"""`state`: the value is, or is not, a given one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from alertd.detect.common import Detector, Number, plain, show
from alertd.model import BAD, GOOD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Verdicts
    from alertd.seams import History


class State(Detector):
    """Bad while the value equals `equals`, or differs from `not`; `true` is 1 and `false` is 0."""

    kind: Literal["state"] = "state"
    equals: Number | bool | None = Field(None, description="bad while the value is this (number, true or false)")
    differs: Number | bool | None = Field(None, alias="not", description="bad while the value is anything else")

    @model_validator(mode="after")
    def _exactly_one(self) -> State:
        if (self.equals is None) == (self.differs is None):
            raise ValueError("needs exactly one of equals and not")
        return self

    @property
    def timeless(self) -> bool:
        """Return True: a state needs no time."""
        return True

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (a state needs no history)
        learned: NDArray[np.float64],  # noqa: ARG002
        time: NDArray[np.int64],  # noqa: ARG002
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002
    ) -> Verdicts:
        """Judge values by equality; the score is the value."""
        bad = value == float(self.equals) if self.equals is not None else value != float(self.differs or 0)
        return plain(np.where(bad, BAD, GOOD).astype(np.int8), value)

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,  # noqa: ARG002
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge one value."""
        value = reading.value
        bad = value == float(self.equals) if self.equals is not None else value != float(self.differs or 0)
        return BAD if bad else GOOD, value, math.nan

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:  # noqa: ARG002 (no opinion on normal)
        """Say what it is and, for `not`, what it should be."""
        if self.equals is not None:
            return f"value is {show(value, unit)}"
        return f"value is {show(value, unit)}, not {show(float(self.differs or 0), unit)}"

"""`adaptive`: unusual by the series' own standards. No threshold to choose."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from alertd.detect.adaptive_line import COLUMNS, follow
from alertd.detect.adaptive_singly import follow_one
from alertd.detect.common import Detector, Number, show
from alertd.model import BAD, BAND, DAY, GOOD, Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros
    from alertd.seams import History

MARGIN: Final = 1.05
"""How far a record must be broken to be half unusual (score 0.5)."""
HALF_MARGIN: Final = MARGIN / 2
MOST: Final = 1e30
"""What float32 holds with room for sums: values beyond it are taken as it."""
MOST_RATIO: Final = 1e3
"""What is further beyond the record is as unusual as that."""
WARM: Final = DAY
"""What is judged after: by then every hour of the day was seen once."""


class Adaptive(Detector):
    """Bad when it breaks its own record of the last weeks in one of four ways.

    The reading's distance from the usual at this hour of the day; the same smoothed over five
    hours; a shift of level within hours; a change in how much it moves from reading to reading.
    Each is compared with the largest so far, which fades over 40 days: so what a series does
    every week is no news, whatever its unit, noise or habits. A safety net: rules that know
    the animal or the machine are earlier and surer.
    """

    limits: ClassVar[frozenset[str]] = frozenset({"sensitivity"})
    kind: Literal["adaptive"] = "adaptive"
    sensitivity: Annotated[Number, Field(ge=0, le=1)] = Field(
        0.5, description="0 never, 1 always; bad when the score, 0 to 1, reaches 1 - sensitivity"
    )

    @property
    def learned(self) -> int:
        """Return the columns of `adaptive_line`."""
        return COLUMNS

    def warmup(self, interval: Micros) -> Micros | None:  # noqa: ARG002
        """Return a day: every hour must have been seen."""
        return WARM

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (all it needs is in its line)
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002 (a record is broken once: what was unusual needs no mark)
    ) -> Verdicts:
        """Judge k readings; the score is 0 to 1, `normal` what is usual at this hour.

        Bad stays bad while it breaks records, and is neither bad nor good for about 10 hours
        (120 readings, if that is longer) after, unless it comes back to normal: then it is good.
        """
        found = follow(learned, time, _within(value))
        new = (~found.seen).nonzero()[0]
        found.ratio[new], found.usual[new] = 0.0, np.nan
        score, limit = squash(found.ratio), 1.0 - self.sensitivity
        state = np.full(len(time), GOOD, np.int8)
        near = (found.ratio >= HALF_MARGIN).nonzero()[0]
        state[near[squash(found.before[near]) >= limit]] = BAND
        state[score >= limit] = BAD
        state[new] = BAND
        return Verdicts(state, score, found.usual)

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge one reading."""
        value = reading.value
        if not -MOST <= value <= MOST:
            value = MOST if value > 0 else -MOST
        ratio, quiet, usual, seen = follow_one(line, reading.time, value)
        if not seen:
            return BAND, 0.0, math.nan
        square = (ratio if ratio < MOST_RATIO else MOST_RATIO) / MARGIN  # `squash_one`, without a call
        square *= square
        fourth = square * square
        score, limit = fourth / (1.0 + fourth), 1.0 - self.sensitivity
        if score >= limit:
            return BAD, score, usual
        if ratio >= HALF_MARGIN and squash_one(max(quiet)) >= limit:
            return BAND, score, usual
        return GOOD, score, usual

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say how unusual it is, and what is usual at this hour."""
        usual = f"; usual at this hour is {show(normal, unit)}" if np.isfinite(normal) else ""
        return f"{show(value, unit)} is unusual for it (score {score:.2f} of 1){usual}"


def _within(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Clip values, if any is beyond `MOST`: asking costs a fifth."""
    return value if np.abs(value).max(initial=0.0) <= MOST else np.clip(value, -MOST, MOST)


def squash(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map ratios to 0 to 1, `MARGIN` to a half."""
    square = np.minimum(ratio, MOST_RATIO) / MARGIN
    square *= square
    fourth = square * square  # not ** 4: numpy's and Python's may differ in the last bit
    score: NDArray[np.float64] = fourth / (1 + fourth)
    return score


def squash_one(ratio: float) -> float:
    """Do as `squash` for one."""
    square = (ratio if ratio < MOST_RATIO else MOST_RATIO) / MARGIN
    square *= square
    fourth = square * square
    return fourth / (1.0 + fourth)

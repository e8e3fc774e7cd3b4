"""`peers`: far from the others of the group at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from pydantic import Field

from alertd.detect.common import Detector, Number, show
from alertd.model import BAD, GOOD, SECOND, Verdicts
from alertd.settings import Duration  # noqa: TC001 (pydantic reads it)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros

TO_SIGMA: Final = 1.4826
"""MAD to standard deviation for normal data: 1 / 0.6745."""
MEAN_TO_SIGMA: Final = 1.2533
"""Mean absolute deviation to standard deviation for normal data: sqrt(pi / 2)."""
ROWS: Final = 64
"""Devices compared at once: the comparison is one line of the whole group for each."""


class Peers(Detector):
    """Bad when the mean over `window` is more than `above` robust deviations from the median of the others'.

    What moves the whole group (a hot day, a moved fence, a milking that is late) moves the
    median too and is no alarm. The device itself is left out, so that in a small group it
    cannot hide behind its own weight.
    """

    kind: Literal["peers"] = "peers"
    by: str = Field("group", min_length=1, description="the label in which peers are alike: group, barn, pen")
    window: Annotated[Duration, Field(gt=0)] = Field(description="what is compared is the mean over so long")
    above: Annotated[Number, Field(gt=0)] = Field(description="robust deviations (1.4826 MAD) that are too many")
    min_peers: int = Field(5, ge=2, description="not judged with fewer others that told something within the window")
    direction: Literal["up", "down", "both"] = "both"
    floor: Number | None = Field(
        None, ge=0, description="smallest spread assumed, in the metric's unit; default: what the others show"
    )

    @property
    def span(self) -> Micros:
        """Return the window in microseconds."""
        return self.window

    @property
    def step(self) -> Micros:
        """Return how often a group is judged, in microseconds of event time."""
        return max(SECOND, self.window // 20)

    def compare(
        self, value: NDArray[np.float64], blur: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], Verdicts] | None:
        """Judge k devices of a group by their values (k,), NaN where there is none.

        `blur` (k,) is what each value may be off by, because of how it was kept.

        Returns:
            The devices judged and a verdict on each; None with fewer than `min_peers` others.
        """
        there = np.flatnonzero(np.isfinite(value))
        if len(there) <= self.min_peers:
            return None
        mine, blur = value[there], blur[there]
        middle, spread = np.empty(len(mine)), np.empty(len(mine))
        for start in range(0, len(mine), ROWS):
            some = np.arange(start, min(start + ROWS, len(mine)))
            others = np.tile(mine, (len(some), 1))
            keep = np.ones(others.shape, np.bool_)
            keep[np.arange(len(some)), some] = False
            others = others[keep].reshape(len(some), len(mine) - 1)
            middle[some] = np.median(others, axis=1)
            spread[some] = self._spread(others, middle[some], blur)
        score = np.divide(mine - middle, spread, out=np.zeros(len(mine)), where=spread > 0)
        far = {"up": score, "down": -score, "both": np.abs(score)}[self.direction] > self.above
        return there, Verdicts(np.where(far, BAD, GOOD).astype(np.int8), score, middle)

    def _spread(
        self, others: NDArray[np.float64], middle: NDArray[np.float64], blur: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return 1.4826 MAD of the others, but not less than the floor.

        Where more than half of them are alike (steps of 0.5 degrees) the MAD is nothing and the mean
        deviation counts; where all are alike, one percent of the value. Means are alike when only
        their blur differs: a spread of 1e-9 degrees would make every device an outlier. More than half
        of the others are blurred by no more than `most`: of such that are alike the median is
        off by that at most, and theirs from it by twice as much. One whose own is large (a wild value
        went through its window) does not blur the rest.
        """
        most = np.sort(blur)[min(len(blur) // 2 + 1, len(blur) - 1)]
        away = np.abs(others - middle[:, None])
        spread = TO_SIGMA * np.median(away, axis=1)
        if self.floor is not None:
            return np.maximum(spread, self.floor)
        mean = away.mean(axis=1)
        alike = mean <= blur.sum() / (len(blur) - 1) + most
        wider = np.where(alike, np.abs(middle) / 100, MEAN_TO_SIGMA * mean)
        return np.where(spread > TO_SIGMA * 2 * most, spread, wider)

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say how far it is from the others."""
        side = "above" if score > 0 else "below"
        return (
            f"{show(value, unit)} is {abs(score):.1f} robust deviations {side} "
            f"the {show(normal, unit)} of the others in its {self.by}"
        )

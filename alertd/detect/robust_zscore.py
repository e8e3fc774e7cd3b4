"""`robust_zscore`: far from the median of the series' own recent readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np

from alertd.detect.rolling import Rolling, step_of, total, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

TO_SIGMA: Final = 1.4826
"""MAD to standard deviation for normal data: 1 / 0.6745."""
MEAN_TO_SIGMA: Final = 1.2533
"""Mean absolute deviation to standard deviation for normal data: sqrt(pi / 2)."""


class RobustZScore(Rolling):
    """Bad when more than `above` robust deviations from the median of its window.

    Median and MAD, not mean and deviation: one frozen probe must not widen the very band
    that should catch it.
    """

    deviations: ClassVar[str] = "robust deviations"
    kind: Literal["robust_zscore"] = "robust_zscore"

    def measure(
        self, ascending: NDArray[np.float64], used: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return median and 1.4826 MAD, but not less than the floor.

        Quantised and bursty data have a MAD of nothing or of less than one step, and then every
        second reading looks infinitely far. The default floor is the sensor's own resolution.
        Where more than half the values are alike, the mean deviation counts too.
        """
        median = middle_of(ascending, used)
        present = within(ascending, used)
        away = np.where(present, np.abs(ascending - median[:, None]), np.inf)
        mean = total(np.where(present, away, 0.0)) / used
        spread = TO_SIGMA * middle_of(np.sort(away, axis=1), used)
        if self.floor is not None:
            return median, np.maximum(spread, self.floor)
        spread = np.where(spread > 0, spread, MEAN_TO_SIGMA * mean)
        return median, np.maximum(spread, step_of(ascending, used, median))


def middle_of(ascending: NDArray[np.float64], used: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the medians of sorted rows of which the first `used` cells count."""
    rows = np.arange(len(used))
    middle: NDArray[np.float64] = (ascending[rows, (used - 1) // 2] + ascending[rows, used // 2]) / 2
    return middle

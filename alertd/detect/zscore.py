"""`zscore`: far from the mean of the series' own recent readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from alertd.detect.rolling import Rolling, step_of, total, within

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ZScore(Rolling):
    """Bad when more than `above` standard deviations from the mean of its window.

    For data without outliers; one that slips in widens the band until it leaves the window,
    where `robust_zscore` is not impressed.
    """

    deviations: ClassVar[str] = "standard deviations"
    kind: Literal["zscore"] = "zscore"

    def measure(
        self, ascending: NDArray[np.float64], used: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation, but not less than the floor, or than the sensor's resolution.

        Offsets from the smallest value, not squares of values: at 1e9 their difference is noise.
        """
        present = within(ascending, used)
        offset = np.where(present, ascending - ascending[:, :1], 0.0)
        shift = total(offset) / used
        mean = ascending[:, 0] + shift
        square = np.where(present, offset - shift[:, None], 0.0) ** 2
        spread = np.sqrt(total(square) / (used - 1))
        floor = step_of(ascending, used, mean) if self.floor is None else self.floor
        return mean, np.maximum(spread, floor)

"""The promise of what judges readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from alertd.model import Micros, Verdicts


class History(Protocol):
    """Read-only view of the windows of k series, oldest cell first, NaN-padded on the left.

    `time` int64 microseconds (k, n), `value` float64 (k, n) with NaN where there is no
    value, `flags` uint8 (k, n): bit `slot` is set where rule slot `slot` judged the value bad.
    """

    @property
    def time(self) -> NDArray[np.int64]:
        """Return when each cell was measured; what stands beside a NaN says nothing."""

    @property
    def value(self) -> NDArray[np.float64]:
        """Return the values."""

    @property
    def flags(self) -> NDArray[np.uint8]:
        """Return the rule bits."""

    @property
    def taken(self) -> NDArray[np.int64]:
        """Return (k,) how many readings each window ever took: tells cheaply how much is new."""

    def take(self, index: NDArray[np.intp]) -> History:
        """Return the view of some of the series; cells are gathered only when looked at."""


class Detector(Protocol):
    """Pure and vectorised: judges k readings of k different series against their windows.

    It is a frozen settings value and keeps no state outside the arrays it is handed, so
    the same readings give the same verdicts however they were batched.
    """

    @property
    def span(self) -> Micros:
        """How much history it wants in the windows, in microseconds; 0: none."""

    @property
    def samples(self) -> int:
        """How many values of history it wants at least, whatever their age; 0: none."""

    @property
    def learned(self) -> int:
        """How many float64 columns of learned state it keeps per (rule, series)."""

    def quiet_after(self, interval: Micros) -> Micros | None:
        """How long nothing may be received before the series is bad; None: silence says nothing.

        `interval` is the series' learned usual interval (median of the last 8 gaps), 0 if unknown.
        """

    def judge(
        self,
        history: History | None,
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,
    ) -> Verdicts:
        """Judge one reading each of k series. `history` ends before the reading; None if span and samples are 0.

        `learned` (k, self.learned) is changed in place; it starts as NaN.
        """

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say in one English sentence why this is bad: the same words for log, console and tests."""

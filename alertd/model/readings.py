"""What sensors say, one by one and as columns, and what is thought of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alertd.model.time import Micros


class Quality(IntEnum):
    """How far a reading's time can be trusted (CONTRACT.md section 3)."""

    LIVE = 0
    LATE = 1
    UNKNOWN_TIME = 2
    RETAINED = 3


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one device, with what rules may match on.

    `labels` holds the topic's extra segments, the device's own labels, and its
    `species`, `tag` and `name` are on the device. `state` marks metrics that keep
    their value until the next reading (`online`, every bool).
    """

    device: str
    metric: str
    unit: str = ""
    state: bool = False
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series at one time: the readable form, for tools, API and tests."""

    device: str
    metric: str
    value: float
    unit: str
    time: Micros
    received: Micros
    quality: Quality = Quality.LIVE
    state: bool = False
    source: str = ""
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """Readings in arrival order as columns: what the hot path carries instead of `Reading` objects.

    `series` are row numbers in the book (`Book.row`), `received` never decreases.
    """

    series: NDArray[np.int32]
    time: NDArray[np.int64]
    received: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.series)

    @staticmethod
    def empty() -> Batch:
        """Return a batch without readings: what a tick carries."""
        return Batch(
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty(0, np.float64),
            np.empty(0, np.int8),
        )

    def take(self, index: NDArray[Any] | slice) -> Batch:
        """Return the readings at `index` (numbers, mask or slice), in that order."""
        return Batch(self.series[index], self.time[index], self.received[index], self.value[index], self.quality[index])


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why something that came in gave no reading: a value, not an exception.

    `reason` is one of a small set of constant strings (a metric label); `detail`
    names topic, key or value and what to do.
    """

    reason: str
    detail: str = ""


BAD: Final = 1
"""The condition is true for this reading."""
BAND: Final = 0
"""Between the limit and the clear value, or not judged (warming up): whatever was, stays."""
GOOD: Final = -1
"""The reading is clear of the condition."""


@dataclass(slots=True)
class Verdicts:
    """A detector's opinion of k readings, as columns of length k.

    `state` is BAD, BAND or GOOD; `score` is the detector's own measure (deviations,
    or the value); `normal` what it would have expected (NaN: it has no opinion).
    """

    state: NDArray[np.int8]
    score: NDArray[np.float64]
    normal: NDArray[np.float64]

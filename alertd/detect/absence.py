"""`absence`: nothing was received."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag

from alertd.detect.common import Detector, plain
from alertd.model import DAY, GOOD, HOUR, SECOND
from alertd.settings import Duration, Settings, show_duration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.model import Micros, Verdicts
    from alertd.seams import History


class Intervals(Settings):
    """A silence counted in the series' own usual intervals."""

    intervals: float = Field(gt=1, allow_inf_nan=False)


def _form(value: object) -> Literal["intervals", "duration"]:
    return "intervals" if isinstance(value, dict | Intervals) else "duration"


Silence = Annotated[Annotated[Duration, Tag("duration")] | Annotated[Intervals, Tag("intervals")], Discriminator(_form)]
"""`2h`, or `{intervals: 3}` of the learned interval."""


class Absence(Detector):
    """Bad when nothing arrived for `after`; every reading is good news.

    Readings alone never show it: the lifecycle asks `quiet_after` and looks at the clock.
    """

    kind: Literal["absence"] = "absence"
    after: Silence = Field(description="how long nothing may arrive, or {intervals: 3} of the learned interval")
    forget: Duration = Field(30 * DAY, validate_default=False, description="a series unseen that long is archived")

    @property
    def timeless(self) -> bool:
        """Return True: whatever time a reading claims, it did arrive."""
        return True

    def quiet_after(self, interval: Micros) -> Micros | None:
        """Return the longest silence in microseconds; a day while the usual interval is not known yet."""
        if isinstance(self.after, int):
            return self.after
        return int(self.after.intervals * interval) if interval > 0 else DAY

    def judge(
        self,
        history: History | None,  # noqa: ARG002 (that it came is all that counts)
        learned: NDArray[np.float64],  # noqa: ARG002
        time: NDArray[np.int64],  # noqa: ARG002
        value: NDArray[np.float64],
        *,
        slot: int,  # noqa: ARG002
    ) -> Verdicts:
        """Judge every reading good."""
        return plain(np.full(len(value), GOOD, np.int8), value)

    def judge_one(
        self,
        reading: Reading,
        line: memoryview,  # noqa: ARG002
        *,
        slot: int,  # noqa: ARG002
    ) -> tuple[int, float, float]:
        """Judge every reading good."""
        return GOOD, reading.value, math.nan

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:  # noqa: ARG002 (silence has no value)
        """Say how long nothing came: `score` is the silence in hours."""
        whole = round(score * HOUR / SECOND) * SECOND if np.isfinite(score) else 0
        return f"nothing received for {show_duration(whole)}" if whole else "nothing received"

"""`fraction`: the same happens to many of a group at once, which is one event and not many alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from alertd.detect.common import Detector, Number
from alertd.model import MINUTE, SECOND
from alertd.settings import Duration  # noqa: TC001 (pydantic reads it)

if TYPE_CHECKING:
    from alertd.model import Micros


class Fraction(Detector):
    """Bad while more than the share `above` of a group's devices have an alert, or had a verdict, of another rule.

    It is judged by `alertd.alerting.herd`, which knows the alerts; here stands only what it wants.
    """

    kind: Literal["fraction"] = "fraction"
    of: str = Field(description="the other rule")
    by: str = Field("group", min_length=1, description="the label in which devices are alike: group, barn, pen")
    above: Annotated[Number, Field(ge=0, le=1)] = Field(description="0.25: more than a quarter")
    window: Annotated[Duration, Field(gt=0)] = Field(
        description="devices that told something within it are counted, and verdicts that are not older"
    )
    min_devices: int = Field(2, ge=1, description="not judged with fewer devices")

    @property
    def step(self) -> Micros:
        """Return how often a group is judged, in microseconds of event time.

        At least once a minute: it must be there before the single alerts that it stands for are told.
        """
        return max(SECOND, min(self.window // 20, MINUTE))

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:  # noqa: ARG002 (a share has no unit)
        """Say how many of how many: `value` is the share, `score` the number of devices."""
        size = round(score / value) if value else 0
        return f"{score:.0f} of {size} in the {self.by} have {self.of}, more than {self.above:.0%}"

"""One rule on one series: where it is, and what makes an alert the same alert."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alertd.model import Alert, Micros

Identity = tuple[str, str | None, str | None]
"""(rule, device, metric), of a group (rule, None, group): at most one open alert each."""


class Phase(StrEnum):
    """Where the machine of one rule on one series is; at rest there is no machine."""

    PENDING = "pending"
    FIRING = "firing"
    CLEARING = "clearing"
    DISMISSED = "dismissed"


@dataclass(slots=True)
class Machine:
    """One rule on one series, not at rest.

    `since` is the reading time of the opening reading (and part of the alert's id),
    `good_since` that of the first good one while clearing, `last_time` and `last_state`
    of the newest verdict, `settle` the arrival time from which a late opening may fire.
    """

    rule: int
    row: int
    phase: Phase
    since: Micros
    value: float
    normal: float
    score: float
    last_time: Micros
    last_state: int
    good_since: Micros | None = None
    settle: Micros | None = None
    alert: str | None = None


def identity_of(alert: Alert) -> Identity:
    """Return what makes an alert the same alert."""
    return alert.rule, alert.device, alert.group if alert.device is None else alert.metric

"""What is wrong, told together, and planned quiet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from alertd.model.time import Micros


class Severity(StrEnum):
    """How bad. Order: `info` < `warning` < `critical` (see `rank`)."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return 2 for critical, 1 for warning, 0 for info."""
        return _RANKS[self]


_RANKS: Final = {Severity.CRITICAL: 2, Severity.WARNING: 1, Severity.INFO: 0}


class State(StrEnum):
    """Where an alert is in its life."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(slots=True)
class Alert:
    """A rule broken on a series over time. One open alert per (rule, device, metric).

    `id` hashes rule, device, metric and the time of the opening reading; `number`
    (`A-217`) is what people use, given in the commit that creates the alert.
    `dismissed` means a person ended it while the condition still held: it stays
    quiet until a good reading. `told` is whether a firing message was put into the
    outbox, `resolve_told` whether the last resolve was. `muted` says what keeps it
    quiet for everybody (`S-3` a silence, `A-12` a bigger alert, `waiting`: whether there is
    one is not known yet; empty: nothing does). `anew`: since when reminders and escalation
    count, if not since `fired`: a mute ended, or somebody gave it back.
    """

    id: str
    number: int
    rule: str
    device: str | None
    metric: str | None
    group: str | None
    severity: Severity
    state: State
    value: float | None
    unit: str
    normal: float | None
    started: Micros
    fired: Micros | None = None
    resolved: Micros | None = None
    acknowledged_by: str | None = None
    acknowledged_at: Micros | None = None
    acknowledged_note: str = ""
    acknowledged_until: Micros | None = None
    """When the acknowledgement lapses and everybody is asked again; None: it holds until the end."""
    snoozed: dict[str, Micros] = field(default_factory=dict)
    """Person id (or `*` for everybody) to the time until which the alert is quiet."""
    false_alarm_by: str | None = None
    false_reason: str = ""
    """Why people say it was false: limit, moved or sensor (`conversation.reasons`)."""
    dismissed: bool = False
    told: bool = False
    resolve_told: bool = False
    flaps: int = 0
    unreached_due: Micros | None = None
    """When the operator is told that nobody was reached; None: told, or nothing is due."""
    incident: str = ""
    shadow: bool = False
    muted: str = ""
    anew: Micros | None = None
    why: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Return whether the alert is firing."""
        return self.state is not State.RESOLVED


MUTED: Final = "muted"


@dataclass(frozen=True, slots=True)
class Aside:
    """An alert that a person is told of later, in a digest.

    `until` is when that digest is due, `why`: quiet (hours), budget, digest (always told there)
    or MUTED (until the mute is lifted).
    """

    person: str
    alert: str
    until: Micros
    why: str


@dataclass(slots=True)
class Incident:
    """Alerts of one rule and group, told together.

    `told` maps a subscriber to the alert ids that were put into messages for them,
    `messages` to the id of their first message (later ones follow it). `ordinals`
    counts messages by kind and is part of their ids. `aside` is what waits for digests.
    """

    id: str
    number: int
    rule: str
    key: str
    severity: Severity
    opened: Micros
    alerts: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    told: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    ordinals: dict[str, int] = field(default_factory=dict)
    last_told: Micros | None = None
    last_again: Micros | None = None
    closed: Micros | None = None
    aside: list[Aside] = field(default_factory=list)


@dataclass(slots=True)
class Silence:
    """Planned quiet: what fits `match` (keys of a rule's `match`, and `rule`) is told to nobody until `until`.

    `S-<number>` is what people use. `command` is the id of what asked for it, `ended` when it
    was over, early (by `ended_by`) or by the clock. `muted` counts the alerts it kept quiet,
    `numbers` are the first of them.
    """

    number: int
    match: dict[str, Any]
    start: Micros
    until: Micros
    reason: str
    by: str | None = None
    via: str = ""
    command: str = ""
    ended: Micros | None = None
    ended_by: str | None = None
    muted: int = 0
    numbers: list[int] = field(default_factory=list)

"""What the operator writes about rules. `detect:` is checked by `alertd.detect`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from alertd.detect import Detect
from alertd.model import HOUR, MINUTE, SECOND, Severity
from alertd.settings import Duration, Name, Settings, Text


class Escalation(Settings):
    """Nobody acknowledged: after that long the next person is told."""

    after: Duration
    to: str


class Rule(Settings):
    """What is bad, how bad, whom it wakes, and in which words."""

    name: Name
    match: dict[str, Any] = Field(default_factory=dict, description="device keys, labels, metric; lists mean any of")
    detect: Detect
    severity: Severity = Severity.WARNING
    message: Text | None = None
    group_by: list[str] = Field(default_factory=lambda: ["rule", "group"])
    group_wait: Duration | None = Field(None, description="default 10s, 0s for critical")
    group_interval: Duration = Field(5 * MINUTE, validate_default=False)
    repeat: Duration | list[Duration] | None = None
    reopen: Duration = Field(10 * MINUTE, validate_default=False)
    escalate: list[Escalation] = Field(default_factory=list)
    resolve: Literal["tell", "silent"] = "tell"
    not_after: Duration | None = Field(None, description="a message not sent by then is dropped")
    actions: list[str] = Field(default_factory=list)
    mode: Literal["live", "shadow"] = "live"
    enabled: bool = True

    @property
    def wait(self) -> int:
        """Return the effective `group_wait` in microseconds."""
        if self.group_wait is not None:
            return self.group_wait
        return 0 if self.severity is Severity.CRITICAL else 10 * SECOND

    @property
    def unreached_after(self) -> int:
        """Return how long nobody may be reached before the operator is told, in microseconds."""
        return MINUTE if self.severity is Severity.CRITICAL else HOUR


class Inhibit(Settings):
    """A bigger alert makes a smaller one pointless."""

    when: dict[str, Any]
    mute: dict[str, Any]
    same: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_something(self) -> Inhibit:
        if not self.when or not self.mute:
            raise ValueError("when and mute each need at least one key")
        return self

"""What the operator writes about rules. `detect:` is checked by `alertd.detect`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, model_validator

from alertd.detect import Detect
from alertd.model import DAY, HOUR, MINUTE, SECOND, Severity
from alertd.settings import ClockTime, Duration, Name, Settings, Text

MOST_STEPS: Final = 100
"""Steps of one escalation, all rounds together: 15 min apart a day of them."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alertd.detect.derived import Derived


class Escalation(Settings):
    """Nobody acknowledged: the next are told, so long `after` it fired or so long after the step before (`wait`).

    `to` is a person, `everybody`, `on_duty`, a role (`role:vet`) or several of these. `again`, as the
    last step, starts from the top: so many times more, or (true) for a day.
    """

    after: Duration | None = None
    wait: Duration | None = None
    to: str | Annotated[list[str], Field(min_length=1)] | None = None
    again: bool | Annotated[int, Field(ge=1, le=20)] = False

    @model_validator(mode="after")
    def _says_when_and_what(self) -> Escalation:
        if (self.after is None) is (self.wait is None):
            raise ValueError("needs either after or wait")
        if (self.to is None) is (self.again is False):
            raise ValueError("needs either to or again")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Return whom `to` names."""
        return () if self.to is None else (self.to,) if isinstance(self.to, str) else tuple(dict.fromkeys(self.to))


class Step(NamedTuple):
    """One step of a chain: so long after `fired`, whom it names."""

    after: int
    to: str


class Worse(Settings):
    """From here on the same alert is worse: told at once, to all whom the new severity concerns."""

    above: float | None = Field(None, description="the reading is above this")
    below: float | None = Field(None, description="the reading is below this")
    after: Duration | None = Field(None, description="it has been firing for so long")
    severity: Severity

    @model_validator(mode="after")
    def _one_way(self) -> Worse:
        if sum(one is not None for one in (self.above, self.below, self.after)) != 1:
            raise ValueError("must have one of above, below and after")
        return self

    def reached(self, value: float) -> bool:
        """Return whether a reading is so bad. NaN is not."""
        return (self.above is not None and value > self.above) or (self.below is not None and value < self.below)


class Herd(Settings):
    """So many of a group at once are one event of the herd."""

    above: float = Field(gt=0, lt=1, description="more than this share of the group's devices that were heard today")
    least: int = Field(4, ge=2, description="and at least so many devices")


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
    herd: Annotated[float, Field(gt=0, lt=1)] | Herd | None = Field(
        None, description="more than this share of a group firing at once is one herd event, whatever group_by says"
    )
    repeat: Duration | list[Duration] | None = None
    reopen: Duration = Field(10 * MINUTE, validate_default=False)
    escalate: list[Escalation] = Field(default_factory=list)
    worse: list[Worse] = Field(default_factory=list, description="further limits within the same alert")
    ack_expires: Duration | None = Field(None, description="an acknowledgement lapses after so long; default never")
    resolve: Literal["tell", "silent"] = "tell"
    not_after: Duration | None = Field(None, description="a message not sent by then is dropped")
    actions: list[str] = Field(default_factory=list)
    health: bool = Field(
        False,
        description="it judges the sensor, not the animal: its alert mutes those of all other rules on the series",
    )
    mode: Literal["live", "shadow"] = "live"
    enabled: bool = True

    @model_validator(mode="after")
    def _again_comes_last(self) -> Rule:
        for number, one in enumerate(self.escalate):
            if one.again is not False and (number == 0 or number < len(self.escalate) - 1):
                raise ValueError("escalate: again must be the last step, after others")
        return self

    @model_validator(mode="after")
    def _herd_of_devices(self) -> Rule:
        if self.herd is not None and self.detect.kind == "fraction":
            raise ValueError("herd: a fraction rule speaks of whole groups already; set it on the rule it looks at")
        return self

    @cached_property
    def guard(self) -> Herd | None:
        """Return the group guard in its long form, None if there is none."""
        return self.herd if self.herd is None or isinstance(self.herd, Herd) else Herd(above=self.herd)

    @cached_property
    def chain(self) -> tuple[Step, ...]:
        """Return all steps of the escalation in the order of their times, those of later rounds too."""
        first: list[Step] = []
        at, rounds = 0, 1
        for one in self.escalate:
            at = one.after if one.after is not None else at + (one.wait or 0)
            first += [Step(at, name) for name in one.names]
            if one.again is not False:
                rounds += min(DAY // max(at, 1), MOST_STEPS) if one.again is True else one.again
        steps = [Step(number * at + step.after, step.to) for number in range(rounds) for step in first]
        return tuple(sorted(steps, key=lambda step: step.after)[:MOST_STEPS])

    @model_validator(mode="after")
    def _only_worse(self) -> Rule:
        if any(one.severity.rank <= self.severity.rank for one in self.worse):
            raise ValueError(f"worse: each severity must be above the rule's own, which is {self.severity.value}")
        return self

    def wait(self, severity: Severity) -> int:
        """Return the effective `group_wait` for an alert of a severity, in microseconds."""
        if self.group_wait is not None:
            return self.group_wait
        return 0 if severity is Severity.CRITICAL else 10 * SECOND

    def unreached_after(self, severity: Severity) -> int:
        """Return how long nobody may be reached before the operator is told, in microseconds."""
        return MINUTE if severity is Severity.CRITICAL else HOUR


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


def health_inhibits(rules: Sequence[Rule], derived: Sequence[Derived] = ()) -> list[Inhibit]:
    """Return what rules about sensors imply: what a sensor says that is judged faulty wakes nobody.

    Nor does what is computed of it. Medians of a group or place stand several sensors, and go on.
    """
    health = [rule.name for rule in rules if rule.health]
    others = [rule.name for rule in rules if not rule.health and rule.detect.kind != "fraction"]
    if not health or not others:
        return []
    found = [Inhibit(when={"rule": name}, mute={"rule": others}, same=["device", "metric"]) for name in health]
    for metric, device, results in _computed_of(derived):
        when: dict[str, Any] = {"rule": health, "metric": metric}
        mute: dict[str, Any] = {"rule": others, "metric": list(results)}
        if device is None:
            found.append(Inhibit(when=when, mute=mute, same=["device"]))
        else:
            found.append(Inhibit(when=when | {"device": device}, mute=mute))
    return found


def _computed_of(derived: Sequence[Derived]) -> Iterator[tuple[str, str | None, dict[str, None]]]:
    """Yield (metric, device or None for the bearer itself, what is computed of it, directly or by other results)."""
    own: dict[str, dict[str, None]] = {}
    for one in derived:
        for given in one.from_.values():
            if given.own and one.by is None:
                own.setdefault(given.metric, {})[one.metric] = None

    def reached(results: dict[str, None]) -> dict[str, None]:
        found: dict[str, None] = {}
        waiting = list(results)
        while waiting:
            result = waiting.pop()
            if result not in found:
                found[result] = None
                waiting += own.get(result, ())
        return found

    for metric, results in own.items():
        yield metric, None, reached(results)
    for one in derived:
        for given in one.from_.values():
            if given.device is not None:
                yield given.metric, given.device, reached({one.metric: None})


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class QuietTime(Settings):
    """Planned quiet that comes back: what fits `match` is told to nobody between two times of day."""

    name: Name
    match: dict[str, Any] = Field(description="keys of a rule's match, and rule; all must fit")
    days: list[Day] = Field(default_factory=lambda: list(DAYS), min_length=1, description="on which it begins")
    from_: ClockTime = Field(alias="from", description="local time of the farm")
    to: ClockTime
    reason: str = ""

    @model_validator(mode="after")
    def _means_something(self) -> QuietTime:
        if not self.match:
            raise ValueError("match needs at least one key")
        if self.from_ == self.to:
            raise ValueError("from and to must differ")
        return self

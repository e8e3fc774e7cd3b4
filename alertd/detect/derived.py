"""What the operator writes about metrics that are computed from others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from alertd.detect.common import Number
from alertd.detect.formula import check_name
from alertd.ingest.ranges import METRICS
from alertd.ingest.units import conversion
from alertd.model import HOUR, SECOND, stable_id
from alertd.settings import Duration, Name, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alertd.model import Micros

Span = Annotated[Duration, Field(gt=0)]
Aggregate = Literal["median", "mean", "min", "max", "sum", "count"]


class Input(Settings):
    """What one name of a formula stands for: short form the metric alone, of the device itself."""

    metric: Name
    device: str | None = Field(None, min_length=1, description="of this device; default: the device itself")
    by: str | None = Field(None, min_length=1, description="of all devices alike in this label, such as group or barn")
    aggregate: Aggregate | None = Field(None, description="of several devices; default median")
    rise: Span | None = Field(None, description="not the value but how much it rose in that time (a counter: 1h)")
    fall: Span | None = Field(None, description="not the value but how much it fell in that time (a silo: 1d)")
    noise: Number = Field(0.0, ge=0, description="of rise and fall: smaller movements do not count")
    clock: bool = Field(False, description="not the value but whether its own time was impossible: 1, else 0")
    default: Number | None = Field(None, description="what stands where there is none: 1 for a group of one")
    least: int = Field(1, ge=1, description="of several devices: a group of fewer known ones has no value")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"metric": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_meaning(self) -> Input:
        if self.device is not None and self.by is not None:
            raise ValueError("takes device or by, not both")
        if self.rise is not None and self.fall is not None:
            raise ValueError("takes rise or fall, not both")
        if self.noise and self.rise is None and self.fall is None:
            raise ValueError("noise belongs to rise or fall")
        if self.clock and self.span is not None:
            raise ValueError("takes clock, rise or fall, not two of them")
        if self.least > 1 and self.by is None:
            raise ValueError("least belongs to by, the label in which the devices are alike")
        return self

    @property
    def span(self) -> Micros | None:
        """The span of `rise` or `fall`, None where the value itself is meant."""
        return self.rise if self.rise is not None else self.fall

    @property
    def sign(self) -> int:
        """1 for `rise`, -1 for `fall`."""
        return 1 if self.rise is not None else -1

    @property
    def said(self) -> tuple[str, bool, Micros | None, float, int]:
        """What is taken of a series: where two inputs are alike in it, they ask the same."""
        return self.metric, self.clock, self.span, self.noise, self.sign

    @property
    def plain(self) -> bool:
        """Whether the value itself is meant."""
        return not self.clock and self.span is None

    @property
    def own(self) -> bool:
        """Whether it is of the device that bears the result, if that is one device."""
        return self.device is None and self.by is None


class Derived(Settings):
    """A metric computed from others: of each device that has them, of one device, or of each group or place."""

    metric: Name
    match: dict[str, Any] = Field(default_factory=dict, description="only of devices that fit, as in rules")
    device: str | None = Field(None, min_length=1, description="the one device that bears the result")
    by: str | None = Field(None, min_length=1, description="one result for all devices alike in this label")
    from_: dict[str, Input] = Field(alias="from", min_length=1, description="a name in the formula to a metric")
    formula: str = Field(min_length=1, description="+ - * / ** ( ) min max abs exp log sqrt round")
    unit: str = Field("", description="default: the metric's usual one")
    max_age: Span = Field(HOUR, validate_default=False, description="an input older than that does not count")

    @model_validator(mode="after")
    def _can_be_computed(self) -> Derived:
        for name in self.from_:
            check_name(name)
        if self.device is not None and self.by is not None:
            raise ValueError("takes device or by, not both")
        several, own = self.by is not None, any(one.own for one in self.from_.values())
        if self.device is None and not own:
            raise ValueError("needs an input of the device itself, or device: to say who bears the result")
        for name, one in self.from_.items():
            if one.by is not None and (several or not own):
                raise ValueError(f"{name}: by stands beside inputs of the device itself, in whose group one looks")
            if one.aggregate is not None and one.by is None and not (several and one.own):
                raise ValueError(f"{name}: aggregate needs by, the label in which the devices are alike")
        return self

    @property
    def needed(self) -> frozenset[str]:
        """The names of the inputs without which there is no result."""
        return frozenset(name for name, one in self.from_.items() if one.default is None)

    @property
    def alone(self) -> bool:
        """Whether its inputs are all of named devices: each of them makes a result."""
        return self.by is None and not any(one.own for one in self.from_.values())

    @property
    def step(self) -> Micros:
        """How long it waits for the rest of its inputs once one has come, in microseconds.

        Inputs of one device come together; those of several are a window that is judged in
        steps (DESIGN.md section 4, Learned state).
        """
        return SECOND if self.by is None and not self.alone else max(SECOND, self.max_age // 20)

    @property
    def kept_unit(self) -> str:
        """The unit of the readings: the canonical spelling of what was written, else the metric's usual one."""
        if not self.unit:
            known = METRICS.get(self.metric)
            return known.unit if known is not None else ""
        found = conversion(self.unit)
        if found is None or found[1:] != (1.0, 0.0):
            return self.unit  # h, days, EUR: a formula gives what its writer says it gives
        return "" if self.unit == "1" else found[0]


def fingerprints(derived: Sequence[Derived]) -> list[str]:
    """Identify what makes the values of each: the entry itself, and the entries before it that it looks at."""
    found: list[str] = []
    for one in derived:
        looked = {given.metric for given in one.from_.values()}
        of = [own for other, own in zip(derived, found, strict=False) if other.metric in looked]
        found.append(stable_id(one.model_dump_json(by_alias=True, exclude={"match"}), *of))
    return found


def out_of_order(derived: list[Derived]) -> Iterator[tuple[int, str, str]]:
    """Yield (index, name, metric) of each input that is itself computed in the same entry or a later one."""
    for index, one in enumerate(derived):
        later = {other.metric for other in derived[index:]}
        for name, given in one.from_.items():
            if given.metric in later:
                yield index, name, given.metric

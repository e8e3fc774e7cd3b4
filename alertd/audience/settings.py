"""What the operator writes about people."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from alertd.model import Severity
from alertd.settings import ClockTime, Name, Settings, day_or_moment


class Subscription(Settings):
    """What a person wants to hear of. Besides the keys below any device key or label."""

    model_config = Settings.model_config | {"extra": "allow"}

    min_severity: Severity = Severity.INFO
    rule: str | list[str] | None = None

    @property
    def match(self) -> dict[str, Any]:
        """Return the device keys and labels that must fit."""
        return dict(self.model_extra or {})


DIGEST_AT: Final = "06:00"
"""When what waits for a digest goes, for people who do not say: before the morning milking is over."""


class QuietHours(Settings):
    """Local time, the person's own, in which only `except` and what is worse wakes."""

    from_: ClockTime = Field(alias="from")
    to: ClockTime
    except_: Severity = Field(Severity.CRITICAL, alias="except")

    @model_validator(mode="after")
    def _lasts(self) -> QuietHours:
        if self.from_ == self.to:
            raise ValueError("from and to must differ")
        return self


class Budget(Settings):
    """How many non-critical messages a day before the rest waits for the digest."""

    per_day: int = Field(ge=0, description="from local midnight")


class Digest(Settings):
    """When what waits goes as one message, and what else is collected for it."""

    at: ClockTime | Annotated[list[ClockTime], Field(min_length=1)] = DIGEST_AT
    collect: Literal["info", "warning"] | None = Field(
        None, description="this severity and what is less is told in digests only"
    )
    daily: bool = Field(default=False, description="also when nothing waits: what is open, or that nothing is")

    @property
    def times(self) -> tuple[str, ...]:
        """Return the local times of day, as written."""
        return (self.at,) if isinstance(self.at, str) else tuple(self.at)


def _short_or_long(value: Any) -> str:
    return "long" if isinstance(value, dict | Digest) else "short"


# The form that was written decides which errors are named: a wrong time in the long one is not also "no text".
DigestForm = Annotated[
    Annotated[ClockTime, Tag("short")] | Annotated[Digest, Tag("long")], Discriminator(_short_or_long)
]
"""`"06:00"`, or the long form."""


def _one_messenger(value: dict[str, str]) -> dict[str, str]:
    if len(value) != 1:
        raise ValueError('must be one {messenger: "address"}')
    return value


class Subscriber(Settings):
    """A person. Nothing is sent to them without consent."""

    id: Name
    name: str | None = None
    language: str | None = Field(None, pattern=r"^[a-z]{2}$")
    timezone: str | None = None
    role: Name | None = Field(None, description="farmer, herdsman, vet, operator, …; escalation may name role:vet")
    scope: dict[str, Any] = Field(default_factory=dict, description="keys of match: the part of the farm they hear of")
    stand_in: str | None = Field(None, description="who hears instead while this person is away or said DUTY OFF")
    channels: list[Annotated[dict[str, str], AfterValidator(_one_messenger)]] = Field(
        default_factory=list, description="order is preference"
    )
    consent: date | datetime | None = Field(None, description="when they agreed; without it they join by message")
    shared: bool = Field(False, description="a chat of several, such as a family's group: its code is written there")
    subscriptions: list[Subscription] | None = Field(
        None, description="default: everything; for the role vet nothing but escalations"
    )
    quiet_hours: QuietHours | None = None
    budget: Budget | None = None
    digest: DigestForm | None = Field(None, description=f"default {DIGEST_AT}")

    @model_validator(mode="after")
    def _stands_in_for_another(self) -> Subscriber:
        if self.stand_in == self.id:
            raise ValueError("stand_in must be somebody else")
        return self

    @field_validator("consent", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return day_or_moment(value)

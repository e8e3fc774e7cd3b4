"""What the operator writes about people."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from alertd.model import Severity
from alertd.settings import ClockTime, Name, Settings


class Subscription(Settings):
    """What a person wants to hear of. Besides the keys below any device key or label."""

    model_config = Settings.model_config | {"extra": "allow"}

    min_severity: Severity = Severity.INFO
    rule: str | list[str] | None = None

    @property
    def match(self) -> dict[str, Any]:
        """Return the device keys and labels that must fit."""
        return dict(self.model_extra or {})


class QuietHours(Settings):
    """Local time in which only `except` severities wake."""

    from_: ClockTime = Field(alias="from")
    to: ClockTime
    except_: Literal["critical", "warning", "info"] = Field("critical", alias="except")


class Budget(Settings):
    """How many non-critical messages a day before the rest waits for the digest."""

    per_day: int = Field(ge=0)


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
    role: str | None = None
    channels: list[Annotated[dict[str, str], AfterValidator(_one_messenger)]] = Field(
        default_factory=list, description="order is preference"
    )
    consent: date | datetime | None = Field(None, description="when they agreed; without it they join by message")
    subscriptions: list[Subscription] | None = Field(None, description="default: everything")
    quiet_hours: QuietHours | None = None
    budget: Budget | None = None
    digest: ClockTime | None = None

    @field_validator("consent", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return date.fromisoformat(value) if len(value) <= len("2026-11-01") else datetime.fromisoformat(value)
        except ValueError:
            return value  # the field's own type says what a date looks like

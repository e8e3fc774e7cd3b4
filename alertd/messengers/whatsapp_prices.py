"""What a WhatsApp message costs: by the country of the number, and whether it is a template or a free answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, model_validator

from alertd.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alertd.model import Micros

MICROS: Final = 1_000_000
DUST: Final = 1e-9
"""Sums of prices are not exact: twenty times 0.05 is one."""
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class MonthlyBudget(Settings):
    """What messages may cost a month (UTC) before non-critical ones take another way."""

    amount: Money
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")


class Price(Settings):
    """Per message. Since October 2026 free answers are billed too (`service`)."""

    utility: Money = 0.0
    service: Money = 0.0

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"utility": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Prices = dict[Country, Price]


def price_of(prices: Mapping[str, Price], address: str, *, free: bool) -> float:
    """Return what a message to this number costs; 0.0 where no price is written for its country.

    An opaque id begins with its country (`DE.1349…`).
    """
    if not prices:
        return 0.0
    found = prices.get(_country(address))
    return 0.0 if found is None else found.service if free else found.utility


class Till:
    """What the month has cost as far as this daemon knows: the store's sum, and what was sent since it was asked.

    Several messages may be under way at once, each claimed before the others were settled: without this a burst could
    go beyond the budget.
    """

    def __init__(self, now: Callable[[], Micros]) -> None:
        self._now = now
        self._month = ""
        self._spent = 0.0
        self._under_way = 0.0

    def room(self, known: float, cost: float, amount: float) -> bool:
        """Tell whether a message still fits; `known`: what the store says was spent."""
        month = f"{datetime.fromtimestamp(self._now() // MICROS, UTC):%Y-%m}"
        if month != self._month:
            self._month, self._spent = month, 0.0
        self._spent = max(self._spent, known)
        return self._spent + self._under_way + cost <= amount + DUST

    def begin(self, cost: float) -> None:
        """Count a message whose answer is awaited."""
        self._under_way += cost

    def end(self, cost: float, *, billed: bool) -> None:
        """Take in whether it was taken; one whose answer was lost may have been."""
        self._under_way -= cost
        self._spent += cost if billed else 0.0


def _country(address: str) -> str:
    if not address.startswith("+"):
        return address.partition(".")[0]
    import phonenumbers  # noqa: PLC0415 (only where prices are written)

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(address)) or ""
    except phonenumbers.NumberParseException:
        return ""

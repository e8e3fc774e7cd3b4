"""What a message may name: texts that remember the value or time behind them, and the filters that use it.

Printed, each is what people read (`40.1 °C`, `02:10`); filtered, it is written another way.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from alertd.model import SECOND
from alertd.wording.catalogue import phrase
from alertd.wording.cldr import ago
from alertd.wording.clean import clean
from alertd.wording.figures import figure, number
from alertd.wording.times import clock, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.model import Micros


class Figure(str):
    """A value with its unit, in a person's language: `40.1 °C`; "" where there is none."""

    __slots__ = ("amount", "language", "metric", "unit")
    amount: float | None
    unit: str
    metric: str | None
    language: str

    @classmethod
    def of(
        cls, text: str, amount: float | None, unit: str = "", metric: str | None = None, language: str = "en"
    ) -> Figure:
        """Return `text` with the number behind it; None or NaN: there is none."""
        made = cls(text)
        made.amount = amount if amount is not None and math.isfinite(amount) else None
        made.unit, made.metric, made.language = unit, metric, language
        return made


class Moment(str):
    """A point in time on a person's clock: `02:10`, or `21 Nov 23:50` if that is not today."""

    __slots__ = ("at", "language", "now")
    at: Micros
    now: Micros
    language: str

    @classmethod
    def of(cls, at: Micros, now: Micros, timezone: str, language: str) -> Moment:
        """Return the clock's words for a time, looked at from `now`."""
        made = cls(clock(at, now, timezone, language))
        made.at, made.now, made.language = at, now, language
        return made


def as_number(value: Figure, places: int | None = None) -> str:
    """`{{ value | number }}`: the number alone (`40.1`), with `number(2)` that many decimals."""
    if value.amount is None:
        return ""
    return number(value.amount, value.language, places)


ANY: Final = "*"
"""The unit of a trial value: a message is tried before it is known which metrics its rule will match."""

_TO: Final[dict[tuple[str, str], tuple[float, float, str]]] = {
    ("degC", "degF"): (1.8, 32.0, "°F"),
    ("kg", "lb"): (2.2046226, 0.0, "lb"),
    ("L", "gal"): (0.26417205, 0.0, "gal"),
    ("m", "ft"): (3.2808399, 0.0, "ft"),
    ("m/s", "km/h"): (3.6, 0.0, "km/h"),
    ("m/s", "mph"): (2.2369363, 0.0, "mph"),
    ("V", "kV"): (0.001, 0.0, "kV"),
}
"""(canonical unit, wished unit) to factor, offset and sign (US units: NIST Handbook 44, appendix C)."""


def as_unit(value: Figure, wished: str | None = None) -> str:
    """`{{ value | unit }}`: number and unit; `unit("degF")` in another unit people use.

    Raises:
        ValueError: that unit cannot be made of this value's; the message names those that can.
    """
    if value.amount is None or wished is None or wished == value.unit:
        return figure(value.amount, value.unit, value.metric, value.language) or ""
    found = _TO.get((value.unit, wished))
    if value.unit == ANY:
        found = next((one for (_, to), one in _TO.items() if to == wished), None)
    if found is None:
        known = ", ".join(to for have, to in _TO if have == value.unit) or "none"
        raise ValueError(f"{value.unit or 'a value without unit'} is not written in {wished!r} (possible: {known})")
    factor, offset, sign = found
    places = 1 if wished == "degF" else None
    return f"{number(value.amount * factor + offset, value.language, places)} {sign}"


def as_since(value: Moment) -> str:
    """`{{ since | since }}`: `since 02:10 (40 min)`."""
    return phrase(value.language, "since", time=str(value), span=span(value.now - value.at, value.language))


def as_ago(value: Moment) -> str:
    """`{{ since | ago }}`: `40 minutes ago`."""
    return ago(max(0, value.now - value.at) // SECOND, value.language)


_TAG: Final = re.compile(r"([A-Z]{2})(\d{2})(\d{3})(\d{5})")
_COUNTRY: Final = {"276": "DE", "040": "AT", "056": "BE", "250": "FR", "528": "NL", "616": "PL", "724": "ES"}
"""ISO 3166 numbers as electronic tags carry them (ISO 11784), to the letters printed on the tag."""


def as_ear_tag(value: str, last: int | None = None) -> str:
    """`{{ tag | ear_tag }}`: grouped as printed on the tag (`DE 09 123 00421`); `ear_tag(5)` the last digits.

    Source: Regulation (EU) 2021/520, Annex II: country, then up to 12 digits; the German grouping
    is that of the HI-Tier printed tags. What is no such tag is only cleaned.
    """
    bare = "".join(str(value).split()).upper()
    if bare[:3] in _COUNTRY and len(bare) == 15:  # noqa: PLR2004 (digits of an electronic tag)
        bare = _COUNTRY[bare[:3]] + bare[-10:]
    if last is not None:
        return bare[-last:] if 0 < last <= len(bare) else bare
    found = _TAG.fullmatch(bare)
    return " ".join(found.groups()) if found else (clean(value) if value else "")


FILTERS: Final[dict[str, Callable[..., str]]] = {
    "number": as_number,
    "unit": as_unit,
    "since": as_since,
    "ago": as_ago,
    "ear_tag": as_ear_tag,
}
"""Filters of messages, beside a few of Jinja's that only reshape text (`templates.KEPT`)."""

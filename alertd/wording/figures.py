"""Values as people read them: decimals that mean something, the language's comma, the unit's sign."""

from __future__ import annotations

import math
from typing import Final

from alertd.wording.catalogue import phrase, phrase_or
from alertd.wording.cldr import decimal
from alertd.wording.clean import clean

_PLACES: Final = {"degC": 1, "bool": 0, "lx": 0, "uS/cm": 0, "1/mL": 0}
"""Decimals that are always written: 40.0 °C is not 40 °C to somebody who reads a thermometer."""


def number(value: float, language: str, places: int | None = None) -> str:
    """Write a number with the language's decimal sign; without `places` three digits that mean something."""
    if places is None:
        size = abs(value)
        places = 0 if size >= 100 else 1 if size >= 10 else 2  # noqa: PLR2004 (powers of ten)
        text = f"{value:.{places}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{value:.{places}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return decimal(text, language)


def figure(value: float | None, unit: str, metric: str | None, language: str) -> str | None:
    """Write a value with its unit: `40.1 °C`, `offline`, `82 %`; None if there is no value.

    A bool is written with the metric's own words where the catalogue has them.
    """
    if value is None or not math.isfinite(value):
        return None
    if unit == "bool":
        side = "1" if value else "0"
        return phrase_or(language, f"state.{metric}.{side}", phrase(language, f"state.{side}"))
    text = number(value, language, _PLACES.get(unit))
    sign = phrase_or(language, f"unit.{unit}", clean(unit, 12)) if unit else ""
    if not sign:
        return text
    return f"{text}{sign}" if sign == "°" else f"{text} {sign}"


def metric_name(metric: str | None, language: str) -> str:
    """Return what people call a metric, its first letter a capital; an unknown one as it is named."""
    if not metric:
        return ""
    return phrase_or(language, f"metric.{metric}", readable(metric))


def readable(name: str) -> str:
    """Turn a technical name (`collar-silent`) into words (`Collar silent`)."""
    words = clean(name.replace("_", " ").replace("-", " ").replace(".", " "))
    return words[:1].upper() + words[1:]

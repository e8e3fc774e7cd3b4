"""Numbers as devices write them: `4,2 °C`, `+23.50`, `ON`, and the words that are no measurement.

Tolerant, never guessing: `1.234,5` could be two numbers, so it is none.
"""

from __future__ import annotations

import re
from typing import Final

from alertd.ingest.units import conversion

FAULT_WORDS: Final = frozenset(
    {
        "", "-", "--", "---", "n/a", "na", "nan", "null", "none", "nil", "undefined", "inf", "+inf", "-inf", "infinity",
        "-infinity", "unavailable", "unknown", "invalid", "error", "err", "fault", "fehler", "failed", "read failed",
        "no sensor", "nosensor", "not connected", "disconnected", "no probe", "kein sensor", "overflow", "underflow",
    }
)  # fmt: skip
"""What sensors, gateways and Home Assistant write where a value is missing; compared in lower case."""

STATE_WORDS: Final = {
    "on": 1.0, "true": 1.0, "open": 1.0, "opened": 1.0, "yes": 1.0, "online": 1.0, "connected": 1.0, "active": 1.0,
    "detected": 1.0, "leak": 1.0, "h": 1.0, "l": 0.0, "an": 1.0, "ein": 1.0, "offen": 1.0, "ja": 1.0,
    "off": 0.0, "false": 0.0, "closed": 0.0, "close": 0.0, "no": 0.0, "offline": 0.0, "inactive": 0.0, "normal": 0.0,
    "clear": 0.0, "aus": 0.0, "zu": 0.0, "geschlossen": 0.0, "nein": 0.0,
}  # fmt: skip
"""Words for states, in lower case; "disconnected" is left out: of a probe it is a fault."""

_NUMBER = re.compile(r"([+\-−]?)\s*(\d+(?:[.,]\d+)?|[.,]\d+)([eE][+-]?\d{1,3})?\s*(\D.*)?", re.DOTALL | re.ASCII)

LONGEST: Final = 64
"""Characters a number with its unit may have."""


def parse_number(text: str) -> tuple[float, str] | None:
    """Return a number and the unit written behind it (empty: none); None if it is not exactly that.

    A unit that is not in the table makes it no number: `23 apples`, `10-20`, `12:30`.
    """
    text = text.strip()
    if len(text) > LONGEST:
        return None
    if text.isascii() and text.replace(".", "", 1).isdigit() and text[-1] != ".":  # 21.5: the expression takes 1 µs
        return float(text), ""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    sign, digits, exponent, unit = found.groups()
    if unit is not None and conversion(unit) is None:
        return None
    return float(("-" if sign == "−" else sign) + digits.replace(",", ".") + (exponent or "")), unit or ""


def plain_number(text: str) -> float | None:
    """Return what `parse_number` does, of a text of nothing but digits, perhaps with a point and a minus; else None."""
    digits = text[1:] if text[:1] == "-" else text
    if len(text) > LONGEST or not digits.isascii() or not digits.replace(".", "", 1).isdigit() or digits[-1] == ".":
        return None
    return float(text)


def is_fault_word(text: str) -> bool:
    """Return whether the text says that there is no measurement."""
    return len(text) <= LONGEST and text.strip().strip('"').lower() in FAULT_WORDS


def state_word(text: str) -> float | None:
    """Return 1 or 0 for a word that names a state (`ON`, `closed`), else None. Never `bool(text)`."""
    return STATE_WORDS.get(text.strip().lower()) if len(text) <= LONGEST else None

"""Lines like most others as columns: what is ordinary about a thousand lines is found out at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.model import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

PATTERN: Final = "2026-11-01T06:00:00Z"
"""How nearly all recordings write a time. Other ways are read one by one, by the rules for live readings."""
_SIGNS: Final = np.array([ord(sign) for sign in PATTERN], np.uint32)
_MARKS: Final = np.array([not sign.isdigit() for sign in PATTERN])
_ZERO, _NINE = ord("0"), ord("9")


@dataclass(slots=True)
class Columns:
    """What lines say of readings, column by column; None where a line says nothing."""

    keys: Sequence[tuple[str | int, str, str | None]]
    """Device, metric, unit."""
    values: Sequence[float | bool | str | None]
    times: Sequence[str | float | None]
    arrivals: Sequence[str | float | None]
    qualities: set[str | None]


def columns_of(cells: Mapping[str, Sequence[str]]) -> Columns | None:
    """Return the columns of a CSV by the names of their cells' texts, None if a value is no number."""
    try:
        values = [float(text) for text in cells["value"]]
    except ValueError:
        return None
    nothing: list[str | None] = [None] * len(values)
    units, arrivals, qualities = (
        [text or None for text in cells[name]] if name in cells else nothing for name in ("unit", "received", "quality")
    )
    keys = list(zip(cells["device"], cells["metric"], units, strict=True))
    return Columns(keys, values, cells["time"], arrivals, {*qualities})


def moments(texts: Sequence[str]) -> NDArray[np.int64] | None:
    """Return texts like `PATTERN` as microseconds since 1970, None if one of them is written another way."""
    signs = np.array(texts)
    if signs.dtype.itemsize != 4 * len(PATTERN):
        return None
    codes = signs.view(np.uint32).reshape(len(texts), len(PATTERN))
    digits = codes[:, ~_MARKS]
    if (codes[:, _MARKS] != _SIGNS[_MARKS]).any() or ((digits < _ZERO) | (digits > _NINE)).any():
        return None
    try:
        seconds = signs.astype(f"U{len(PATTERN) - 1}").astype("datetime64[s]").view(np.int64)
    except ValueError:  # the 31st of February
        return None
    return None if (seconds < 0).any() else seconds * SECOND

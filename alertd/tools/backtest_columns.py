"""Lines like most others as columns: what is ordinary about thousands of lines is found out at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.model import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Key = tuple[str | int, str, str | None]
    Bytes = NDArray[np.uint8]
    Places = NDArray[np.intp]

PATTERN: Final = np.frombuffer(b"2026-11-01T06:00:00", np.uint8)
"""How nearly all recordings write a time: so, with up to six decimals, and `Z`. Other ways are read one by one, by the
rules for live readings."""
_DIGITS: Final = np.array([chr(sign).isdigit() for sign in PATTERN])
_PARTS: Final = ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))
"""Where year, month, day, hour, minute and second stand."""
DECIMALS: Final = 6
SHORTEST: Final = len(PATTERN) + len("Z")
LONGEST: Final = SHORTEST + len(".") + DECIMALS
EXACT: Final = 15
"""Signs of a number whose digits a float64 holds exactly: it is they over a power of ten, and rounded once."""
_ZERO, _NINE, _DOT, _MINUS, _Z = np.uint8(ord("0")), 9, ord("."), ord("-"), ord("Z")


@dataclass(slots=True)
class Columns:
    """What lines say of readings, column by column; None where a line says nothing."""

    keys: Sequence[Key]
    """Device, metric, unit."""
    values: Sequence[float | bool | str | None] | NDArray[np.float64]
    times: Sequence[str | float | None] | NDArray[np.int64]
    """As they are written, or in microseconds since 1970."""
    arrivals: Sequence[str | float | None] | NDArray[np.int64]
    qualities: set[str | None]


class Table:
    """Rows of a CSV without quotes, of as many cells as its header has, as they lie in memory."""

    def __init__(self, block: bytes, names: Sequence[str], separator: bytes) -> None:
        """Look where cells begin and end.

        Raises:
            ValueError: some rows are not so.
        """
        self._block = block if block.endswith(b"\n") else block + b"\n"
        if b'"' in block or b"\r" in block:
            raise ValueError("quotes")
        self._bytes = np.frombuffer(self._block, np.uint8)
        line = self._bytes == ord("\n")
        marks = np.flatnonzero(line | (self._bytes == ord(separator)))
        if len(marks) % len(names):
            raise ValueError("rows of other lengths")
        self._end = marks.reshape(-1, len(names))
        last = line[self._end]
        if last[:, :-1].any() or not last[:, -1].all():
            raise ValueError("rows of other lengths")
        self._begin = np.empty_like(marks)
        self._begin[0], self._begin[1:] = 0, marks[:-1] + 1
        self._begin = self._begin.reshape(self._end.shape)
        self._place = {name: at for at, name in enumerate(names)}
        self._separator = separator

    def __len__(self) -> int:
        return len(self._end)

    def __contains__(self, name: str) -> bool:
        return name in self._place

    def cells(self, first: str, last: str = "") -> list[bytes]:
        """Return the cells of a column, or all from one column to another as they stand there."""
        begin, end = self._begin[:, self._place[first]], self._end[:, self._place[last or first]]
        block = self._block
        return [block[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]

    def together(self, names: Sequence[str]) -> list[bytes]:
        """Return the cells of some columns, between separators."""
        places = [self._place[name] for name in names]
        if places == [*range(places[0], places[0] + len(places))]:
            return self.cells(names[0], names[-1])
        return [*map(self._separator.join, zip(*map(self.cells, names), strict=True))]

    def texts(self, name: str) -> list[str | None]:
        """Return the cells of a column, None where one is empty.

        Raises:
            UnicodeDecodeError: one is no text.
        """
        return [cell.decode() or None for cell in self.cells(name)]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column as numbers.

        Raises:
            ValueError: one cell is none.
        """
        place = self._place[name]
        found = numbers(self._bytes, self._begin[:, place], self._end[:, place])
        return np.array([*map(float, self.cells(name))]) if found is None else found

    def moments(self, name: str) -> NDArray[np.int64] | list[str | None]:
        """Return a column as microseconds, or its texts if one of them is written in an uncommon way."""
        place = self._place[name]
        found = moments(self._bytes, self._begin[:, place], self._end[:, place])
        return self.texts(name) if found is None else found


def moments_of(texts: Sequence[str]) -> NDArray[np.int64] | None:
    """Return texts as microseconds since 1970, None if one of them is written in an uncommon way."""
    whole = np.frombuffer("".join(texts).encode("utf-8", "replace"), np.uint8)
    end = np.fromiter(map(len, texts), np.intp, len(texts)).cumsum()
    if len(whole) != end[-1]:
        return None
    return moments(whole, np.concatenate([[0], end[:-1]]), end)


def moments(text: Bytes, begin: Places, end: Places) -> NDArray[np.int64] | None:
    """Return the times at these places of a text, None if one of them is written in an uncommon way."""
    width = end - begin
    found = np.empty(len(width), np.int64)
    least, most = int(width.min(initial=LONGEST)), int(width.max(initial=SHORTEST))
    if least < SHORTEST or most > LONGEST:
        return None
    for one in range(least, most + 1):
        some = np.flatnonzero(width == one)
        if len(some):
            alike = _moments(text[begin[some][:, None] + np.arange(one)])
            if alike is None:
                return None
            found[some] = alike
    return found


def _moments(signs: Bytes) -> NDArray[np.int64] | None:
    """Return times of one length, a row each."""
    whole, rest = signs[:, : len(PATTERN)], signs[:, len(PATTERN) : -1]
    digits = np.concatenate([whole[:, _DIGITS], rest[:, 1:]], axis=1) - _ZERO
    if (digits > _NINE).any() or (whole[:, ~_DIGITS] != PATTERN[~_DIGITS]).any() or (signs[:, -1] != _Z).any():
        return None
    decimals = rest.shape[1] - 1
    if decimals == 0 or (rest[:, :1] != _DOT).any():
        return None
    year, month, day, hour, minute, second = (_digits(signs[:, start:stop]) for start, stop in _PARTS)
    months = (year - 1970) * 12 + month - 1
    first, following = (
        one.astype("datetime64[M]").astype("datetime64[D]").view(np.int64) for one in (months, months + 1)
    )
    within = (year >= 1970) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= following - first)  # noqa: PLR2004
    if not (within & (hour < 24) & (minute < 60) & (second < 60)).all():  # noqa: PLR2004
        return None
    seconds = (((first + day - 1) * 24 + hour) * 60 + minute) * 60 + second
    return seconds * SECOND + (_digits(rest[:, 1:]) * 10 ** (DECIMALS - decimals) if decimals > 0 else 0)


def _digits(signs: Bytes) -> NDArray[np.int64]:
    number = np.zeros(len(signs), np.int64)
    for sign in signs.T:
        number = number * 10 + (sign - _ZERO)
    return number


def numbers(text: Bytes, begin: Places, end: Places) -> NDArray[np.float64] | None:
    """Return the numbers at these places of a text, to the last bit what `float` says.

    None if one of them is more than a sign, digits and a dot, or longer than float64 is exact.
    """
    width = end - begin
    if int(width.min(initial=EXACT)) < 1 or int(width.max(initial=1)) > EXACT:
        return None
    column = np.arange(int(width.max(initial=1)))
    signs: NDArray[Any] = text[np.minimum(begin[:, None] + column, len(text) - 1)].T
    minus = signs[0] == _MINUS
    whole, dots, digits, decimals = np.zeros(len(width)), *(np.zeros(len(width), np.int8) for _ in range(3))
    for at, sign in zip(column, signs, strict=True):
        there, digit = at < width, sign - _ZERO
        counts = there & (digit <= _NINE)
        whole = np.where(counts, whole * 10 + digit, whole)
        decimals += counts & (dots > 0)
        digits += counts
        dots += there & (sign == _DOT)
    if (digits + dots + minus != width).any() or (digits == 0).any() or (dots > 1).any():
        return None
    value = whole / 10.0**decimals
    return np.where(minus, -value, value)

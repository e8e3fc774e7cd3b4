"""What is wrong and where, as a value: one line for a person at a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Keys = tuple[str | int, ...]
"""The way to a place in the configuration: `("rules", 0, "detect", "above")`."""


class Place(NamedTuple):
    """Where something was written: a file as the operator named it, line and column from 1."""

    file: str
    line: int
    col: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration, or worth a warning.

    `path` is written `rules[0].detect.above` and is empty where the whole file is meant; `hint`
    is what the operator may have meant.
    """

    file: str
    line: int
    col: int
    path: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.col}: "
        what = f"{self.path}: {self.reason}" if self.path else self.reason
        return where + what + (f" (did you mean {self.hint}?)" if self.hint else "")


def show(keys: Keys) -> str:
    """Write a path the way messages show it: `rules[0].detect.above`."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def problem(place: Place, keys: Keys, reason: str, hint: str = "") -> Problem:
    """Put a place, a path and a reason together."""
    return Problem(place.file, place.line, place.col, show(keys), reason, hint)


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the known word that `word` was probably meant to be, or an empty string."""
    import difflib  # noqa: PLC0415 (only a mistake needs it)

    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else ""


def listing(words: Iterable[str], last: str = "or") -> str:
    """Write `a, b or c`."""
    *head, tail = words
    return f"{', '.join(head)} {last} {tail}" if head else tail

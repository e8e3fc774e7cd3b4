"""What a command says: tables for people, tab-separated lines for programs, trouble to stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from alertd.web.words import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 404
LONGEST_WORD: Final = 16
"""Characters of a word that is not broken in a table."""


def say(text: object) -> None:
    """Print one line."""
    sys.stdout.write(f"{harmless(text)}\n")


def row(cells: Iterable[str]) -> None:
    """Print one line for programs."""
    sys.stdout.write("\t".join(harmless(cell) for cell in cells) + "\n")


def fail(why: str, code: int = FAILED) -> int:
    """Say on stderr what went wrong, and return the exit code."""
    sys.stderr.write(f"alertd: {harmless(why)}\n")
    return code


def rows(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    """Print a table on a terminal, a line each in a pipe."""
    if sys.stdout.isatty():
        table(head, lines)
        return
    for cells in lines:
        row(cells)


def table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    """Print a table for people, what is bad in its colour."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 (a pipe does without)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    # On a narrow terminal sentences wrap, words stay whole, and nothing is cut off.
    drawn = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, *cells in zip(head, *lines, strict=True):
        longest = max((len(word) for cell in cells for word in cell.split()), default=0)
        drawn.add_column(name, overflow="fold", min_width=min(longest, LONGEST_WORD))
    colours = {"critical": "bold red", "warning": "yellow"}
    for line in lines:
        drawn.add_row(*(Text(harmless(cell), style=colours.get(cell, "")) for cell in line))
    Console().print(drawn)


def plain(value: Any) -> str:
    """Write a JSON value in one cell."""
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, dict):
        return " ".join(f"{key}={plain(item)}" for key, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def qr(text: str) -> None:
    """Draw a QR code with blocks."""
    import segno  # noqa: PLC0415 (only an invitation draws one)

    segno.make(text, error="m", micro=False).terminal(sys.stdout, border=2, compact=True)

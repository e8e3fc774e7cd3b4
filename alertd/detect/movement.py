"""How much a series rose or fell within a span: what a counter counted, what went out of a silo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from alertd.model import Micros

MARKS: Final = 24
"""Points in time within the span at which the sum is remembered."""
ENOUGH: Final = 4
"""A history shorter than the span divided by this says nothing yet."""


@dataclass(slots=True)
class Movement:
    """The way up (or down) of one series, added up; the other way does not count, so a refill is no negative use.

    A movement smaller than `noise` is not counted until it has grown beyond it: a level that
    trembles would otherwise use up a silo by itself.
    """

    span: Micros
    noise: float
    sign: int
    """1: rises are added up, -1: falls."""
    last: float | None = None
    """The value up to which all has been counted."""
    total: float = 0.0
    marks: list[tuple[Micros, float]] = field(default_factory=list)
    """(time, total) at most once every `span / MARKS`, oldest first; the first is at or before the span's start."""

    def take(self, time: Micros, value: float) -> None:
        """Count one reading, newer than those before it."""
        if self.last is None or abs(value - self.last) > self.noise:
            if self.last is not None:
                self.total += max(0.0, self.sign * (value - self.last))
            self.last = value
        if not self.marks or time - self.marks[-1][0] >= self.span // MARKS:
            self.marks.append((time, self.total))
        while len(self.marks) > 1 and self.marks[1][0] <= time - self.span:
            del self.marks[0]

    def within(self, time: Micros) -> float | None:
        """Return how much it was in the span before `time`; None while too little of it is known.

        Of a history that does not begin at the span's start the part is scaled to the whole.
        """
        if not self.marks:
            return None
        since, before = self.marks[0]
        if (time - since) * ENOUGH < self.span:
            return None
        return (self.total - before) * self.span / (time - since)

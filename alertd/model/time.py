"""Time in whole microseconds, and ids made of what they stand for.

Integers, because alert ids are hashes of times and floats at 1.8e9 seconds step by 0.24
microseconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

Micros = int
"""Whole microseconds: a point in time since 1970-01-01 UTC, or a duration."""
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
UNTIL_RESOLVED: Final = 253_402_300_799 * SECOND
"""The last second of the year 9999: a snooze until then ends with its alert."""


@dataclass(frozen=True, slots=True)
class Move:
    """The clock was set by `by`: what it told from `since` to `until` is that much later (negative: earlier).

    Rows of the journal up to `seq` are from before that.
    """

    since: Micros
    until: Micros
    by: Micros
    seq: int = 0

    def point(self, at: Micros) -> Micros:
        """Return when something really was that a clock of this span told."""
        return at + self.by if self.since <= at <= self.until else at

    def maybe(self, at: Micros | None) -> Micros | None:
        """Do as `point`, where there is a time."""
        return None if at is None else self.point(at)

    def end(self, end: Micros, start: Micros) -> Micros:
        """Return when something really ends that began at `start`: it lasts as long as it was to."""
        return end + self.by if self.since <= start <= self.until else end


def stable_id(*parts: object) -> str:
    """Hash the parts to 24 hexadecimal digits; the same parts make the same id in every process.

    96 bits: a farm with a million alerts has a chance of 1e-17 of two alike.
    """
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()

"""Counters that wrap or start again: raw values become a total that only grows.

A function of (time, raw value) per series, not of the order of calls: decoding the same
messages again (a commit that failed, a redelivery) gives the same totals.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from alertd.model import Micros

NOISE: Final = 0.01
"""A smaller decrease than this share is a meter's correction, not a reset (DOMAIN.md section 2)."""

_NEAR_END: Final = 0.9
_NEAR_START: Final = 0.1
_EPOCHS: Final = 16
"""Bases remembered per series, for late readings; a meter that resets more often within a day is broken."""


@dataclass(slots=True)
class _Counter:
    time: Micros
    raw: float
    since: list[Micros] = field(default_factory=list)
    base: list[float] = field(default_factory=list)


class Counters:
    """The bases of all counter series, by row."""

    def __init__(self) -> None:
        self._known: dict[int, _Counter] = {}

    def total(self, row: int, time: Micros, raw: float, wrap: float) -> float:
        """Return the total at `time` (microseconds) for a raw value; `wrap` 0: the counter has no known end.

        A newer raw value below the last one is a wrap (from the last tenth to the first: the
        base grows by `wrap`), a correction (under 1 %: the total stays), or a reset (the total
        goes on from where it was).
        """
        counter = self._known.get(row)
        if counter is None:
            self._known[row] = _Counter(time, raw, [time], [0.0])
            return raw
        if time > counter.time:
            if raw < counter.raw:
                last = counter.raw
                if wrap and last > _NEAR_END * wrap and raw < _NEAR_START * wrap:
                    self._rebase(counter, time, counter.base[-1] + wrap)
                elif last - raw < NOISE * last:
                    return last + counter.base[-1]
                else:
                    self._rebase(counter, time, counter.base[-1] + last)
            counter.time, counter.raw = time, raw
        epoch = max(bisect_right(counter.since, time) - 1, 0)
        return raw + counter.base[epoch]

    @staticmethod
    def _rebase(counter: _Counter, time: Micros, base: float) -> None:
        counter.since.append(time)
        counter.base.append(base)
        del counter.since[:-_EPOCHS], counter.base[:-_EPOCHS]

"""Counters that wrap or start again: raw values become a total that only grows.

A function of (time, raw value) per series, not of the order of calls: decoding the same
messages again (a commit that failed, a redelivery) gives the same totals.

What a total adds to the raw value (its bases) is committed with the readings it explains,
and only then: that happens at a wrap or a reset. The newest raw value needs no place of
its own, it is the newest reading of the series without its base.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alertd.model import Micros

NOISE: Final = 0.01
"""A smaller decrease than this share is a meter's correction, not a reset (DOMAIN.md section 2)."""

_NEAR_END: Final = 0.9
_NEAR_START: Final = 0.1
_EPOCHS: Final = 16
"""Bases remembered per series, for late readings; a meter that resets more often within a day is broken."""
_BEFORE: Final = -1
"""The time of the newest reading where none is known."""


@dataclass(slots=True)
class _Counter:
    """`base[n]` counts from `since[n]`; `sender` is whose raw values they are, `time` and `raw` its newest."""

    sender: str
    since: list[Micros]
    base: list[float]
    time: Micros = _BEFORE
    raw: float = 0.0

    def at(self, time: Micros) -> float:
        if len(self.base) == 1:  # nearly all: it never wrapped
            return self.base[0]
        return self.base[max(bisect_right(self.since, time) - 1, 0)]

    def goes_on(self, time: Micros, base: float) -> None:
        self.since.append(time)
        self.base.append(base)
        del self.since[:-_EPOCHS], self.base[:-_EPOCHS]


class Counters:
    """The bases of all counter series, by row; `changed` are the rows whose bases are not committed yet."""

    def __init__(self) -> None:
        self._known: dict[int, _Counter] = {}
        self.changed: set[int] = set()

    def total(self, row: int, sender: str, time: Micros, raw: float, wrap: float, *, old: bool = False) -> float:
        """Return the total at `time` (microseconds) for a raw value; `wrap` 0: the counter has no known end.

        A newer raw value below the last one is a wrap (from the last tenth to the first: the
        base grows by `wrap`), a correction (under 1 %: the total stays), or a reset (the total
        goes on from where it was). It also goes on where another `sender` (the id of the collar
        or meter) now speaks for the series: what that one counted before happened elsewhere.
        `old` values, of which nobody knows when they were measured, teach nothing.
        """
        counter = self._known.get(row)
        if counter is None:
            if not old:
                self._known[row] = _Counter(sender, [time], [0.0], time, raw)
                self.changed.add(row)
            return raw
        # After a restart a base may be known whose readings the journal does not hold: they come again.
        if time > counter.time and not old:
            if counter.since[-1] <= counter.time:
                last = counter.raw
                if sender != counter.sender:
                    counter.sender = sender
                    self._rebase(row, time, counter.base[-1] + last - raw)
                elif raw < last:
                    if wrap and last > _NEAR_END * wrap and raw < _NEAR_START * wrap:
                        self._rebase(row, time, counter.base[-1] + wrap)
                    elif last - raw < NOISE * last:
                        return last + counter.base[-1]
                    else:
                        self._rebase(row, time, counter.base[-1] + last)
            counter.time, counter.raw = time, raw
        return raw + (counter.base[0] if len(counter.base) == 1 else counter.at(time))

    def _rebase(self, row: int, time: Micros, base: float) -> None:
        self._known[row].goes_on(time, base)
        self.changed.add(row)

    # --- across a restart -------------------------------------------------------------------------

    def written(self, row: int) -> str:
        """Return the bases of a series as text."""
        counter = self._known[row]
        return msgspec.json.encode((counter.sender, counter.since, counter.base)).decode()

    def restore(self, row: int, text: str) -> None:
        """Take over what `written` returned."""
        self._known[row] = _Counter(*msgspec.json.decode(text, type=tuple[str, list[int], list[float]]))

    def newest(self) -> list[tuple[int, Micros, float]]:
        """Return (row, time, total) of the newest reading of each series: for the snapshot."""
        return [(row, one.time, one.raw + one.at(one.time)) for row, one in self._known.items() if one.time > _BEFORE]

    def follow(self, readings: Iterable[tuple[int, Micros, float]]) -> None:
        """Take committed readings, (row, time, total), as the newest raw values."""
        for row, time, total in readings:
            counter = self._known.get(row)
            if counter is not None and time > counter.time:
                counter.time, counter.raw = time, total - counter.at(time)

    def rows(self) -> list[int]:
        """Return the rows that are counters."""
        return list(self._known)

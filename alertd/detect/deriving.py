"""Readings that are computed from others, made while a batch passes by. Pure.

A result waits for the rest of its inputs: temperature and humidity of one message are one
result, not two. It is made with the reading that completes its inputs; else when a reading
shows that the time of waiting is over; else, where no reading comes, by the clock. All three
look at the readings one by one in their order of arrival, so batches never change a result.

Results are journalled like other readings. A replay therefore makes none: it follows the
journal (`follow`) and ends where the living daemon was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.detect.bearers import NEVER, Bearers
from alertd.detect.dues import Dues
from alertd.detect.formula import compile_formula
from alertd.model import Batch, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from alertd.detect.bearers import Result
    from alertd.detect.derived import Derived, Input
    from alertd.model import Micros
    from alertd.undo import Undo

UNKNOWN: Final = int(Quality.UNKNOWN_TIME)
RETAINED: Final = int(Quality.RETAINED)

AGGREGATES: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "median": median,
    "mean": fmean,
    "min": min,
    "max": max,
    "sum": math.fsum,
    "count": len,
}


@dataclass(slots=True)
class _Made:
    """Readings to be put into the batch: before which of its readings, and the columns."""

    at: list[int] = field(default_factory=list)
    rows: list[tuple[int, Micros, Micros, float, int]] = field(default_factory=list)


class Deriving(Bearers):
    """All derived metrics of all bearers.

    Rows are announced by `add`; between `extended` and the commit or rollback of its `Undo`
    no row may be.
    """

    def __init__(self, derived: Iterable[Derived]) -> None:
        super().__init__(derived)
        self._formulas = [compile_formula(one.formula, one.from_) for one in self.derived]
        self._last: dict[int, tuple[Micros, float]] = {}
        """Input row to the time and value of its newest reading."""
        self._dues = Dues[tuple[int, str]]()
        self.making: tuple[int, str] | None = None
        """The result that is being made; where that raised, the one it raised for."""

    # --- while a batch passes -----------------------------------------------------------------

    def next_due(self) -> Micros | None:
        """Return when the clock alone makes the next result, None if none waits."""
        return self._dues.next_due()

    def give_up(self, key: tuple[int, str]) -> bool:
        """Let a result wait for new inputs, not for the clock; False: it did not. Not within a step."""
        due = self._dues.get(key)
        self._dues.put(key, None)
        if due is not None:
            self._results[key].fresh = {}
        return due is not None

    def extended(self, batch: Batch, until: Micros, undo: Undo) -> Batch:
        """Return the batch with the results that its readings, and the clock up to `until`, make."""
        self.making = None
        made = self._pass(batch, until, undo, quiet=False) if self.derived else _Made()
        if not made.rows:
            return batch
        at, rows = np.array(made.at), list(zip(*made.rows, strict=True))
        return Batch(
            np.insert(batch.series, at, np.array(rows[0], np.int32)),
            np.insert(batch.time, at, np.array(rows[1], np.int64)),
            np.insert(batch.received, at, np.array(rows[2], np.int64)),
            np.insert(batch.value, at, np.array(rows[3], np.float64)),
            np.insert(batch.quality, at, np.array(rows[4], np.int8)),
        )

    def follow(self, batch: Batch, undo: Undo) -> None:
        """Take note of journalled readings: what they made stands behind them in the journal."""
        if len(batch):
            self._pass(batch, int(batch.received[-1]), undo, quiet=True)

    def _pass(self, batch: Batch, until: Micros, undo: Undo, *, quiet: bool) -> _Made:
        made = _Made()
        if len(batch) and self._results:
            for n in np.flatnonzero(self._wanted[batch.series]).tolist():
                row, received = int(batch.series[n]), int(batch.received[n])
                self._run_out(received, batch.received, made, undo, quiet=quiet)
                reading = (row, int(batch.time[n]), received, float(batch.value[n]), int(batch.quality[n]))
                self._take(reading, (n, n + 1), made, undo, quiet=quiet)
        self._run_out(until, batch.received, made, undo, quiet=quiet)
        return made

    def _run_out(self, until: Micros, received: NDArray[np.int64], made: _Made, undo: Undo, *, quiet: bool) -> None:
        """Make the results that have waited long enough by the time of arrival `until`."""
        while (first := self._dues.first()) is not None and first[0] <= until:
            due, result = first[0], self._results[first[1]]
            self._make(result, due, int(np.searchsorted(received, due)), made, undo, quiet=quiet)

    def _take(
        self,
        reading: tuple[int, Micros, Micros, float, int],
        at: tuple[int, int],
        made: _Made,
        undo: Undo,
        *,
        quiet: bool,
    ) -> None:
        """Take one reading of an input; `at` is where in the batch results stand that come before it and after it."""
        row, time, received, value, quality = reading
        if quality == UNKNOWN:
            time = received
        before = self._last.get(row, (NEVER, 0.0))[0]
        if time <= before or quality == RETAINED or not math.isfinite(value):
            return  # a repeat, or history: the result of that time was made, or never will be
        results = self._by_trigger.get(row, ())
        for result in results:
            if result.fresh and time - result.first >= self.derived[result.number].step:
                self._make(result, received, at[0], made, undo, quiet=quiet)
        undo.item(self._last, row)
        self._last[row] = (time, value)
        if row in self._clocks:
            undo.item(self._clocks, row)
            self._clocks[row] = float(quality == UNKNOWN)
        for movement in self._moves_of.get(row, ()):
            undo.attrs(movement)
            movement.take(time, value)
        for result in results:
            step = self.derived[result.number].step
            if result.row < 0 or time + step < result.made:
                continue
            undo.attrs(result)
            if not result.fresh:
                result.first, result.newest = time, NEVER
                self._dues.set((result.number, result.bearer), received + step, undo)
            result.fresh[row] = None
            if time >= result.newest:
                result.newest, result.quality = time, quality
            if len(result.fresh) == len(result.triggers):
                self._make(result, received, at[1], made, undo, quiet=quiet)

    def _make(self, result: Result, received: Micros, at: int, made: _Made, undo: Undo, *, quiet: bool) -> None:
        """Make the reading of a result, if its inputs have a value and the formula too."""
        undo.attrs(result)
        self._dues.set((result.number, result.bearer), None, undo)
        result.fresh = {}
        self.making = (result.number, result.bearer)
        value = self._value(result)
        self.making = None
        if value is None:
            return
        time = max(result.newest, result.made + 1)
        result.made = time
        if quiet:
            return
        reading = (result.row, time, received, value, result.quality)
        made.at.append(at)
        made.rows.append(reading)
        if result.row < len(self._wanted) and self._wanted[result.row]:
            self._take(reading, (at, at), made, undo, quiet=quiet)

    def _value(self, result: Result) -> float | None:
        one = self.derived[result.number]
        values: dict[str, float] = {}
        oldest = result.newest - one.max_age
        for name, given in one.from_.items():
            rows = [result.own[name]] if name in result.own else result.groups.get(name, ())
            rows = rows if len(rows) >= given.least else ()
            found = [self._input(row, given) for row in rows if self._last.get(row, (NEVER, 0.0))[0] >= oldest]
            there = [value for value in found if value is not None]
            if not there:
                if given.default is None:
                    return None
                values[name] = given.default
                continue
            values[name] = there[0] if name in result.own else float(AGGREGATES[given.aggregate or "median"](there))
        value = self._formulas[result.number](values)
        plausible = self._ranges[result.number]
        return value if value is not None and plausible.low <= value <= plausible.high else None

    def _input(self, row: int, given: Input) -> float | None:
        time, value = self._last[row]
        if given.clock:
            return self._clocks[row]
        if given.span is None:
            return value
        return self._moves[row, given.span, given.noise, given.sign].within(time)

    # --- surviving a restart ------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Return what is known of inputs and waiting results, as plain data."""
        return {
            "last": [[row, *known] for row, known in self._last.items()],
            "clocks": [[row, wrong] for row, wrong in self._clocks.items()],
            "moves": [[*key, one.last, one.total, list(one.marks)] for key, one in self._moves.items()],
            "results": [
                [one.row, list(one.fresh), one.first, one.newest, one.quality, one.made, self._dues.get(key)]
                for key, one in self._results.items()
                if one.row >= 0
            ],
        }

    def load(self, kept: Mapping[str, Any]) -> None:
        """Restore a dump after all series were added; what no entry of `derived:` asks for any more is left out."""
        for row, time, value in kept.get("last", ()):
            if row < len(self._wanted) and self._wanted[row]:
                self._last[row] = (time, value)
        self._clocks.update({row: wrong for row, wrong in kept.get("clocks", ()) if row in self._clocks})
        for row, span, noise, sign, last, total, marks in kept.get("moves", ()):
            movement = self._moves.get((row, span, noise, sign))
            if movement is not None:
                movement.last, movement.total = last, total
                movement.marks = [(time, then) for time, then in marks]
        for row, fresh, first, newest, quality, made, due in kept.get("results", ()):
            result = self._by_row.get(row)
            if result is not None:
                result.fresh = {one: None for one in fresh if one in result.triggers}
                result.first, result.newest, result.quality, result.made = first, newest, quality, made
                self._dues.put((result.number, result.bearer), due if result.fresh else None)

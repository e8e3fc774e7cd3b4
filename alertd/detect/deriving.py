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

from alertd.detect.dues import Dues
from alertd.detect.formula import compile_formula
from alertd.detect.movement import Movement
from alertd.ingest.ranges import known
from alertd.model import Batch, Quality, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from alertd.detect.derived import Derived, Input
    from alertd.model import Micros
    from alertd.undo import Undo

LIVE: Final = int(Quality.LIVE)
UNKNOWN: Final = int(Quality.UNKNOWN_TIME)
RETAINED: Final = int(Quality.RETAINED)
NEVER: Final = -(2**62)

AGGREGATES: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "median": median,
    "mean": fmean,
    "min": min,
    "max": max,
    "sum": math.fsum,
    "count": len,
}


@dataclass(slots=True)
class Result:
    """One derived metric of one bearer: what it waits for, and when it was last made.

    `own` and `groups` are the rows of its inputs by name: of one series, of several.
    """

    number: int
    """Which entry of `derived:`."""
    bearer: str
    own: dict[str, int]
    groups: dict[str, list[int]]
    row: int = -1
    """Its own series; -1 while inputs are missing."""
    triggers: dict[int, None] = field(default_factory=dict)
    fresh: dict[int, None] = field(default_factory=dict)
    """The inputs that came since it was last made."""
    first: Micros = NEVER
    """The time of the first of them."""
    newest: Micros = NEVER
    quality: int = LIVE
    made: Micros = NEVER
    """The time of the last reading it made."""


@dataclass(slots=True)
class _Made:
    """Readings to be put into the batch: before which of its readings, and the columns."""

    at: list[int] = field(default_factory=list)
    rows: list[tuple[int, Micros, Micros, float, int]] = field(default_factory=list)


class Deriving:
    """All derived metrics of all bearers.

    Rows are announced by `add`; between `extended` and the commit or rollback of its `Undo`
    no row may be.
    """

    def __init__(self, derived: Iterable[Derived]) -> None:
        self.derived = tuple(derived)
        self._formulas = [compile_formula(one.formula, one.from_) for one in self.derived]
        self._ranges = [known(one.metric, one.kept_unit) for one in self.derived]
        self._wanted = np.zeros(64, np.bool_)
        self._last: dict[int, tuple[Micros, float]] = {}
        """Input row to the time and value of its newest reading."""
        self._moves: dict[tuple[int, int, float, int], Movement] = {}
        """(row, span, noise, sign) to what moved."""
        self._moves_of: dict[int, list[Movement]] = {}
        self._results: dict[tuple[int, str], Result] = {}
        self._by_trigger: dict[int, list[Result]] = {}
        self._by_row: dict[int, Result] = {}
        self._groups: dict[tuple[str, str, str], list[int]] = {}
        """(label, its value, metric) to rows."""
        self._named: dict[tuple[str, str], int] = {}
        """(device, metric) to row, of devices that an input names."""
        self._dues = Dues[tuple[int, str]]()
        self.making: tuple[int, str] | None = None
        """The result that is being made; where that raised, the one it raised for."""

    # --- who bears what -----------------------------------------------------------------------

    def add(
        self, row: int, series: Series, labels: Mapping[str, str], fits: Callable[[Mapping[str, Any]], bool]
    ) -> list[tuple[Series, Result]]:
        """Take note of a new series; return the series that can be computed from now on.

        Whoever calls registers them and hands each to `bear`. `labels` is all that is known of
        the series, `fits` compares it with a `match`.
        """
        if row >= len(self._wanted):
            self._wanted = np.concatenate([self._wanted, np.zeros(row + 64, np.bool_)])
        touched: dict[tuple[int, str], Result] = {}
        for number, one in enumerate(self.derived):
            for name, given in one.from_.items():
                if given.metric == series.metric:
                    for result in self._concerned(number, name, given, (row, series, labels), fits):
                        touched[number, result.bearer] = result
        return [(self._series(one, series), one) for one in touched.values() if one.row < 0 and self._complete(one)]

    def _concerned(
        self,
        number: int,
        name: str,
        given: Input,
        new: tuple[int, Series, Mapping[str, str]],
        fits: Callable[[Mapping[str, Any]], bool],
    ) -> list[Result]:
        """Give a series its place as one input of a derived metric; return the results that it belongs to."""
        one = self.derived[number]
        row, series, labels = new
        if given.device is not None:
            if series.device != given.device:
                return []
            self._hear(row, given)
            self._named[series.device, series.metric] = row
            if one.device is None:
                return [result for (of, _), result in self._results.items() if of == number]
            result = self._result(number, one.device)
            return [self._trigger(result, row) if one.alone else result]
        label = given.by or one.by
        if label is None:
            if one.device not in (None, series.device) or not fits(one.match):
                return []
            result = self._result(number, series.device)
            result.own[name] = row
            self._hear(row, given)
            for other, asked in one.from_.items():
                if asked.by is not None:
                    key = (asked.by, labels.get(asked.by, ""), asked.metric)
                    result.groups[other] = self._groups.setdefault(key, [])
            return [self._trigger(result, row)]
        value = labels.get(label)
        if value is None or (one.by is not None and not fits(one.match)):
            return []
        members = self._groups.setdefault((label, value, series.metric), [])
        if members[-1:] != [row]:
            members.append(row)
        self._hear(row, given)
        if one.by is None:
            return []  # it is looked at when one of the bearer's own inputs comes
        result = self._result(number, value)
        result.groups[name] = members
        return [self._trigger(result, row)]

    def _result(self, number: int, bearer: str) -> Result:
        key = (number, bearer)
        if key not in self._results:
            self._results[key] = Result(number, bearer, {}, {})
        return self._results[key]

    def _trigger(self, result: Result, row: int) -> Result:
        if row not in result.triggers:
            result.triggers[row] = None
            self._by_trigger.setdefault(row, []).append(result)
        return result

    def _hear(self, row: int, given: Input) -> None:
        self._wanted[row] = True
        if given.span is not None:
            key = (row, given.span, given.noise, given.sign)
            if key not in self._moves:
                self._moves[key] = Movement(given.span, given.noise, given.sign)
                self._moves_of.setdefault(row, []).append(self._moves[key])

    def _complete(self, result: Result) -> bool:
        """Return whether no input of a result is missing."""
        one = self.derived[result.number]
        for name, given in one.from_.items():
            if given.device is not None and (given.device, given.metric) in self._named:
                result.own[name] = self._named[given.device, given.metric]
        return one.from_.keys() <= result.own.keys() | result.groups.keys()

    def _series(self, result: Result, like: Series) -> Series:
        """Return the series of a result whose last missing input was `like`."""
        one = self.derived[result.number]
        group, labels = like.group, like.labels
        if one.by is not None:
            group, labels = (result.bearer, {}) if one.by == "group" else (None, {one.by: result.bearer})
        elif like.device != result.bearer:
            group, labels = None, {}
        state = self._ranges[result.number].state
        return Series(result.bearer, one.metric, one.kept_unit, state, group, labels)

    def bear(self, result: Result, row: int) -> None:
        """Tell a result the row of its series; -1: there is no room for it."""
        result.row = row
        if row >= 0:
            self._by_row[row] = result

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
            rows = [result.own[name]] if name in result.own else result.groups[name]
            found = [self._input(row, given) for row in rows if self._last.get(row, (NEVER, 0.0))[0] >= oldest]
            there = [value for value in found if value is not None]
            if not there:
                return None
            values[name] = there[0] if name in result.own else float(AGGREGATES[given.aggregate or "median"](there))
        value = self._formulas[result.number](values)
        plausible = self._ranges[result.number]
        return value if value is not None and plausible.low <= value <= plausible.high else None

    def _input(self, row: int, given: Input) -> float | None:
        time, value = self._last[row]
        if given.span is None:
            return value
        return self._moves[row, given.span, given.noise, given.sign].within(time)

    # --- surviving a restart ------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Return what is known of inputs and waiting results, as plain data."""
        return {
            "last": [[row, *known] for row, known in self._last.items()],
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

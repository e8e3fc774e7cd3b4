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
from operator import itemgetter
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from alertd.detect.bearers import NEVER, Bearers, Progress
from alertd.detect.derived import fingerprints
from alertd.detect.dues import Dues
from alertd.detect.formula import compile_formula
from alertd.model import Batch, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from alertd.detect.bearers import Result
    from alertd.detect.derived import Derived, Input
    from alertd.detect.members import Members
    from alertd.model import Micros
    from alertd.undo import Undo

UNKNOWN: Final = int(Quality.UNKNOWN_TIME)
RETAINED: Final = int(Quality.RETAINED)
NOTHING: Final = (NEVER, 0.0)

FEW: Final = 32
"""A batch of no more readings is put together from lists: a fifth of what arrays cost for one reading."""


def median(values: Sequence[float]) -> float:
    """Return the median of what is sorted and not empty."""
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


AGGREGATES: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "median": median,
    "mean": fmean,
    "min": itemgetter(0),
    "max": itemgetter(-1),
    "sum": math.fsum,
    "count": len,
}
"""All of sorted values."""

TYPES: Final = tuple(np.dtype(kind) for kind in (np.int32, np.int64, np.int64, np.float64, np.int8))
"""Of the columns of a batch."""
Told = tuple[int, "Micros", "Micros", float, int]
"""One reading: (row, time, received, value, quality)."""


class _Asked(NamedTuple):
    """One input as it is looked at for each result: `given` is None where its value itself is meant."""

    name: str
    given: Input | None
    least: int
    default: float | None
    aggregate: Callable[[Sequence[float]], float]

    @classmethod
    def of(cls, name: str, given: Input) -> _Asked:
        asked = None if given.plain else given
        return cls(name, asked, given.least, given.default, AGGREGATES[given.aggregate or "median"])


@dataclass(slots=True)
class _Made:
    """Readings to be put into the batch: before which of its readings, in order, and each as a tuple."""

    at: list[int] = field(default_factory=list)
    readings: list[Told] = field(default_factory=list)


def _readings(batch: Batch) -> Iterable[Told]:
    return zip(
        batch.series.tolist(),
        batch.time.tolist(),
        batch.received.tolist(),
        batch.value.tolist(),
        batch.quality.tolist(),
        strict=True,
    )


def _with(batch: Batch, made: _Made) -> Batch:
    """Return the batch with what was made put in."""
    if len(batch) <= FEW:
        readings = list(_readings(batch))
        for number, (place, reading) in enumerate(zip(made.at, made.readings, strict=True)):
            readings.insert(place + number, reading)
        columns: Iterable[NDArray[Any]] = map(np.array, zip(*readings, strict=True), TYPES)
        return Batch(*columns)
    places = np.concatenate([np.arange(1, 2 * len(batch), 2), 2 * np.array(made.at)])
    order = np.argsort(places, kind="stable")
    known: tuple[NDArray[Any], ...] = (batch.series, batch.time, batch.received, batch.value, batch.quality)
    new: Iterable[NDArray[Any]] = map(np.array, zip(*made.readings, strict=True), TYPES)
    return Batch(*(np.concatenate(both)[order] for both in zip(known, new, strict=True)))


class Deriving(Bearers):
    """All derived metrics of all bearers.

    Rows are announced by `add`; between `extended` and the commit or rollback of its `Undo`
    no row may be.
    """

    def __init__(self, derived: Iterable[Derived]) -> None:
        super().__init__(derived)
        self._formulas = [compile_formula(one.formula, one.from_) for one in self.derived]
        self._prints = fingerprints(self.derived)
        self._steps, self._ages = [one.step for one in self.derived], [one.max_age for one in self.derived]
        self._inputs = [[_Asked.of(*named) for named in one.from_.items()] for one in self.derived]
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
            self._results[key].progress.fresh = {}
        return due is not None

    def extended(self, batch: Batch, until: Micros, undo: Undo) -> Batch:
        """Return the batch with the results that its readings, and the clock up to `until`, make."""
        self.making = None
        made = self._pass(batch, until, undo, quiet=False) if self.derived else _Made()
        return _with(batch, made) if made.readings else batch

    def follow(self, batch: Batch, undo: Undo) -> None:
        """Take note of journalled readings: what they made stands behind them in the journal."""
        if len(batch):
            self._pass(batch, int(batch.received[-1]), undo, quiet=True)

    def remade(self, batch: Batch, rows: Collection[int], undo: Undo) -> Batch:
        """Return journalled readings, the results in `rows` not as they were kept but as today's formulas make them."""
        if not len(batch):
            return batch
        kept = batch.take(~np.isin(batch.series, np.fromiter(rows, np.int32)))
        said = (~np.isin(kept.series, np.fromiter(self._by_row, np.int32))).nonzero()[0]
        made = self._pass(kept.take(said), int(batch.received[-1]), undo, quiet=False)
        place = np.append(said, len(kept))
        both = [(int(place[at]), one) for at, one in zip(made.at, made.readings, strict=True) if one[0] in rows]
        return _with(kept, _Made([at for at, _ in both], [one for _, one in both])) if both else kept

    def _pass(self, batch: Batch, until: Micros, undo: Undo, *, quiet: bool) -> _Made:
        made = _Made()
        if len(batch) and self._results:
            for n, reading in self._heard(batch):
                self._run_out(reading[2], batch.received, made, undo, quiet=quiet)
                self._take(reading, (n, n + 1), made, undo, quiet=quiet)
        self._run_out(until, batch.received, made, undo, quiet=quiet)
        return made

    def _heard(self, batch: Batch) -> Iterable[tuple[int, Told]]:
        """Return the readings that are inputs of something, each with its place in the batch."""
        if len(batch) <= FEW:
            return [(n, one) for n, one in enumerate(_readings(batch)) if self._wanted.item(one[0])]
        places = np.flatnonzero(self._wanted[batch.series])
        return zip(places.tolist(), _readings(batch.take(places)), strict=True)

    def _run_out(self, until: Micros, received: NDArray[np.int64], made: _Made, undo: Undo, *, quiet: bool) -> None:
        """Make the results that have waited long enough by the time of arrival `until`."""
        while (first := self._dues.first()) is not None and first[0] <= until:
            due, result = first[0], self._results[first[1]]
            self._make(result, due, int(np.searchsorted(received, due)), made, undo, quiet=quiet)

    def _take(self, reading: Told, at: tuple[int, int], made: _Made, undo: Undo, *, quiet: bool) -> None:
        """Take one reading of an input; `at` is where in the batch results stand that come before it and after it."""
        row, time, received, value, quality = reading
        if quality == UNKNOWN:
            time = received
        before = self._last.get(row, NOTHING)[0]
        if time <= before or quality == RETAINED or not math.isfinite(value):
            return  # a repeat, or history: the result of that time was made, or never will be
        results = self._by_trigger.get(row, ())
        for result in results:
            progress = result.progress
            if progress.fresh and time - progress.first >= self._steps[result.number]:
                self._make(result, received, at[0], made, undo, quiet=quiet)
        self._note(row, time, value, quality, undo)
        for result in results:
            progress, step = result.progress, self._steps[result.number]
            if result.row < 0 or time + step < progress.made:
                continue
            undo.attrs(progress)
            begins = not progress.fresh
            if begins:
                progress.first, progress.newest = time, NEVER
            progress.fresh[row] = None
            if time >= progress.newest:
                progress.newest, progress.quality = time, quality
            if len(progress.fresh) == len(result.triggers):
                self._make(result, received, at[1], made, undo, quiet=quiet)
            elif begins:
                self._dues.set((result.number, result.bearer), received + step, undo)

    def _note(self, row: int, time: Micros, value: float, quality: int, undo: Undo) -> None:
        """Let that be the newest reading of a series, for itself and in its groups."""
        undo.item(self._last, row)
        self._last[row] = (time, value)
        if row in self._clocks:
            undo.item(self._clocks, row)
            self._clocks[row] = float(quality == UNKNOWN)
        for movement in self._moves_of.get(row, ()):
            undo.attrs(movement)
            movement.take(time, value)
        for members, given in self._groups_of.get(row, ()):
            undo.note((members.put, row, members.get(row)))
            self._tell(row, members, given)

    def _tell(self, row: int, members: Members, given: Input | None) -> None:
        """Tell a group what there is to know of the newest reading of a member."""
        if given is None:
            members.put(row, self._last[row])
        else:
            value = self._said(row, given)
            members.put(row, None if value is None else (self._last[row][0], value))

    def _make(self, result: Result, received: Micros, at: int, made: _Made, undo: Undo, *, quiet: bool) -> None:
        """Make the reading of a result, if its inputs have a value and the formula too."""
        progress, key = result.progress, (result.number, result.bearer)
        undo.attrs(progress)
        if self._dues.get(key) is not None:
            self._dues.set(key, None, undo)
        progress.fresh = {}
        self.making = key
        value = self._value(result)
        self.making = None
        if value is None:
            return
        time = max(progress.newest, progress.made + 1)
        progress.made = time
        if quiet:
            return
        reading = (result.row, time, received, value, progress.quality)
        made.at.append(at)
        made.readings.append(reading)
        if result.row < len(self._wanted) and self._wanted[result.row]:
            self._take(reading, (at, at), made, undo, quiet=quiet)

    def _value(self, result: Result) -> float | None:
        """Return the formula over each input's newest value, as far as it is not older than `max_age`."""
        values: dict[str, float] = {}
        oldest = result.progress.newest - self._ages[result.number]
        own, groups = result.own, result.groups
        for name, given, least, default, aggregate in self._inputs[result.number]:
            value = None
            if name in own:
                known = self._last.get(own[name], NOTHING)
                if known[0] >= oldest:
                    value = known[1] if given is None else self._said(own[name], given)
            elif name in groups and len(groups[name].rows) >= least:
                there = groups[name].since(oldest)
                value = float(aggregate(there)) if there else None
            if value is None:
                value = default
            if value is None:
                return None
            values[name] = value
        value = self._formulas[result.number](values)
        plausible = self._ranges[result.number]
        return value if value is not None and plausible.low <= value <= plausible.high else None

    def _said(self, row: int, given: Input) -> float | None:
        """Return what else there is to know of the newest reading of a series: its clock, how much it moved."""
        if given.span is None:
            return self._clocks[row]
        return self._moves[row, given.span, given.noise, given.sign].within(self._last[row][0])

    # --- surviving a restart ------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Return what is known of inputs and waiting results, as plain data."""
        return {
            "last": [[row, *known] for row, known in self._last.items()],
            "clocks": [[row, wrong] for row, wrong in self._clocks.items()],
            "moves": [[*key, one.last, one.total, list(one.marks)] for key, one in self._moves.items()],
            "results": [
                [one.row, list(of.fresh), of.first, of.newest, of.quality, of.made, self._dues.get(key)]
                for key, one in self._results.items()
                if one.row >= 0
                for of in [one.progress]
            ],
            "prints": [[one.row, self._prints[one.number]] for one in self._results.values() if one.row >= 0],
        }

    def edited(self, kept: Mapping[str, Any], known: int, stored: int) -> set[int]:
        """Return the rows of results whose formula is not the one that made what is kept of them.

        Of `stored` series the dump knows the first `known`; those between are in the journal behind it,
        and what is beyond is computed from now on.
        """
        before: dict[int, str] = dict(kept.get("prints", ()))
        return {
            row
            for row, result in self._by_row.items()
            if (row < known or row >= stored) and before.get(row) != self._prints[result.number]
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
                still = {one: None for one in fresh if one in result.triggers}
                result.progress = Progress(still, first, newest, quality, made)
                self._dues.put((result.number, result.bearer), due if still else None)
        for row in self._last:
            for members, given in self._groups_of.get(row, ()):
                self._tell(row, members, given)

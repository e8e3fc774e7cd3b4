"""Who bears which derived metric: the inputs of each, as rows, found while series become known. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.detect.members import Members
from alertd.detect.movement import Movement
from alertd.ingest.ranges import known
from alertd.model import Quality, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from alertd.detect.derived import Derived, Input
    from alertd.model import Micros

LIVE: Final = int(Quality.LIVE)
NEVER: Final = -(2**62)


@dataclass(slots=True)
class Progress:
    """How far a result is: all that a step changes of it."""

    fresh: dict[int, None] = field(default_factory=dict)
    """The inputs that came since it was last made."""
    first: Micros = NEVER
    """The time of the first of them."""
    newest: Micros = NEVER
    quality: int = LIVE
    made: Micros = NEVER
    """The time of the last reading it made."""


@dataclass(slots=True)
class Result:
    """One derived metric of one bearer.

    `own` and `groups` are its inputs by name: the row of one series, the members of a group.
    """

    number: int
    """Which entry of `derived:`."""
    bearer: str
    own: dict[str, int] = field(default_factory=dict)
    groups: dict[str, Members] = field(default_factory=dict)
    row: int = -1
    """Its own series; -1 while inputs are missing."""
    triggers: dict[int, None] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)


class Bearers:
    """The results of all derived metrics, by who bears them and by what they are made from."""

    def __init__(self, derived: Iterable[Derived]) -> None:
        self.derived = tuple(derived)
        self._ranges = [known(one.metric, one.kept_unit) for one in self.derived]
        self._wanted = np.zeros(64, np.bool_)
        self._moves: dict[tuple[int, int, float, int], Movement] = {}
        """(row, span, noise, sign) to what moved."""
        self._moves_of: dict[int, list[Movement]] = {}
        self._clocks: dict[int, float] = {}
        """Input row to whether the time of its newest reading was impossible, where that is asked for."""
        self._results: dict[tuple[int, str], Result] = {}
        self._by_trigger: dict[int, list[Result]] = {}
        self._by_row: dict[int, Result] = {}
        self._groups: dict[tuple[Any, ...], Members] = {}
        """(label, its value, what is asked of each, not older than what) to members."""
        self._groups_of: dict[int, list[tuple[Members, Input | None]]] = {}
        """Row to the groups it is a member of, and what each wants to know of it; None: its value."""
        self._named: dict[tuple[str, str], int] = {}
        """(device, metric) to row, of devices that an input names."""

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
                    result.groups[other] = self._members(one, asked, asked.by, labels.get(asked.by, ""))
            return [self._trigger(result, row)]
        value = labels.get(label)
        if value is None or (one.by is not None and not fits(one.match)):
            return []
        members = self._members(one, given, label, value)
        if row not in members.rows:
            members.rows.add(row)
            self._groups_of.setdefault(row, []).append((members, None if given.plain else given))
        self._hear(row, given)
        if one.by is None:
            return []  # it is looked at when one of the bearer's own inputs comes
        result = self._result(number, value)
        result.groups[name] = members
        return [self._trigger(result, row)]

    def _members(self, one: Derived, given: Input, label: str, value: str) -> Members:
        return self._groups.setdefault((label, value, given.said, one.max_age), Members())

    def _result(self, number: int, bearer: str) -> Result:
        key = (number, bearer)
        if key not in self._results:
            self._results[key] = Result(number, bearer)
        return self._results[key]

    def _trigger(self, result: Result, row: int) -> Result:
        if row not in result.triggers:
            result.triggers[row] = None
            self._by_trigger.setdefault(row, []).append(result)
        return result

    def _hear(self, row: int, given: Input) -> None:
        self._wanted[row] = True
        if given.clock:
            self._clocks.setdefault(row, 0.0)
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
        return one.needed <= result.own.keys() | result.groups.keys()

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

"""What derived metrics mean, written as plainly as it can be said: the fast way is held against it.

A reading at a time, and for each result all that was ever heard is looked through anew. A result is
its formula over each input's newest value, as far as that is not older than `max_age` at the
result's time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from alertd.alerting.rules import matches
from alertd.detect.formula import compile_formula
from alertd.detect.movement import Movement
from alertd.model import Micros, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alertd.detect.derived import Derived, Input

Row = int
Told = tuple[Row, Micros, Micros, float, int]
"""(row, time, received, value, quality)"""
Key = tuple[int, str]
"""(entry of `derived:`, who bears it)"""
OF_SEVERAL: dict[str, Callable[[Sequence[float]], float]] = {
    "median": median,
    "mean": fmean,
    "min": min,
    "max": max,
    "sum": math.fsum,
    "count": len,
}


@dataclass
class Wait:
    """A result whose inputs have begun to come."""

    first: Micros
    newest: Micros
    due: Micros
    quality: int = 0
    came: set[Row] = field(default_factory=set)


class Plain:
    """`known`, which others fill, holds device, metric and labels of each row."""

    def __init__(self, derived: Sequence[Derived]) -> None:
        self.derived = derived
        self.known: list[tuple[str, str, Mapping[str, str]]] = []
        self.heard: dict[Row, list[tuple[Micros, float, int]]] = {}
        self.waits: dict[Key, Wait] = {}
        self.made: dict[Key, Micros] = {}
        self.out: list[Told] = []

    # --- who bears what, of whom -----------------------------------------------------------------

    def rows(self, metric: str, fits: Callable[[str, Mapping[str, str]], bool]) -> list[Row]:
        """Return the rows of a metric whose device and labels fit."""
        return [row for row, (device, name, labels) in enumerate(self.known) if name == metric and fits(device, labels)]

    def inputs(self, key: Key, given: Input) -> list[Row]:
        """Return the rows that one name of a formula stands for."""
        one, bearer = self.derived[key[0]], key[1]
        if given.device is not None:
            return self.rows(given.metric, lambda device, _: device == given.device)
        if one.by is not None:
            return self.rows(
                given.metric, lambda _, labels: labels.get(one.by) == bearer and matches(one.match, labels)
            )
        if given.by is not None:
            place = next(labels.get(given.by, "") for device, _, labels in self.known if device == bearer)
            return self.rows(given.metric, lambda _, labels: labels.get(given.by) == place)
        return self.rows(given.metric, lambda device, labels: device == bearer and matches(one.match, labels))

    def triggers(self, key: Key) -> set[Row]:
        """Return the rows whose readings make a result: the bearer's own, or, of a group, its members'."""
        one = self.derived[key[0]]
        own = [given for given in one.from_.values() if one.by or one.alone or given.own]
        return {row for given in own if one.alone or given.device is None for row in self.inputs(key, given)}

    def concerned(self, row: Row) -> list[Key]:
        """Return the results that a reading of this row makes."""
        device, _, labels = self.known[row]
        bearers = [one.device or (labels.get(one.by) if one.by else device) for one in self.derived]
        keys = [(number, bearer) for number, bearer in enumerate(bearers) if bearer is not None]
        return [key for key in keys if row in self.triggers(key)]

    def row_of(self, key: Key) -> Row | None:
        """Return the row of a result, None while what it needs is not known."""
        return next(iter(self.rows(self.derived[key[0]].metric, lambda device, _: device == key[1])), None)

    # --- what comes, one by one ------------------------------------------------------------------

    def hear(self, told: Told) -> None:
        """Take a reading of a device, and before it what the clock makes until it came."""
        self.tick(told[2])
        self.take(told, lambda: self.out.append(told))

    def tick(self, until: Micros) -> None:
        """Make what has waited long enough."""
        while due := [(wait.due, key) for key, wait in self.waits.items() if wait.due <= until]:
            at, key = min(due)
            self.make(key, at)

    def take(self, told: Told, tell: Callable[[], None] = lambda: None) -> None:
        row, time, received, value, quality = told
        if quality == Quality.UNKNOWN_TIME:
            time = received
        before = self.heard.get(row)
        news = quality != Quality.RETAINED and math.isfinite(value) and (not before or time > before[-1][0])
        keys = self.concerned(row) if news else []
        for key in keys:
            if key in self.waits and time - self.waits[key].first >= self.derived[key[0]].step:
                self.make(key, received)
        tell()
        if news:
            self.heard.setdefault(row, []).append((time, value, quality))
        for key in keys:
            step = self.derived[key[0]].step
            if self.row_of(key) is None or (key in self.made and time + step < self.made[key]):
                continue
            wait = self.waits.setdefault(key, Wait(time, time, received + step))
            wait.came.add(row)
            if time >= wait.newest:
                wait.newest, wait.quality = time, quality
            if wait.came == self.triggers(key):
                self.make(key, received)

    def make(self, key: Key, received: Micros) -> None:
        wait, row = self.waits.pop(key), self.row_of(key)
        value = self.value(key, wait.newest)
        if value is None:
            return
        assert row is not None
        time = self.made[key] = max(wait.newest, self.made.get(key, wait.newest - 1) + 1)
        told = (row, time, received, value, wait.quality)
        self.out.append(told)
        self.take(told)

    def value(self, key: Key, at: Micros) -> float | None:
        one = self.derived[key[0]]
        values: dict[str, Any] = {}
        for name, given in one.from_.items():
            rows = self.inputs(key, given)
            young = [row for row in rows if row in self.heard and self.heard[row][-1][0] >= at - one.max_age]
            there = [value for value in (self.said(row, given) for row in young) if value is not None]
            several = given.by is not None or (one.by is not None and given.device is None)
            if len(rows) >= given.least and there:
                values[name] = OF_SEVERAL[given.aggregate or "median"](there) if several else there[0]
            elif given.default is None:
                return None
            else:
                values[name] = given.default
        return compile_formula(one.formula, one.from_)(values)

    def said(self, row: Row, given: Input) -> float | None:
        time, value, quality = self.heard[row][-1]
        if given.clock:
            return float(quality == Quality.UNKNOWN_TIME)
        if given.span is None:
            return value
        movement = Movement(given.span, given.noise, given.sign)
        for then, what, _ in self.heard[row]:
            movement.take(then, what)
        return movement.within(time)

    def restart(self) -> None:
        """Forget what nobody's readings make any more, now that devices stand elsewhere."""
        for key in list(self.made):
            if not self.triggers(key):
                del self.made[key]
        for key, wait in list(self.waits.items()):
            wait.came &= self.triggers(key)
            if not wait.came:
                del self.waits[key]

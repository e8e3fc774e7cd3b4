"""When a group of series is judged: rules that compare several series judge in steps of event time.

A step is complete when a reading of the group shows that event time has passed its edge;
where no reading comes, when the clock has passed it by the same amount. Either way the
group is judged between two readings of the stream, the same two however they were batched.
Backlog fills windows; only live readings move the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from alertd.detect.dues import Dues
from alertd.model import SECOND, Quality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from alertd.detect.common import Detector
    from alertd.model import Batch, Micros
    from alertd.undo import Undo

GRACE: Final = SECOND
"""What is still under way when the clock passes an edge may come that much later."""
FAR: Final = 2**62
"""An edge that no reading passes: the row is in no group of the rule."""
NEVER: Final = -(2**62)
CHUNK: Final = 64
"""Readings looked at first for one that completes a step: mostly it is near, and then four times as many."""

GroupKey = tuple[int, str, str]
"""(rule, value of the label, metric, or "" where metrics do not matter)."""


@dataclass(slots=True)
class Group:
    """The series that one rule compares.

    While `open`, readings have come since it was last judged, and `edge` is the event time up to
    which they will be; else `edge` is the one it was last judged at. `row` is the group's own
    series where the alert is the group's and not a device's, else -1.
    """

    key: GroupKey
    rows: list[int]
    row: int = -1
    edge: Micros = NEVER
    open: bool = False

    @property
    def rule(self) -> int:
        """Which rule."""
        return self.key[0]


class Step(NamedTuple):
    """A group and the event time up to which it is to be judged.

    `known` is the time of each row's newest reading when it was complete; None: what the panel says.
    """

    group: Group
    edge: Micros
    known: NDArray[np.int64] | None = None


class Together:
    """The groups of all rules that judge several series, and when their next step is complete."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._steps = {rule: one.step for rule, one in enumerate(detectors) if one.step}
        self.counts_only = all(one.span == 0 for one in detectors if one.step)
        """No group compares what was measured: they count verdicts and alerts."""
        self._place = {rule: at for at, rule in enumerate(self._steps)}
        self.groups: dict[GroupKey, Group] = {}
        self._of_row: dict[int, list[Group]] = {}
        self._edges = np.full((len(self._steps), 64), FAR, np.int64)
        self._dues = Dues[GroupKey]()
        self.bad: dict[tuple[int, int], Micros] = {}
        """(rule, row) to the time of the newest bad verdict, of rules that `fraction` rules look at."""

    def add(self, rule: int, value: str, metric: str, row: int) -> Group:
        """Let a series belong to a group and return the group. Not within a step."""
        key = (rule, value, metric)
        group = self.groups.setdefault(key, Group(key, []))
        if row >= self._edges.shape[1]:
            more = np.full((len(self._edges), max(64, row + 1 - self._edges.shape[1])), FAR, np.int64)
            self._edges = np.concatenate([self._edges, more], axis=1)
        group.rows.append(row)
        self._of_row.setdefault(row, []).append(group)
        self._edges[self._place[rule], row] = group.edge
        return group

    def knows(self, row: int) -> bool:
        """Return whether a series belongs to any group."""
        return row in self._of_row

    def next_due(self) -> Micros | None:
        """Return when the clock alone completes the next step; None: no step is open."""
        return self._dues.next_due()

    def give_up(self, key: GroupKey) -> bool:
        """Let a group wait for its next reading instead of the clock; False: the clock was not to judge it."""
        due = self._dues.get(key)
        self._dues.put(key, None)
        return due is not None

    def complete(self, batch: Batch, start: int, until: Micros, undo: Undo) -> tuple[int, list[tuple[Micros, Step]]]:
        """Return up to which reading to judge before a step is complete, and the steps that are then (arrival, step).

        No steps: to the end. `until` is what the clock says.
        """
        n = len(batch)
        if not self.groups:
            return n, []
        while True:
            crossing = self._crossing(batch, start)
            first = self._dues.first()
            if first is not None and first[0] <= until:
                at = start + int(np.searchsorted(batch.received[start:], first[0]))
                if at <= crossing:
                    return at, [(first[0], self._close(self.groups[first[1]], undo))]
            if crossing == n:
                return n, []
            steps, start = self._cross(batch, crossing, undo), crossing
            if steps:
                return crossing, steps

    def _crossing(self, batch: Batch, start: int) -> int:
        """Return the first reading that opens a step or is beyond an open one."""
        size = CHUNK
        while start < len(batch):
            part = slice(start, start + size)
            rows = batch.series[part]
            inside = rows < self._edges.shape[1]
            edges = self._edges[:, np.where(inside, rows, 0)]
            beyond = (batch.time[part] >= edges).any(axis=0) & inside & (batch.quality[part] == int(Quality.LIVE))
            found = np.flatnonzero(beyond)
            if len(found):
                return start + int(found[0])
            start, size = start + size, 4 * size
        return len(batch)

    def _cross(self, batch: Batch, at: int, undo: Undo) -> list[tuple[Micros, Step]]:
        time, received = int(batch.time[at]), int(batch.received[at])
        steps = []
        for group in self._of_row[int(batch.series[at])]:
            if time >= group.edge:
                if group.open:
                    steps.append((received, self._close(group, undo)))
                self._open(group, time, received, undo)
        return steps

    def stir(self, row: int, rules: Sequence[int], at: Micros, undo: Undo) -> None:
        """Something else than a reading changed what these rules look at: have their groups judged soon."""
        for group in self._of_row.get(row, ()):
            if group.rule in rules and not group.open and at >= group.edge:
                self._open(group, at, at, undo)

    def _open(self, group: Group, time: Micros, received: Micros, undo: Undo) -> None:
        step = self._steps[group.rule]
        edge = (time // step + 1) * step
        self._move(group, edge, undo)
        group.open = True
        self._dues.set(group.key, received + edge - time + GRACE, undo)

    def _close(self, group: Group, undo: Undo) -> Step:
        self._move(group, group.edge, undo)
        group.open = False
        self._dues.set(group.key, None, undo)
        return Step(group, group.edge)

    def _move(self, group: Group, edge: Micros, undo: Undo) -> None:
        before = group.edge, group.open
        edges, place, rows = self._edges, self._place[group.rule], list(group.rows)

        def restore() -> None:
            group.edge, group.open = before
            edges[place, rows] = before[0]

        undo.call(restore)
        group.edge = edge
        edges[place, rows] = edge

    # --- surviving a restart ------------------------------------------------------------------

    def dump(self, names: Sequence[str]) -> dict[str, Any]:
        """Return steps under way and bad verdicts as plain data; rules by name."""
        return {
            "groups": [
                [names[rule], value, metric, one.edge, one.open, self._dues.get(one.key)]
                for (rule, value, metric), one in self.groups.items()
            ],
            "bad": [[names[rule], row, time] for (rule, row), time in self.bad.items()],
        }

    def load(self, kept: Mapping[str, Any], rules: Mapping[str, int]) -> None:
        """Restore a dump after all series were added."""
        for name, value, metric, edge, is_open, due in kept.get("groups", ()):
            group = self.groups.get((rules.get(name, -1), value, metric))
            if group is not None:
                group.edge, group.open = edge, is_open
                self._edges[self._place[group.rule], group.rows] = edge
                self._dues.put(group.key, due)
        self.bad = {(rules[name], row): time for name, row, time in kept.get("bad", ()) if name in rules}

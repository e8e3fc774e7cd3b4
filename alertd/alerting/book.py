"""The book: every series, every machine that is not at rest, every alert and incident that still matters.

Only the engine task touches it, so there is no lock. It is plain data with look-ups: series and
machines here, alerts and all that people can refer to in `records`. What changes it stands in
`lifecycle`, `incidents` and `commands`, and every change goes through the step's `Turn`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from alertd.alerting.herds import Herds
from alertd.alerting.inhibition import Inhibition
from alertd.alerting.machine import Phase
from alertd.alerting.records import Records
from alertd.alerting.rules import attributes, expected_series, matches
from alertd.alerting.settings import health_inhibits
from alertd.alerting.timers import Timers
from alertd.detect.deriving import Deriving
from alertd.detect.fraction import Fraction
from alertd.detect.geofence import POSITION
from alertd.detect.panel import Panel
from alertd.detect.peers import Peers
from alertd.detect.together import Together
from alertd.ingest.assignments import expected
from alertd.model import DAY, Alert, Series, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from alertd.alerting.machine import Identity, Machine
    from alertd.alerting.settings import Inhibit, QuietTime, Rule
    from alertd.detect.derived import Derived
    from alertd.ingest.settings import Device
    from alertd.model import Micros

MOST_OUTAGES = 500
"""How many are kept: a month of a flaky link; an absence rule looks back 30 days at most."""


def _watched_by(rules: Sequence[Rule]) -> dict[int, list[int]]:
    numbers = {rule.name: number for number, rule in enumerate(rules)}
    found: dict[int, list[int]] = {}
    for number, rule in enumerate(rules):
        if isinstance(rule.detect, Fraction) and rule.detect.of in numbers:
            found.setdefault(numbers[rule.detect.of], []).append(number)
    return found


def group_series(rule: str, by: str, value: str) -> Series:
    """Return the series that stands for a group in the book: no device, the rule's name and the group as its metric."""
    return Series("", f"{rule}@{value}", group=value, labels={} if by == "group" else {by: value})


@dataclass(slots=True)
class Described:
    """Which series are not, or not yet, what the store knows of them."""

    expected: set[int] = field(default_factory=set)
    """Rows of listed devices that nothing was heard of yet: what they are is not known."""
    changed: set[int] = field(default_factory=set)
    """Rows whose description has changed since they were committed."""


class Book(Records):
    """Everything the engine knows between two steps."""

    replaying = False
    """Whether readings of the journal are judged again, without effects."""
    unsaved = 0
    """Series from this row on have not been committed yet."""
    up_since: Micros | None = None
    """Since when readings come (again); None until they first do."""
    clock_trusted = True
    """Whether local time is known; until it is, digests wait. Set by whoever owns the clock, before a step."""

    def __init__(
        self,
        rules: Sequence[Rule],
        devices: Sequence[Device],
        *,
        cap: int,
        now: Micros,
        derived: Sequence[Derived] = (),
        inhibit: Sequence[Inhibit] = (),
        quiet_times: Sequence[QuietTime] = (),
        timezone: str = "UTC",
    ) -> None:
        self.zone, self.described = ZoneInfo(timezone), Described()
        self.rules = [rule for rule in rules if rule.enabled]
        super().__init__(Inhibition([*inhibit, *health_inhibits(self.rules, derived)]))
        self.rule_numbers = {rule.name: number for number, rule in enumerate(self.rules)}
        self.quiet_times = tuple(quiet_times)
        self.devices = {device.id: device for device in devices}
        self.cap = cap
        self.panel = Panel([rule.detect for rule in self.rules])
        self.deriving, self.together = Deriving(derived), Together([rule.detect for rule in self.rules])
        self.absences = [number for number, rule in enumerate(self.rules) if rule.detect.quiet_after(0) is not None]
        """Rules for which silence means something."""
        self.watched_by = _watched_by(self.rules)
        """Rule to the `fraction` rules that look at it."""
        self.untold = [
            number for number, rule in enumerate(self.rules) if rule.mode == "shadow" and number not in self.watched_by
        ]
        """Rules whose alerts are for the records alone: told to nobody, and no other rule looks at them."""
        self.series: list[Series] = []
        self.known: list[dict[str, str]] = []
        self.rows: dict[tuple[str, str], int] = {}
        self.rows_of: dict[str, list[int]] = {}
        self.heard: dict[str, tuple[int, bool]] = {}
        """Device to (first day it was heard, whether it was heard on a later day too)."""
        self.heard_day = np.full(1024, -1, np.int32)
        """The last day (since 1970, UTC) each row was heard."""
        self.machines: dict[tuple[int, int], Machine] = {}
        self.timers, self.herds = Timers(), Herds()
        self.outages: list[tuple[Micros, Micros]] = []
        """Spans that count for no absence: not connected, or not running. Oldest first, apart."""
        self.resumed: Micros = 0
        """When the daemon was ready again after a restart: what became due before that, nobody ran for."""
        self.down_since: Micros | None = now
        """Since when nothing can be received; None while connected."""

    # --- series -------------------------------------------------------------------------------

    def row(self, series: Series, *, always: bool = False) -> int:
        """Return the row of a series, registering it; -1 when there are as many as `limits.series` allows.

        Listed devices are never refused, nor with `always` those that the store knows.
        """
        key = (series.device, series.metric)
        if key in self.rows:
            if self.rows[key] in self.described.expected:
                self._describe(self.rows[key], series)
            return self.rows[key]
        device = self.devices.get(series.device)
        if len(self.series) >= self.cap and device is None and not always:
            return -1
        known = attributes(series, device)
        applying = self._applying(series, known)
        row: int = self.panel.add(applying, state=series.state)
        self.rows[key] = row
        self.rows_of.setdefault(series.device, []).append(row)
        self.series.append(series)
        self.known.append(known)
        for number in applying if self.inhibition.entries else ():
            self.inhibition.watch(number, self.rules[number].name, row, known)
        if row >= len(self.heard_day):
            self.heard_day = np.concatenate([self.heard_day, np.full(len(self.heard_day), -1, np.int32)])
        if not always:
            self.relate(row)
        return row

    def _describe(self, row: int, series: Series) -> None:
        """Take what a source says of a series that was only expected: its unit, its labels, and so its rules."""
        self.described.expected.discard(row)
        if self.series[row] == series:
            return
        known = attributes(series, self.devices.get(series.device))
        before = set(np.flatnonzero(self.panel.applies[:, row]).tolist())
        applying = self._applying(series, known)
        self.series[row], self.known[row] = series, known
        self.panel.retarget(row, applying, state=series.state)
        self.described.changed.add(row)
        for number in applying if self.inhibition.entries else ():
            if number not in before:
                self.inhibition.watch(number, self.rules[number].name, row, known)
        if not self.together.knows(row):
            self._join(row)

    def _applying(self, series: Series, known: Mapping[str, str]) -> list[int]:
        """Return the rules that judge a series: a group's own series is judged by the one that made it."""
        if not series.device:
            return [number for number, rule in enumerate(self.rules) if rule.name == series.metric.partition("@")[0]]
        return [
            number
            for number, rule in enumerate(self.rules)
            if not isinstance(rule.detect, Fraction) and matches(rule.match, known)
        ]

    def rule_named(self, name: str) -> int | None:
        """Return the number of a rule, None if it is not in force."""
        return self.rule_numbers.get(name)

    def relate(self, row: int) -> None:
        """Let a series find its groups, and the series that can be computed because it is known."""
        if self.series[row].device:
            self._join(row)
            self.derive(row)

    def _join(self, row: int) -> None:
        series, known = self.series[row], self.known[row]
        for number in np.flatnonzero(self.panel.applies[:, row]).tolist():
            detect = self.rules[number].detect
            if isinstance(detect, Peers) and detect.by in known:
                self.together.add(number, known[detect.by], series.metric, row)
            for other in self.watched_by.get(number, ()):
                rule, by = self.rules[other], getattr(self.rules[other].detect, "by", "group")
                # Which metric is looked at follows from the other rule.
                if by in known and matches({key: one for key, one in rule.match.items() if key != "metric"}, known):
                    group = self.together.add(other, known[by], "", row)
                    if group.row < 0:
                        group.row = self.row(group_series(rule.name, by, known[by]), always=True)

    def derive(self, row: int) -> None:
        """Register what can be computed from now on because this series is known."""
        known = self.known[row]
        for series, result in self.deriving.add(row, self.series[row], known, lambda match: matches(match, known)):
            self.deriving.bear(result, self.row(series))

    def expect_listed(self) -> list[int]:
        """Register the series that absence rules watch because their device is listed; return their rows."""
        rows = []
        for number in self.absences:
            expected = expected_series(self.rules[number].match, self.devices.values())
            rows += [self.row(Series(one.device, one.metric)) for one in expected]
        self.described.expected |= {row for row in rows if self.panel.received[row] == 0}
        return rows

    def hear(self, rows: NDArray[np.int32], received: NDArray[np.int64]) -> None:
        """Remember on which days devices were heard: two make an unlisted one watched.

        Not taken back with a step: hearing is a fact whatever became of the reading.
        """
        if not len(rows):
            return
        today = int(received[-1]) // DAY
        if int(received[0]) // DAY == today and bool((self.heard_day.take(rows) == today).all()):
            return  # nearly always: it costs a third of looking for whom that is new
        days = (received // DAY).astype(np.int32)
        for index in np.flatnonzero(self.heard_day[rows] != days):
            row, day = int(rows[index]), int(days[index])
            self.heard_day[row] = day
            device = self.series[row].device
            first, twice = self.heard.get(device, (day, False))
            if not twice:
                self.heard[device] = (first, day > first)

    def watched(self, row: int, at: Micros) -> bool:
        """Return whether silence of this series means something: a listed device, or heard on two days."""
        device = self.series[row].device
        if device in self.devices:
            return expected(self.devices[device], at, self.zone)
        return self.heard.get(device, (0, False))[1]

    def ever_heard(self, device: str) -> bool:
        """Return whether anything was ever received from a device."""
        return device in self.heard

    # --- the clock that stands still while nothing can be received ----------------------------------

    def away_between(self, start: Micros, end: Micros) -> Micros:
        """Return how much of a span counts for no absence."""
        spans = [*self.outages, (self.down_since, end)] if self.down_since is not None else self.outages
        return sum(max(0, min(end, stop) - max(start, begin)) for begin, stop in spans if stop > start)

    def link(self, at: Micros, *, up: bool) -> None:
        """The connection came or went. Not taken back with a step: it is a fact."""
        if up and self.down_since is not None:
            if at > self.down_since:
                self.outages = [*self.outages[-MOST_OUTAGES:], (self.down_since, at)]
            self.down_since, self.up_since = None, at
        elif not up and self.down_since is None:
            self.down_since = at

    # --- what conversation and API look at ------------------------------------------------------

    def pending_alerts(self) -> list[Alert]:
        """Return machines in their hold as alerts without a number (0): what may come."""
        return [
            self.draft(machine, State.PENDING) for machine in self.machines.values() if machine.phase is Phase.PENDING
        ]

    def places(self) -> list[dict[str, str]]:
        """Return what is known of each series: group and labels among it."""
        return self.known

    def heard_devices(self) -> list[str]:
        """Return the ids of all devices heard of."""
        return list(self.heard)

    def last_heard(self) -> Micros | None:
        """Return when the last reading of all came in, None if none ever did."""
        newest = int(self.panel.received.max(initial=0))
        return newest or None

    def latest(self, device: str) -> list[tuple[Series, float, Micros]]:
        """Return (series, last value, its time) of everything a device has told."""
        panel = self.panel
        return [
            (self.series[row], float(panel.last_value[row]), int(panel.last_time[row]))
            for row in self._shown(device)
            if panel.received[row] > 0
        ]

    def retained(self, device: str) -> list[tuple[Series, float]]:
        """Return (series, value) of what is known of a device by the broker's retained copies alone."""
        known, heard = self.panel.last_value, self.panel.received
        rows = (row for row in self._shown(device) if not heard[row] and known[row] == known[row])
        return [(self.series[row], float(known[row])) for row in rows]

    def _shown(self, device: str) -> list[int]:
        # Latitude and longitude stand for themselves, not packed.
        return [row for row in self.rows_of.get(device, ()) if self.series[row].metric != POSITION.metric]

    # --- alerts -------------------------------------------------------------------------------

    def identity(self, rule: int, row: int) -> Identity:
        """Return what makes an alert the same alert."""
        series = self.series[row]
        if not series.device:
            return self.rules[rule].name, None, series.group
        return self.rules[rule].name, series.device, series.metric

    def row_of(self, alert: Alert) -> int | None:
        """Return the series an alert is about: a device's, or the one that stands for a group."""
        if alert.device is None:
            return self.rows.get(("", f"{alert.rule}@{alert.group}"))
        return self.rows.get((alert.device, alert.metric or ""))

    def draft(self, machine: Machine, state: State) -> Alert:
        """Return the alert a machine stands for, not yet numbered and in no table."""
        rule, series = self.rules[machine.rule], self.series[machine.row]
        known = self.known[machine.row]
        return Alert(
            id="",
            number=0,
            rule=rule.name,
            device=series.device or None,
            metric=series.metric if series.device else None,
            group=known.get("group"),
            severity=rule.severity,
            state=state,
            value=None if isnan(machine.value) else machine.value,
            unit=rule.detect.told_unit(series.unit),
            normal=None if isnan(machine.normal) else machine.normal,
            started=machine.since,
            shadow=rule.mode == "shadow",
            labels={key: value for key, value in known.items() if key not in ("device", "id", "metric", "group")},
        )

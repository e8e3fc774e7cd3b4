"""The book: every series, every machine that is not at rest, every alert and incident that still matters.

Only the engine task touches it, so there is no lock. It is plain data with look-ups;
what changes it stands in `lifecycle`, `incidents` and `commands`, and every change
is announced to the step's `Undo` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import isnan
from operator import attrgetter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from alertd.alerting.guard import Herds
from alertd.alerting.inhibition import Inhibition
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
from alertd.model import DAY, HOUR, Alert, Changes, Incident, Kind, Series, Silence, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from alertd.alerting.settings import Inhibit, QuietTime, Rule
    from alertd.detect.derived import Derived
    from alertd.ingest.settings import Device
    from alertd.model import Micros, Switching
    from alertd.undo import Undo

MOST_OUTAGES = 500
"""How many are kept: a month of a flaky link; an absence rule looks back 30 days at most."""

REMEMBERED = 2 * DAY
"""How long an alert that is over is kept: what ended after a digest is told with the next one, a long day later."""

_ASKING = (Kind.FIRING, Kind.DELTA, Kind.AGAIN, Kind.WORSE, Kind.ESCALATE, Kind.DIGEST)
"""Kinds of messages that wait for an answer."""

_FACTS = attrgetter(*(one.name for one in fields(Alert)))
"""All of an alert, in the order in which it is made; five times as fast as `dataclasses.replace`."""

Identity = tuple[str, str | None, str | None]
"""(rule, device, metric), of a group (rule, None, group): at most one open alert each."""


class Phase(StrEnum):
    """Where the machine of one rule on one series is; at rest there is no machine."""

    PENDING = "pending"
    FIRING = "firing"
    CLEARING = "clearing"
    DISMISSED = "dismissed"


@dataclass(slots=True)
class Machine:
    """One rule on one series, not at rest.

    `since` is the reading time of the opening reading (and part of the alert's id),
    `good_since` that of the first good one while clearing, `last_time` and `last_state`
    of the newest verdict, `settle` the arrival time from which a late opening may fire.
    """

    rule: int
    row: int
    phase: Phase
    since: Micros
    value: float
    normal: float
    score: float
    last_time: Micros
    last_state: int
    good_since: Micros | None = None
    settle: Micros | None = None
    alert: str | None = None


def identity_of(alert: Alert) -> Identity:
    """Return what makes an alert the same alert."""
    return alert.rule, alert.device, alert.group if alert.device is None else alert.metric


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


@dataclass(frozen=True, slots=True)
class Tell:
    """Something to be told: the engine finds the people and the words.

    `to` names one person (escalation, end of a snooze), `by` who caused it, `ended` marks a
    firing message whose alerts have all resolved before it could go out.
    """

    kind: Kind
    incident: Incident
    alerts: tuple[Alert, ...]
    at: Micros
    to: str | None = None
    by: str | None = None
    ended: bool = False
    why: str = ""


@dataclass(slots=True)
class Turn:
    """One step under way: the book, what it changes, and what there is to tell."""

    book: Book
    undo: Undo
    changes: Changes = field(default_factory=Changes)
    tells: list[Tell] = field(default_factory=list)
    due_now: dict[tuple[str, str, str], None] = field(default_factory=dict)
    """(what, incident or alert id, to whom or why) to be told at once, together."""
    soon_at: Micros | None = None
    """When the first of them became due."""
    closed: list[Silence] = field(default_factory=list)
    """Silences that ended in this step: who made them is told what they kept quiet."""

    def soon(self, what: str, name: str, at: Micros, to: str = "") -> None:
        """Have something told at once, with whatever else becomes due within the same moment."""
        self.due_now[what, name, to] = None
        if self.soon_at is None:
            self.soon_at = at

    def alert(self, alert: Alert) -> Alert:
        """Announce that `alert` is about to change, and that it must be committed."""
        self.undo.attrs(alert)
        self.changes.alerts[alert.id] = alert
        return alert

    def moved(self, alert: Alert, at: Micros) -> None:
        """Note that `alert` has just begun to fire, or was resolved."""
        self.changes.moves.append((at, Alert(*_FACTS(alert))))

    def incident(self, incident: Incident) -> Incident:
        """Announce that `incident` is about to change, and that it must be committed."""
        self.undo.attrs(incident)
        self.changes.incidents[incident.id] = incident
        return incident

    def silence(self, silence: Silence) -> Silence:
        """Announce that `silence` is about to change, and that it must be committed."""
        self.undo.attrs(silence)
        self.changes.silences[silence.number] = silence
        return silence

    def opened(self, incident: str, change: int) -> None:
        """Count the open alerts of an incident."""
        firing = self.book.firing
        self.undo.item(firing, incident)
        firing[incident] = firing.get(incident, 0) + change

    def machine(self, machine: Machine) -> Machine:
        """Announce that `machine` is about to change."""
        self.undo.attrs(machine)
        return machine

    def count(self, name: str) -> int:
        """Return the next number of the counter `name` (`alert`, `incident`); committed with what bears it."""
        counters = self.book.counters
        self.undo.item(counters, name)
        counters[name] = counters.get(name, 0) + 1
        self.changes.counters[name] = counters[name]
        return counters[name]


@dataclass(slots=True)
class Described:
    """Which series are not, or not yet, what the store knows of them."""

    expected: set[int] = field(default_factory=set)
    """Rows of listed devices that nothing was heard of yet: what they are is not known."""
    changed: set[int] = field(default_factory=set)
    """Rows whose description has changed since they were committed."""


class Book:
    """Everything the engine knows between two steps."""

    replaying = False
    """Whether readings of the journal are judged again, without effects."""
    unsaved = 0
    """Series from this row on have not been committed yet."""
    up_since: Micros | None = None
    """Since when readings come (again); None until they first do."""
    clock_trusted = True
    """Whether local time is known; until it is, digests wait. Set by whoever owns the clock, before a step."""

    def __init__(  # noqa: PLR0915 (all that a farm knows, declared in one place)
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
        self.rule_numbers = {rule.name: number for number, rule in enumerate(self.rules)}
        self.inhibition = Inhibition([*inhibit, *health_inhibits(self.rules, derived)])
        self.quiet_times = tuple(quiet_times)
        self.devices = {device.id: device for device in devices}
        self.cap = cap
        self.panel = Panel([rule.detect for rule in self.rules])
        self.deriving, self.together = Deriving(derived), Together([rule.detect for rule in self.rules])
        self.absences = [number for number, rule in enumerate(self.rules) if rule.detect.quiet_after(0) is not None]
        """Rules for which silence means something."""
        self.watched_by = _watched_by(self.rules)
        """Rule to the `fraction` rules that look at it."""
        self.series: list[Series] = []
        self.known: list[dict[str, str]] = []
        self.rows: dict[tuple[str, str], int] = {}
        self.heard: dict[str, tuple[int, bool]] = {}
        """Device to (first day it was heard, whether it was heard on a later day too)."""
        self.heard_day = np.full(1024, -1, np.int32)
        """The last day (since 1970, UTC) each row was heard."""
        self.machines: dict[tuple[int, int], Machine] = {}
        self.alerts: dict[str, Alert] = {}
        self.by_identity: dict[Identity, str] = {}
        self.by_number: dict[int, str] = {}
        self.incidents: dict[str, Incident] = {}
        self.open_incidents: dict[tuple[str, str], str] = {}
        self.firing: dict[str, int] = {}
        """Incident id to how many of its alerts are firing."""
        self.silences: dict[int, Silence] = {}
        """Those under way, and those that ended within the last two days."""
        self.switchings: dict[str, Switching] = {}
        """Wishes to switch a device of the last two days, oldest first; replaced, never changed in place."""
        self.counters: dict[str, int] = {}
        self.timers, self.herds = Timers(), Herds()
        self.commands: dict[str, int] = {}
        self.named: dict[str, tuple[str, tuple[str, ...], Micros, Kind]] = {}
        """Message id to (person, alert numbers, when, kind): what a button or a bare ACK means."""
        self.carried: dict[str, tuple[str, ...]] = {}
        """Delta message id to the alert numbers it tells of, with those of the unsent deltas it replaces."""
        self.settled: set[str] = set()
        """Ids of messages that were sent or given up."""
        self.reached: dict[str, set[str]] = {}
        """Alert id to the ids of messages that reached somebody with it."""
        self.failures: dict[str, str] = {}
        """Alert id to the last reason why somebody was not reached."""
        self.unreached: dict[str, Micros] = {}
        """Alerts of which not even the operator could be told."""
        self.troubles: dict[str, Micros] = {}
        self.outages: list[tuple[Micros, Micros]] = []
        """Spans that count for no absence: not connected, or not running. Oldest first, apart."""
        self.down_since: Micros | None = now
        """Since when nothing can be received; None while connected."""
        self.wrong_codes: dict[str, list[Micros]] = {}
        """Sender to when they said a wrong code, of the last hour."""

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

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that are firing, worst first, then newest first."""
        firing = [alert for alert in self.alerts.values() if alert.open and not alert.shadow]
        return sorted(firing, key=lambda alert: (-alert.severity.rank, -alert.started, alert.number))

    def pending_alerts(self) -> list[Alert]:
        """Return machines in their hold as alerts without a number (0): what may come."""
        return [
            self.draft(machine, State.PENDING) for machine in self.machines.values() if machine.phase is Phase.PENDING
        ]

    def switched(self) -> Collection[Switching]:
        """Return the wishes to switch a device of the last two days, oldest first."""
        return self.switchings.values()

    def numbered(self, number: int) -> Alert | None:
        """Return the alert `A-<number>` while the book still knows it."""
        found = self.by_number.get(number)
        return None if found is None else self.alerts.get(found)

    def named_in(self, message_id: str) -> tuple[int, ...] | None:
        """Return the alert numbers that a message names, None for a message long gone."""
        found = self.named.get(message_id)
        return None if found is None else tuple(int(number.removeprefix("A-")) for number in found[1])

    def unanswered(self, person: str, since: Micros) -> list[tuple[int, ...]]:
        """Return the numbers named by each still unanswered alert message to a person since then, newest first."""
        found = []
        for who, numbers, at, kind in self.named.values():
            if who != person or at < since or kind not in _ASKING:
                continue
            still = tuple(
                number
                for number in (int(text.removeprefix("A-")) for text in numbers)
                if (alert := self.numbered(number)) and alert.open and alert.acknowledged_by is None
            )
            if still:
                found.append((at, still))
        return [numbers for _, numbers in sorted(found, reverse=True)]

    def in_incident(self, number: int) -> tuple[int, ...] | None:
        """Return the alert numbers of the incident `I-<number>`, None if it is not known."""
        for incident in self.incidents.values():
            if incident.number == number:
                return tuple(self.alerts[one].number for one in incident.alerts if one in self.alerts)
        return None

    def tries(self, sender: str) -> list[Micros]:
        """Return when a sender said a wrong code."""
        return self.wrong_codes.get(sender, [])

    def places(self) -> list[dict[str, str]]:
        """Return what is known of each series: group and labels among it."""
        return self.known

    def quiet(self) -> list[Silence]:
        """Return the silences under way."""
        return [silence for silence in self.silences.values() if silence.ended is None]

    def heard_devices(self) -> list[str]:
        """Return the ids of all devices heard of."""
        return list(self.heard)

    def last_heard(self) -> Micros | None:
        """Return when the last reading of all came in, None if none ever did."""
        newest = int(self.panel.received.max(initial=0))
        return newest or None

    def latest(self, device: str) -> list[tuple[Series, float, Micros]]:
        """Return (series, last value, its time) of everything a device has told."""
        found = []
        for (owner, _), row in self.rows.items():
            packed = self.series[row].metric == POSITION.metric  # latitude and longitude stand for themselves
            if owner == device and self.panel.received[row] > 0 and not packed:
                found.append((self.series[row], float(self.panel.last_value[row]), int(self.panel.last_time[row])))
        return found

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

    def keep(self, alert: Alert) -> None:
        """Enter an alert into the tables (restore and first firing)."""
        self.alerts[alert.id] = alert
        self.by_number[alert.number] = alert.id
        if self.inhibition.entries and not alert.shadow:
            self.inhibition.enter(alert)
        identity = identity_of(alert)
        known = self.alerts.get(self.by_identity.get(identity, ""))
        if known is None or alert.open or alert.started >= known.started:
            self.by_identity[identity] = alert.id

    def forget(self, now: Micros) -> None:
        """Drop what nobody can refer to any more: resolved for two days and not dismissed. Not part of any step."""
        gone = [
            alert
            for alert in self.alerts.values()
            if not alert.open and not alert.dismissed and (alert.resolved or 0) < now - REMEMBERED
        ]
        for alert in gone:
            del self.alerts[alert.id]
            self.inhibition.leave(alert)
            self.by_number.pop(alert.number, None)
            identity = identity_of(alert)
            if self.by_identity.get(identity) == alert.id:
                del self.by_identity[identity]
            self.reached.pop(alert.id, None)
            self.failures.pop(alert.id, None)
            self.unreached.pop(alert.id, None)
        for incident in [one for one in self.incidents.values() if not any(a in self.alerts for a in one.alerts)]:
            del self.incidents[incident.id]
            self.firing.pop(incident.id, None)
            if self.open_incidents.get((incident.rule, incident.key)) == incident.id:
                del self.open_incidents[incident.rule, incident.key]
        for silence in [
            one for one in self.silences.values() if one.ended is not None and one.ended < now - REMEMBERED
        ]:
            del self.silences[silence.number]
        for switching in [one for one in self.switchings.values() if one.asked < now - REMEMBERED]:
            del self.switchings[switching.id]
        for message_id in [key for key, (_, _, at, _) in self.named.items() if at < now - DAY]:
            del self.named[message_id]
            self.carried.pop(message_id, None)
            self.settled.discard(message_id)
        for sender in [key for key, tries in self.wrong_codes.items() if not tries or tries[-1] < now - HOUR]:
            del self.wrong_codes[sender]
        for command in [key for key, at in self.commands.items() if at < now - 2 * DAY]:
            del self.commands[command]

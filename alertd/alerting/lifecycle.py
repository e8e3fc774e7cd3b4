"""One rule on one series: pending, firing, clearing, dismissed, and back to rest.

```
          bad                 hold over             good              clear_after over
 rest ----------> pending ---------------> firing --------> clearing ------------------> rest (resolved)
   ^                 | good                  | a person        | bad or band
   |                 v                       v ends it         v
   +---------------- +        dismissed <----+               firing
   +----- good -------------------+
```

Between limit and clear value ("band") whatever was, stays, except that clearing
needs readings that are really good. Holds run in reading time; the clock speaks
only where no reading comes (`held_by_clock`). A late reading may open an alert only
after `SETTLE` without news to the contrary: a backlog is judged by how it ends.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.alerting import absences, incidents
from alertd.alerting.machine import Machine, Phase
from alertd.model import BAD, GOOD, HOUR, MINUTE, SECOND, Quality, Severity, State, stable_id

if TYPE_CHECKING:
    from alertd.alerting.settings import Rule
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Micros

SETTLE: Final = 2 * SECOND
"""Quiet after a late reading before it may open an alert."""
SETTLE_MOST: Final = 10 * SECOND
"""A stream that is always late is judged all the same, this long after its first bad reading."""
FRESH: Final = 5 * MINUTE
"""A last bad reading younger than this (or three usual intervals) lets a hold end on the clock."""


def feed(
    turn: Turn,
    rule: int,
    row: int,
    verdict: tuple[int, float, float],
    reading: tuple[Micros, Micros, float, int],
) -> None:
    """Take one verdict (state, score, normal) on one reading (time, received, value, quality)."""
    state, score, normal = verdict
    time, received, value, quality = reading
    machine = turn.book.machines.get((rule, row))
    if machine is None:
        if state == BAD:
            machine = Machine(rule, row, Phase.PENDING, time, value, normal, score, time, BAD)
            _enter(turn, machine)
            _held(turn, machine, received, quality)
        return
    turn.machine(machine)
    machine.last_time, machine.last_state = time, state
    if state == BAD:
        machine.value, machine.normal, machine.score = value, normal, score
    match machine.phase:
        case Phase.PENDING:
            if state == GOOD:
                rest(turn, machine)
            elif state == BAD:
                _held(turn, machine, received, quality)
        case Phase.FIRING:
            if state == GOOD:
                _good(turn, machine, time, received)
            elif state == BAD:
                _worse(turn, machine, received)
        case Phase.CLEARING:
            if state == GOOD:
                _good(turn, machine, time, received)
            else:
                machine.phase, machine.good_since = Phase.FIRING, None
                turn.book.timers.cancel(("clear", rule, row), turn.undo)
                if state == BAD:
                    _worse(turn, machine, received)
        case Phase.DISMISSED:
            if state == GOOD:
                _undismiss(turn, machine)


def due(turn: Turn, key: tuple[str, int, int], at: Micros) -> None:
    """Do what a timer of a machine was set for; `at` is when it was due."""
    kind, rule, row = key
    machine = turn.book.machines.get((rule, row))
    match kind:
        case "hold" if machine is not None and machine.phase is Phase.PENDING:
            over = machine.last_time >= machine.since + turn.book.rules[rule].detect.hold
            if machine.last_state == BAD and (over or held_by_clock(turn, machine, at)):
                fire(turn, turn.machine(machine), at)
        case "clear" if machine is not None and machine.phase is Phase.CLEARING:
            if machine.last_state == GOOD and held_by_clock(turn, machine, at):
                resolve(turn, turn.machine(machine), at)
        case "quiet" if machine is None:
            spent = absences.silent(turn, rule, row, at)
            if spent is not None:
                _missed(turn, rule, row, spent, at)
        case "never" if machine is None and not turn.book.ever_heard(turn.book.series[row].device):
            if absences.overdue(turn, rule, row, at):
                since = at - absences.NEVER_HEARD
                machine = Machine(rule, row, Phase.PENDING, since, np.nan, np.nan, np.nan, at, BAD)
                _enter(turn, machine)
                fire(turn, machine, at, severity=Severity.INFO, why="never heard since it was listed a day ago")
        case "archive" if machine is not None and machine.alert is not None:
            alert = turn.alert(turn.book.alerts[machine.alert])
            alert.state, alert.resolved = State.RESOLVED, at
            alert.why = "archived: not heard for so long that nobody waits for it"
            turn.changes.why.append(f"A-{alert.number} {alert.rule}: {alert.why}")
            turn.moved(alert, at)
            rest(turn, machine)
            if not alert.shadow:
                incidents.ended_by_person(turn, alert, at)


def held_by_clock(turn: Turn, machine: Machine, at: Micros) -> bool:
    """Return whether the clock alone may end a hold at `at`.

    Metrics of kind `state` keep their value until the next reading. Of others the last
    reading must be younger than the larger of 5 min and three usual intervals
    (CONTRACT.md section 2): "no value" is not news.
    """
    panel = turn.book.panel
    if bool(panel.state_series[machine.row]):
        return True
    return bool(at - machine.last_time < max(FRESH, 3 * panel.interval(machine.row)))


def fire(turn: Turn, machine: Machine, at: Micros, severity: Severity | None = None, why: str = "") -> None:
    """The hold is over: open the alert, or reopen the one that resolved just now."""
    book, rule = turn.book, turn.book.rules[machine.rule]
    machine.phase = Phase.FIRING
    machine.settle = None
    book.timers.cancel(("hold", machine.rule, machine.row), turn.undo)
    if book.replaying:
        return
    _stir(turn, machine, at)
    identity = book.identity(machine.rule, machine.row)
    unit = book.series[machine.row].unit
    why = why or rule.detect.reason(machine.value, machine.score, machine.normal, unit)
    earlier = book.alerts.get(book.by_identity.get(identity, ""))
    if earlier is not None and _reopens(earlier, at, rule.reopen):
        alert = turn.alert(earlier)
        alert.state, alert.resolved = State.FIRING, None
        alert.value = None if isnan(machine.value) else machine.value
        alert.flaps += 1
        alert.why = why
        machine.alert = alert.id
        turn.changes.why.append(f"A-{alert.number} {alert.rule} {alert.device}: again, {why}")
        turn.moved(alert, at)
        if not alert.shadow:
            incidents.reopened(turn, alert, at)
        _step_up(turn, alert, rule, machine.value, at)
        return
    alert = book.draft(machine, State.FIRING)
    alert.id = stable_id("alert", *identity, machine.since)
    alert.number = turn.count("alert")
    alert.severity = severity or _severity(rule, machine.value, rule.severity)
    alert.fired, alert.why = at, why
    machine.alert = alert.id
    turn.undo.item(book.alerts, alert.id)
    turn.undo.item(book.by_number, alert.number)
    turn.undo.item(book.by_identity, identity)
    if book.inhibition.entries:
        turn.undo.call(book.inhibition.leave, alert)
    book.keep(alert)
    turn.undo.fresh(alert)
    turn.changes.alerts[alert.id] = alert
    turn.changes.why.append(f"A-{alert.number} {alert.rule} {alert.device}: firing, {why}")
    turn.moved(alert, at)
    if not alert.shadow:
        incidents.joined(turn, alert, at)


def resolve(turn: Turn, machine: Machine, at: Micros) -> None:
    """The condition is over: rest, and tell those who were told."""
    rest(turn, machine)
    if turn.book.replaying or machine.alert is None:
        return
    alert = turn.alert(turn.book.alerts[machine.alert])
    alert.state, alert.resolved = State.RESOLVED, at
    turn.changes.why.append(f"A-{alert.number} {alert.rule} {alert.device}: resolved")
    turn.moved(alert, at)
    if not alert.shadow:
        incidents.resolved(turn, alert, at)


def _stir(turn: Turn, machine: Machine, at: Micros) -> None:
    """A silence became an alert: rules that look at how many there are must judge, and no reading will tell them."""
    looking = turn.book.watched_by.get(machine.rule)
    if looking and turn.book.rules[machine.rule].detect.quiet_after(0) is not None:
        turn.book.together.stir(machine.row, looking, at, turn.undo)


def dismiss(turn: Turn, alert: Alert) -> None:
    """A person ended it while the condition may still hold: quiet until a good reading."""
    book = turn.book
    rule, row = book.rule_numbers.get(alert.rule), book.row_of(alert)
    machine = None if rule is None or row is None else book.machines.get((rule, row))
    if machine is not None and machine.alert == alert.id:
        turn.machine(machine).phase = Phase.DISMISSED
        alert.dismissed = True
        book.timers.cancel(("clear", machine.rule, machine.row), turn.undo)


def rest(turn: Turn, machine: Machine) -> None:
    """Back to rest: the machine goes, and its timers."""
    book = turn.book
    key = (machine.rule, machine.row)
    turn.undo.item(book.machines, key)
    book.machines.pop(key, None)
    turn.undo.cells(book.panel.active, key)
    book.panel.active[key] = False
    for kind in ("hold", "clear", "archive"):
        book.timers.cancel((kind, *key), turn.undo)
    if book.rules[machine.rule].detect.quiet_after(0) is not None:
        absences.watch(turn, machine.row)


def _enter(turn: Turn, machine: Machine) -> None:
    book = turn.book
    key = (machine.rule, machine.row)
    turn.undo.item(book.machines, key)
    turn.undo.fresh(machine)
    book.machines[key] = machine
    turn.undo.cells(book.panel.active, key)
    book.panel.active[key] = True


def _held(turn: Turn, machine: Machine, received: Micros, quality: int) -> None:
    """A bad reading while pending: fire if the hold is over, else set the clock."""
    rule = turn.book.rules[machine.rule]
    end = machine.since + rule.detect.hold
    if quality == Quality.LIVE:
        if machine.last_time >= end:
            fire(turn, machine, received)
            return
        alarm = end
    else:
        machine.settle = machine.settle or received + SETTLE_MOST
        alarm = max(end, min(received + SETTLE, machine.settle))
    turn.book.timers.set(("hold", machine.rule, machine.row), alarm, turn.undo)


def _good(turn: Turn, machine: Machine, time: Micros, received: Micros) -> None:
    clear_after = turn.book.rules[machine.rule].detect.clear_after
    if machine.good_since is None:
        machine.good_since = time
    if time >= machine.good_since + clear_after:
        resolve(turn, machine, received)
        return
    machine.phase = Phase.CLEARING
    turn.book.timers.set(("clear", machine.rule, machine.row), machine.good_since + clear_after, turn.undo)


def _worse(turn: Turn, machine: Machine, at: Micros) -> None:
    """Keep the shown value current, the next commit of the alert carries it; beyond a further limit it is worse."""
    alert = turn.book.alerts.get(machine.alert or "")
    if alert is not None:
        turn.undo.call(setattr, alert, "value", alert.value)
        alert.value = None if isnan(machine.value) else machine.value
        _step_up(turn, alert, turn.book.rules[machine.rule], machine.value, at)


def _step_up(turn: Turn, alert: Alert, rule: Rule, value: float, at: Micros) -> None:
    severity = _severity(rule, value, alert.severity)
    if severity is not alert.severity and not alert.shadow and not turn.book.replaying:
        incidents.worsened(turn, alert, severity, at)


def _severity(rule: Rule, value: float, severity: Severity) -> Severity:
    """Return the worst severity that a reading reaches; never less than `severity`."""
    if not rule.worse:
        return severity
    found = [severity, *(one.severity for one in rule.worse if one.reached(value))]
    return max(found, key=lambda one: one.rank)


def _undismiss(turn: Turn, machine: Machine) -> None:
    alert = turn.book.alerts.get(machine.alert or "")
    if alert is not None and not turn.book.replaying:
        turn.alert(alert).dismissed = False
    rest(turn, machine)


def _reopens(earlier: Alert, at: Micros, reopen: Micros) -> bool:
    return (
        not earlier.open
        and earlier.false_alarm_by is None
        and earlier.resolved is not None
        and at - earlier.resolved <= reopen
    )


def _missed(turn: Turn, rule: int, row: int, silent: Micros, at: Micros) -> None:
    """Nothing came in for too long."""
    book = turn.book
    last, value = int(book.panel.received[row]), float(book.panel.last_value[row])
    machine = Machine(rule, row, Phase.PENDING, last, value, np.nan, silent / HOUR, last, BAD)
    _enter(turn, machine)
    fire(turn, machine, at)
    forget = getattr(book.rules[rule].detect, "forget", None)
    if forget is not None:
        book.timers.set(("archive", rule, row), last + forget, turn.undo)

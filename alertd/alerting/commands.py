"""What people do to alerts: acknowledge, take that back, snooze, pass on, false alarm, resolve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.alerting import incidents, lifecycle, reminders
from alertd.alerting.turn import Tell
from alertd.model import HOUR, Kind, State

if TYPE_CHECKING:
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Command, Micros

SNOOZE: Final = 2 * HOUR
"""How long a snooze lasts when nothing else is said."""
EVERYBODY: Final = "*"


def carry_out(turn: Turn, command: Command) -> None:
    """Do what a person asked; a command that was carried out before changes nothing."""
    book = turn.book
    if command.id in book.commands:
        return
    turn.undo.item(book.commands, command.id)
    book.commands[command.id] = command.at
    turn.changes.commands.append(command.id)
    by_incident: dict[str, list[Alert]] = {}
    for number in command.numbers:
        alert = book.numbered(number)
        if alert is not None and _one(turn, command, alert):
            who = command.signed if command.by else "nobody named"
            turn.changes.why.append(f"A-{alert.number} {alert.rule}: {command.action} by {who}")
            by_incident.setdefault(alert.incident, []).append(alert)
    if command.action not in ("ack", "false_alarm", "resolve"):
        return
    for incident_id, alerts in by_incident.items():
        incident = book.incidents.get(incident_id)
        if incident is not None:
            by = command.signed if command.by else None  # a program's word for a person is told to that person too
            tell = Tell(Kind.TAKEN, turn.incident(incident), tuple(alerts), command.at, by=by)
            turn.tells.append(tell)


def _one(turn: Turn, command: Command, alert: Alert) -> bool:
    """Change one alert; return whether it changed."""
    match command.action:
        case "ack":
            return alert.open and _take(turn, command, alert)
        case "unack":
            if alert.acknowledged_by is None:
                return False
            turn.alert(alert)
            alert.acknowledged_by = alert.acknowledged_at = alert.acknowledged_until = None
            reminders.arm_acknowledged(turn, alert, command.at)
            alert.acknowledged_note = ""
            incidents.given_back(turn, alert, command.at)
        case "snooze":
            if not alert.open:
                return False
            until = command.until or command.at + SNOOZE
            turn.alert(alert).snoozed[command.by or EVERYBODY] = until
            turn.book.timers.set(("snoozed", alert.id), min(alert.snoozed.values()), turn.undo)
        case "label":
            if alert.false_alarm_by is None:
                return False
            turn.alert(alert).false_reason = command.comment
        case "escalate":
            return alert.open and alert.acknowledged_by is None and incidents.passed_on(turn, alert, command.at)
        case "false_alarm" | "resolve":
            if not alert.open:
                return False
            _end(turn, command, alert, command.at)
        case _:
            return False
    return True


def _take(turn: Turn, command: Command, alert: Alert) -> bool:
    """Acknowledge, or take for another while what would lapse; return whether that is news to the others."""
    renewed = alert.acknowledged_by == command.signed and alert.acknowledged_until is not None
    if alert.acknowledged_by is not None and not renewed:
        return False
    number = turn.book.rule_numbers.get(alert.rule)
    lasting = None if number is None else turn.book.rules[number].ack_expires
    turn.alert(alert)
    alert.acknowledged_by, alert.acknowledged_at = command.signed, command.at
    alert.acknowledged_note = command.comment
    alert.acknowledged_until = None if lasting is None else command.at + lasting
    reminders.arm_acknowledged(turn, alert, command.at)
    return not renewed


def _end(turn: Turn, command: Command, alert: Alert, at: Micros) -> None:
    turn.alert(alert)
    alert.state, alert.resolved = State.RESOLVED, at
    if command.action == "false_alarm":
        alert.false_alarm_by = command.by or "?"
    turn.moved(alert, at)
    lifecycle.dismiss(turn, alert)
    incidents.ended_by_person(turn, alert, at)


def quiet_for(alert: Alert, person: str, at: Micros) -> bool:
    """Return whether reminders of an alert must wait for this person (or everybody) at `at`."""
    return any(alert.snoozed.get(who, 0) > at for who in (person, EVERYBODY))

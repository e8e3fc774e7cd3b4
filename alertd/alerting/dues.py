"""A timer of an incident or of one of its alerts is due: what it was set for is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.alerting.incidents import given_back, tell_resolve, worsened
from alertd.alerting.reminders import (
    arm_acknowledged,
    arm_reminders,
    arm_snooze,
    arm_unreached,
    arm_worse,
    escalate,
    in_rhythm,
    repeat_after,
)
from alertd.alerting.tells import members, rule_of, tell_over, tell_waiting, untold_agains, untold_ends
from alertd.alerting.turn import Tell
from alertd.model import Kind

if TYPE_CHECKING:
    from alertd.alerting.settings import Rule
    from alertd.alerting.timers import Key
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Incident, Micros


def due(turn: Turn, key: Key, at: Micros) -> None:
    """Do what a timer of an incident or of one of its alerts was set for."""
    book = turn.book
    kind, name = key[0], key[1]
    if kind in ("tell", "resolves", "repeat", "agains"):
        incident = book.incidents.get(name)
        if incident is not None:
            _due_together(turn, kind, incident, at)
        return
    alert = book.alerts.get(name)
    incident = None if alert is None else book.incidents.get(alert.incident)
    if alert is None or incident is None:
        return
    rule = rule_of(book, incident)
    match kind:
        case "calm" if not alert.open:
            turn.alert(alert).flaps = 0
            tell_resolve(turn, turn.incident(incident), alert, rule, at)
        case "worse" if rule is not None and alert.open and key[-1] < len(rule.worse):
            severity = rule.worse[key[-1]].severity
            if severity.rank > alert.severity.rank:
                worsened(turn, alert, severity, at)
        case "ack" if alert.open and alert.acknowledged_by is not None:
            _lapsing(turn, alert, at)
        case "snoozed" if alert.open:
            _woken(turn, alert, at)
        case "escalate" if rule is not None and alert.open and alert.acknowledged_by is None and not alert.muted:
            if int(key[-1]) < len(rule.chain):
                escalate(turn, incident, alert, rule.chain[int(key[-1])].to, at)
        case "unreached" if alert.open and alert.id not in book.reached and not alert.muted:
            _unreached(turn, incident, alert, rule, at)


def rearm(turn: Turn, now: Micros) -> None:
    """After a restart: set the timers again that follow from what was committed."""
    book = turn.book
    for incident in book.incidents.values():
        rule = rule_of(book, incident)
        if rule is None:
            continue
        if incident.waiting:
            since = incident.opened if incident.last_told is None else incident.last_told
            wait = rule.wait(incident.severity) if incident.last_told is None else rule.group_interval
            book.timers.set(("tell", incident.id), since + wait, turn.undo)
        if untold_ends(book, incident):
            book.timers.set(("resolves", incident.id), now, turn.undo)
        if untold_agains(book, incident):
            book.timers.set(("agains", incident.id), (incident.last_again or 0) + rule.group_interval, turn.undo)
        for alert in members(book, incident):
            if not alert.open:
                if alert.flaps and alert.resolved is not None:
                    book.timers.set(("calm", alert.id), alert.resolved + rule.reopen, turn.undo)
                continue
            arm_reminders(turn, incident, alert, rule)
            arm_worse(turn, alert, rule)
            if alert.id not in book.reached and alert.unreached_due is not None:
                # What became due while nobody ran waits once more: the couriers have not had their chance.
                due = alert.unreached_due if alert.unreached_due > now else now + rule.unreached_after(alert.severity)
                book.timers.set(("unreached", alert.id), due, turn.undo)
            arm_snooze(turn, alert)
            arm_acknowledged(turn, alert, now)


def _due_together(turn: Turn, kind: str, incident: Incident, at: Micros) -> None:
    if kind == "tell" and incident.waiting:
        tell_waiting(turn, incident, at)
    elif kind == "resolves":
        tell_over(turn, incident, untold_ends(turn.book, incident), at)
    elif kind == "agains":
        for alert in untold_agains(turn.book, incident):
            turn.soon("again", alert.id, at)
    elif kind == "repeat":
        _repeat(turn, incident, at)


def _lapsing(turn: Turn, alert: Alert, at: Micros) -> None:
    """Remind who took it that it goes back to everybody soon, or give it back."""
    by, until = alert.acknowledged_by, alert.acknowledged_until
    if by is None or until is None:
        return
    if at < until:
        turn.soon("reminder", alert.id, at, by)
        turn.book.timers.set(("ack", alert.id), until, turn.undo)
        return
    turn.alert(alert)
    alert.acknowledged_by = alert.acknowledged_at = alert.acknowledged_until = None
    alert.acknowledged_note = ""
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: the acknowledgement by {by} has lapsed")
    given_back(turn, alert, at)


def _woken(turn: Turn, alert: Alert, at: Micros) -> None:
    """A snooze is over: who snoozed it hears of it again, if it still needs somebody."""
    over = [person for person, until in alert.snoozed.items() if until <= at]
    turn.alert(alert)
    for person in over:
        del alert.snoozed[person]
        if alert.acknowledged_by is None and not alert.muted:
            turn.soon("still", alert.id, at, "" if person == "*" else person)
    arm_snooze(turn, alert)


def _repeat(turn: Turn, incident: Incident, at: Micros) -> None:
    rule = rule_of(turn.book, incident)
    still = tuple(
        alert
        for alert in members(turn.book, incident)
        if alert.open and alert.acknowledged_by is None and not alert.muted and alert.told
    )
    if rule is None or not rule.repeat or not still:
        return  # what comes back (given back, lifted, fires again) sets the timer anew
    turn.incident(incident).ordinals["repeated_at"] = at
    incident.ordinals["repeats"] = incident.ordinals.get("repeats", 0) + 1
    turn.tells.append(Tell(Kind.REPEAT, incident, still, at))
    after = repeat_after(rule, incident)
    turn.book.timers.set(("repeat", incident.id), in_rhythm(turn, at + after, after), turn.undo)


def _unreached(turn: Turn, incident: Incident, alert: Alert, rule: Rule | None, at: Micros) -> None:
    """Nobody got it in time: the operator is told, unless nobody was to get it before a digest."""
    waits = [one.until for one in incident.aside if one.alert == alert.id]
    if rule is not None and waits and not any(alert.id in ids for ids in incident.told.values()):
        due = min(waits) + rule.unreached_after(alert.severity)
        if due > at:
            arm_unreached(turn, turn.alert(alert), due)
            return
    turn.alert(alert).unreached_due = None
    why = turn.book.failures.get(alert.id, "not delivered yet")
    turn.soon("unreached", alert.id, at, why)
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: nobody reached, {why}")

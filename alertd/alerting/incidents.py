"""Alerts of one rule and group are told together: when something becomes due, and what follows from it.

What is due goes into the turn (`Turn.soon`) and is told by `alertd.alerting.tells`; what follows
while it lasts is set by `alertd.alerting.reminders` and done by `alertd.alerting.dues`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from alertd.alerting import guard, muting
from alertd.alerting.reminders import (
    arm_acknowledged,
    arm_reminders,
    arm_unreached,
    arm_worse,
    count_anew,
    escalate,
    quieten,
)
from alertd.alerting.rules import group_key
from alertd.alerting.tells import rule_of
from alertd.model import MUTED, SECOND, Incident, stable_id

if TYPE_CHECKING:
    from alertd.alerting.settings import Rule
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Micros, Severity


def joined(turn: Turn, alert: Alert, at: Micros) -> None:
    """A new alert fires: it joins the open incident of its group, or opens one."""
    book = turn.book
    rule = book.rules[book.rule_numbers[alert.rule]]
    guard.came(turn, alert)
    if guard.goes_to_herd(turn, alert, rule, at):
        incident = _herd(turn, alert, rule, at)
    else:
        incident = _of_key(turn, alert, group_key(rule.group_by, alert), at)
    turn.incident(incident)
    incident.alerts.append(alert.id)
    turn.opened(incident.id, 1)
    if alert.severity.rank > incident.severity.rank:
        incident.severity = alert.severity
    alert.incident = incident.id
    arm_worse(turn, alert, rule)
    by = muting.standing(book, alert, at)
    if by is not None:
        muting.mute(turn, alert, by)
    else:
        _await_telling(turn, incident, alert, rule, at)
    muting.came(turn, alert, at)


def _of_key(turn: Turn, alert: Alert, key: str, at: Micros) -> Incident:
    """Return the open incident of the alert's rule and a key; the alert opens one if there is none."""
    book = turn.book
    incident = book.incidents.get(book.open_incidents.get((alert.rule, key), ""))
    if incident is None or incident.closed is not None:
        incident = Incident(
            id=stable_id("incident", alert.rule, key, alert.id),
            number=turn.count("incident"),
            rule=alert.rule,
            key=key,
            severity=alert.severity,
            opened=at,
        )
        turn.undo.item(book.incidents, incident.id)
        turn.undo.item(book.open_incidents, (alert.rule, key))
        book.incidents[incident.id] = incident
        book.open_incidents[alert.rule, key] = incident.id
    return incident


def _herd(turn: Turn, alert: Alert, rule: Rule, at: Micros) -> Incident:
    """Return the herd incident of the alert's group; when it opens, what of the group is still untold joins it."""
    book, group = turn.book, alert.group or ""
    herd = turn.incident(_of_key(turn, alert, guard.herd_key(group), at))
    herd.ordinals |= {"herd": guard.affected(book, alert), "herd_of": guard.heard(turn, alert, at)}
    if herd.alerts:
        return herd
    turn.changes.why.append(
        f"{rule.name}: {len(book.herds.firing[rule.name, group])} of {herd.ordinals['herd_of']} in {group}"
    )
    for incident in [one for one in book.incidents.values() if one.rule == rule.name and one.waiting]:
        moving = [one for one in incident.waiting if (known := book.alerts.get(one)) and known.group == group]
        if not moving:
            continue
        turn.incident(incident)
        gone = set(moving)
        herd.opened = min(herd.opened, incident.opened)
        incident.waiting = [one for one in incident.waiting if one not in gone]
        incident.alerts = [one for one in incident.alerts if one not in gone]
        if not incident.waiting:
            book.timers.cancel(("tell", incident.id), turn.undo)
        for one in moving:
            _move(turn, book.alerts[one], incident, herd, rule)
        _close_if_over(turn, incident, at)
    return herd


def _move(turn: Turn, alert: Alert, incident: Incident, herd: Incident, rule: Rule) -> None:
    """Have an alert that nobody was told of told with the herd."""
    turn.alert(alert).incident = herd.id
    herd.alerts.append(alert.id)
    herd.waiting.append(alert.id)
    if alert.severity.rank > herd.severity.rank:
        herd.severity = alert.severity
    steps = f"escalate:{alert.id}"
    if steps in incident.ordinals:
        herd.ordinals[steps] = incident.ordinals.pop(steps)
    if alert.open:
        turn.opened(incident.id, -1)
        turn.opened(herd.id, 1)
        arm_reminders(turn, herd, alert, rule)


def resolved(turn: Turn, alert: Alert, at: Micros) -> None:
    """An alert of the incident is over: tell it, now or when the flapping has settled."""
    book = turn.book
    incident = book.incidents.get(alert.incident)
    if incident is None:
        return
    rule = rule_of(book, turn.incident(incident))
    quieten(turn, alert)
    turn.opened(incident.id, -1)
    guard.went(turn, alert)
    if alert.flaps and rule is not None:
        book.timers.set(("calm", alert.id), at + rule.reopen, turn.undo)
    else:
        tell_resolve(turn, incident, alert, rule, at)
    _close_if_over(turn, incident, at)
    muting.went(turn, alert, at)


def reopened(turn: Turn, alert: Alert, at: Micros) -> None:
    """The same alert fires again: told once more only if its end had been told."""
    book = turn.book
    incident = book.incidents.get(alert.incident)
    if incident is None:
        joined(turn, alert, at)
        return
    turn.incident(incident).closed = None
    turn.opened(incident.id, 1)
    guard.came(turn, alert)
    key = (incident.rule, incident.key)
    other = book.incidents.get(book.open_incidents.get(key, ""))
    if other is None or other.closed is not None:
        turn.undo.item(book.open_incidents, key)
        book.open_incidents[key] = incident.id
    book.timers.cancel(("calm", alert.id), turn.undo)
    rule = rule_of(book, incident)
    if rule is not None:
        arm_worse(turn, alert, rule)
    arm_acknowledged(turn, alert, at)
    by = muting.standing(book, alert, at)
    if by is not None:
        muting.mute(turn, alert, by)
    elif rule is not None:
        _tell_reopened(turn, incident, alert, rule, at)
    muting.came(turn, alert, at)


def lifted(turn: Turn, alert: Alert, at: Micros) -> None:
    """Nothing mutes the alert any more: if it still fires and nobody has it, it is told."""
    turn.alert(alert).muted = ""
    incident = turn.book.incidents.get(alert.incident)
    rule = None if incident is None else rule_of(turn.book, incident)
    if incident is None or rule is None or not alert.open:
        return
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: no longer muted")
    _due_now(turn, incident, alert, at)
    if not alert.told:
        turn.incident(incident)
        _await_telling(turn, incident, alert, rule, at, at_once=True)
    elif alert.resolve_told:
        _tell_reopened(turn, incident, alert, rule, at)
    else:
        given_back(turn, alert, at)


def _due_now(turn: Turn, incident: Incident, alert: Alert, at: Micros) -> None:
    """Whoever would have read of it in a digest, had it not been muted, reads of it now."""
    late = [one for one in incident.aside if one.alert == alert.id and one.why == MUTED]
    if late:
        turn.incident(incident).aside = [
            replace(one, until=at + SECOND, why="digest") if one in late else one for one in incident.aside
        ]
    for one in late:
        turn.book.timers.set(("digest", one.person), at + SECOND, turn.undo)  # after what is told to all at once


def worsened(turn: Turn, alert: Alert, severity: Severity, at: Micros) -> None:
    """The same alert is worse than it was: who knows it is told at once, and whom only this severity concerns."""
    turn.alert(alert).severity = severity
    alert.snoozed.clear()
    incident = turn.book.incidents.get(alert.incident)
    rule = None if incident is None else rule_of(turn.book, incident)
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: now {severity.value}")
    if incident is None or rule is None:
        return
    turn.incident(incident)
    if severity.rank > incident.severity.rank:
        incident.severity = severity
    if alert.muted:
        return
    if alert.told:
        turn.soon("worse", alert.id, at)
    elif alert.id in incident.waiting and rule.wait(severity) == 0:
        turn.book.timers.cancel(("tell", incident.id), turn.undo)
        turn.soon("waiting", incident.id, at)


def given_back(turn: Turn, alert: Alert, at: Micros) -> None:
    """Nobody has the alert any more, or nothing keeps it quiet: those who know it are told, and it counts anew."""
    incident = turn.book.incidents.get(alert.incident)
    rule = None if incident is None else rule_of(turn.book, incident)
    if incident is None or rule is None or not alert.open or not alert.told or alert.acknowledged_by is not None:
        return
    count_anew(turn, incident, alert, rule, at)
    if alert.id not in turn.book.reached:
        arm_unreached(turn, alert, at + rule.unreached_after(alert.severity))
    turn.soon("still", alert.id, at)


def passed_on(turn: Turn, alert: Alert, at: Micros) -> bool:
    """Somebody passes the alert on: the next step of its chain comes now, later ones at their own times.

    Returns whether there was a next step.
    """
    incident = turn.book.incidents.get(alert.incident)
    rule = None if incident is None else rule_of(turn.book, incident)
    if incident is None or rule is None or alert.muted:
        return False
    done = incident.ordinals.get(f"escalate:{alert.id}", 0)
    together = [number for number in range(done, len(rule.chain)) if rule.chain[number].after == rule.chain[done].after]
    for number in together:
        turn.book.timers.cancel(("escalate", alert.id, number), turn.undo)
        escalate(turn, incident, alert, rule.chain[number].to, at)
    return bool(together)


def ended_by_person(turn: Turn, alert: Alert, at: Micros) -> None:
    """A person ended the alert: nothing more of it is told by itself."""
    book = turn.book
    incident = book.incidents.get(alert.incident)
    quieten(turn, alert)
    alert.resolve_told = alert.told  # `taken` says that it is over: should it fire again, that is news
    book.timers.cancel(("calm", alert.id), turn.undo)
    if incident is not None:
        turn.incident(incident)
        turn.opened(incident.id, -1)
        guard.went(turn, alert)
        if alert.id in incident.waiting:
            incident.waiting.remove(alert.id)
        _close_if_over(turn, incident, at)
    muting.went(turn, alert, at)


# --- telling --------------------------------------------------------------------------------------


def _await_telling(
    turn: Turn, incident: Incident, alert: Alert, rule: Rule, at: Micros, *, at_once: bool = False
) -> None:
    """Have a firing alert told with what else fires, and set what follows if nobody answers."""
    if incident.last_told is None and not incident.waiting:
        incident.opened = at
    wait = rule.wait(incident.severity) if incident.last_told is None else rule.group_interval
    since = incident.opened if incident.last_told is None else incident.last_told
    when = at if at_once else max(at, since + wait)
    incident.waiting.append(alert.id)
    if when <= at:
        turn.book.timers.cancel(("tell", incident.id), turn.undo)
        turn.soon("waiting", incident.id, at)
    elif turn.book.timers.get(("tell", incident.id)) is None:
        turn.book.timers.set(("tell", incident.id), when, turn.undo)
    if at_once:
        count_anew(turn, incident, alert, rule, at)
    else:
        arm_reminders(turn, incident, alert, rule)
    # Counted from when the message was due, not from when the alert fired.
    arm_unreached(turn, alert, when + rule.unreached_after(alert.severity))


def tell_resolve(turn: Turn, incident: Incident, alert: Alert, rule: Rule | None, at: Micros) -> None:
    """Tell that an alert is over; at most once an interval while others of its incident fire."""
    if alert.id in incident.waiting or not alert.told or alert.resolve_told:
        return  # not told yet: the firing message will say that it is over; or nobody waits for it
    if rule is not None and rule.resolve == "silent":
        return
    last = incident.ordinals.get("resolved_at")
    others = turn.book.firing.get(incident.id, 0) > 0
    interval = 0 if rule is None else rule.group_interval
    if others and last is not None and at < last + interval:
        if turn.book.timers.get(("resolves", incident.id)) is None:
            turn.book.timers.set(("resolves", incident.id), last + interval, turn.undo)
        return
    turn.soon("over", alert.id, at)


def _tell_reopened(turn: Turn, incident: Incident, alert: Alert, rule: Rule, at: Micros) -> None:
    """Tell that it fires again, if its end was told; the first time at once, then once an interval."""
    base = alert.fired if alert.anew is None else alert.anew
    done = incident.ordinals.get(f"escalate:{alert.id}", 0)
    if base is None or any(base + one.after <= at for one in rule.chain[done:]):
        alert.anew = at  # what became due while it was over counts from now
    if not alert.told:
        if alert.id not in incident.waiting:
            _await_telling(turn, incident, alert, rule, at)
        return
    arm_reminders(turn, incident, alert, rule, at)
    if alert.id not in turn.book.reached:
        arm_unreached(turn, alert, at + rule.unreached_after(alert.severity))
    if not alert.resolve_told:
        return
    if incident.last_again is None or at >= incident.last_again + rule.group_interval:
        turn.soon("again", alert.id, at)
    elif turn.book.timers.get(("agains", incident.id)) is None:
        turn.book.timers.set(("agains", incident.id), incident.last_again + rule.group_interval, turn.undo)


def _close_if_over(turn: Turn, incident: Incident, at: Micros) -> None:
    if turn.book.firing.get(incident.id, 0) <= 0:
        incident.closed = at
        turn.book.timers.cancel(("repeat", incident.id), turn.undo)

"""Alerts of one rule and group are told together: when something becomes due, and what follows from it.

What is due goes into the turn (`Turn.soon`) and is told by `alertd.alerting.tells`. Counting
of times that people depend on (`repeat`, `escalate`) starts at the alert's `fired`, or
at `anew` where a mute has ended since or somebody has given it back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.alerting import guard, muting
from alertd.alerting.rules import group_key
from alertd.alerting.tells import members, rule_of, tell_over, tell_waiting, untold_agains, untold_ends
from alertd.alerting.turn import Tell
from alertd.model import MINUTE, MUTED, SECOND, UNTIL_RESOLVED, Incident, Kind, stable_id

if TYPE_CHECKING:
    from alertd.alerting.settings import Rule
    from alertd.alerting.timers import Key
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Micros, Severity

REMIND_BEFORE: Final = 15 * MINUTE
"""Who took an alert is reminded so long before that lapses, or in the last quarter of it."""


# --- what happens to alerts -----------------------------------------------------------------------


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
    _arm_worse(turn, alert, rule)
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
        _arm_reminders(turn, herd, alert, rule)


def resolved(turn: Turn, alert: Alert, at: Micros) -> None:
    """An alert of the incident is over: tell it, now or when the flapping has settled."""
    book = turn.book
    incident = book.incidents.get(alert.incident)
    if incident is None:
        return
    rule = rule_of(book, turn.incident(incident))
    _quieten(turn, alert)
    turn.opened(incident.id, -1)
    guard.went(turn, alert)
    if alert.flaps and rule is not None:
        book.timers.set(("calm", alert.id), at + rule.reopen, turn.undo)
    else:
        _tell_resolve(turn, incident, alert, rule, at)
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
        _arm_worse(turn, alert, rule)
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
    _count_anew(turn, incident, alert, rule, at)
    if alert.id not in turn.book.reached:
        _arm_unreached(turn, alert, at + rule.unreached_after(alert.severity))
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
        _escalate(turn, incident, alert, rule.chain[number].to, at)
    return bool(together)


def ended_by_person(turn: Turn, alert: Alert, at: Micros) -> None:
    """A person ended the alert: nothing more of it is told by itself."""
    book = turn.book
    incident = book.incidents.get(alert.incident)
    _quieten(turn, alert)
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


# --- timers ---------------------------------------------------------------------------------------


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
            _tell_resolve(turn, turn.incident(incident), alert, rule, at)
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
                _escalate(turn, incident, alert, rule.chain[int(key[-1])].to, at)
        case "unreached" if alert.open and alert.id not in book.reached and not alert.muted:
            _unreached(turn, incident, alert, rule, at)


def _escalate(turn: Turn, incident: Incident, alert: Alert, to: str, at: Micros) -> None:
    steps = f"escalate:{alert.id}"
    turn.incident(incident).ordinals[steps] = incident.ordinals.get(steps, 0) + 1
    turn.soon("escalate", alert.id, at, to)
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: escalated to {to}")


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
            _arm_reminders(turn, incident, alert, rule)
            _arm_worse(turn, alert, rule)
            if alert.id not in book.reached and alert.unreached_due is not None:
                # What became due while nobody ran waits once more: the couriers have not had their chance.
                due = alert.unreached_due if alert.unreached_due > now else now + rule.unreached_after(alert.severity)
                book.timers.set(("unreached", alert.id), due, turn.undo)
            _arm_snooze(turn, alert)
            arm_acknowledged(turn, alert, now)


def ordinal(turn: Turn, incident: Incident, kind: Kind) -> int:
    """Return the next ordinal of a kind of message in an incident; part of the message's id."""
    turn.incident(incident)
    number = incident.ordinals.get(kind, -1) + 1
    incident.ordinals[kind] = number
    return number


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


def arm_acknowledged(turn: Turn, alert: Alert, now: Micros) -> None:
    """Set when an acknowledgement is to be reminded of, or lapses."""
    until, since = alert.acknowledged_until, alert.acknowledged_at
    if alert.acknowledged_by is None or until is None or since is None:
        turn.book.timers.cancel(("ack", alert.id), turn.undo)
        return
    reminder = until - min(REMIND_BEFORE, (until - since) // 4)
    turn.book.timers.set(("ack", alert.id), reminder if reminder > now else until, turn.undo)


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
    _arm_snooze(turn, alert)


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
        _count_anew(turn, incident, alert, rule, at)
    else:
        _arm_reminders(turn, incident, alert, rule)
    # Counted from when the message was due, not from when the alert fired.
    _arm_unreached(turn, alert, when + rule.unreached_after(alert.severity))


def _tell_resolve(turn: Turn, incident: Incident, alert: Alert, rule: Rule | None, at: Micros) -> None:
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
    _arm_reminders(turn, incident, alert, rule, at)
    if alert.id not in turn.book.reached:
        _arm_unreached(turn, alert, at + rule.unreached_after(alert.severity))
    if not alert.resolve_told:
        return
    if incident.last_again is None or at >= incident.last_again + rule.group_interval:
        turn.soon("again", alert.id, at)
    elif turn.book.timers.get(("agains", incident.id)) is None:
        turn.book.timers.set(("agains", incident.id), incident.last_again + rule.group_interval, turn.undo)


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
    turn.book.timers.set(("repeat", incident.id), at + _repeat_after(rule, incident), turn.undo)


def _close_if_over(turn: Turn, incident: Incident, at: Micros) -> None:
    if turn.book.firing.get(incident.id, 0) <= 0:
        incident.closed = at
        turn.book.timers.cancel(("repeat", incident.id), turn.undo)


def _unreached(turn: Turn, incident: Incident, alert: Alert, rule: Rule | None, at: Micros) -> None:
    """Nobody got it in time: the operator is told, unless nobody was to get it before a digest."""
    waits = [one.until for one in incident.aside if one.alert == alert.id]
    if rule is not None and waits and not any(alert.id in ids for ids in incident.told.values()):
        due = min(waits) + rule.unreached_after(alert.severity)
        if due > at:
            _arm_unreached(turn, turn.alert(alert), due)
            return
    turn.alert(alert).unreached_due = None
    why = turn.book.failures.get(alert.id, "not delivered yet")
    turn.soon("unreached", alert.id, at, why)
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: nobody reached, {why}")


# --- timers of one alert --------------------------------------------------------------------------


def _quieten(turn: Turn, alert: Alert) -> None:
    """It is over: nothing reminds of it, and what was to last until then is over too."""
    turn.alert(alert)
    alert.muted, alert.unreached_due = "", None
    for person in [one for one, until in alert.snoozed.items() if until >= UNTIL_RESOLVED]:
        del alert.snoozed[person]
    for kind in ("unreached", "snoozed", "muted", "ack"):
        turn.book.timers.cancel((kind, alert.id), turn.undo)


def _count_anew(turn: Turn, incident: Incident, alert: Alert, rule: Rule, at: Micros) -> None:
    """Reminders and escalation count from now."""
    turn.alert(alert).anew = at
    turn.incident(incident).ordinals["repeated_at"] = at
    turn.book.timers.cancel(("repeat", incident.id), turn.undo)
    _arm_reminders(turn, incident, alert, rule, at)


def _arm_reminders(turn: Turn, incident: Incident, alert: Alert, rule: Rule, at: Micros | None = None) -> None:
    """Set `repeat` and the steps of `escalate` that are still to come.

    A repeat that would have been due before `at` (the alert was over then) counts from `at`.
    """
    if alert.acknowledged_by is not None or alert.muted:
        return
    timers = turn.book.timers
    start = alert.anew or alert.fired or alert.started
    if rule.repeat is not None and timers.get(("repeat", incident.id)) is None:
        after = _repeat_after(rule, incident)
        when = max(start, incident.ordinals.get("repeated_at", start)) + after
        if at is not None and when <= at:
            turn.incident(incident).ordinals["repeated_at"] = at
            when = at + after
        timers.set(("repeat", incident.id), when, turn.undo)
    for step in range(incident.ordinals.get(f"escalate:{alert.id}", 0), len(rule.chain)):
        timers.set(("escalate", alert.id, step), start + rule.chain[step].after, turn.undo)


def _arm_worse(turn: Turn, alert: Alert, rule: Rule) -> None:
    """Set when an alert becomes worse by lasting."""
    if alert.severity.rank < rule.severity.rank:
        return  # "never heard" is information and stays it
    for step, worse in enumerate(rule.worse):
        if worse.after is not None and worse.severity.rank > alert.severity.rank:
            due = (alert.fired or alert.started) + worse.after
            turn.book.timers.set(("worse", alert.id, step), due, turn.undo)


def _arm_unreached(turn: Turn, alert: Alert, due: Micros) -> None:
    turn.alert(alert).unreached_due = due
    turn.book.timers.set(("unreached", alert.id), due, turn.undo)


def _arm_snooze(turn: Turn, alert: Alert) -> None:
    if alert.snoozed:
        turn.book.timers.set(("snoozed", alert.id), min(alert.snoozed.values()), turn.undo)


def _repeat_after(rule: Rule, incident: Incident) -> int:
    """Return the interval before the next repeat; of a list the last one goes on."""
    if isinstance(rule.repeat, list):
        return rule.repeat[min(incident.ordinals.get("repeats", 0), len(rule.repeat) - 1)]
    return rule.repeat or 0

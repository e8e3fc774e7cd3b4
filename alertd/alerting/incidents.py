"""Alerts of one rule and group are told together: when, in how many messages, and what follows.

What comes out are `Tell`s; the engine finds the people and the words. Counting of
times that people depend on (`repeat`, `escalate`) starts at the alert's `fired`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.alerting.book import Tell
from alertd.alerting.rules import group_key
from alertd.model import Incident, Kind, stable_id

if TYPE_CHECKING:
    from alertd.alerting.book import Book, Turn
    from alertd.alerting.settings import Rule
    from alertd.alerting.timers import Key
    from alertd.model import Alert, Micros


def rule_of(book: Book, incident: Incident) -> Rule | None:
    """Return the rule of an incident, None when it was removed from the configuration."""
    return next((rule for rule in book.rules if rule.name == incident.rule), None)


def members(book: Book, incident: Incident) -> list[Alert]:
    """Return the alerts of an incident that the book still knows."""
    return [book.alerts[one] for one in incident.alerts if one in book.alerts]


def joined(turn: Turn, alert: Alert, at: Micros) -> None:
    """A new alert fires: it joins the open incident of its group, or opens one."""
    book = turn.book
    rule = next(rule for rule in book.rules if rule.name == alert.rule)
    key = (rule.name, group_key(rule.group_by, alert))
    incident = book.incidents.get(book.open_incidents.get(key, ""))
    if incident is None or incident.closed is not None:
        incident = Incident(
            id=stable_id("incident", *key, alert.id),
            number=turn.count("incident"),
            rule=rule.name,
            key=key[1],
            severity=alert.severity,
            opened=at,
        )
        turn.undo.item(book.incidents, incident.id)
        turn.undo.item(book.open_incidents, key)
        book.incidents[incident.id] = incident
        book.open_incidents[key] = incident.id
    turn.incident(incident)
    incident.alerts.append(alert.id)
    incident.waiting.append(alert.id)
    if alert.severity.rank > incident.severity.rank:
        incident.severity = alert.severity
    alert.incident = incident.id
    wait = rule.wait if incident.last_told is None else rule.group_interval
    since = incident.opened if incident.last_told is None else incident.last_told
    if max(at, since + wait) <= at:
        turn.soon(incident.id, at)
    elif book.timers.get(("tell", incident.id)) is None:
        book.timers.set(("tell", incident.id), since + wait, turn.undo)
    if rule.repeat is not None:
        _arm_repeat(turn, incident, alert, rule)
    for step, escalation in enumerate(rule.escalate):
        book.timers.set(("escalate", alert.id, step), at + escalation.after, turn.undo)
    # Counted from when the message was due, not from when the alert fired.
    _arm_unreached(turn, alert, max(at, since + wait) + rule.unreached_after)


def resolved(turn: Turn, alert: Alert, at: Micros) -> None:
    """An alert of the incident is over: tell it, now or when the flapping has settled."""
    book = turn.book
    incident = book.incidents.get(alert.incident)
    if incident is None:
        return
    turn.incident(incident)
    rule = rule_of(book, incident)
    alert.unreached_due = None
    for kind in ("unreached", "snoozed"):
        book.timers.cancel((kind, alert.id), turn.undo)
    if alert.flaps and rule is not None:
        book.timers.set(("calm", alert.id), at + rule.reopen, turn.undo)
    else:
        _tell_resolve(turn, incident, alert, rule, at)
    _close_if_over(turn, incident, at)


def reopened(turn: Turn, alert: Alert, at: Micros) -> None:
    """The same alert fires again: told once more only if its end had been told."""
    book = turn.book
    incident = book.incidents.get(alert.incident)
    if incident is None:
        joined(turn, alert, at)
        return
    turn.incident(incident)
    incident.closed = None
    turn.undo.item(book.open_incidents, (incident.rule, incident.key))
    book.open_incidents[incident.rule, incident.key] = incident.id
    book.timers.cancel(("calm", alert.id), turn.undo)
    rule = rule_of(book, incident)
    if rule is not None and rule.repeat is not None:
        _arm_repeat(turn, incident, alert, rule)
    if rule is not None and alert.id not in book.reached:
        _arm_unreached(turn, alert, at + rule.unreached_after)
    if not alert.resolve_told:
        return
    alert.resolve_told = False
    interval = 0 if rule is None else rule.group_interval
    if incident.last_again is None or at >= incident.last_again + interval:
        _tell_again(turn, incident, (alert,), at)
    else:
        book.timers.set(("again", alert.id), incident.last_again + interval, turn.undo)


def ended_by_person(turn: Turn, alert: Alert, at: Micros) -> None:
    """A person ended the alert: nothing more of it is told by itself."""
    book = turn.book
    incident = book.incidents.get(alert.incident)
    alert.unreached_due = None
    alert.resolve_told = alert.told  # `taken` says that it is over
    for kind in ("unreached", "calm", "again", "snoozed"):
        book.timers.cancel((kind, alert.id), turn.undo)
    if incident is not None:
        turn.incident(incident)
        if alert.id in incident.waiting:
            incident.waiting.remove(alert.id)
        _close_if_over(turn, incident, at)


def flush(turn: Turn) -> None:
    """Tell what is due at once, as one message for everything that came within `TOGETHER`."""
    at = turn.soon_at
    if at is None:
        return
    names, turn.due_now, turn.soon_at = list(turn.due_now), {}, None
    over = {name.removeprefix("resolve:") for name in names if name.startswith("resolve:")}
    for incident in [turn.book.incidents[name] for name in names if not name.startswith("resolve:")]:
        if incident.waiting and turn.book.timers.get(("tell", incident.id)) is None:
            _tell_waiting(turn, incident, at)
        ended = [alert for alert in members(turn.book, incident) if alert.id in over]
        if ended:
            _tell_over(turn, incident, ended, at)


def due(turn: Turn, key: Key, at: Micros) -> None:
    """Do what a timer of an incident or of one of its alerts was set for."""
    book = turn.book
    kind, name = key[0], key[1]
    if kind in ("tell", "resolves", "repeat"):
        incident = book.incidents.get(name)
        if incident is None:
            return
        if kind == "tell" and incident.waiting:
            _tell_waiting(turn, incident, at)
        elif kind == "resolves":
            _tell_over(turn, incident, _untold_ends(book, incident), at)
        elif kind == "repeat":
            _repeat(turn, incident, at)
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
        case "again" if alert.open:
            _tell_again(turn, incident, (alert,), at)
        case "snoozed" if alert.open and alert.acknowledged_by is None:
            for person, until in alert.snoozed.items():
                if until <= at:
                    to = None if person == "*" else person
                    turn.tells.append(Tell(Kind.REPEAT, turn.incident(incident), (alert,), at, to=to))
        case "escalate" if rule is not None and alert.open and alert.acknowledged_by is None:
            step = int(key[-1])
            if step < len(rule.escalate):
                _escalate(turn, incident, alert, rule.escalate[step].to, at)
        case "unreached" if alert.open and alert.id not in book.reached:
            _unreached(turn, incident, alert, rule, at)


def rearm(turn: Turn, now: Micros) -> None:
    """After a restart: set the timers again that follow from what was committed."""
    book = turn.book
    for incident in book.incidents.values():
        rule = rule_of(book, incident)
        if rule is None:
            continue
        alerts = members(book, incident)
        if incident.waiting:
            since = incident.opened if incident.last_told is None else incident.last_told
            wait = rule.wait if incident.last_told is None else rule.group_interval
            book.timers.set(("tell", incident.id), since + wait, turn.undo)
        if _untold_ends(book, incident):
            book.timers.set(("resolves", incident.id), now, turn.undo)
        for alert in alerts:
            if not alert.open:
                if alert.flaps and not alert.resolve_told and alert.resolved is not None:
                    book.timers.set(("calm", alert.id), alert.resolved + rule.reopen, turn.undo)
                continue
            fired = alert.fired if alert.fired is not None else alert.started
            if rule.repeat is not None:
                _arm_repeat(turn, incident, alert, rule)
            for step, escalation in enumerate(rule.escalate):
                if incident.ordinals.get(f"escalate:{alert.id}", 0) <= step:
                    book.timers.set(("escalate", alert.id, step), fired + escalation.after, turn.undo)
            if alert.id not in book.reached and alert.unreached_due is not None:
                # What became due while nobody ran waits once more: the couriers have not had their chance.
                due = alert.unreached_due if alert.unreached_due > now else now + rule.unreached_after
                book.timers.set(("unreached", alert.id), due, turn.undo)
            for until in alert.snoozed.values():
                if until > now:
                    book.timers.set(("snoozed", alert.id), until, turn.undo)


def ordinal(turn: Turn, incident: Incident, kind: Kind) -> int:
    """Return the next ordinal of a kind of message in an incident; part of the message's id."""
    turn.incident(incident)
    number = incident.ordinals.get(kind, -1) + 1
    incident.ordinals[kind] = number
    return number


def _tell_waiting(turn: Turn, incident: Incident, at: Micros) -> None:
    turn.incident(incident)
    book = turn.book
    waiting = [book.alerts[one] for one in incident.waiting if one in book.alerts]
    incident.waiting = []
    first = incident.last_told is None
    incident.last_told = at
    book.timers.cancel(("tell", incident.id), turn.undo)
    still = tuple(alert for alert in waiting if alert.open)
    over = tuple(alert for alert in waiting if not alert.open)
    for alert in waiting:
        turn.alert(alert).told = True
        if not alert.open:
            alert.resolve_told = True
    kind = Kind.FIRING if first else Kind.DELTA
    if still:
        turn.tells.append(Tell(kind, incident, still, at))
    if over:
        turn.tells.append(Tell(Kind.DELTA if still else kind, incident, over, at, ended=True))


def _tell_resolve(turn: Turn, incident: Incident, alert: Alert, rule: Rule | None, at: Micros) -> None:
    if alert.id in incident.waiting:
        return  # not told yet: the firing message will say that it is over
    if rule is not None and rule.resolve == "silent":
        turn.alert(alert).resolve_told = False
        return
    last = incident.ordinals.get("resolved_at")
    others = any(one.open for one in members(turn.book, incident))
    interval = 0 if rule is None else rule.group_interval
    if others and last is not None and at < last + interval:
        if turn.book.timers.get(("resolves", incident.id)) is None:
            turn.book.timers.set(("resolves", incident.id), last + interval, turn.undo)
        return
    turn.soon(incident.id, at)
    for one in (alert, *_untold_ends(turn.book, incident)):
        turn.soon(f"resolve:{one.id}", at)


def _tell_over(turn: Turn, incident: Incident, over: list[Alert], at: Micros) -> None:
    over = [alert for alert in over if not alert.open and not alert.resolve_told]
    if not over:
        return
    turn.incident(incident).ordinals["resolved_at"] = at
    turn.book.timers.cancel(("resolves", incident.id), turn.undo)
    for alert in over:
        turn.alert(alert).resolve_told = True
    turn.tells.append(Tell(Kind.RESOLVE, incident, tuple(over), at))


def _tell_again(turn: Turn, incident: Incident, alerts: tuple[Alert, ...], at: Micros) -> None:
    turn.incident(incident).last_again = at
    turn.tells.append(Tell(Kind.AGAIN, incident, alerts, at))


def _untold_ends(book: Book, incident: Incident) -> list[Alert]:
    """Return resolved members whose end is still to be told: told before, not flapping."""
    rule = rule_of(book, incident)
    if rule is not None and rule.resolve == "silent":
        return []
    return [
        alert
        for alert in members(book, incident)
        if alert.told and not alert.open and not alert.resolve_told and not alert.flaps
    ]


def _close_if_over(turn: Turn, incident: Incident, at: Micros) -> None:
    if not any(alert.open for alert in members(turn.book, incident)):
        incident.closed = at
        turn.book.timers.cancel(("repeat", incident.id), turn.undo)


def _unreached(turn: Turn, incident: Incident, alert: Alert, rule: Rule | None, at: Micros) -> None:
    """Nobody got it in time: the operator is told, unless nobody was to get it before a digest."""
    waits = [one.until for one in incident.aside if one.alert == alert.id]
    if rule is not None and waits and not any(alert.id in ids for ids in incident.told.values()):
        due = min(waits) + rule.unreached_after
        if due > at:
            _arm_unreached(turn, turn.alert(alert), due)
            return
    turn.alert(alert).unreached_due = None
    why = turn.book.failures.get(alert.id, "not delivered yet")
    turn.tells.append(Tell(Kind.UNREACHED, turn.incident(incident), (alert,), at, why=why))
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: nobody reached, {why}")


def _arm_unreached(turn: Turn, alert: Alert, due: Micros) -> None:
    alert.unreached_due = due
    turn.book.timers.set(("unreached", alert.id), due, turn.undo)


def _arm_repeat(turn: Turn, incident: Incident, alert: Alert, rule: Rule) -> None:
    key = ("repeat", incident.id)
    if turn.book.timers.get(key) is None:
        start = alert.fired if alert.fired is not None else alert.started
        last = incident.ordinals.get("repeated_at", start)
        turn.book.timers.set(key, max(start, last) + _repeat_after(rule, incident), turn.undo)


def _repeat_after(rule: Rule, incident: Incident) -> int:
    """Return the interval before the next repeat; of a list the last one goes on."""
    if isinstance(rule.repeat, list):
        return rule.repeat[min(incident.ordinals.get("repeats", 0), len(rule.repeat) - 1)]
    return rule.repeat or 0


def _repeat(turn: Turn, incident: Incident, at: Micros) -> None:
    rule = rule_of(turn.book, incident)
    still = tuple(alert for alert in members(turn.book, incident) if alert.open and alert.acknowledged_by is None)
    if rule is None or not rule.repeat or not still:
        return
    turn.incident(incident).ordinals["repeated_at"] = at
    incident.ordinals["repeats"] = incident.ordinals.get("repeats", 0) + 1
    turn.tells.append(Tell(Kind.REPEAT, incident, still, at))
    turn.book.timers.set(("repeat", incident.id), at + _repeat_after(rule, incident), turn.undo)


def _escalate(turn: Turn, incident: Incident, alert: Alert, to: str, at: Micros) -> None:
    steps = f"escalate:{alert.id}"
    turn.incident(incident).ordinals[steps] = incident.ordinals.get(steps, 0) + 1
    turn.tells.append(Tell(Kind.ESCALATE, incident, (alert,), at, to=to))
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: escalated to {to}")

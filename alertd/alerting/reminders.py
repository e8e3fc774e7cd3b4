"""What is set for an alert that lasts: repeats, steps of escalation, lapses, ends of snoozes.

Counting of times that people depend on (`repeat`, `escalate`) starts at the alert's `fired`, or
at `anew` where a mute has ended since or somebody has given it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.model import MINUTE, UNTIL_RESOLVED

if TYPE_CHECKING:
    from alertd.alerting.settings import Rule
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Incident, Micros

REMIND_BEFORE: Final = 15 * MINUTE
"""Who took an alert is reminded so long before that lapses, or in the last quarter of it."""


def arm_acknowledged(turn: Turn, alert: Alert, now: Micros) -> None:
    """Set when an acknowledgement is to be reminded of, or lapses."""
    until, since = alert.acknowledged_until, alert.acknowledged_at
    if alert.acknowledged_by is None or until is None or since is None:
        turn.book.timers.cancel(("ack", alert.id), turn.undo)
        return
    reminder = until - min(REMIND_BEFORE, (until - since) // 4)
    turn.book.timers.set(("ack", alert.id), reminder if reminder > now else until, turn.undo)


def arm_reminders(turn: Turn, incident: Incident, alert: Alert, rule: Rule, at: Micros | None = None) -> None:
    """Set `repeat` and the steps of `escalate` that are still to come.

    A repeat that would have been due before `at` (the alert was over then) counts from `at`. What became due
    more than once while nobody ran is told once: a night without power must not end in a reminder for each hour.
    """
    if alert.acknowledged_by is not None or alert.muted:
        return
    timers = turn.book.timers
    start = alert.anew or alert.fired or alert.started
    if rule.repeat is not None and timers.get(("repeat", incident.id)) is None:
        after = repeat_after(rule, incident)
        when = max(start, incident.ordinals.get("repeated_at", start)) + after
        if at is not None and when <= at:
            turn.incident(incident).ordinals["repeated_at"] = at
            when = at + after
        timers.set(("repeat", incident.id), in_rhythm(turn, when, after), turn.undo)
    if rule.chain:
        _arm_chain(turn, incident, alert, rule, start)


def in_rhythm(turn: Turn, due: Micros, after: Micros) -> Micros:
    """Return when a repeat is due; of those due while nobody ran the last, so that the next keep their rhythm."""
    missed = turn.book.resumed - due
    return due if missed <= 0 or after <= 0 else due + missed // after * after


def _arm_chain(turn: Turn, incident: Incident, alert: Alert, rule: Rule, start: Micros) -> None:
    """Set the steps of the chain still to come; of those due while nobody ran the last for each person."""
    steps = f"escalate:{alert.id}"
    done = incident.ordinals.get(steps, 0)
    coming = {step: start + rule.chain[step].after for step in range(done, len(rule.chain))}
    missed = [step for step, due in coming.items() if due < turn.book.resumed]
    last = {rule.chain[step].to: step for step in missed}
    skipped = [step for step in missed if step != last[rule.chain[step].to]]
    if skipped:
        turn.incident(incident).ordinals[steps] = done + len(skipped)
    for step, due in coming.items():
        if step not in skipped:
            turn.book.timers.set(("escalate", alert.id, step), due, turn.undo)


def arm_worse(turn: Turn, alert: Alert, rule: Rule) -> None:
    """Set when an alert becomes worse by lasting."""
    if alert.severity.rank < rule.severity.rank:
        return  # "never heard" is information and stays it
    for step, worse in enumerate(rule.worse):
        if worse.after is not None and worse.severity.rank > alert.severity.rank:
            due = (alert.fired or alert.started) + worse.after
            turn.book.timers.set(("worse", alert.id, step), due, turn.undo)


def arm_unreached(turn: Turn, alert: Alert, due: Micros) -> None:
    """Set when somebody must have been reached with it; after a restart the couriers first have their chance."""
    if turn.book.resumed:
        due = max(due, turn.book.resumed + MINUTE)
    turn.alert(alert).unreached_due = due
    turn.book.timers.set(("unreached", alert.id), due, turn.undo)


def arm_snooze(turn: Turn, alert: Alert) -> None:
    """Set when the first snooze of it ends."""
    if alert.snoozed:
        turn.book.timers.set(("snoozed", alert.id), min(alert.snoozed.values()), turn.undo)


def quieten(turn: Turn, alert: Alert) -> None:
    """It is over: nothing reminds of it, and what was to last until then is over too."""
    turn.alert(alert)
    alert.muted, alert.unreached_due = "", None
    for person in [one for one, until in alert.snoozed.items() if until >= UNTIL_RESOLVED]:
        del alert.snoozed[person]
    for kind in ("unreached", "snoozed", "muted", "ack"):
        turn.book.timers.cancel((kind, alert.id), turn.undo)


def count_anew(turn: Turn, incident: Incident, alert: Alert, rule: Rule, at: Micros) -> None:
    """Reminders and escalation count from now."""
    turn.alert(alert).anew = at
    turn.incident(incident).ordinals["repeated_at"] = at
    turn.book.timers.cancel(("repeat", incident.id), turn.undo)
    arm_reminders(turn, incident, alert, rule, at)


def repeat_after(rule: Rule, incident: Incident) -> int:
    """Return the interval before the next repeat; of a list the last one goes on."""
    if isinstance(rule.repeat, list):
        return rule.repeat[min(incident.ordinals.get("repeats", 0), len(rule.repeat) - 1)]
    return rule.repeat or 0


def escalate(turn: Turn, incident: Incident, alert: Alert, to: str, at: Micros) -> None:
    """Have the next person of the chain told of it."""
    steps = f"escalate:{alert.id}"
    turn.incident(incident).ordinals[steps] = incident.ordinals.get(steps, 0) + 1
    turn.soon("escalate", alert.id, at, to)
    turn.changes.why.append(f"A-{alert.number} {alert.rule}: escalated to {to}")

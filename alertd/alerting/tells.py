"""What is due to be told, put together: one message for all that belongs together and is due at the same moment.

Everything collected in `Turn.due_now` ends here as `Tell`s, at most one of a kind for
each incident (and person, where it is meant for one). Ten thousand alerts that fire,
escalate, end or come back at once are so a message each for their group, not for each animal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from alertd.alerting import muting
from alertd.alerting.turn import Tell
from alertd.model import Kind

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.alerting.settings import Rule
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Incident, Micros


class _Due(NamedTuple):
    """Alert ids of one incident by what is due of them, and by whom it is for (or why)."""

    over: list[str]
    others: dict[tuple[str, str], list[str]]


ORDER = {
    "again": Kind.AGAIN,
    "worse": Kind.WORSE,
    "still": Kind.REPEAT,
    "reminder": Kind.REPEAT,
    "escalate": Kind.ESCALATE,
    "unreached": Kind.UNREACHED,
}


def rule_of(book: Book, incident: Incident) -> Rule | None:
    """Return the rule of an incident, None when it was removed from the configuration."""
    number = book.rule_numbers.get(incident.rule)
    return None if number is None else book.rules[number]


def members(book: Book, incident: Incident) -> list[Alert]:
    """Return the alerts of an incident that the book still knows."""
    return [book.alerts[one] for one in incident.alerts if one in book.alerts]


def flush(turn: Turn) -> None:
    """Tell all that has become due."""
    at, book = turn.soon_at, turn.book
    if at is None:
        return
    due, turn.due_now, turn.soon_at = list(turn.due_now), {}, None
    gathered: dict[str, _Due] = {}
    for what, name, to in due:
        alert = book.alerts.get(name)
        found = gathered.setdefault(name if alert is None else alert.incident, _Due([], {}))
        if what == "over":
            found.over.append(name)
        elif what != "waiting":
            found.others.setdefault((what, to), []).append(name)
    for name, found in gathered.items():
        incident = book.incidents.get(name)
        if incident is None:
            continue
        if incident.waiting and book.timers.get(("tell", incident.id)) is None:
            tell_waiting(turn, incident, at)
        if found.over:
            tell_over(turn, incident, list(dict.fromkeys([*untold_ends(book, incident), *found.over])), at)
        for (what, to), names in sorted(found.others.items(), key=lambda one: list(ORDER).index(one[0][0])):
            _tell(turn, incident, what, to, [book.alerts[one] for one in names], at)


def tell_waiting(turn: Turn, incident: Incident, at: Micros) -> None:
    """Tell the alerts that wait for their first message, but for those that are muted by now."""
    turn.incident(incident)
    book = turn.book
    waiting = [book.alerts[one] for one in incident.waiting if one in book.alerts]
    incident.waiting = []
    book.timers.cancel(("tell", incident.id), turn.undo)
    told = []
    for alert in waiting:
        by = muting.standing(book, alert, at)
        if by is None:
            told.append(alert)
        elif alert.open:
            muting.mute(turn, alert, by)
    if not told:
        return
    first = incident.last_told is None
    incident.last_told = at
    for alert in told:
        turn.alert(alert).told = True
        alert.resolve_told = not alert.open
    kind = Kind.FIRING if first else Kind.DELTA
    still = tuple(alert for alert in told if alert.open)
    over = tuple(alert for alert in told if not alert.open)
    if still:
        turn.tells.append(Tell(kind, incident, still, at))
    if over:
        turn.tells.append(Tell(Kind.DELTA if still else kind, incident, over, at, ended=True))


def tell_over(turn: Turn, incident: Incident, names: list[str], at: Micros) -> None:
    """Tell the end of alerts whose firing was told, once."""
    alerts = [turn.book.alerts[name] for name in names]
    over = [alert for alert in alerts if not alert.open and alert.told and not alert.resolve_told]
    if not over:
        return
    turn.incident(incident).ordinals["resolved_at"] = at
    turn.book.timers.cancel(("resolves", incident.id), turn.undo)
    for alert in over:
        turn.alert(alert).resolve_told = True
    turn.tells.append(Tell(Kind.RESOLVE, incident, tuple(over), at))


def untold_ends(book: Book, incident: Incident) -> list[str]:
    """Return resolved members whose end is still to be told: told before, not flapping."""
    rule = rule_of(book, incident)
    if rule is not None and rule.resolve == "silent":
        return []
    return [
        alert.id
        for alert in members(book, incident)
        if alert.told and not alert.open and not alert.resolve_told and not alert.flaps
    ]


def untold_agains(book: Book, incident: Incident) -> list[Alert]:
    """Return members that fire again after their end was told, which nobody knows yet."""
    return [one for one in members(book, incident) if one.open and one.told and one.resolve_told and not one.muted]


def _tell(turn: Turn, incident: Incident, what: str, to: str, alerts: list[Alert], at: Micros) -> None:
    """Tell of alerts that were told before; what has changed since they became due is left out."""
    firing = [alert for alert in alerts if alert.open and not alert.muted]
    if what in ("still", "escalate"):
        firing = [alert for alert in firing if alert.acknowledged_by is None]
    elif what == "reminder":
        firing = [alert for alert in firing if alert.acknowledged_by == to]
    if not firing:
        return
    if what == "again":
        firing = [alert for alert in firing if alert.resolve_told]
        turn.incident(incident).last_again = at
        for alert in firing:
            turn.alert(alert).resolve_told = False
        turn.book.timers.cancel(("agains", incident.id), turn.undo)
    if firing:
        to_whom, why = (None, to) if what == "unreached" else (to or None, "")
        turn.tells.append(Tell(ORDER[what], turn.incident(incident), tuple(firing), at, to=to_whom, why=why))


def ordinal(turn: Turn, incident: Incident, kind: Kind) -> int:
    """Return the next ordinal of a kind of message in an incident; part of the message's id."""
    turn.incident(incident)
    number = incident.ordinals.get(kind, -1) + 1
    incident.ordinals[kind] = number
    return number

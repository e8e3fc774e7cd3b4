"""The group guard: when too many of a group have the same rule firing at once, that is one herd event, not many alerts.

Counted as alerts come and go, so that an alert costs the same in a herd of ten and of ten
thousand. After a restart the counts follow from the open alerts, and that a herd event is
under way from its incident (`herd_key`), which was committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.model import DAY, MINUTE

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.alerting.settings import Rule
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Incident, Micros

HEARD_WITHIN: Final = DAY
"""A device that was not heard for longer is not counted as one of its group: a collar in a drawer is no cow."""
COUNTED_EVERY: Final = MINUTE
"""How long a count of who was heard is good for."""

_MARK: Final = "\x1eherd\x1f"
"""Begins the key of a herd incident; no key made of labels begins so, they hold no control characters."""


def herd_key(group: str) -> str:
    """Return the key of the one herd incident of a group, whatever `group_by` says."""
    return f"{_MARK}{group}"


def is_herd(incident: Incident) -> bool:
    """Return whether an incident is a herd event."""
    return incident.key.startswith(_MARK)


def came(turn: Turn, alert: Alert) -> None:
    """An alert fires, or fires again."""
    _count(turn, alert, 1)


def went(turn: Turn, alert: Alert) -> None:
    """An alert is over."""
    _count(turn, alert, -1)


def recount(book: Book) -> None:
    """After a restart: count what is open."""
    book.herds.firing.clear()
    for alert in book.alerts.values():
        if alert.open and not alert.shadow and alert.incident and _counts(book, alert):
            assert alert.group is not None
            assert alert.device is not None
            herd = book.herds.firing.setdefault((alert.rule, alert.group), {})
            herd[alert.device] = herd.get(alert.device, 0) + 1


def affected(book: Book, alert: Alert) -> int:
    """Return how many devices of the alert's group have its rule firing."""
    return 0 if alert.group is None else len(book.herds.firing.get((alert.rule, alert.group), ()))


def heard(turn: Turn, alert: Alert, at: Micros) -> int:
    """Return how many devices of the alert's group its rule judges and were heard within a day, or have it firing."""
    book = turn.book
    minute, counts = book.herds.heard.get(alert.rule, (-1, {}))
    if minute != at // COUNTED_EVERY:
        devices: dict[str, set[str]] = {}
        applies = book.panel.applies[book.rule_numbers[alert.rule], : len(book.series)]
        recent = book.panel.received[: len(book.series)] > at - HEARD_WITHIN
        for row in np.flatnonzero(applies & recent).tolist():
            group = book.known[row].get("group")
            if group is not None:
                devices.setdefault(group, set()).add(book.series[row].device)
        turn.undo.item(book.herds.heard, alert.rule)
        counts = {group: len(ids) for group, ids in devices.items()}
        book.herds.heard[alert.rule] = at // COUNTED_EVERY, counts
    return max(counts.get(alert.group or "", 0), affected(book, alert))


def goes_to_herd(turn: Turn, alert: Alert, rule: Rule, at: Micros) -> bool:
    """Return whether this alert, counted already, belongs to the herd event of its group.

    It does when more than the rule's share fires, and from then on until fewer than `least` do:
    a herd event that ebbs and flows is one.
    """
    guard = rule.guard
    if guard is None or alert.group is None or alert.device is None:
        return False
    count = affected(turn.book, alert)
    if count < guard.least:
        return False
    known = turn.book.incidents.get(turn.book.open_incidents.get((rule.name, herd_key(alert.group)), ""))
    if known is not None and known.closed is None:
        return True
    return count > guard.above * heard(turn, alert, at)


def _counts(book: Book, alert: Alert) -> bool:
    """Return whether anybody asks how many of the alert's group there are."""
    number = book.rule_numbers.get(alert.rule)
    guarded = number is not None and book.rules[number].guard is not None
    return guarded and alert.group is not None and alert.device is not None


def _count(turn: Turn, alert: Alert, change: int) -> None:
    if not _counts(turn.book, alert) or alert.group is None or alert.device is None:
        return
    key = (alert.rule, alert.group)
    if key not in turn.book.herds.firing:
        turn.undo.item(turn.book.herds.firing, key)
        turn.book.herds.firing[key] = {}
    herd = turn.book.herds.firing[key]
    turn.undo.item(herd, alert.device)
    count = herd.get(alert.device, 0) + change
    if count > 0:
        herd[alert.device] = count
    else:
        herd.pop(alert.device, None)

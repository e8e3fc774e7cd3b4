"""What keeps an alert quiet for everybody, why, and until when: silences, bigger alerts, and causes not yet known.

An alert that is muted (`Alert.muted` says by what) is told to nobody: not its firing, no
reminder, no escalation. Its end is told to those who heard of it before. When the mute
ends and it still fires it is told (`alertd.alerting.silencing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from alertd.alerting.inhibition import TAIL
from alertd.alerting.machine import Phase, identity_of
from alertd.alerting.rules import alert_attributes, matches
from alertd.alerting.schedules import quiet_until
from alertd.model import MINUTE, SECOND

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.alerting.turn import Turn
    from alertd.model import Alert, Micros, Silence

WAITING: Final = "waiting"
"""`Alert.muted` of an alert that waits for what may be its cause."""
SCHEDULE: Final = "quiet time "
"""`Alert.muted` begins so where a quiet time of the configuration mutes it."""
WAIT_MOST: Final = 10 * MINUTE
"""Nothing waits longer than this for a cause that may never be one."""
START_GRACE: Final = 2 * MINUTE
"""After a start or a reconnection a cause is given this long (or its usual interval, if longer) to report."""
LOOK_AGAIN: Final = 10 * SECOND
"""How often an alert that waits looks whether its cause has reported."""
FEW: Final = 50
"""How many alerts a silence remembers by number; the others it counts."""


class Mute(NamedTuple):
    """What mutes an alert, and until when; None: until that is over."""

    why: str
    until: Micros | None


def standing(book: Book, alert: Alert, at: Micros) -> Mute | None:
    """Return what mutes an alert at `at`; of several the one that ends last, None if nothing does."""
    if not book.silences and not book.inhibition.entries and not book.quiet_times:
        return None
    found = [*_silenced(book, alert, at)]
    if book.inhibition.entries:
        found += _inhibited(book, alert, at) or _waiting(book, alert, at)
    if not found:
        return None
    return next((one for one in found if one.until is None), None) or max(found, key=lambda one: one.until or 0)


def mute(turn: Turn, alert: Alert, by: Mute) -> None:
    """Keep an alert quiet, and look again when that may be over."""
    timers, key = turn.book.timers, ("muted", alert.id)
    if alert.muted != by.why:
        turn.alert(alert).muted = by.why
        turn.changes.why.append(f"A-{alert.number} {alert.rule}: muted by {by.why}")
        silence = turn.book.silences.get(int(by.why.removeprefix("S-"))) if by.why.startswith("S-") else None
        if silence is not None and alert.number not in silence.numbers:
            turn.silence(silence).muted += 1
            silence.numbers[:] = [*silence.numbers, alert.number][:FEW]
    if by.until is None:
        timers.cancel(key, turn.undo)
    elif timers.get(key) != by.until:
        timers.set(key, by.until, turn.undo)


def came(turn: Turn, cause: Alert, at: Micros) -> None:
    """An alert fires: what it makes pointless is quiet from now on."""
    for effect in _touched(turn.book, cause):
        by = standing(turn.book, effect, at) if effect.open else None
        if by is not None:
            mute(turn, effect, by)


def went(turn: Turn, cause: Alert, at: Micros) -> None:
    """An alert is over: what it muted is looked at again when its tail is over."""
    for effect in _touched(turn.book, cause):
        if effect.open and effect.muted:
            by = standing(turn.book, effect, at)
            turn.book.timers.set(("muted", effect.id), at if by is None else by.until or at, turn.undo)


def fits(silence: Silence, alert: Alert) -> bool:
    """Return whether a silence means this alert."""
    return matches(silence.match, alert_attributes(alert))


def _touched(book: Book, cause: Alert) -> list[Alert]:
    if not book.inhibition.entries:
        return []
    return [book.alerts[one] for one in book.inhibition.effects(cause) if one in book.alerts]


def _silenced(book: Book, alert: Alert, at: Micros) -> list[Mute]:
    found = [
        Mute(f"S-{silence.number}", silence.until)
        for silence in book.silences.values()
        if silence.ended is None and silence.start <= at < silence.until and fits(silence, alert)
    ]
    for one in book.quiet_times:
        until = quiet_until(one, at, book.zone)
        if until is not None and matches(one.match, alert_attributes(alert)):
            found.append(Mute(f"{SCHEDULE}{one.name}", until))
    return found


def _inhibited(book: Book, alert: Alert, at: Micros) -> list[Mute]:
    tail: Micros | None = None
    found: list[Mute] = []
    for name in book.inhibition.causes(alert):
        cause = book.alerts.get(name)
        if cause is None or cause.shadow or cause.false_alarm_by is not None:
            continue
        until = None
        if not cause.open:
            tail = tail if tail is not None else _tail(book, alert)
            until = (cause.resolved or 0) + tail
            if until <= at:
                continue
        if _before(alert, cause) and _leads_to(book, alert, cause, ()):
            continue
        found.append(Mute(f"A-{cause.number}", until))
        if until is None:
            break
    return found


def _tail(book: Book, alert: Alert) -> Micros:
    """Return how long inhibition outlasts its cause: time for the alert's series to report again."""
    row = book.row_of(alert)
    return TAIL if row is None else max(TAIL, 3 * book.panel.interval(row))


def _before(alert: Alert, other: Alert) -> bool:
    return (alert.fired or alert.started, alert.number) < (other.fired or other.started, other.number)


def _leads_to(book: Book, alert: Alert, effect: Alert, path: tuple[str, ...]) -> bool:
    """Return whether `alert` is among the causes of `effect`, or their causes."""
    for name in book.inhibition.causes(effect):
        cause = book.alerts.get(name)
        if cause is None or cause.shadow or not cause.open or name in path:
            continue
        if name == alert.id or _leads_to(book, alert, cause, (*path, name)):
            return True
    return False


def _waiting(book: Book, alert: Alert, at: Micros) -> list[Mute]:
    """Wait for a cause that is in its hold, or has not reported since alertd came (back) to the broker."""
    last = (alert.fired or at) + WAIT_MOST
    if at >= last or alert.told:
        return []
    for rule, row in book.inhibition.possible(alert):
        if book.identity(rule, row) == identity_of(alert):
            continue
        machine = book.machines.get((rule, row))
        if machine is not None and machine.phase is Phase.PENDING:
            over = machine.since + book.rules[rule].detect.hold + SECOND
            return [Mute(WAITING, min(last, max(over, at + SECOND)))]
        heard = int(book.panel.received[row])
        up = book.up_since if book.up_since is not None else at
        grace = up + min(WAIT_MOST, max(START_GRACE, book.panel.interval(row)))
        if machine is None and (heard < up or book.up_since is None) and at < grace:
            return [Mute(WAITING, min(last, grace, at + LOOK_AGAIN))]
    return []

"""Planned quiet comes and goes: silences are made, end early or by the clock, and what was muted is looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.alerting import incidents, muting
from alertd.alerting.schedules import next_start
from alertd.model import Silence

if TYPE_CHECKING:
    from alertd.alerting.timers import Key
    from alertd.alerting.turn import Turn
    from alertd.model import Micros, Silencing


def carry_out(turn: Turn, wish: Silencing) -> None:
    """Make a silence or end one; a wish that was carried out before changes nothing."""
    book = turn.book
    if wish.id in book.commands:
        return
    turn.undo.item(book.commands, wish.id)
    book.commands[wish.id] = wish.at
    turn.changes.commands.append(wish.id)
    if wish.ends is not None:
        silence = book.silences.get(wish.ends)
        if silence is not None and silence.ended is None:
            _end(turn, silence, wish.at, wish.by)
    elif wish.match and wish.until > wish.at:
        _begin(turn, wish)


def due(turn: Turn, key: Key, at: Micros) -> None:
    """Do what a timer of a silence, or of a muted alert, was set for."""
    book = turn.book
    if key[0] == "silence":
        silence = book.silences.get(key[1])
        if silence is not None and silence.ended is None:
            _end(turn, silence, at, None)
        return
    if key[0] == "quiet time":
        arm_quiet_times(turn, at)
        _mute_all(turn, at)
        return
    alert = book.alerts.get(key[1])
    if alert is None or not alert.open or not alert.muted:
        return
    by = muting.standing(book, alert, at)
    if by is None:
        incidents.lifted(turn, alert, at)
    else:
        muting.mute(turn, alert, by)


def arm_quiet_times(turn: Turn, now: Micros) -> None:
    """Set when each quiet time of the configuration begins next."""
    book = turn.book
    for number, one in enumerate(book.quiet_times):
        book.timers.set(("quiet time", number), next_start(one, now, book.zone), turn.undo)


def rearm(turn: Turn, now: Micros) -> None:
    """After a restart: silences end when they would have, and what was muted is looked at again."""
    book = turn.book
    for silence in book.silences.values():
        if silence.ended is None:
            book.timers.set(("silence", silence.number), silence.until, turn.undo)
    arm_quiet_times(turn, now)
    _mute_all(turn, now)
    for alert in book.alerts.values():
        if alert.open and not alert.shadow and alert.muted:
            book.timers.set(("muted", alert.id), now, turn.undo)


def _mute_all(turn: Turn, at: Micros) -> None:
    """A quiet time is on: what it covers and was told before is quiet from now on."""
    for alert in list(turn.book.alerts.values()) if turn.book.quiet_times else ():
        by = muting.standing(turn.book, alert, at) if alert.open and not alert.shadow and not alert.muted else None
        if by is not None and by.why.startswith(muting.SCHEDULE):
            muting.mute(turn, alert, by)


def _begin(turn: Turn, wish: Silencing) -> None:
    book = turn.book
    number = turn.count("silence")
    silence = Silence(number, dict(wish.match), wish.at, wish.until, wish.reason, wish.by, wish.via, wish.id)
    turn.undo.item(book.silences, number)
    book.silences[number] = turn.silence(silence)
    book.timers.set(("silence", number), silence.until, turn.undo)
    who = wish.by or "nobody named"
    turn.changes.why.append(f"S-{number}: silence by {who}, {wish.reason}")
    for alert in list(book.alerts.values()):
        if alert.open and not alert.shadow and muting.fits(silence, alert):
            by = muting.standing(book, alert, wish.at)
            if by is not None:
                muting.mute(turn, alert, by)


def _end(turn: Turn, silence: Silence, at: Micros, by: str | None) -> None:
    book = turn.book
    turn.silence(silence)
    silence.ended, silence.ended_by = at, by
    book.timers.cancel(("silence", silence.number), turn.undo)
    turn.changes.why.append(f"S-{silence.number}: silence over, {silence.muted} alerts were kept quiet")
    if silence.muted:
        turn.closed.append(silence)
    for alert in list(book.alerts.values()):
        if alert.open and alert.muted and muting.fits(silence, alert):
            due(turn, ("muted", alert.id), at)

"""The wall clock was set: what a wrong clock wrote is moved to when it really happened.

Points in time within the `Move` are moved, and what was to last from such a point on (a
silence, an acknowledgement) ends as much later or earlier: nothing fires, resolves or
lapses by the step. Times of day (quiet hours, digests, duty, what somebody called by the
clock) stay: they are what the right clock shows. What was written before the span, by a
clock that was right or is past mending, stays too. Readings move by their arrival; a
device's own time does only where it went by the same wrong clock. All of it is one commit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import numpy as np

from alertd import monthly
from alertd.ingest.learned import COUNTER
from alertd.model import HOUR, SECOND, UNTIL_RESOLVED, Batch, Changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from alertd.model import Alert, Incident, Invite, Message, Micros, Move, PersonState, Silence, Switching
    from alertd.seams import Kept

K = TypeVar("K")
T = TypeVar("T")

POINTS: Final = ("listed ", "daily ")
"""How the names of counters begin that are points in time."""
SOON: Final = HOUR
"""A message that waits longer waits for a time of day: it is looked at again at once."""


def moved(kept: Kept, move: Move) -> Changes:
    """Return all of what the store keeps in tables that must change; outbox and journal are the store's own."""
    return Changes(
        alerts=_changed(((one.id, one) for one in kept.alerts), _alert, move),
        incidents=_changed(((one.id, one) for one in kept.incidents), _incident, move),
        silences=_changed(((one.number, one) for one in kept.silences), _silence, move),
        switchings=_changed(((one.id, one) for one in kept.switchings), _switching, move),
        people=_changed(kept.people.items(), _person, move),
        invites=_changed(kept.invites.items(), _invite, move),
        counters=_counters(kept.counters, move),
        positions={name: _counted(text, move) for name, text in kept.positions.items() if name.startswith(COUNTER)},
    )


def moved_marks(marks: dict[str, Any], move: Move) -> dict[str, Any]:
    """Return the marks of a commit (`Holding`) as the right clock would have made them."""
    points = {name: move.point(int(marks[name])) for name in ("alive", "newest") if name in marks}
    traffic = {
        label: [move.point(int(second) * SECOND) // SECOND for second in seconds]
        for label, seconds in marks.get("traffic", {}).items()
    }
    return (
        marks
        | points
        | {
            "outages": [[move.point(int(start)), move.point(int(stop))] for start, stop in marks.get("outages", [])],
            "troubles": {key: move.point(int(at)) for key, at in marks.get("troubles", {}).items()},
            "traffic": traffic,
        }
    )


def moved_batch(batch: Batch, move: Move) -> Batch:
    """Return journalled readings of the span: `received` moves, `time` where it came from the same clock."""
    ours = batch.received >= move.since
    same = ours & (2 * np.abs(batch.time - batch.received) <= abs(move.by))
    time, received = batch.time + move.by * same, batch.received + move.by * ours
    return Batch(batch.series, time.astype(np.int64), received.astype(np.int64), batch.value, batch.quality)


def moved_message(message: Message, created: Micros, due: Micros, move: Move) -> Message:
    """Return a message that is not settled; `due` is when it is to be tried (again)."""
    expires = None if message.expires is None else move.end(message.expires, created)
    if due > move.until + SOON:
        due = move.until + move.by
    elif due >= move.since:
        due += move.by
    return replace(message, due=due, expires=expires)


def _counters(counters: Mapping[str, int], move: Move) -> dict[str, int]:
    found = {name: move.point(value) for name, value in counters.items() if name.startswith(POINTS)}
    if not move.seq and monthly.TOLD in counters:  # the first start ever was in this span
        found[monthly.TOLD] = monthly.unseen("UTC", move.until + move.by)
    return found


def _changed(ones: Iterable[tuple[K, T]], made: Callable[[T, Move], T], move: Move) -> dict[K, T]:
    both = ((key, one, made(one, move)) for key, one in ones)
    return {key: new for key, one, new in both if new != one}


def _alert(alert: Alert, move: Move) -> Alert:
    taken, until, unreached = alert.acknowledged_at, alert.acknowledged_until, alert.unreached_due
    return replace(
        alert,
        started=_began(alert, move),
        fired=move.maybe(alert.fired),
        resolved=move.maybe(alert.resolved),
        acknowledged_at=move.maybe(taken),
        acknowledged_until=until if until is None or taken is None else move.end(until, taken),
        snoozed={who: _snoozed(alert, until, move) for who, until in alert.snoozed.items()},
        unreached_due=unreached if unreached is None or unreached < move.since else unreached + move.by,
        anew=move.maybe(alert.anew),
    )


def _began(alert: Alert, move: Move) -> Micros:
    """A reading's time: the device may have known the right one all along, and nothing fires before it began."""
    began = move.point(alert.started)
    fired = move.maybe(alert.fired)
    return began if fired is None or began <= fired else min(alert.started, began)


def _snoozed(alert: Alert, until: Micros, move: Move) -> Micros:
    """Nobody knows when it was asked for: where in doubt it is over sooner."""
    if until == UNTIL_RESOLVED:
        return until
    if move.by < 0:
        return until + move.by if until >= move.since else until
    return move.end(until, alert.fired if alert.fired is not None else alert.started)


def _incident(incident: Incident, move: Move) -> Incident:
    points = {key: move.point(at) for key, at in incident.ordinals.items() if key in ("repeated_at", "resolved_at")}
    return replace(
        incident,
        opened=move.point(incident.opened),
        ordinals=incident.ordinals | points,
        last_told=move.maybe(incident.last_told),
        last_again=move.maybe(incident.last_again),
        closed=move.maybe(incident.closed),
    )


def _silence(silence: Silence, move: Move) -> Silence:
    start, until = move.point(silence.start), move.end(silence.until, silence.start)
    return replace(silence, start=start, until=until, ended=move.maybe(silence.ended))


def _switching(one: Switching, move: Move) -> Switching:
    return replace(one, asked=move.point(one.asked), confirmed=move.maybe(one.confirmed), ended=move.maybe(one.ended))


def _person(person: PersonState, move: Move) -> PersonState:
    return replace(
        person,
        stopped={channel: move.point(at) for channel, at in person.stopped.items()},
        consents={channel: move.point(at) for channel, at in person.consents.items()},
        heard={channel: move.point(at) for channel, at in person.heard.items()},
        asked=None if person.asked is None else replace(person.asked, at=move.point(person.asked.at)),
        erased=move.maybe(person.erased),
    )


def _invite(invite: Invite, move: Move) -> Invite:
    created, expires = move.point(invite.created), move.end(invite.expires, invite.created)
    return replace(invite, created=created, expires=expires, used=move.maybe(invite.used))


def _counted(text: str, move: Move) -> str:
    """The bases of a counter (`ingest.counters`): since when each of them counts."""
    sender, since, base = msgspec.json.decode(text, type=tuple[str, list[int], list[float]])
    return msgspec.json.encode((sender, [move.point(at) for at in since], base)).decode()

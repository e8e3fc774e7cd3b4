"""What a person is told later goes as one message: put aside here, told when its time has come.

What waits stands in the incident that it is about (`Incident.aside`) and commits with
it; the timers follow from that, so a restart loses nothing and tells nothing twice.
Whether an alert is still worth telling is decided when the digest goes: one that ended
during quiet hours is not, one that the budget held back is told with its end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.alerting.commands import quiet_for
from alertd.alerting.rules import alert_attributes
from alertd.alerting.tells import rule_of
from alertd.audience.hours import local_day
from alertd.audience.routing import concerns
from alertd.audience.timing import Wait, next_digest, quiet_until
from alertd.model import DAY, MINUTE, MUTED, Aside, Kind, Message, Severity, stable_id
from alertd.wording.digests import digest_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.alerting.book import Book
    from alertd.alerting.timers import Key
    from alertd.alerting.turn import Turn
    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.model import Alert, Incident, Micros, Settled
    from alertd.wording import Words

UNTRUSTED: Final = MINUTE
"""How often a digest looks again whether the clock can be trusted."""
NEVER: Final = 365 * DAY
"""What is muted when its digest goes waits until the mute is lifted (`alerting.incidents.lifted`)."""
NEWS: Final = (Kind.FIRING, Kind.DELTA, Kind.AGAIN, Kind.RESOLVE)
"""Of what a month's budget held back, what a digest tells: reminders of it are none."""
SHOWN: Final = 5
"""Alert numbers in a line of the log."""


# --- the day's budget ------------------------------------------------------------------------------


def spent(book: Book, person: Person, at: Micros) -> int:
    """Return how many messages of the person's local day counted so far."""
    today = book.counters.get(f"told day {person.id}") == local_day(person.timezone, at)
    return book.counters.get(f"told {person.id}", 0) if today else 0


def spend(turn: Turn, person: Person, at: Micros) -> None:
    """Count one message of the local day."""
    count = spent(turn.book, person, at) + 1
    _set(turn, f"told day {person.id}", local_day(person.timezone, at))
    _set(turn, f"told {person.id}", count)


def _set(turn: Turn, name: str, value: int) -> None:
    turn.undo.item(turn.book.counters, name)
    turn.book.counters[name] = turn.changes.counters[name] = value


# --- putting aside ---------------------------------------------------------------------------------


def put_aside(turn: Turn, incident: Incident, person: Person, alerts: Sequence[Alert], wait: Wait) -> None:
    """Have alerts told with the person's digest at `wait.until`; one that waits already keeps its time."""
    waiting = {one.alert for one in incident.aside if one.person == person.id}
    turn.incident(incident).aside += [
        Aside(person.id, alert.id, wait.until, wait.why) for alert in alerts if alert.id not in waiting
    ]
    _arm(turn, person.id, wait.until)
    numbers = ", ".join(f"A-{alert.number}" for alert in alerts[:SHOWN])
    more = f" and {len(alerts) - SHOWN} more" if len(alerts) > SHOWN else ""
    turn.changes.why.append(f"{numbers}{more} {incident.rule}: waits for {person.id}'s digest ({wait.why})")


def unpaid(turn: Turn, event: Settled, people: People) -> None:
    """What nobody pays for is told with the person's next digest: it counts as not told before."""
    book, person = turn.book, people.get(event.subscriber)
    incident = book.incidents.get(event.incident)
    alerts = [alert for text in event.alerts if (alert := book.numbered(int(text.removeprefix("A-")))) is not None]
    if event.kind not in NEWS or person is None or incident is None or not alerts:
        return
    put_aside(turn, incident, person, alerts, Wait(next_digest(person, event.at), "budget"))
    if event.kind is Kind.RESOLVE:
        return
    gone = {alert.id for alert in alerts}
    told = [one for one in incident.told.get(person.id, ()) if one not in gone]
    incident.told = incident.told | {person.id: told}
    if incident.messages.get(person.id) == event.message:  # nothing follows what never arrived
        incident.messages = {who: first for who, first in incident.messages.items() if who != person.id}


def told_now(turn: Turn, incident: Incident, person: Person, alerts: Sequence[Alert]) -> None:
    """Something newer of these alerts goes at once: what waited of them is no news any more."""
    gone = {alert.id for alert in alerts}
    if any(one.person == person.id and one.alert in gone for one in incident.aside):
        turn.incident(incident).aside = [
            one for one in incident.aside if one.person != person.id or one.alert not in gone
        ]


def _arm(turn: Turn, person: str, until: Micros) -> None:
    due = turn.book.timers.get(("digest", person))
    if due is None or until < due:
        turn.book.timers.set(("digest", person), until, turn.undo)


# --- telling ---------------------------------------------------------------------------------------


def due(turn: Turn, key: Key, at: Micros, people: People, words: Words) -> None:
    """Tell a person what waited until now, and what their daily digest says."""
    book = turn.book
    person = people.get(key[1])
    if person is None:
        return  # no longer in the file; a person who comes back hears of what is open by the next restart's timers
    if not book.clock_trusted:
        book.timers.set(key, at + UNTRUSTED, turn.undo)
        return
    still, over = _take(turn, person, at)
    daily = person.digest.daily and _daily_due(turn, person) <= at
    if daily:
        _set(turn, f"daily {person.id}", at)
        still += _open_besides(book, person, still)
    _rearm_one(turn, person)
    if not (still or over or daily):
        return
    channels = people.reachable(person.id)
    if not channels:
        for _, alert in still:
            book.failures[alert.id] = f"{person.id} has no channel with consent"
        return
    alerts = [alert for _, alert in (*still, *over)]
    message = Message(
        id=stable_id("digest", person.id, turn.count(f"digest {person.id}")),
        kind=Kind.DIGEST,
        subscriber=person.id,
        channels=channels,
        text=digest_text(words, people, person, still, over, at),
        due=at,
        severity=max((alert.severity for alert in alerts), key=lambda one: one.rank, default=Severity.INFO),
        language=person.language,
        incident=next((incident.id for incident, _ in (*still, *over)), ""),
        alerts=tuple(f"A-{alert.number}" for alert in alerts),
    )
    if len(still) == 1 and not over:
        message.buttons = words.buttons(message.id, person, [still[0][1]])
    turn.changes.messages.append(message)
    turn.undo.item(book.named, message.id)
    book.named[message.id] = (person.id, message.alerts, at, Kind.DIGEST)
    for incident, alert in still:
        turn.incident(incident)
        incident.messages.setdefault(person.id, message.id)
        told = incident.told.setdefault(person.id, [])
        if alert.id not in told:
            told.append(alert.id)


Pair = tuple["Incident", "Alert"]


def _take(turn: Turn, person: Person, at: Micros) -> tuple[list[Pair], list[Pair]]:
    """Take what is due out of the incidents; return what is still open and what is told with its end."""
    book = turn.book
    still: list[Pair] = []
    over: list[Pair] = []
    for incident in book.incidents.values():
        ready = [one for one in incident.aside if one.person == person.id and one.until <= at]
        if not ready:
            continue
        turn.incident(incident).aside = [one for one in incident.aside if one.person != person.id or one.until > at]
        rule = rule_of(book, incident)
        told = set(incident.told.get(person.id, ()))
        for one in ready:
            alert = book.alerts.get(one.alert)
            if alert is None:
                continue
            fired = alert.started if alert.fired is None else alert.fired
            if rule is not None and rule.not_after is not None and at > fired + rule.not_after:
                turn.changes.why.append(f"A-{alert.number} {alert.rule}: too old for {person.id}'s digest")
            elif alert.open and alert.muted:
                incident.aside.append(Aside(person.id, alert.id, at + NEVER, MUTED))
            elif alert.open:
                if not quiet_for(alert, person.id, at):
                    still.append((incident, alert))
            elif alert.id in told:
                if rule is None or rule.resolve == "tell" or alert.dismissed or alert.false_alarm_by:
                    over.append((incident, alert))
            elif one.why != "quiet":
                if not (alert.dismissed or alert.false_alarm_by):
                    over.append((incident, alert))
            elif rule is not None and alert.resolved is not None and at < alert.resolved + rule.reopen:
                # Within `reopen` it may fire again as the same alert, of which this person was never told.
                incident.aside.append(Aside(person.id, alert.id, alert.resolved + rule.reopen, one.why))
    return sorted(still, key=_worst_first), sorted(over, key=_worst_first)


def _worst_first(pair: Pair) -> tuple[int, int, int]:
    incident, alert = pair
    return -alert.severity.rank, incident.number, alert.number


def _open_besides(book: Book, person: Person, known: Sequence[Pair]) -> list[Pair]:
    """Return what else is open and concerns the person."""
    listed = {alert.id for _, alert in known}
    return [
        (book.incidents[alert.incident], alert)
        for alert in book.open_alerts()
        if alert.id not in listed
        and alert.incident in book.incidents
        and concerns(person, alert, alert_attributes(alert))
    ]


# --- timers ----------------------------------------------------------------------------------------


def rearm(turn: Turn, people: People, now: Micros) -> None:
    """After a restart: set the timers again that follow from what was committed."""
    for person in people.all():
        if person.digest.daily:
            last = turn.book.counters.get(f"daily {person.id}", now)
            _set(turn, f"daily {person.id}", min(max(last, now - DAY), now))  # of several missed only the last is told
        _no_later(turn, person, now)
        _rearm_one(turn, person)


def _no_later(turn: Turn, person: Person, now: Micros) -> None:
    """What waits by a clock that was ahead waits no longer than it would from now on."""
    digest, quiet = next_digest(person, now), quiet_until(person, Severity.INFO, now) or now
    for incident in turn.book.incidents.values():
        aside = [
            one if one.person != person.id or one.why == MUTED else replace(one, until=min(one.until, last))
            for one in incident.aside
            for last in (quiet if one.why == "quiet" else digest,)
        ]
        if aside != incident.aside:
            turn.incident(incident).aside = aside


def _rearm_one(turn: Turn, person: Person) -> None:
    waiting = [
        one.until for incident in turn.book.incidents.values() for one in incident.aside if one.person == person.id
    ]
    if person.digest.daily:
        waiting.append(_daily_due(turn, person))
    if waiting:
        turn.book.timers.set(("digest", person.id), min(waiting), turn.undo)


def _daily_due(turn: Turn, person: Person) -> Micros:
    return next_digest(person, turn.book.counters.get(f"daily {person.id}", 0))

"""What is to be told becomes messages: for whom, in which words, after which earlier message.

Every message's id hashes incident, kind, ordinal and person, so that a step that is
taken again after a crash makes the same rows and cannot tell anything twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.alerting.commands import quiet_for
from alertd.alerting.rules import alert_attributes
from alertd.alerting.tells import ordinal, rule_of
from alertd.audience.routing import asked_keys, audience
from alertd.audience.timing import must_wait, quiet_until
from alertd.digest import put_aside, spend, spent, told_now
from alertd.model import Kind, Message, Severity, Trouble, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alertd.alerting.turn import Tell, Turn
    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.model import Alert, Incident, Micros, Silence
    from alertd.wording import Words

ACTIONABLE: Final = (Kind.FIRING, Kind.DELTA, Kind.AGAIN, Kind.REPEAT, Kind.WORSE, Kind.ESCALATE)
"""Kinds that ask somebody to do something: they carry buttons and count as reaching somebody."""

POSTPONABLE: Final = (*ACTIONABLE, Kind.RESOLVE, Kind.TAKEN)
"""Kinds that quiet hours, budget and digest may keep for later, and that the budget counts."""

BLINDING: Final = ("broker", "disk", "messenger:")
"""Troubles without whose end no alarm arrives: they are told at night too."""


def compose(turn: Turn, tell: Tell, people: People, words: Words) -> None:
    """Turn one `Tell` into the messages of a step, and remember in the incident who was told what."""
    number = ordinal(turn, tell.incident, tell.kind)
    if tell.kind is Kind.UNREACHED:
        if people.operator is not None:
            _message(turn, tell, number, people.operator, list(tell.alerts), people, words)
        else:
            turn.book.unreached |= dict.fromkeys((alert.id for alert in tell.alerts), tell.at)
        return
    for person, alerts in _recipients(turn, tell, people):
        _message(turn, tell, number, person, alerts, people, words)


def trouble(turn: Turn, event: Trouble, people: People, words: Words) -> None:
    """Tell the operator of alertd's own trouble, once, and once when it is over."""
    known = turn.book.troubles
    if event.over is (event.key not in known):
        return
    turn.undo.item(known, event.key)
    if event.over:
        since = known.pop(event.key)
    else:
        since = known[event.key] = event.at
    turn.changes.why.append(f"{event.key}: {event.text}")
    operator = people.operator
    if operator is None or not people.reachable(operator.id):
        return
    severity = Severity.CRITICAL if event.key.startswith(BLINDING) else event.severity
    turn.changes.messages.append(
        Message(
            id=stable_id("trouble", event.key, since, event.over),
            kind=Kind.OPERATOR,
            subscriber=operator.id,
            channels=people.reachable(operator.id),
            text=words.trouble(event.text, operator, event.at, over=event.over, since=since),
            due=quiet_until(operator, severity, event.at) or event.at,
            severity=severity,
            language=operator.language,
        )
    )


def closing(turn: Turn, silence: Silence, people: People, words: Words) -> None:
    """Tell who made a silence (or else the operator) what it has kept quiet, now that it is over."""
    person = people.get(silence.by) if silence.by is not None else None
    person = person or people.operator
    if person is None or silence.ended is None or not people.reachable(person.id):
        return
    known = [alert for number in silence.numbers if (alert := turn.book.numbered(number)) is not None]
    turn.changes.messages.append(
        Message(
            id=stable_id("silence", silence.number, silence.start, silence.ended),
            kind=Kind.DIGEST,
            subscriber=person.id,
            channels=people.reachable(person.id),
            text=words.silence_over(silence, known, person, silence.ended),
            due=quiet_until(person, Severity.INFO, silence.ended) or silence.ended,
            language=person.language,
        )
    )


def _recipients(turn: Turn, tell: Tell, people: People) -> Iterable[tuple[Person, list[Alert]]]:
    """Yield who is told of which of the alerts."""
    told = tell.incident.told
    if tell.kind in (Kind.FIRING, Kind.DELTA, Kind.WORSE):
        concerned: dict[str, list[Alert]] = {}
        asked = asked_keys(people)
        alike: dict[tuple[object, ...], list[Person]] = {}
        for alert in tell.alerts:
            known_of = alert_attributes(alert)
            kind = (alert.rule, alert.severity, *(known_of.get(key) for key in asked))
            if kind not in alike:
                alike[kind] = audience(people, alert, known_of, tell.at)
            found = alike[kind]
            if not found:
                turn.book.failures[alert.id] = "no subscription fits"
            knows = [one for one, ids in told.items() if alert.id in ids] if tell.kind is Kind.WORSE else []
            for person_id in dict.fromkeys([*(person.id for person in found), *knows]):
                concerned.setdefault(person_id, []).append(alert)
        for person_id, alerts in concerned.items():
            known = people.get(person_id)
            if known is not None:
                yield known, alerts
        return
    if tell.to is not None:
        for named in people.addressed(tell.to, tell.at):
            yield named, list(tell.alerts)
        return
    for person_id, ids in list(told.items()):
        known_person = people.get(person_id)
        known_to = set(ids)
        alerts = [alert for alert in tell.alerts if alert.id in known_to]
        if tell.kind in (Kind.AGAIN, Kind.REPEAT):
            alerts = [alert for alert in alerts if not quiet_for(alert, person_id, tell.at)]
        if known_person is not None and alerts:
            yield known_person, alerts


def _message(
    turn: Turn, tell: Tell, number: int, person: Person, alerts: list[Alert], people: People, words: Words
) -> None:
    incident, book = tell.incident, turn.book
    channels = people.reachable(person.id)
    if not channels:
        for alert in alerts:
            book.failures[alert.id] = f"{person.id} has no channel with consent"
        return
    severity = max((alert.severity for alert in alerts), key=lambda severity: severity.rank)
    # Who pressed gets no message but sees their own change in the chat where that is possible.
    own_press = tell.kind is Kind.TAKEN and tell.by == person.id
    postponable = tell.kind in POSTPONABLE and not own_press and not _takes_the_place(turn, tell, person, alerts)
    if postponable:
        wait = must_wait(person, severity, tell.at, spent(book, person, tell.at))
        if wait is not None:
            put_aside(turn, incident, person, alerts, wait)
            return
        if severity is not Severity.CRITICAL:
            spend(turn, person, tell.at)
    if tell.kind in POSTPONABLE:
        told_now(turn, incident, person, alerts)
    message_id = stable_id("message", incident.id, tell.kind, number, person.id)
    rule = rule_of(book, incident)
    by = _who(people, tell.by)
    text, fault = words.tell(tell.kind, alerts, incident, person, tell.at, by=by, why=tell.why, ended=tell.ended)
    _template(turn, incident.rule, fault, tell.at, people, words)
    message = Message(
        id=message_id,
        kind=tell.kind,
        subscriber=person.id,
        channels=channels,
        text=text,
        due=(quiet_until(person, severity, tell.at) or tell.at) if tell.kind is Kind.UNREACHED else tell.at,
        severity=severity,
        language=person.language,
        incident=incident.id,
        alerts=tuple(f"A-{alert.number}" for alert in alerts),
        critical=severity is Severity.CRITICAL and tell.kind in ACTIONABLE,
        data=words.data(tell.kind, alerts, incident, tell.at, person, by)
        | {"open": _still_open(turn, incident, person)},
    )
    if tell.kind in ACTIONABLE and not tell.ended:
        message.buttons = words.buttons(message_id, person, alerts)
    if rule is not None and rule.not_after is not None:
        message.expires = tell.at + rule.not_after
    if tell.kind is not Kind.UNREACHED:
        _thread(turn, tell, message, person, alerts, words)
    turn.changes.messages.append(message)
    turn.undo.item(book.named, message_id)
    book.named[message_id] = (person.id, message.alerts, tell.at, tell.kind)


def _still_open(turn: Turn, incident: Incident, person: Person) -> int:
    """Count what this person knows of the incident and what still fires."""
    known = incident.told.get(person.id, ())
    return sum(1 for one in known if (alert := turn.book.alerts.get(one)) is not None and alert.open)


def _template(turn: Turn, rule: str, fault: str | None, at: Micros, people: People, words: Words) -> None:
    """Tell the operator of a rule's message that failed (the plain words went out), and when it works again."""
    key = f"message {rule}"
    if fault:
        trouble(turn, Trouble(key, at, f"{fault}; the plain words were sent"), people, words)
    elif fault == "" and key in turn.book.troubles:
        trouble(turn, Trouble(key, at, f"the message of rule {rule}", over=True), people, words)


def _thread(turn: Turn, tell: Tell, message: Message, person: Person, alerts: list[Alert], words: Words) -> None:
    """Tie a message to the earlier ones of its incident, and note that this person was told."""
    incident = tell.incident
    first = incident.messages.get(person.id)
    if first is None:
        if tell.kind in ACTIONABLE:
            incident.messages[person.id] = message.id
    else:
        message.follows = first
    told = incident.told.setdefault(person.id, [])
    before = set(told)
    told += [alert.id for alert in alerts if alert.id not in before]
    numbers = set(message.alerts)
    if tell.kind is Kind.TAKEN:
        # The newest message that names one of these alerts is the one with live buttons.
        earlier = [
            (at, message_id)
            for message_id, (who, named, at, kind) in turn.book.named.items()
            if who == person.id and kind in ACTIONABLE and numbers & set(named)
        ]
        if earlier:
            message.follows = max(earlier)[1]
        known = turn.book.named.get(message.follows or "")
        message.edits = known is None or known[3] is not Kind.DIGEST  # a digest tells of more than this
        message.merged_text = message.text
        if tell.by == person.id:
            message.text = ""  # who pressed knows: nothing is sent where nothing can be edited
    elif tell.kind is Kind.RESOLVE and first is not None:
        if _tells_of_just(turn, first, alerts):
            message.replaces = first
            message.merged_text = words.text(Kind.FIRING, alerts, incident, person, tell.at, ended=True)
    elif tell.kind is Kind.DELTA and not message.critical:
        _join_unsent(turn, message, person, incident, tell.at, words)


def _takes_the_place(turn: Turn, tell: Tell, person: Person, alerts: list[Alert]) -> bool:
    """Return whether this is the end of what is still unsent: it goes instead of it and adds no message."""
    first = tell.incident.messages.get(person.id)
    if tell.kind is not Kind.RESOLVE or first is None or first in turn.book.settled:
        return False
    return _tells_of_just(turn, first, alerts)


def _tells_of_just(turn: Turn, message_id: str, alerts: list[Alert]) -> bool:
    """Return whether a message names exactly these alerts, none of them critical: those are told all the same."""
    known = turn.book.named.get(message_id)
    numbers = {f"A-{alert.number}" for alert in alerts}
    return known is not None and set(known[1]) == numbers and not _is_critical(alerts)


def _join_unsent(turn: Turn, message: Message, person: Person, incident: Incident, at: Micros, words: Words) -> None:
    """Let a delta carry the deltas before it that are still unsent, so that a long outage ends in one message."""
    book = turn.book
    key = f"delta {person.id}"
    last = incident.messages.get(key)
    incident.messages[key] = message.id
    carried = message.alerts
    if last is not None and last not in book.settled:
        carried = tuple(dict.fromkeys((*book.carried.get(last, ()), *message.alerts)))
        found = [alert for text in carried if (alert := book.numbered(int(text.removeprefix("A-"))))]
        message.replaces = last
        message.merged_text = words.text(Kind.DELTA, found, incident, person, at)
    turn.undo.item(book.carried, message.id)
    book.carried[message.id] = carried


def _is_critical(alerts: list[Alert]) -> bool:
    return any(alert.severity is Severity.CRITICAL for alert in alerts)


def _who(people: People, by: str | None) -> str | None:
    person = None if by is None else people.get(by)
    return by if person is None else person.name

"""A digest: what is open, worst first, then what is over; a line an alert, or a line a group of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.model import Kind
from alertd.wording.bodies import heading
from alertd.wording.catalogue import counted, phrase
from alertd.wording.clean import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.model import Alert, Incident, Micros
    from alertd.wording.words import Words

SINGLY: Final = 3
"""Alerts of one incident that get a line each; of more there is one line with their number."""
LINES: Final = 12
"""Lines of open and of ended alerts each; the rest is counted. With `LINE` both fit into 4096 signs."""
LINE: Final = 150

Pair = tuple["Incident", "Alert"]


def digest_text(
    words: Words, people: People, person: Person, still: Sequence[Pair], over: Sequence[Pair], now: Micros
) -> str:
    """Return the whole digest in the person's language.

    Args:
        words: for the facts of alerts.
        people: for the names of those who took one.
        person: whose language and zone.
        still: open alerts with their incidents, in the order in which they are told.
        over: ended ones.
        now: for spans and for "today".
    """
    language = words.speaks(person)
    if len(still) == 1 and not over:
        incident, alert = still[0]
        text = words.text(Kind.FIRING, [alert], incident, person, now)
        return f"{counted(language, 'digest', 1)}\n{text}"
    if not still and not over:
        return phrase(language, "digest.none")
    lines = []
    if still:
        lines += [
            counted(language, "digest", len(still)),
            *_cut(list(_open(words, people, person, still, now)), words, language),
        ]
    if over:
        lines.append(phrase(language, "digest.over"))
        lines += _cut(list(_over(words, person, over, now)), words, language)
    return "\n".join(lines)


def _open(words: Words, people: People, person: Person, still: Sequence[Pair], now: Micros) -> Iterator[str]:
    for incident, alerts in _by_incident(still):
        if len(alerts) > SINGLY:
            since = phrase(
                words.speaks(person), "since.now", time=words.clock(min(a.started for a in alerts), person, now)
            )
            yield f"I-{incident.number} {heading(words.facts, alerts, words.speaks(person))} {since}"
            continue
        for alert in alerts:
            by = people.get(alert.acknowledged_by) if alert.acknowledged_by else None
            yield words.line(alert, person, now, by.name if by else alert.acknowledged_by or "")


def _over(words: Words, person: Person, over: Sequence[Pair], now: Micros) -> Iterator[str]:
    language = words.speaks(person)
    for incident, alerts in _by_incident(over):
        if len(alerts) > SINGLY:
            lasted = words.facts.lasted(alerts, person, now)
            yield f"I-{incident.number} {heading(words.facts, alerts, language)} {lasted}"
            continue
        for alert in alerts:
            end = now if alert.resolved is None else alert.resolved
            start, stop = words.clock(alert.started, person, now), words.clock(end, person, now)
            key = "digest.false" if alert.false_alarm_by else "range.normal"
            lasted = phrase(language, key, start=start, end=stop)
            value = words.facts.value(alert, language)
            what = f"A-{alert.number} {words.facts.what(alert, words.speaks(person))} – {words.facts.where(alert)}"
            yield f"{what}, {value} {lasted}" if value else f"{what}, {lasted}"


def _by_incident(pairs: Sequence[Pair]) -> list[tuple[Incident, list[Alert]]]:
    found: dict[str, tuple[Incident, list[Alert]]] = {}
    for incident, alert in pairs:
        found.setdefault(incident.id, (incident, []))[1].append(alert)
    return list(found.values())


def _cut(lines: list[str], words: Words, language: str) -> list[str]:
    shown = [clean(line, LINE) for line in lines[:LINES]]
    rest = len(lines) - LINES
    return [*shown, words.say(language, "more", count=rest)] if rest > 0 else shown

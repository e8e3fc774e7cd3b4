"""What would be told, to whom, when and why, if an alert fired at some time: the live code on a book of its own.

Nothing is written and nothing is sent: a copy of the people, an empty book with the same
rules, one alert, and the clock runs a day ahead with nobody answering.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.alerting.book import Book
from alertd.alerting.machine import Machine, Phase
from alertd.alerting.rules import alert_attributes, attributes, matches
from alertd.audience.routing import routes
from alertd.engine import Engine
from alertd.model import BAD, DAY, Batch, Kind, Series, Settled, Severity
from alertd.telling import ACTIONABLE
from alertd.undo import Undo
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.alerting.settings import Rule
    from alertd.model import Alert, Message, Micros

AHEAD: Final = DAY
"""How far the clock runs: to the same time tomorrow, past every night and digest."""
MOST: Final = 200
"""Messages shown; a repeat of a minute fills a page all the same."""

OWN: Final = frozenset({"rule", "device", "metric", "group"})
"""Facts that are not labels."""


class NoSuchAlertError(ValueError):
    """No alert like this can be; the message says why."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message as it would go: when, to whom, by which messenger, what kind, and why then."""

    at: Micros
    person: str
    messenger: str
    kind: str
    why: str


@dataclass(slots=True)
class Rehearsal:
    """What would be told in the order of time, and who would hear nothing, with the reason."""

    told: list[Told] = field(default_factory=list)
    silent: list[tuple[str, str]] = field(default_factory=list)
    shadow: bool = False

    def row(self) -> dict[str, Any]:
        """Return it as JSON: times in RFC 3339 UTC."""
        return {
            "shadow": self.shadow,
            "told": [
                {
                    "at": rfc3339(one.at),
                    "person": one.person,
                    "messenger": one.messenger,
                    "kind": one.kind,
                    "why": one.why,
                }
                for one in self.told
            ],
            "silent": [{"person": person, "why": why} for person, why in self.silent],
        }


def rehearse(live: Engine, facts: Mapping[str, str], at: Micros) -> Rehearsal:
    """Let an alert fire at `at` and nobody answer for a day.

    Args:
        live: whose rules, devices, people and words; it is not changed.
        facts: `rule` and `device`; `metric` (default: what the rule watches), `group` and labels as far as they matter.
        at: when it fires.

    Raises:
        NoSuchAlertError: there is no such rule, or it does not watch this.
    """
    engine = _twin(live, at)
    book = engine.book
    number, rule = _rule(book, facts)
    series = _series(rule, facts)
    known = attributes(series, book.devices.get(series.device))
    if not matches(rule.match, known):
        raise NoSuchAlertError(f"rule {rule.name} does not watch {series.metric} of {series.device}: its match differs")
    row = book.row(series, always=True)
    machine = Machine(number, row, Phase.PENDING, at - rule.detect.hold, np.nan, np.nan, np.nan, at, BAD)
    book.machines[number, row] = machine
    book.timers.set(("hold", number, row), at, Undo())
    result = Rehearsal(shadow=rule.mode == "shadow")
    waits: dict[str, str] = {}
    now = at
    while now <= at + AHEAD and len(result.told) < MOST:
        for message in engine.step(Batch.empty(), now).messages:
            alert = next(iter(book.alerts.values()))
            result.told.append(_told(engine, message, alert, waits, rule))
            if message.kind in (*ACTIONABLE, Kind.DIGEST):
                engine.know(_delivered(message))
        for incident in book.incidents.values():
            waits |= {one.person: one.why for one in incident.aside}
        due = engine.next_due()
        if due is None:
            break
        now = max(now + 1, due)
    heard = {one.person for one in result.told}
    for alert in book.alerts.values():
        if alert.muted:
            result.silent += [(one.id, f"muted by {alert.muted}") for one in engine.people.all() if one.id not in heard]
            continue
        for route in routes(engine.people, alert, alert_attributes(alert), at):
            if route.person.id not in heard:
                result.silent.append((route.person.id, _silence(engine, route.person.id, route.told, route.why)))
    return result


def _twin(live: Engine, at: Micros) -> Engine:
    book = Book(
        live.book.rules,
        list(live.book.devices.values()),
        cap=live.book.cap,
        now=at,
        quiet_times=live.book.quiet_times,
        timezone=live.book.zone.key,
    )
    book.silences = {one.number: replace(one, muted=0, numbers=[]) for one in live.book.quiet()}
    book.counters = dict(live.book.counters)  # what the day's budgets have left
    book.down_since = None
    return Engine(book, live.people.twin(), live.words)


def _rule(book: Book, facts: Mapping[str, str]) -> tuple[int, Rule]:
    for number, rule in enumerate(book.rules):
        if rule.name == facts.get("rule"):
            return number, rule
    named = facts.get("rule")
    if named is None:
        raise NoSuchAlertError("which rule? Write rule=NAME")
    near = difflib.get_close_matches(named, [rule.name for rule in book.rules], n=1)
    raise NoSuchAlertError(f"there is no enabled rule {named}" + (f" (did you mean {near[0]}?)" if near else ""))


def _series(rule: Rule, facts: Mapping[str, str]) -> Series:
    device = facts.get("device") or _only(rule.match.get("device")) or _only(rule.match.get("id"))
    metric = facts.get("metric") or _only(rule.match.get("metric"))
    if device is None:
        raise NoSuchAlertError("which device? Write device=ID")
    if metric is None:
        raise NoSuchAlertError(f"rule {rule.name} watches every metric; write metric=NAME")
    labels = {key: value for key, value in facts.items() if key not in OWN}
    return Series(device, metric, group=facts.get("group"), labels=labels)


def _only(wanted: Any) -> str | None:
    first = wanted[0] if isinstance(wanted, list) and wanted else wanted
    return first if isinstance(first, str) else None


def _told(engine: Engine, message: Message, alert: Alert, waits: Mapping[str, str], rule: Rule) -> Told:
    at = message.due
    match message.kind:
        case Kind.DIGEST:
            reason = {"quiet": "quiet hours are over", "budget": "the day's budget was spent"}
            why = reason.get(waits.get(message.subscriber, ""), "told in digests only")
        case Kind.ESCALATE:
            names = [step.to for step in rule.chain if step.after <= at - (alert.fired or at)]
            whom = next((name for name in reversed(names) if _names(engine, name, message.subscriber, at)), "")
            why = f"nobody has acknowledged; escalate names {whom}"
        case Kind.REPEAT:
            why = "nobody has acknowledged"
        case Kind.UNREACHED:
            why = "the operator: nobody was reached"
        case _:
            found = routes(engine.people, alert, alert_attributes(alert), at)
            why = next((route.why for route in found if route.person.id == message.subscriber), "")
            quiet = engine.people.get(message.subscriber)
            if alert.severity is Severity.CRITICAL and quiet is not None and quiet.quiet_hours is not None:
                why += "; critical, so quiet hours do not count"
    messenger = message.channels[0].messenger if message.channels else ""
    return Told(at, message.subscriber, messenger, message.kind.value, why)


def _names(engine: Engine, name: str, person: str, at: Micros) -> bool:
    return any(one.id == person for one in engine.people.addressed(name, at))


def _silence(engine: Engine, person: str, told: bool, why: str) -> str:  # noqa: FBT001 (a route's own flag)
    if told and not engine.people.reachable(person):
        return "no channel with consent"
    return why


def _delivered(message: Message) -> Settled:
    return Settled(message.id, message.incident, message.subscriber, message.kind, message.alerts, "sent", message.due)

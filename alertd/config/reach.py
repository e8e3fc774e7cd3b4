"""Will anybody hear of it? Warnings about rules that wake nobody and alarms nobody must answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from alertd.audience.duty import Plan, Turns
from alertd.audience.hours import instant, local
from alertd.audience.people import EVERYBODY, ON_DUTY, ROLE
from alertd.audience.person import CALLED_ONLY
from alertd.config.problem import Problem, problem
from alertd.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.alerting.settings import Rule
    from alertd.audience.settings import Subscriber, Subscription
    from alertd.config.config import Config
    from alertd.config.document import Node
    from alertd.config.matching import Labels


DEAF: Final = {
    "sms": "answers and receipts are not heard",
    "call": "calls only read aloud: keys are not heard",
}
"""Messengers that work without an address of our own, and what they lack then."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A device a rule may meet: what is known of it, and which keys could have any value."""

    known: Mapping[str, str]
    unknown: frozenset[str]
    anything: bool = False

    def could(self, wanted: Mapping[str, Any]) -> bool:
        """Return whether nothing that is known speaks against it."""
        for key, value in _flat(wanted).items():
            if key in self.known:
                choices = value if isinstance(value, list) else [value]
                if self.known[key] not in {_text(choice) for choice in choices}:
                    return False
            elif key not in self.unknown and not self.anything:
                return False
        return True

    def being(self, wanted: Mapping[str, Any]) -> _Candidate:
        """Return the same device, known to fit `wanted`."""
        single = {key: _text(value) for key, value in _flat(wanted).items() if not isinstance(value, list)}
        several = frozenset(key for key, value in _flat(wanted).items() if isinstance(value, list))
        return _Candidate(single | dict(self.known), self.unknown | several, self.anything)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flat(wanted: Mapping[str, Any]) -> dict[str, Any]:
    labels = wanted.get("labels")
    rest = {key: value for key, value in wanted.items() if key != "labels"}
    return rest | (labels if isinstance(labels, dict) else {})


def check_reach(config: Config, tree: Node, labels: Labels) -> Iterator[Problem]:
    """Yield a warning for each live rule that reaches nobody, and each alarm that is told only once."""
    candidates = _candidates(config, labels)
    ready = {person.id: person for person in config.subscribers if person.consent is not None and person.channels}
    rules = tree.get("rules")
    if config.rules and not ready:
        place = (tree.get("subscribers") or tree).place
        yield problem(place, ("subscribers",), "nobody has consent and a channel: until somebody joins, nobody is told")
    for index, rule in enumerate(config.rules):
        node = rules.items()[index] if rules is not None else tree
        keys = ("rules", index)
        if not rule.enabled or rule.mode == "shadow":
            continue
        if ready:
            met = [candidate.being(rule.match) for candidate in candidates if candidate.could(rule.match)]
            if not met:
                yield problem(node.place, keys, f"rule {rule.name} fits no device there can be")
            elif not _heard(rule, met, ready):
                yield problem(node.place, keys, f"rule {rule.name} reaches nobody: no subscription fits its devices")
        if rule.severity is Severity.CRITICAL and not rule.repeat and not rule.escalate:
            reason = f"rule {rule.name} is critical and has neither repeat nor escalate: it is told once"
            yield problem(node.place, keys, reason)
        for step, escalation in enumerate(rule.escalate):
            for name in escalation.names:
                if not _called(name, config, ready):
                    reason = f"{name} is not reached: no consent or no channel in this file"
                    yield problem(node.place, (*keys, "escalate", step), reason)
    yield from _gaps(config, tree)
    yield from _deaf(config, tree)


def _deaf(config: Config, tree: Node) -> Iterator[Problem]:
    """Warn of messengers that can only speak as long as nobody can call us."""
    for name, what in DEAF.items():
        node = tree.get("messengers", name)
        if node is not None and config.web.public_url is None:
            yield problem(node.place, ("messengers", name), f"without web.public_url {what}")


def _candidates(config: Config, labels: Labels) -> list[_Candidate]:
    """Return every listed device and one that stands for all that are not listed."""
    topic = labels.by_topic | {"metric"}
    found = [_Candidate({}, topic | {"device", "id", "name"}, labels.any)]
    for device in config.devices:
        own = {"id": device.id, "device": device.id, "name": device.name or device.id}
        more = {"tag": device.tag, "species": device.species, "group": device.group}
        known = device.labels | own | {key: value for key, value in more.items() if value is not None}
        found.append(_Candidate(known, topic, labels.any))
    return found


def _called(name: str, config: Config, ready: Mapping[str, Subscriber]) -> bool:
    """Return whether an escalation to this name may reach anybody."""
    if any(person.id == name for person in config.subscribers):
        return name in ready
    if name.startswith(ROLE):
        return any(person.role == name.removeprefix(ROLE) for person in ready.values())
    return name in (EVERYBODY, ON_DUTY) and bool(ready)


def _gaps(config: Config, tree: Node) -> Iterator[Problem]:
    """Warn of hours without anybody on duty: alerts then go to all who are merely free."""
    plan, node = Plan(config.duty, config.farm.timezone), tree.get("duty")
    starts = [one.since for one in config.duty if isinstance(one, Turns)]
    monday = max(starts, default=date(2026, 1, 5))
    week = instant(config.farm.timezone, monday + timedelta(days=-monday.weekday() % 7), "12:00")
    always = any(person.id not in plan.named and person.subscriptions != [] for person in config.subscribers)
    gaps = [] if always or plan.calendars else plan.gaps(week)
    if gaps and node is not None:
        start, stop = (local(config.farm.timezone, at) for at in gaps[0])
        more = f" and {len(gaps) - 1} more times a week" if len(gaps) > 1 else ""
        span = f"{start:%a %H:%M} to {stop:%a %H:%M}{more}"
        yield problem(node.place, ("duty",), f"nobody is on duty {span}: alerts then go to all who are free")


def _heard(rule: Rule, met: list[_Candidate], ready: Mapping[str, Subscriber]) -> bool:
    called = {name for escalation in rule.escalate for name in escalation.names}
    if any(person.id in called or f"{ROLE}{person.role}" in called for person in ready.values()):
        return True
    if called & {EVERYBODY, ON_DUTY}:
        return True
    return any(_hears(person, rule, met) for person in ready.values())


def _hears(person: Subscriber, rule: Rule, met: list[_Candidate]) -> bool:
    theirs = [candidate.being(person.scope) for candidate in met if candidate.could(person.scope)]
    if person.subscriptions is None:
        return bool(theirs) and person.role not in CALLED_ONLY
    return any(_wants(one, rule) and candidate.could(one.match) for one in person.subscriptions for candidate in theirs)


def _wants(subscription: Subscription, rule: Rule) -> bool:
    named = [subscription.rule] if isinstance(subscription.rule, str) else subscription.rule
    return subscription.min_severity.rank <= rule.severity.rank and (named is None or rule.name in named)

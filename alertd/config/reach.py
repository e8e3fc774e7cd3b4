"""Will anybody hear of it? Warnings about rules that wake nobody and alarms nobody must answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alertd.config.problem import Problem, problem
from alertd.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.alerting.settings import Rule
    from alertd.audience.settings import Subscriber, Subscription
    from alertd.config.config import Config
    from alertd.config.document import Node
    from alertd.config.matching import Labels


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
            if escalation.to not in ready:
                reason = f"{escalation.to} is not reached: no consent or no channel in this file"
                yield problem(node.place, (*keys, "escalate", step), reason)


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


def _heard(rule: Rule, met: list[_Candidate], ready: Mapping[str, Subscriber]) -> bool:
    if any(escalation.to in ready for escalation in rule.escalate):
        return True
    return any(
        person.subscriptions is None
        or any(_wants(one, rule) and candidate.could(one.match) for one in person.subscriptions for candidate in met)
        for person in ready.values()
    )


def _wants(subscription: Subscription, rule: Rule) -> bool:
    named = [subscription.rule] if isinstance(subscription.rule, str) else subscription.rule
    return subscription.min_severity.rank <= rule.severity.rank and (named is None or rule.name in named)

"""Whom an alert concerns, and why: subscriptions and scope against the alert, then who is on duty.

Routing says who should hear of it, not whether they can: a person without consent
is concerned too, and the engine tells the operator why nobody was reached.

When they hear of it (quiet hours, budget, digest) is a second question, asked
per message after this one (`alertd.audience.timing`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.audience.settings import Subscription
    from alertd.model import Alert, Micros


@dataclass(frozen=True, slots=True)
class Route:
    """Whether one person is told of an alert, and why (or why not)."""

    person: Person
    told: bool
    why: str


def audience(people: People, alert: Alert, attributes: Mapping[str, str | None], at: Micros) -> list[Person]:
    """Return who is told, in the order of the file (`routes`)."""
    return [route.person for route in routes(people, alert, attributes, at) if route.told]


def asked_keys(people: People) -> tuple[str, ...]:
    """Return what anybody's scope or subscriptions ask of an alert: alerts alike in it concern the same people."""
    asked = [match for person in people.all() for match in (person.scope, *_matches(person))]
    keys = {key for match in asked for key in match} | {key for match in asked for key in match.get("labels", ())}
    return tuple(sorted(keys | {"device"} if "id" in keys else keys))


def routes(people: People, alert: Alert, attributes: Mapping[str, str | None], at: Micros) -> list[Route]:
    """Return of everybody, in the order of the file, whether they are told and why.

    Told are those whom it concerns and who are on duty. Who is away is replaced by their stand-in. Where
    the duty plan leaves nobody, those who are merely free are told: a gap in a plan must not let an
    animal die. Escalation does not ask here: it names its person, subscribed or not, on duty or not.

    Args:
        people: everybody.
        alert: its severity and rule count.
        attributes: `device` (or `id`), `name`, `tag`, `species`, `group`, `metric` and every label, flat.
        at: when it is told, for the duty.
    """
    found: dict[str, Route] = {}
    free: list[Person] = []
    for person in people.all():
        fits, why = _concern(person, alert, attributes)
        duty = people.duty(person.id, at)
        if not fits:
            found.setdefault(person.id, Route(person, told=False, why=why))
        elif duty.on:
            found[person.id] = Route(person, told=True, why=f"{why}, {duty.why}")
        else:
            found.setdefault(person.id, Route(person, told=False, why=duty.why))
            other = people.stand_in(person.id, at) if duty.away else None
            if other is not None and not (other.id in found and found[other.id].told):
                found[other.id] = Route(other, told=True, why=f"stands in for {person.id}, who {duty.why}")
            if not duty.away:
                free.append(person)
    if not any(route.told for route in found.values()):
        for person in free:
            found[person.id] = Route(person, told=True, why="nobody is on duty")
    return [found[person.id] for person in people.all()]


def concerns(person: Person, alert: Alert, attributes: Mapping[str, str | None]) -> bool:
    """Return whether any of the person's subscriptions fits; no list of them at all means everything."""
    return _concern(person, alert, attributes)[0]


def in_scope(person: Person, attributes: Mapping[str, str | None]) -> bool:
    """Return whether something is in the part of the farm that is this person's."""
    return _all_fit(person.scope, attributes)


def _concern(person: Person, alert: Alert, attributes: Mapping[str, str | None]) -> tuple[bool, str]:
    if not in_scope(person, attributes):
        return False, "not in their scope"
    if person.subscriptions is None:
        return True, "hears of everything"
    if not person.subscriptions:
        return False, "hears of escalations only"
    number = next((n for n, one in enumerate(person.subscriptions) if _fits(one, alert, attributes)), None)
    return (False, "no subscription fits") if number is None else (True, f"subscriptions[{number}]")


def _fits(subscription: Subscription, alert: Alert, attributes: Mapping[str, str | None]) -> bool:
    if alert.severity.rank < subscription.min_severity.rank:
        return False
    if subscription.rule is not None and not _is_one_of(alert.rule, subscription.rule):
        return False
    return _all_fit(subscription.match, attributes)


def _matches(person: Person) -> list[Mapping[str, Any]]:
    return [one.match for one in person.subscriptions or ()]


def _all_fit(match: Mapping[str, Any], attributes: Mapping[str, str | None]) -> bool:
    if not match:
        return True
    wanted = dict(match)
    labels = wanted.pop("labels", {})
    if isinstance(labels, dict):
        wanted |= labels
    return all(_is_one_of(_attribute(attributes, key), value) for key, value in wanted.items())


def _attribute(attributes: Mapping[str, str | None], key: str) -> str | None:
    if key in ("id", "device") and key not in attributes:
        return attributes.get("device" if key == "id" else "id")
    return attributes.get(key)


def _is_one_of(actual: str | None, wanted: Any) -> bool:
    if actual is None:
        return False
    choices = wanted if isinstance(wanted, list) else [wanted]
    return any(actual == _written(choice) for choice in choices)


def _written(choice: Any) -> str:
    # YAML's true is Python's True; labels are text as it stands in the file.
    return str(choice).lower() if isinstance(choice, bool) else str(choice)

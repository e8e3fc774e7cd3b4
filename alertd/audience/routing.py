"""Whom an alert concerns: subscriptions against the alert and its device.

Routing says who should hear of it, not whether they can: a person without consent
is concerned too, and the engine tells the operator why nobody was reached.

When they hear of it (quiet hours, budget, digest) is a second question, asked
per message after this one; `Person` carries what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.audience.people import People, Person
    from alertd.audience.settings import Subscription
    from alertd.model import Alert


def audience(people: People, alert: Alert, attributes: Mapping[str, str | None]) -> list[Person]:
    """Return the people on duty with a subscription that fits, in the order of the file.

    Escalation does not ask here: it names its person, subscribed or not, on duty or not.

    Args:
        people: everybody.
        alert: its severity and rule count.
        attributes: `device` (or `id`), `name`, `tag`, `species`, `group`, `metric` and every label, flat.
    """
    return [person for person in people.all() if person.duty and concerns(person, alert, attributes)]


def concerns(person: Person, alert: Alert, attributes: Mapping[str, str | None]) -> bool:
    """Return whether any of the person's subscriptions fits; no list of them at all means everything."""
    if person.subscriptions is None:
        return True
    return any(_fits(one, alert, attributes) for one in person.subscriptions)


def _fits(subscription: Subscription, alert: Alert, attributes: Mapping[str, str | None]) -> bool:
    if alert.severity.rank < subscription.min_severity.rank:
        return False
    if subscription.rule is not None and not _is_one_of(alert.rule, subscription.rule):
        return False
    wanted = dict(subscription.match)
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

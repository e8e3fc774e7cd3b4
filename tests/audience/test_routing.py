from __future__ import annotations

from typing import Any

import pytest

from alertd.audience.people import People
from alertd.audience.routing import audience
from alertd.audience.settings import Subscriber
from alertd.model import Alert, PersonState, Severity, State

BERTA = {
    "device": "cow-0421",
    "name": "Berta",
    "species": "cattle",
    "group": "dairy",
    "metric": "activity",
    "barn": "3",
    "indoor": "true",
}


def told(
    subscriptions: list[dict[str, Any]] | None, severity: Severity = Severity.WARNING, *, duty: bool = True
) -> bool:
    person = Subscriber.model_validate({"id": "anna", "subscriptions": subscriptions})
    states = {"anna": PersonState("anna", duty=duty)}
    people = People([person], states, operator=None, language="en", timezone="UTC", invites={})
    alert = Alert("x", 1, "restless", "cow-0421", "activity", "dairy", severity, State.FIRING, 1.0, "", None, started=0)
    return [one.id for one in audience(people, alert, BERTA, 0)] == ["anna"]


@pytest.mark.parametrize(
    ("subscriptions", "hears"),
    [
        (None, True),
        ([], False),
        ([{}], True),
        ([{"min_severity": "warning"}], True),
        ([{"min_severity": "critical"}], False),
        ([{"rule": "restless"}], True),
        ([{"rule": ["fever", "restless"]}], True),
        ([{"rule": "fever"}], False),
        ([{"group": "dairy"}], True),
        ([{"group": ["calves", "dairy"]}], True),
        ([{"group": "calves"}], False),
        ([{"group": "calves"}, {"device": "cow-0421"}], True),
        ([{"group": "dairy", "min_severity": "critical"}], False),
        ([{"id": "cow-0421"}], True),
        ([{"barn": 3}], True),
        ([{"indoor": True}], True),
        ([{"labels": {"barn": "3"}}], True),
        ([{"labels": {"barn": "4"}}], False),
        ([{"site": "home"}], False),
    ],
)
def test_subscriptions_say_who_hears_of_it(subscriptions: list[dict[str, Any]] | None, hears: bool) -> None:
    assert told(subscriptions) is hears


def test_off_duty_nobody_is_told_by_subscription() -> None:
    assert not told(None, Severity.CRITICAL, duty=False)

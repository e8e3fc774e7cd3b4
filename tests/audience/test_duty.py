"""Who is on duty when: the plan, what somebody said since, stand-ins, and gaps."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter

from alertd.audience.duty import DutyEntry, Plan
from alertd.audience.hours import instant, local
from alertd.audience.people import People
from alertd.audience.routing import routes
from alertd.audience.settings import Subscriber
from alertd.model import DAY, HOUR, Alert, DutyWish, PersonState, Severity, State

BERLIN = "Europe/Berlin"
ENTRIES = TypeAdapter(list[DutyEntry])
WEEKS = {"rotate": ["anna", "bob"], "every": "1w", "since": "2026-11-23", "at": "06:00"}
EARLY = {"who": "anna", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "05:00", "to": "14:00"}
NIGHTS = {"who": ["bob", "carl"], "days": ["fri", "sat"], "from": "20:00", "to": "05:00"}


def at(text: str) -> int:
    day, clock = text.split()
    return instant(BERLIN, date.fromisoformat(day), clock)


def plan(*entries: dict[str, Any]) -> Plan:
    return Plan(ENTRIES.validate_python(list(entries)), BERLIN)


@pytest.mark.parametrize(
    ("entries", "person", "when", "on"),
    [
        ([], "anna", "2026-11-23 03:00", True),
        ([WEEKS], "anna", "2026-11-23 05:59", False),
        ([WEEKS], "anna", "2026-11-23 06:00", True),
        ([WEEKS], "anna", "2026-11-30 05:59", True),
        ([WEEKS], "anna", "2026-11-30 06:00", False),
        ([WEEKS], "bob", "2026-11-30 06:00", True),
        ([WEEKS], "anna", "2027-03-29 06:00", True),  # after the clocks changed, 18 weeks on
        ([WEEKS], "carl", "2026-11-23 03:00", True),  # not named: always
        ([EARLY], "anna", "2026-11-23 04:59", False),
        ([EARLY], "anna", "2026-11-23 05:00", True),
        ([EARLY], "anna", "2026-11-23 14:00", False),
        ([EARLY], "anna", "2026-11-28 06:00", False),  # Saturday
        ([NIGHTS], "carl", "2026-11-28 04:59", True),  # Friday's night
        ([NIGHTS], "carl", "2026-11-30 04:00", False),  # Sunday's is none
        ([EARLY, {"off": "anna", "first": "2026-11-23", "last": "2026-11-24"}], "anna", "2026-11-24 06:00", False),
        ([EARLY, {"off": "anna", "first": "2026-11-23", "last": "2026-11-24"}], "anna", "2026-11-25 06:00", True),
        ([{"off": "carl", "first": "2026-11-23", "last": "2026-11-23"}], "carl", "2026-11-23 12:00", False),
    ],
)
def test_the_plan_says_who_is_on_duty(entries: list[dict[str, Any]], person: str, when: str, on: bool) -> None:
    assert plan(*entries).duty(person, at(when)).on is on


def test_the_next_change_and_the_gaps_of_a_week() -> None:
    assert plan(WEEKS).next_change("anna", at("2026-11-24 12:00")) == at("2026-11-30 06:00")
    assert plan().next_change("anna", at("2026-11-24 12:00")) is None
    assert plan(WEEKS).gaps(at("2026-11-24 12:00")) == []
    gaps = plan(EARLY, NIGHTS).gaps(at("2026-11-23 12:00"))
    assert [f"{local(BERLIN, start):%a %H:%M}" for start, _ in gaps] == [
        "Mon 14:00",
        "Tue 14:00",
        "Wed 14:00",
        "Thu 14:00",
        "Fri 14:00",
        "Sat 05:00",
        "Sun 05:00",
    ]


def people(*written: dict[str, Any], states: dict[str, PersonState] | None = None, entries=()) -> People:
    subscribers = [Subscriber.model_validate(one) for one in written]
    return People(
        subscribers, states or {}, operator=None, language="en", timezone=BERLIN, invites={}, plan=plan(*entries)
    )


def heard(known: People, when: int = at("2026-11-24 12:00"), **attributes: str) -> dict[str, str]:
    alert = Alert("x", 1, "fever", "cow", "t", None, Severity.CRITICAL, State.FIRING, 1.0, "", None, started=0)
    found = routes(known, alert, {"device": "cow"} | attributes, when)
    return {route.person.id: route.why for route in found if route.told}


ANNA, BOB, CARL = {"id": "anna"}, {"id": "bob"}, {"id": "carl", "subscriptions": []}


def test_only_those_on_duty_are_told() -> None:
    assert list(heard(people(ANNA, BOB, entries=[WEEKS]))) == ["anna"]


def test_a_gap_in_the_plan_tells_all_who_are_free_but_not_who_is_away() -> None:
    written = [ANNA, BOB]
    assert heard(people(*written, entries=[EARLY, NIGHTS]), at("2026-11-24 20:00")) == {
        "anna": "nobody is on duty",
        "bob": "nobody is on duty",
    }
    off = {"anna": PersonState("anna", duty=False)}
    assert list(heard(people(*written, states=off, entries=[EARLY, NIGHTS]), at("2026-11-24 20:00"))) == ["bob"]


def test_who_is_away_is_replaced_along_the_line_of_stand_ins() -> None:
    away = {"anna": PersonState("anna", duty=False), "bob": PersonState("bob", duty=False)}
    written = [ANNA | {"stand_in": "bob"}, BOB | {"stand_in": "carl", "subscriptions": []}, CARL]
    assert heard(people(*written, states=away)) == {"carl": "stands in for anna, who said DUTY OFF"}
    assert list(heard(people(*written))) == ["anna"]
    ring = [ANNA | {"stand_in": "bob"}, BOB | {"stand_in": "anna"}]
    assert heard(people(*ring, states=away)) == {}


def test_what_was_said_goes_before_the_plan_until_its_time() -> None:
    noon = at("2026-11-24 12:00")
    on = {"bob": PersonState("bob", duty=True, duty_until=noon + HOUR)}
    known = people(ANNA, BOB, states=on, entries=[WEEKS])
    assert known.duty("bob", noon).on
    assert not known.duty("bob", noon + HOUR).on
    off = people(ANNA, BOB, states={"anna": PersonState("anna", duty=False, duty_until=noon + DAY)}, entries=[WEEKS])
    assert not off.duty("anna", noon).on
    assert off.duty("anna", noon + DAY).on


def test_the_scope_is_the_part_of_the_farm_that_somebody_hears_of() -> None:
    known = people(ANNA | {"scope": {"site": "home"}}, BOB | {"scope": {"site": ["home", "hill"]}})
    assert list(heard(known, site="hill")) == ["bob"]
    assert list(heard(known)) == []


def test_a_vet_hears_of_escalations_only_unless_their_subscriptions_say_more() -> None:
    vet = {"id": "vet", "role": "vet"}
    assert heard(people(vet)) == {}
    assert list(heard(people(vet | {"subscriptions": [{}]}))) == ["vet"]


@pytest.mark.parametrize(
    ("to", "meant"),
    [
        ("anna", ["anna"]),
        ("everybody", ["anna", "bob", "vet"]),
        ("on_duty", ["anna", "vet"]),
        ("role:vet", ["vet"]),
        ("role:nobody", []),
        ("otto", []),
    ],
)
def test_whom_an_escalation_means(to: str, meant: list[str]) -> None:
    known = people(ANNA, BOB, {"id": "vet", "role": "vet"}, entries=[WEEKS])
    assert [one.id for one in known.addressed(to, at("2026-11-24 12:00"))] == meant


def test_a_wish_is_done_with_when_duty_is_settled() -> None:
    known = people(ANNA, BOB)
    known.apply([known.wished("bob", DutyWish("anna", 2, 1))], [])
    assert known.state("bob").asked == DutyWish("anna", 2, 1)
    assert known.on_duty("bob", duty=True).asked is None

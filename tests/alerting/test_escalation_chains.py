"""Nobody answers: who is told next, and after them, and again from the top."""

from __future__ import annotations

from typing import Any

import pytest
from farm import ANNA, BOB, Farm, hot
from pydantic import ValidationError

from alertd.alerting.settings import Rule
from alertd.model import Kind

VET = BOB | {"id": "vet", "role": "vet"}
MINUTES = 60

CHAINS: dict[str, tuple[list[dict[str, Any]], str]] = {
    #                                                           one column five minutes, from the alert on
    "the contract's form": ([{"after": "15m", "to": "vet"}], ".  .  .  v"),
    "one waits for the other": ([{"after": "5m", "to": "bob"}, {"wait": "10m", "to": "vet"}], ".  b  .  v"),
    "several at once": ([{"after": "5m", "to": ["bob", "vet"]}], ".  bv"),
    "a role": ([{"after": "5m", "to": "role:vet"}], ".  v"),
    "everybody": ([{"after": "5m", "to": "everybody"}], ".  abv"),
    "once more from the top": (
        [{"after": "5m", "to": "bob"}, {"wait": "5m", "to": "vet"}, {"wait": "5m", "again": 1}],
        ".  b  v  .  b  v  .  .",
    ),
    "for a day from the top": ([{"after": "5m", "to": "bob"}, {"wait": "5m", "again": True}], ".  b  .  b  .  b"),
}


@pytest.mark.parametrize(("escalate", "told"), CHAINS.values(), ids=CHAINS)
def test_a_chain(escalate: list[dict[str, Any]], told: str) -> None:
    quiet = [one | {"subscriptions": []} for one in (BOB, VET)]
    farm = Farm(hot(escalate=escalate), people=(ANNA, *quiet))
    farm.say((0, "barn", 35))
    columns = []
    for column in range(len(told.split())):
        sent = farm.tick(column * 5 * MINUTES + 1)
        columns.append("".join(one.subscriber[0] for one in sent if one.kind is Kind.ESCALATE) or ".")
    assert columns == told.split()


def test_an_answer_ends_the_chain() -> None:
    farm = Farm(hot(escalate=[{"after": "5m", "to": "bob"}, {"wait": "5m", "again": True}]), people=(ANNA, BOB))
    farm.say((0, "barn", 35))
    farm.tick(301)
    farm.do(400, "ack", 1)
    assert [one for one in farm.tick(7200) if one.kind is Kind.ESCALATE] == []


def test_who_passes_it_on_wakes_the_next_at_once_and_the_rest_of_the_chain_keeps_its_times() -> None:
    quiet = [one | {"subscriptions": []} for one in (BOB, VET)]
    chain = [{"after": "5m", "to": "bob"}, {"wait": "10m", "to": "vet"}]
    farm = Farm(hot(escalate=chain), people=(ANNA, *quiet))
    farm.say((0, "barn", 35))
    assert [one.subscriber for one in farm.do(30, "escalate", 1) if one.kind is Kind.ESCALATE] == ["bob"]
    assert [one for one in farm.tick(899) if one.kind is Kind.ESCALATE] == []
    assert [one.subscriber for one in farm.tick(901) if one.kind is Kind.ESCALATE] == ["vet"]
    assert farm.do(1000, "escalate", 1) == [], "nobody is left"


def test_all_who_come_next_together_are_told_when_it_is_passed_on() -> None:
    quiet = [one | {"subscriptions": []} for one in (BOB, VET)]
    farm = Farm(hot(escalate=[{"after": "5m", "to": ["bob", "vet"]}]), people=(ANNA, *quiet))
    farm.say((0, "barn", 35))
    assert sorted(one.subscriber for one in farm.do(30, "escalate", 1)) == ["bob", "vet"]
    assert [one for one in farm.tick(7200) if one.kind is Kind.ESCALATE] == []


def test_what_is_taken_over_or_has_no_chain_is_not_passed_on() -> None:
    farm = Farm(hot(escalate=[{"after": "5m", "to": "bob"}]), people=(ANNA, BOB | {"subscriptions": []}))
    farm.say((0, "barn", 35))
    farm.do(10, "ack", 1)
    assert farm.do(30, "escalate", 1) == []
    alone = Farm(hot(), people=(ANNA, BOB | {"subscriptions": []}))
    alone.say((0, "barn", 35))
    assert alone.do(30, "escalate", 1) == []


def test_a_chain_for_a_day_ends() -> None:
    rule = Rule.model_validate(hot(escalate=[{"after": "1m", "to": "bob"}, {"wait": "1m", "again": True}]))
    assert len(rule.chain) == 100
    assert [step.after for step in rule.chain] == sorted(step.after for step in rule.chain)


@pytest.mark.parametrize(
    "escalate",
    [
        [{"to": "bob"}],
        [{"after": "5m"}],
        [{"after": "5m", "wait": "5m", "to": "bob"}],
        [{"after": "5m", "again": True}],
        [{"after": "5m", "again": True}, {"wait": "5m", "to": "bob"}],
        [{"after": "5m", "to": []}],
    ],
)
def test_a_chain_that_says_nothing_clear_is_refused(escalate: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(hot(escalate=escalate))

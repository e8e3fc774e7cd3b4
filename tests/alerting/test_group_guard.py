"""Too many of a group at once are one herd event: one column a minute, a row for each animal.

in:  `!` bad  `.` normal  ` ` nothing new
out: `.` nothing, else for each message its kind and how many animals it names: `F1` firing  `D2` more  `R1` over
"""

from __future__ import annotations

import pytest
from farm import BOB, Farm, kinds
from hypothesis import given, settings
from hypothesis import strategies as st
from place import Place
from pydantic import ValidationError

from alertd import recovery
from alertd.alerting.guard import is_herd
from alertd.alerting.settings import Rule
from alertd.model import Kind
from alertd.seams import Kept

RESTLESS = {
    "name": "restless",
    "match": {"metric": "activity"},
    "detect": {"kind": "threshold", "above": 30},
    "severity": "warning",
    "group_by": ["device"],
    "group_wait": "0s",
    "herd": 0.25,
}
COWS = tuple(f"cow-{n}" for n in range(12))
LETTERS = {Kind.FIRING: "F", Kind.DELTA: "D", Kind.RESOLVE: "R", Kind.REPEAT: "P", Kind.AGAIN: "A"}
VALUES = {"!": 35.0, ".": 20.0}

STORIES = {
    "a few animals are told one by one, however they are spread": (
        {},
        ["!    .", " !    ", "  !   "],
        "F1 F1 F1 . . R1",
    ),
    "a quarter of twelve is three, but fewer than four are never a herd event": (
        {"herd": 0.1},
        ["!", "!", "!"],
        "F1F1F1",
    ),
    "four of twelve at the same moment are one message": ({}, ["!", "!", "!", "!"], "F4"),
    "the fourth makes it a herd event, and those after it are told together, as more of it": (
        {},
        ["!         ", " !        ", "  !       ", "   !      ", "    !     ", "     !    "],
        "F1 F1 F1 F1 . . . . . D2",
    ),
    "half must be bad where the rule says half": (
        {"herd": 0.5},
        ["!   ", " !  ", "  ! ", "   !"],
        "F1 F1 F1 F1",
    ),
    "two are enough where the rule says so": ({"herd": {"above": 0.1, "least": 2}}, ["! ", " !"], "F1 F1"),
}


def herd(**more) -> Place:
    """Twelve cows of one group that were all heard, and a rule on them."""
    place = Place(RESTLESS | more, groups=dict.fromkeys(COWS, "dairy"), devices=tuple(animal(cow) for cow in COWS))
    place.hear_at_once(*((0, cow, "activity", 20) for cow in COWS))
    return place


def animal(cow: str) -> dict:
    return {"id": cow, "species": "cattle", "group": "dairy"}


def bad(place: Place, second: float, *numbers: int, value: float = 35) -> list:
    """So many cows are restless, in one batch."""
    return place.hear_at_once(*((second, COWS[n], "activity", value) for n in numbers))


@pytest.mark.parametrize(("more", "rows", "expected"), STORIES.values(), ids=STORIES)
def test_many_of_a_group_at_once_are_one_herd_event(more, rows, expected):
    place, out = herd(**more), []
    for minute in range(len(rows[0])):
        second = 60 * (minute + 1)
        told = place.tick(second)
        signs = [(cow, row[minute]) for cow, row in zip(COWS, rows, strict=False) if row[minute] != " "]
        if signs:
            told += place.hear_at_once(*((second + 0.5, cow, "activity", VALUES[sign]) for cow, sign in signs))
        out.append("".join(f"{LETTERS[one.kind]}{len(one.alerts)}" for one in told) or ".")
    assert " ".join(out) == expected


def test_it_is_told_as_what_it_is():
    place = herd()
    (message,) = bad(place, 60, 0, 1, 2, 3, 4, 5, 6)
    assert message.text.splitlines()[0] == "Restless: 7 of 12 animals, dairy"
    assert message.text.endswith("I-1") or "I-" in message.text.splitlines()[-1]
    assert len(message.alerts) == 7


def test_the_one_that_makes_it_a_herd_event_is_named_and_those_told_before_are_counted():
    place = herd(message="{{ device }} is restless")
    bad(place, 60, 0)
    bad(place, 120, 1)
    bad(place, 180, 2)
    (message,) = bad(place, 240, 3)
    first, second, *_ = message.text.splitlines()
    assert first == "Restless: 4 of 12 animals, dairy"
    assert second.startswith("cow-3: ")


def test_a_german_reads_it_in_german():
    place = Place(RESTLESS, groups=dict.fromkeys(COWS, "dairy"), people=(BOB | {"language": "de"},))
    place.hear_at_once(*((0, cow, "activity", 20) for cow in COWS))
    (message,) = bad(place, 60, 0, 1, 2, 3)
    assert message.text.splitlines()[0] == "Restless: 4 von 12 Geräten, dairy"


def test_a_collar_that_was_not_heard_for_a_day_is_not_counted():
    place = herd()
    day = 86_400
    place.hear_at_once(*((day + 100, cow, "activity", 20) for cow in COWS[:6]))
    (message,) = bad(place, day + 200, 0, 1, 2, 3)
    assert message.text.splitlines()[0] == "Restless: 4 of 6 animals, dairy"


def test_another_group_is_another_herd():
    groups = {cow: "dairy" if n < 6 else "heifers" for n, cow in enumerate(COWS)}
    place = Place(RESTLESS | {"herd": 0.4}, groups=groups)
    place.hear_at_once(*((0, cow, "activity", 20) for cow in COWS))
    told = bad(place, 60, 0, 1, 2, 6, 7, 8)
    assert [len(message.alerts) for message in told] == [1] * 6
    (message,) = bad(place, 120, 3)
    assert message.text.splitlines()[0] == "Restless: 4 of 6 devices, dairy"


def test_what_was_called_a_false_alarm_does_not_count():
    place = herd()
    bad(place, 60, 0, 1, 2)
    place.do(90, "false_alarm", 1)
    assert len(bad(place, 120, 3)[0].alerts) == 1
    assert not any(is_herd(one) for one in place.book.incidents.values())


def test_an_ebbing_herd_event_is_one_until_fewer_than_four_are_left():
    place = herd()
    bad(place, 60, 0, 1, 2, 3, 4, 5)
    bad(place, 120, 0, 1, value=20)
    bad(place, 200, 6)
    assert [len(one.alerts) for one in place.book.incidents.values() if is_herd(one)] == [7]
    bad(place, 260, 2, 3, 4, value=20)
    bad(place, 320, 7)
    assert [len(one.alerts) for one in place.book.incidents.values() if is_herd(one)] == [7]


def test_reminders_and_the_end_of_a_herd_event_are_one_message_each():
    place = herd(repeat="1h", severity="critical")
    bad(place, 60, 0, 1, 2, 3)
    (again,) = place.tick(3700)
    assert (again.kind, len(again.alerts)) == (Kind.REPEAT, 4)
    assert kinds(bad(place, 3800, 0, 1, 2, 3, value=20)) == [Kind.RESOLVE]
    assert place.tick(90_000) == []


def test_a_rule_about_whole_groups_has_no_herd():
    with pytest.raises(ValidationError, match="speaks of whole groups already"):
        Rule.model_validate(
            {"name": "x", "detect": {"kind": "fraction", "of": "y", "above": 0.5, "window": "1h"}, "herd": 0.25}
        )


MINUTES = st.lists(
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from([20.0, 35.0])), min_size=1, max_size=6), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(minutes=MINUTES)
def test_the_count_is_that_of_the_open_alerts_and_a_restart_finds_it_again(minutes):
    place = herd()
    for minute, readings in enumerate(minutes):
        place.hear_at_once(*((60 * minute + 60, COWS[n], "activity", value) for n, value in readings))
    book = place.book
    firing = {alert.device for alert in book.alerts.values() if alert.open}
    assert set(book.herds.firing.get(("restless", "dairy"), ())) == firing
    assert all(book.firing[one.id] == sum(book.alerts[a].open for a in one.alerts) for one in book.incidents.values())
    again: Farm = Place(RESTLESS, groups=dict.fromkeys(COWS, "dairy"))
    kept = Kept(
        series=dict(enumerate(book.series)), alerts=list(book.alerts.values()), incidents=list(book.incidents.values())
    )
    recovery.restore(again.engine, kept)
    assert {k: v for k, v in again.book.herds.firing.items() if v} == {k: v for k, v in book.herds.firing.items() if v}


@settings(max_examples=40, deadline=None)
@given(minutes=MINUTES)
def test_a_step_taken_back_leaves_the_herd_as_it_was(minutes):
    place = herd()
    for minute, readings in enumerate(minutes):
        batch = place.of([(60 * minute + 60, COWS[n], "activity", value) for n, value in readings])
        before = {key: dict(one) for key, one in place.book.herds.firing.items()}
        now = int(batch.received[-1]) + 1
        first = place.engine.step(batch, now)
        told = [(one.id, one.text, one.alerts) for one in first.messages]
        place.engine.rollback()
        assert {key: dict(one) for key, one in place.book.herds.firing.items() if one} == {
            k: v for k, v in before.items() if v
        }
        assert [(one.id, one.text, one.alerts) for one in place.engine.step(batch, now).messages] == told

"""DUTY: on, off, for how long, who is on, and somebody takes over."""

from __future__ import annotations

import pytest
from barn import NOW, Barn

from alertd.model import HOUR, MINUTE, Kind


@pytest.fixture
def barn() -> Barn:
    return Barn()


def test_off_and_on_without_an_end(barn: Barn) -> None:
    (reply,) = barn.say("DUTY OFF")
    assert "Off duty" in reply
    assert not barn.people.duty("anna", NOW + 1000 * HOUR).on
    barn.say("duty on")
    assert barn.people.duty("anna", NOW).on


@pytest.mark.parametrize(
    ("text", "lasts"),
    [
        ("DUTY OFF 4h", 4 * HOUR),
        ("duty off for a while", None),
        ("DUTY OFF 90 min", 90 * MINUTE),
        ("Dienst aus bis 06:00", 3 * HOUR + 10 * MINUTE),  # it is 02:50
        ("DUTY OFF until 2:00", 23 * HOUR + 10 * MINUTE),
        ("DUTY OFF until then", None),
        ("DUTY OFF 900d", None),
    ],
)
def test_off_for_a_while(barn: Barn, text: str, lasts: int | None) -> None:
    (reply,) = barn.say(text)
    assert barn.people.duty("anna", NOW).on is (lasts is None)
    if lasts is None:
        assert "Nothing was changed" in reply
    else:
        assert barn.people.duty("anna", NOW + lasts).on
        assert not barn.people.duty("anna", NOW + lasts - 1).on


def test_duty_alone_says_who_is_on(barn: Barn) -> None:
    barn.say("DIENST AUS 4h", "4712")
    (reply,) = barn.say("DUTY")
    assert "Anna: on duty" in reply
    assert "Otto: off duty until 06:50" in reply


def test_a_swap_needs_a_yes_and_is_told_to_both(barn: Barn) -> None:
    said = barn.take(barn.update("DUTY SWAP otto until 06:00"))
    wish, answer = said.replies
    assert (wish.kind, wish.subscriber, wish.channels[0].address) == (Kind.DUTY, "otto", "4712")
    assert "Anna bittet dich" in wish.text
    assert "Otto is asked" in answer.text
    assert barn.people.duty("anna", NOW).on
    said = barn.take(barn.update("Dienst ja", "4712"))
    assert [(one.kind, one.subscriber) for one in said.replies] == [(Kind.DUTY, "anna"), (Kind.REPLY, "otto")]
    assert not barn.people.duty("anna", NOW).on
    assert barn.people.duty("anna", NOW + 4 * HOUR).on
    assert barn.people.duty("otto", NOW).why == "took the duty"


def test_a_no_leaves_everything_and_is_told(barn: Barn) -> None:
    barn.say("DUTY SWAP Otto 12h")
    said = barn.take(barn.update("DUTY NO", "4712"))
    assert said.replies[0].subscriber == "anna"
    assert barn.people.duty("anna", NOW).on
    assert "Nobody is waiting" in barn.say("DUTY YES")[0]
    assert "Niemand wartet" in barn.say("DUTY YES", "4712")[0]


def test_a_wish_of_yesterday_is_off(barn: Barn) -> None:
    barn.say("DUTY SWAP Otto 24h")
    assert "Niemand wartet" in barn.say("DUTY YES", "4712", now=NOW + 12 * HOUR)[0]


@pytest.mark.parametrize("text", ["DUTY SWAP", "DUTY SWAP nobody", "DUTY SWAP anna", "DUTY SWAP Otto until noon"])
def test_nobody_is_asked_by_a_name_that_is_not_clear(barn: Barn, text: str) -> None:
    said = barn.take(barn.update(text))
    assert len(said.replies) == 1
    assert "Nobody was asked" in said.replies[0].text


def test_who_cannot_be_reached_is_not_asked(barn: Barn) -> None:
    (reply,) = barn.say("DUTY SWAP vet")
    assert "cannot be reached" in reply

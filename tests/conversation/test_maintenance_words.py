"""Planned quiet from the chat: what is muted, for how long, and what is asked back."""

from __future__ import annotations

import pytest
from barn import NOW, Barn

from alertd.model import DAY, HOUR, MINUTE, Silence


@pytest.mark.parametrize(
    ("text", "match", "lasts", "reason"),
    [
        ("/maintenance barn2 2h", {"barn": "barn2"}, 2 * HOUR, "maintenance of barn2"),
        ("MAINTENANCE barn2", {"barn": "barn2"}, 2 * HOUR, "maintenance of barn2"),
        ("Wartung Barn2 90 min neue Lüfter", {"barn": "barn2"}, 90 * MINUTE, "neue Lüfter"),
        ("maintenance dairy 1d wiring in the parlour", {"group": "dairy"}, DAY, "wiring in the parlour"),
        ("maintenance berta 3h", {"device": ["cow-0421"]}, 3 * HOUR, "maintenance of berta"),
    ],
)
def test_a_place_is_muted_for_everybody_for_a_while(text, match, lasts, reason):
    barn = Barn()
    said = barn.take(barn.update(text))
    (wish,) = said.silences
    assert (wish.match, wish.until, wish.reason, wish.by) == (match, NOW + lasts, reason, "anna")
    assert "quiet for everybody until" in said.replies[0].text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("maintenance", "Nothing was muted. Write MAINTENANCE"),
        ("maintenance barn2 8d", "at most 7d"),
        ("maintenance nowhere 2h", "I know no animal, group or place nowhere"),
        ("maintenance end S-9", "There is no silence S-9"),
        ("maintenance end barn2", "There is no silence barn2"),
    ],
)
def test_what_is_not_clear_mutes_nothing(text, answer):
    barn = Barn()
    said = barn.take(barn.update(text))
    assert said.silences == []
    assert answer in said.replies[0].text


def test_it_is_listed_and_ended_by_its_number():
    barn = Barn(silences=[Silence(3, {"barn": "barn2"}, NOW, NOW + HOUR, "new fans")])
    assert "S-3 quiet until" in barn.say("list")[0]
    (wish,) = barn.take(barn.update("maintenance end S-3")).silences
    assert (wish.ends, wish.by) == (3, "anna")


def test_a_stranger_mutes_nothing():
    barn = Barn()
    assert barn.take(barn.update("maintenance barn2 2h", sender="666")).silences == []

"""Planned quiet, told as a farmer would: one column a minute.

in:  `.` normal  `!` bad  `a` bad, and Anna takes it  `u` bad, and gives it back  ` ` no reading
quiet: `s` a silence covers this minute    out: as in test_lifecycle_stories, `E` escalation to the vet, `S` the summary
"""

from __future__ import annotations

import pytest
from farm import ANNA, BOB, START, Farm, hot, kinds

from alertd.model import MINUTE, Kind, State

LETTERS = {
    Kind.FIRING: "F",
    Kind.RESOLVE: "R",
    Kind.AGAIN: "A",
    Kind.REPEAT: "P",
    Kind.DELTA: "D",
    Kind.ESCALATE: "E",
    Kind.DIGEST: "S",
}
VET = BOB | {"id": "vet", "subscriptions": []}
REPEAT = {"repeat": "3m"}
ESCALATE = {"escalate": [{"after": "4m", "to": "vet"}]}
STORIES = {
    "a silence keeps a new alert quiet and then says what it kept": (
        {},
        ".!!!!!!",
        " sssss ",
        "......FS",
    ),
    "what is over before the silence is never told, only counted": ({}, ".!!....", " sssss ", "......S"),
    "reminders are muted too, and come back with a word that it still fires": (
        REPEAT,
        "!!!!!!!!!!!!",
        "  sssss     ",
        "F......PS..P.",
    ),
    "escalation is muted too and counts anew from the end of the silence": (
        ESCALATE,
        "!!!!!!!!!!!!!!",
        " sssss        ",
        "F.....PS...E....",
    ),
    "the end of what was told before is told all the same": ({}, "!!!...", " sssss", "F..R..S"),
    "what somebody has taken is not told again": (REPEAT, "!a!!!!!!!!", "  sss     ", "FT...S......"),
    "a silence that covers nothing ends without a word": ({}, "......", " ss   ", "......"),
    "what was told as over and fires again in the silence is told after it": (
        {},
        "!.!!!!!!",
        "  ssss  ",
        "FR....AS..",
    ),
}


def play(rule: dict, fed: str, quiet: str) -> str:
    farm = Farm(hot(**rule), people=(ANNA, VET | {"consent": "2026-01-01"}))
    begin, end = quiet.find("s"), quiet.rfind("s") + 1
    out = ""
    for minute, sign in enumerate(fed):
        if minute == begin:
            farm.silence(60 * minute - 1, 60 * end - 1, device="barn")
        told = farm.tick(60 * minute - 0.5)
        if sign != " ":
            told = [*told, *farm.say((60 * minute, "barn", 20.0 if sign == "." else 35.0))]
        if sign == "a":
            told = [*told, *farm.do(60 * minute + 5, "ack", 1)]
        letters = [LETTERS.get(message.kind, "T") for message in told]
        out += "".join(sorted(letters, key="FRAPDETS".index)) or "."
    told = farm.tick(60 * len(fed) - 0.5)
    return out + "".join(LETTERS.get(message.kind, "T") for message in told)


@pytest.mark.parametrize(("rule", "fed", "quiet", "expected"), STORIES.values(), ids=STORIES)
def test_a_silence_keeps_quiet_what_it_covers_and_nothing_is_lost(rule, fed, quiet, expected):
    assert play(rule, fed, quiet).rstrip(".") == expected.rstrip(".")


def test_a_silence_fits_by_every_one_of_its_keys():
    device = {"group_by": ["device"]}
    farm = Farm(
        hot(**device), hot(name="warm", **device), devices=({"id": "a", "labels": {"barn": "north"}}, {"id": "b"})
    )
    farm.silence(0, 3600, rule=["warm"], barn="north")
    told = farm.say((1, "a", 35), (2, "b", 35))
    assert {(message.data["rule"], message.alerts) for message in told} == {
        ("hot", ("A-1",)),
        ("hot", ("A-3",)),
        ("warm", ("A-4",)),
    }


def test_a_silence_can_be_ended_early_and_the_alerts_say_who_mutes_them():
    farm = Farm(hot())
    farm.silence(0, 7200, device="barn")
    farm.say((10, "barn", 35))
    alert = farm.book.numbered(1)
    assert (alert.muted, alert.state, alert.told) == ("S-1", State.FIRING, False)
    told = farm.end_silence(60, 1)
    assert kinds(told) == [Kind.FIRING, Kind.DIGEST]
    assert alert.muted == ""
    assert farm.tick(7300) == []


def test_the_summary_goes_to_who_made_the_silence_with_reason_count_and_what_is_open():
    farm = Farm(hot(), people=(ANNA, BOB))
    farm.silence(0, 600, by="bob", metric="temperature")
    farm.say((1, "a", 35), (2, "b", 35), (3, "c", 35), (60, "b", 20))
    summary = next(message for message in farm.tick(600) if message.kind is Kind.DIGEST)
    assert summary.subscriber == "bob"
    assert "S-1" in summary.text
    assert "new fans" in summary.text
    assert "3 alerts were kept quiet" in summary.text
    assert "2 of them are still open" in summary.text
    assert "A-1" in summary.text
    assert "A-2" not in summary.text


def test_a_hundred_alerts_that_come_back_after_a_silence_are_one_message():
    farm = Farm(hot())
    names = [f"cow-{number}" for number in range(100)]
    farm.step(1, farm.batch([(0.5, name, 40) for name in names[:50]]))
    farm.silence(10, 600, metric="temperature")
    farm.step(20, farm.batch([(20, name, 40) for name in names[50:]]))
    told = farm.tick(600)
    assert sorted((message.kind.value, len(message.alerts)) for message in told) == [
        ("delta", 50),
        ("digest", 0),
        ("repeat", 50),
    ]


def test_the_same_wish_again_makes_no_second_silence():
    farm = Farm(hot())
    farm.silence(0, 600, device="a")
    farm.silence(0, 600, device="a")
    assert list(farm.book.silences) == [1]


def test_a_silence_that_was_taken_back_never_was():
    farm = Farm(hot())
    farm.say((0, "barn", 35))
    farm.silence(10, 600, device="barn")
    farm.engine.rollback()
    assert farm.book.silences == {}
    assert farm.book.numbered(1).muted == ""
    assert "silence" not in farm.book.counters
    assert farm.tick(700) == []


def test_giving_back_an_alert_tells_the_others_and_the_vet_is_asked_anew():
    farm = Farm(hot(**REPEAT, **ESCALATE), people=(ANNA, BOB, VET))
    farm.say((0, "barn", 35))
    farm.do(60, "ack", 1)
    assert farm.tick(1000) == []
    told = farm.do(1000, "unack", 1)
    assert {(message.kind, message.subscriber) for message in told} == {(Kind.REPEAT, "anna"), (Kind.REPEAT, "bob")}
    assert kinds(farm.tick(1180)) == [Kind.REPEAT, Kind.REPEAT]
    assert [message.subscriber for message in farm.tick(1240)] == ["vet"]


def test_an_alert_ended_by_hand_that_fires_again_is_told():
    farm = Farm(hot())
    farm.say((0, "barn", 35))
    farm.do(10, "resolve", 1)
    assert farm.say((60, "barn", 20)) == []
    assert kinds(farm.say((120, "barn", 35))) == [Kind.AGAIN]


def test_a_snooze_of_many_ends_in_one_message():
    farm = Farm(hot(), people=(ANNA,))
    farm.step(1, farm.batch([(0.5, f"cow-{number}", 40) for number in range(30)]))
    farm.do(10, "snooze", *range(1, 31), until=START + 10 * MINUTE)
    (message,) = farm.tick(600)
    assert (message.kind, len(message.alerts)) == (Kind.REPEAT, 30)
    assert farm.tick(3600) == []

"""What a farmer gets to hear of a barn that gets hot: one column a minute.

in: `.` normal  `!` bad  `-` in the band  ` ` no reading    out: `.` nothing  `F` firing  `R` resolved  `A` again  `P` repeat
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from farm import START, Farm, hot, kinds
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.alerting.turn import Turn
from alertd.model import DAY, HOUR, SECOND, Kind, Quality, State
from alertd.recovery import expect_listed, ready, restore
from alertd.seams import Kept
from alertd.undo import Undo

LETTERS = {Kind.FIRING: "F", Kind.RESOLVE: "R", Kind.AGAIN: "A", Kind.REPEAT: "P", Kind.DELTA: "D"}
VALUES = {".": 20.0, "!": 35.0, "-": 29.0}

HOLD = {"detect": {"hold": "2m"}}
CLEAR = {"detect": {"clear_after": "2m"}}
STORIES = {
    "a bad reading is told at once": ({}, "..!!!", "..F.."),
    "the end is told once": ({}, "!!...", "F.R.."),
    "a short spike wakes nobody": (HOLD, "..!.!...", "........"),
    "a held one fires once": (HOLD, "..!!!!!..", "....F..R."),
    "the hold ends on the clock when the last reading was bad": (HOLD, "!     ", "..F..."),
    "between limit and clear value an alert goes on": ({}, "!--!-.", "F....R"),
    "in the band a hold goes on but only a bad reading ends it": (HOLD, "!---!.", "....FR"),
    "the end waits until it stays good": (CLEAR, "!..!...!", "F.....RA"),
    "the band breaks the good spell": (CLEAR, "!.-....", "F....R."),
    "no value is no good news": ({}, "!         ", "F........."),
    "again within ten minutes is the same alert, told again": ({}, "!.!!.", "FRA.."),
    "unanswered alerts repeat": ({"repeat": "3m"}, "!!!!!!!!", "F..P..P."),
    "repeats grow": ({"repeat": ["2m", "4m"]}, "!!!!!!!!!!!", "F.P...P...P"),
    "a silent end is not told": ({"resolve": "silent"}, "!..", "F.."),
    "a shadow rule tells nobody": ({"mode": "shadow"}, "!!..", "...."),
    "a shadow rule that flaps tells nobody": ({"mode": "shadow", "repeat": "2m"}, "!.!!!!.", "......."),
}


def play(rule: dict, fed: str) -> str:
    farm, out = Farm(rule), ""
    for minute, sign in enumerate(fed):
        at = 60 * minute
        told = farm.tick(at) if sign == " " else farm.say((at, "barn", VALUES[sign]))
        out += "".join(LETTERS[message.kind] for message in told) or "."
    return out


@pytest.mark.parametrize(("more", "fed", "sent"), STORIES.values(), ids=STORIES)
def test_a_hot_barn(more, fed, sent):
    assert play(hot(**more), fed) == sent


def test_a_hold_does_not_end_on_the_clock_when_the_last_reading_is_old():
    farm = Farm(hot(detect={"hold": "30m"}))
    farm.say((0, "barn", 35))
    assert farm.tick(31 * 60) == []
    assert kinds(farm.say((40 * 60, "barn", 35))) == [Kind.FIRING]


def test_a_state_keeps_its_value_so_its_hold_ends_on_the_clock_however_long():
    rule = {
        "name": "gone",
        "match": {"metric": "online"},
        "detect": {"kind": "state", "equals": 0, "hold": "30m"},
        "severity": "critical",
    }
    farm = Farm(rule)
    farm.say((0, "gw", 0), state=True)
    assert kinds(farm.tick(30 * 60)) == [Kind.FIRING]
    assert (
        farm.book.alerts[farm.book.by_identity["gone", "gw", "online"]].fired
        == farm.book.alerts[farm.book.by_identity["gone", "gw", "online"]].started + 1800 * SECOND
    )


def test_one_open_alert_whatever_arrives_and_numbers_are_never_used_twice():
    farm = Farm(hot(reopen="1m"))
    farm.say((0, "a", 35), (1, "b", 35), (2, "a", 40), (60, "a", 20), (600, "a", 35))
    assert sorted(alert.number for alert in farm.book.alerts.values()) == [1, 2, 3]
    assert [a.device for a in farm.book.open_alerts()].count("a") == 1


def test_a_flapping_alert_tells_its_end_only_after_it_has_lasted():
    farm = Farm(hot())
    farm.say((0, "barn", 35), (60, "barn", 20), (120, "barn", 35), (180, "barn", 20))
    assert kinds(farm.told) == [Kind.FIRING, Kind.RESOLVE, Kind.AGAIN]
    farm.say((240, "barn", 35), (300, "barn", 20))
    assert len(farm.told) == 3  # neither that it is again nor that it is over
    assert kinds(farm.tick(300 + 600)) == [Kind.RESOLVE]


def test_a_late_reading_opens_an_alert_only_if_nothing_better_is_known_two_seconds_later():
    farm = Farm(hot())
    farm.say((0, "barn", 35, Quality.LATE, -1200), (1, "barn", 20, Quality.LATE, -600))
    assert farm.tick(60) == []
    farm.say((100, "barn", 35, Quality.LATE, -500))
    assert kinds(farm.tick(102)) == [Kind.FIRING]


def test_a_stream_that_is_always_late_is_heard_all_the_same():
    farm = Farm(hot())
    told = [m for second in range(20) for m in farm.say((second, "barn", 35, Quality.LATE, second - 900))]
    assert kinds(told) == [Kind.FIRING]


SILENT = {
    "name": "silent",
    "match": {"metric": "temperature"},
    "detect": {"kind": "absence", "after": "2h"},
    "severity": "critical",
}
BARN = ({"id": "barn"},)


def test_a_listed_device_that_falls_silent_is_told_and_its_return_ends_it():
    farm = Farm(SILENT, devices=BARN)
    farm.say((0, "barn", 20), (3600, "barn", 20))
    assert farm.tick(7201) == []
    assert kinds(farm.tick(3600 + 7201)) == [Kind.FIRING]
    assert kinds(farm.say((20_000, "barn", 20))) == [Kind.RESOLVE]
    assert kinds(farm.tick(20_000 + 7201)) == [Kind.FIRING]


def test_time_without_a_connection_counts_for_no_absence():
    farm = Farm(SILENT, devices=BARN)
    farm.say((0, "barn", 20))
    farm.link(3600, up=False)
    assert farm.tick(3 * 3600) == []
    farm.link(4 * 3600, up=True)
    assert farm.tick(4 * 3600 + 3500) == []
    assert kinds(farm.tick(5 * 3600 + 5)) == [Kind.FIRING]


def test_a_device_that_is_not_listed_is_missed_only_once_it_was_heard_on_two_days():
    farm = Farm(SILENT)
    farm.say((0, "guest", 20))
    assert farm.tick(10 * 3600) == []
    farm.say((26 * 3600, "guest", 20))
    assert farm.tick(30 * 3600) != []


def test_a_listed_device_never_heard_is_told_as_info_after_a_day():
    farm = Farm(SILENT, devices=BARN)
    turn = Turn(farm.book, Undo())
    expect_listed(farm.book, turn, START)
    assert turn.changes.counters == {"listed barn": START}
    assert farm.tick(23 * 3600) == []
    farm.tick(24 * 3600 + 1)
    told = farm.tick(24 * 3600 + 20)  # group_wait of an info alert... is the rule's, 0 s for a critical one
    assert [alert.severity.value for alert in farm.book.open_alerts()] == ["info"]
    assert kinds(farm.told or told) == [Kind.FIRING]


def test_weeks_without_power_do_not_count_for_a_listed_device_that_was_never_heard():
    farm = Farm(SILENT, devices=BARN, connected=False)
    kept = Kept(counters={"listed barn": START - 20 * HOUR}, marks={"alive": START})
    restore(farm.engine, kept)
    ready(farm.engine, kept, START + 21 * DAY)
    back = 21 * DAY / SECOND
    assert farm.tick(back) == [], "20 hours and three weeks after it was listed"
    farm.link(back + 600, up=True)
    assert farm.tick(back + 600 + 4 * 3600 - 60) == []
    assert not farm.book.open_alerts()
    farm.tick(back + 600 + 4 * 3600 + 60)
    assert [alert.severity.value for alert in farm.book.open_alerts()] == ["info"]


def test_an_absence_whose_interval_is_learned_does_not_wait_a_day():
    rule = SILENT | {"detect": {"kind": "absence", "after": {"intervals": 3}}}
    farm = Farm(rule, devices=BARN)
    farm.say(*((60 * minute, "barn", 20) for minute in range(12)))
    last = 60 * 11
    told = [m for minute in range(12, 90) for m in farm.tick(60 * minute)]
    assert kinds(told) == [Kind.FIRING]
    assert abs(farm.book.open_alerts()[0].started - (START + last * SECOND)) < SECOND


def test_a_person_who_ends_it_is_not_woken_again_until_it_was_good_once():
    farm = Farm(hot())
    farm.say((0, "barn", 35))
    farm.do(10, "false_alarm", 1)
    assert farm.say((60, "barn", 36), (3600, "barn", 37)) == []
    assert farm.book.numbered(1).state is State.RESOLVED
    farm.say((3700, "barn", 20))
    assert kinds(farm.say((3800, "barn", 36))) == [Kind.FIRING]
    assert farm.book.open_alerts()[0].number == 2


READINGS = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from(["a", "b"]), st.sampled_from([20.0, 29.0, 35.0])), max_size=25
)


@settings(max_examples=80, deadline=None)
@given(gaps=READINGS, cuts=st.sets(st.integers(0, 25)), more=st.sampled_from([{}, HOLD, CLEAR]))
def test_batches_never_change_what_becomes_of_an_alert(gaps, cuts, more):
    """However the same readings are batched, alerts have the same ids, times and ends."""
    second, readings = 0, []
    for gap, device, value in gaps:
        second += gap
        readings.append((second, device, value))

    def outcome(sizes):
        farm, rest = Farm(hot(**more)), list(readings)
        for size in sizes:
            part, rest = rest[:size], rest[size:]
            if part:
                farm.step(part[-1][0] + 0.5, farm.batch(part))
        farm.step(second + 1, farm.batch(rest) if rest else None)
        farm.tick(second + 2000)
        return {(a.id, a.number, a.started, a.fired, a.resolved, a.state, a.flaps) for a in farm.book.alerts.values()}

    edges = [0, *sorted(cuts)]
    assert outcome([1] * len(readings)) == outcome([b - a for a, b in itertools.pairwise(edges)])


@settings(max_examples=60, deadline=None)
@given(gaps=READINGS, failing=st.integers(0, 25), more=st.sampled_from([{}, HOLD, {"repeat": "3m"}]))
def test_a_step_that_was_taken_back_never_happened(gaps, failing, more):
    """A commit that fails twice and then succeeds gives what one gives that succeeds."""
    plain, tried, second = Farm(hot(**more)), Farm(hot(**more)), 0
    for number, (gap, device, value) in enumerate(gaps):
        second += gap
        plain.say((second, device, value))
        batch = tried.batch([(second, device, value)])
        now = tried._received + 1
        for _ in range(2 if number == failing else 0):
            tried.engine.step(batch, now)
            tried.engine.rollback()
        tried._received = now - 1
        tried.step(second, batch)
    assert [(m.id, m.kind, m.text, m.due) for m in tried.told] == [(m.id, m.kind, m.text, m.due) for m in plain.told]
    assert tried.book.counters == plain.book.counters
    assert tried.book.timers.next_due() == plain.book.timers.next_due()
    assert np.array_equal(tried.book.panel.active, plain.book.panel.active)

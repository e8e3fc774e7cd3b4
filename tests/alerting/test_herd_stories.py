"""An animal among its peers, and what happens to many of a group at once."""

from __future__ import annotations

import itertools
import math

import pytest
from farm import START, kinds
from hypothesis import given, settings
from hypothesis import strategies as st
from place import Place

from alertd import recovery
from alertd.alerting.machine import Phase
from alertd.model import SECOND, Batch, Kind, Quality, Series, State
from alertd.seams import Kept
from alertd.wording.alert_json import alert_json

HERD = tuple(f"cow-{n}" for n in range(8))
DAIRY = dict.fromkeys(HERD, "dairy")
ODD = {
    "name": "odd",
    "match": {"metric": "temperature"},
    "detect": {"kind": "peers", "window": "10m", "above": 4, "min_peers": 5},
    "severity": "critical",
}
HOT = {
    "name": "heat",
    "match": {"metric": "temperature"},
    "detect": {"kind": "threshold", "above": 30},
    "severity": "info",
}
MANY = {
    "name": "herd-event",
    "detect": {"kind": "fraction", "of": "heat", "above": 0.25, "window": "10m"},
    "severity": "critical",
}


def minute(place: Place, n: int, values, metric: str = "temperature"):
    """One reading of every cow within a minute, one second apart."""
    return place.hear(
        *((60.0 * n + at, cow, metric, value) for at, (cow, value) in enumerate(zip(HERD, values, strict=False)))
    )


def around(middle: float, *, odd: float | None = None, count: int = 8) -> list[float]:
    values = [middle + 0.1 * (n % 3 - 1) for n in range(count)]
    return values if odd is None else [*values[:-1], odd]


def firing(place: Place, rule: str) -> list[tuple]:
    return [(a.device, a.group) for a in place.book.alerts.values() if a.rule == rule and a.state is State.FIRING]


# --- peers ------------------------------------------------------------------------------------


def test_the_one_that_differs_from_the_others_is_told_with_what_is_normal_for_them():
    place, told = Place(ODD, groups=DAIRY), []
    for n in range(10):
        told += minute(place, n, around(38.5, odd=41 if n > 5 else None))
    assert kinds(told) == [Kind.FIRING]
    alert = next(iter(place.book.alerts.values()))
    assert (alert.device, alert.group, alert.normal) == ("cow-7", "dairy", 38.5)
    assert "robust deviations above the 38.5 degC of the others in its group" in alert.why


def test_what_moves_the_whole_group_alarms_nobody():
    place = Place(ODD, groups=DAIRY)
    assert [told for n in range(30) for told in minute(place, n, around(20 + n))] == []


def test_animals_that_go_through_the_same_values_in_another_order_are_alike():
    place = Place(ODD | {"detect": ODD["detect"] | {"min_peers": 2}}, groups=DAIRY)
    told = [
        told for n in range(30) for told in minute(place, n, [20 + 0.1 * ((7 * n + 3 * cow) % 5) for cow in range(3)])
    ]
    assert told == [], "their means differ by what single precision rounds off"


@pytest.mark.parametrize("level", [0.0, 1e6, 1e9, -1e9])
def test_however_large_the_values_the_one_that_differs_is_told_and_no_other(level):
    place, told = Place(ODD, groups=DAIRY), []
    for n in range(10):
        told += minute(place, n, [level + value for value in around(38.5, odd=41 if n > 5 else None)])
    assert kinds(told) == [Kind.FIRING]
    assert firing(place, "odd") == [("cow-7", "dairy")]


@pytest.mark.parametrize("level", [0.0, 1e6, 1e9])
def test_however_large_the_values_animals_that_go_through_the_same_are_alike(level):
    place = Place(ODD | {"detect": ODD["detect"] | {"min_peers": 2}}, groups=DAIRY)
    told = [
        told
        for n in range(30)
        for told in minute(place, n, [level + 20 + 0.1 * ((7 * n + 3 * cow) % 5) for cow in range(3)])
    ]
    assert told == [], "at 1e9 float64 itself steps by 1e-7"


def test_a_wild_value_of_one_blinds_nobody_to_another():
    place, told = Place(ODD, groups=DAIRY), []
    for n in range(10):
        values = around(38.5, odd=41 if n > 5 else None)
        values[0] = 1e9 if n == 6 else values[0]
        told += minute(place, n, values)
    assert ("cow-7", "dairy") in firing(place, "odd")


def test_with_too_few_others_nobody_is_judged():
    place = Place(ODD, groups=DAIRY)
    assert [told for n in range(10) for told in minute(place, n, around(38.5, odd=45, count=5))] == []


def test_two_groups_are_not_compared_with_each_other():
    place = Place(ODD | {"detect": ODD["detect"] | {"min_peers": 2}}, groups=DAIRY | dict.fromkeys(HERD[:4], "heifers"))
    assert [told for n in range(10) for told in minute(place, n, [10, 10.1, 10.2, 10.1, 30, 30.1, 30.2, 30.1])] == []


def test_a_group_is_judged_when_event_time_has_passed_the_step_and_not_before():
    place = Place(ODD | {"detect": ODD["detect"] | {"window": "20m"}}, groups=DAIRY)  # steps of a minute
    start = 60 - (START // SECOND) % 60  # on the step
    values = around(38.5, odd=45)
    for at, (cow, value) in enumerate(zip(HERD, values, strict=True)):
        assert place.hear((start + at, cow, "temperature", value)) == []
    assert place.engine.next_due() == START + (start + 61) * SECOND
    assert kinds(place.hear((start + 60, "cow-0", "temperature", 38.5))) == [Kind.FIRING]


def test_where_no_reading_comes_the_clock_judges_a_second_later():
    place = Place(ODD, groups=DAIRY)
    minute(place, 0, around(38.5, odd=45))
    assert kinds(place.tick(40)) == [Kind.FIRING]
    assert place.engine.book.together.next_due() is None


def test_a_group_that_is_silent_resolves_nothing():
    place = Place(ODD, groups=DAIRY)
    minute(place, 0, around(38.5, odd=45))
    place.tick(120)
    assert place.tick(50_000) == []
    assert firing(place, "odd") == [("cow-7", "dairy")]


def test_it_resolves_when_the_device_is_among_the_others_again():
    place, told = Place(ODD, groups=DAIRY), []
    for n in range(40):
        told += minute(place, n, around(38.5, odd=45 if n < 3 else None))
    assert kinds(told) == [Kind.FIRING, Kind.RESOLVE]


# --- fraction ---------------------------------------------------------------------------------


def hot_ones(count: int) -> list[float]:
    return [35.0] * count + [20.0] * (8 - count)


def test_many_of_a_group_at_once_are_one_event_of_the_group():
    place = Place(HOT, MANY, groups=DAIRY)
    told = minute(place, 0, hot_ones(0)) + minute(place, 1, hot_ones(2))
    assert [m for m in told if m.data["rule"] == "herd-event"] == []
    told = minute(place, 2, hot_ones(4)) + place.tick(160)
    (message,) = [m for m in told if m.data["rule"] == "herd-event"]
    assert (message.kind, message.data["group"]) == (Kind.FIRING, "dairy")
    assert "dairy" in message.text
    assert "50 %" in message.text
    (alert,) = [a for a in place.book.alerts.values() if a.rule == "herd-event"]
    row = alert_json(alert)
    assert (row["device"], row["metric"], row["group"], row["value"]) == (None, None, "dairy", 0.5)
    assert alert.why == "4 of 8 in the group have heat, more than 25%"


def test_the_event_ends_when_few_are_left():
    place, told = Place(HOT, MANY, groups=DAIRY), []
    for n in range(30):
        told += minute(place, n, hot_ones(4 if n == 2 else 0))
    assert [m.kind for m in told if m.data["rule"] == "herd-event"] == [Kind.FIRING, Kind.RESOLVE]


def test_a_hold_of_the_single_rule_lets_the_event_come_first():
    place = Place(HOT | {"detect": HOT["detect"] | {"hold": "10m"}}, MANY, groups=DAIRY)
    told = minute(place, 0, hot_ones(4)) + place.tick(61)
    assert [m.data["rule"] for m in told] == ["herd-event"]


def test_the_event_stands_for_the_single_alerts():
    entry = {"when": {"rule": "herd-event"}, "mute": {"rule": "heat"}, "same": ["group"]}
    place = Place(HOT | {"detect": HOT["detect"] | {"hold": "5m"}}, MANY, groups=DAIRY, inhibit=(entry,))
    told = [message for n in range(20) for message in minute(place, n, hot_ones(4))] + place.tick(1300)
    assert {m.data["rule"] for m in told} == {"herd-event"}
    assert len(firing(place, "heat")) == 4


def test_each_group_has_its_own_alert():
    place = Place(HOT, MANY, groups=DAIRY | dict.fromkeys(HERD[:4], "heifers"))
    minute(place, 0, hot_ones(8))
    place.tick(300)
    assert sorted(firing(place, "herd-event")) == [(None, "dairy"), (None, "heifers")]


def test_a_share_that_is_not_more_than_the_limit_is_no_event():
    place = Place(HOT, MANY, groups=DAIRY)
    minute(place, 0, hot_ones(2))
    place.tick(300)
    assert firing(place, "herd-event") == []


def test_one_device_is_no_herd():
    place = Place(HOT, MANY, groups={"cow-0": "dairy"})
    place.hear((0, "cow-0", "temperature", 35))
    place.tick(300)
    assert firing(place, "herd-event") == []


def test_who_told_nothing_within_the_window_is_not_counted():
    place = Place(HOT, MANY, groups=DAIRY)
    minute(place, 0, hot_ones(0))
    place.hear((1200, "cow-0", "temperature", 20), (1201, "cow-1", "temperature", 35))
    place.tick(1300)
    assert firing(place, "herd-event") == [(None, "dairy")]


def test_a_gateway_that_takes_half_the_herd_along_is_one_event():
    silent = {"name": "silent", "match": {"metric": "temperature"}, "detect": {"kind": "absence", "after": "5m"}}
    place = Place(
        silent,
        MANY | {"detect": MANY["detect"] | {"of": "silent", "window": "1h"}},
        groups=DAIRY,
        devices=tuple({"id": cow, "group": "dairy"} for cow in HERD),
    )
    minute(place, 0, around(38.5))
    for second in range(60, 600, 20):
        place.tick(second)
    assert firing(place, "herd-event") == [(None, "dairy")]


def test_a_false_alarm_of_the_event_stays_quiet_until_it_is_over():
    place = Place(HOT, MANY, groups=DAIRY)
    minute(place, 0, hot_ones(4))
    place.tick(60)
    (alert,) = [a for a in place.book.alerts.values() if a.rule == "herd-event"]
    place.do(70, "false_alarm", alert.number)
    minute(place, 2, hot_ones(4))
    minute(place, 3, hot_ones(4))
    assert firing(place, "herd-event") == []
    assert place.book.machines[1, place.book.rows["", "herd-event@dairy"]].phase is Phase.DISMISSED


# --- sensors that cannot be believed ----------------------------------------------------------

STUCK = {
    "name": "stuck",
    "match": {"metric": "temperature"},
    "health": True,
    "detect": {"kind": "flatline", "for": "10m"},
}


def test_of_a_stuck_sensor_the_farmer_hears_once_and_of_what_it_says_nothing():
    place = Place(HOT | {"detect": HOT["detect"] | {"hold": "20m"}}, STUCK)
    told = place.hear(*((60.0 * n, "barn", "temperature", 35) for n in range(60)))
    told += place.tick(4000)
    assert {m.data["rule"] for m in told} == {"stuck"}
    assert sorted(a.rule for a in place.book.alerts.values() if a.open) == ["heat", "stuck"]


def test_a_stuck_sensor_mutes_no_other_device():
    place = Place(HOT | {"detect": HOT["detect"] | {"hold": "20m"}}, STUCK)
    told = []
    for n in range(60):
        told += place.hear((60.0 * n, "barn", "temperature", 35), (60.0 * n + 1, "stable", "temperature", 35 + n % 2))
    assert {m.data["rule"] for m in told} == {"stuck", "heat"}
    assert {a.device for a in place.book.alerts.values() if a.rule == "heat" and a.told} == {"stable"}


DIFFERENCE = {
    "metric": "difference",
    "from": {"inside": "temperature", "outside": {"metric": "temperature", "device": "weather"}},
    "match": {"group": "barns"},
    "formula": "inside - outside",
    "max_age": "1h",
}
TWICE = {"metric": "twice", "from": {"d": "difference"}, "formula": "2 * d"}
WARM = {"name": "warm", "match": {"metric": "twice"}, "detect": {"kind": "threshold", "above": 10, "hold": "20m"}}


@pytest.mark.parametrize("stuck", ["barn", "weather"])
def test_what_is_computed_of_a_stuck_sensor_wakes_nobody_either(stuck):
    place = Place(
        WARM, STUCK, derived=(DIFFERENCE, TWICE), groups={"barn": "barns", "stable": "barns", "weather": "sky"}
    )
    told = []
    for n in range(60):
        moving = {"barn": 35 + n % 2 / 2, "stable": 36 - n % 3 / 2, "weather": 20 + n % 2 / 2}
        moving[stuck] = {"barn": 35, "weather": 20}[stuck]
        told += place.hear(
            *((60.0 * n + at, name, "temperature", value) for at, (name, value) in enumerate(moving.items()))
        )
    told += place.tick(4000)
    warm = {a.device: bool(a.told) for a in place.book.alerts.values() if a.rule == "warm"}
    assert warm == {"barn": False, "stable": stuck == "barn"}
    assert [a.device for a in place.book.alerts.values() if a.rule == "stuck"] == [stuck]


# --- batches, rollback, restart ---------------------------------------------------------------

RULES = (
    ODD | {"detect": ODD["detect"] | {"min_peers": 2, "above": 2}},
    HOT | {"detect": HOT["detect"] | {"hold": "90s"}},
    MANY,
    MANY | {"name": "odd-event", "detect": MANY["detect"] | {"of": "odd", "above": 0.3, "window": "2m"}},
)
TOLD = st.lists(
    st.tuples(
        st.floats(0, 60).map(lambda gap: round(gap, 1)),
        st.sampled_from(HERD[:5]),
        st.sampled_from([20.0, 20.5, 35.0, 36.0]),
        st.sampled_from([0.0, 0.0, 0.0, -2.0, -100.0, 200.0]),
        st.sampled_from([Quality.LIVE] * 5 + [Quality.LATE]),
    ),
    max_size=30,
)


def timed(told):
    seconds = itertools.accumulate(gap for gap, *_ in told)
    return [
        (second, cow, "temperature", value, second + shift, quality)
        for second, (_, cow, value, shift, quality) in zip(seconds, told, strict=True)
    ]


def registered() -> Place:
    place = Place(*RULES, groups=DAIRY)
    for cow in HERD[:5]:
        place.book.row(Series(cow, "temperature", "degC", group="dairy"))
    return place


def known(place: Place) -> tuple:
    book = place.book
    return (
        sorted(map(repr, book.machines.values())),
        sorted(
            (a.rule, a.device, a.group, a.id, a.state, a.started, a.fired, a.resolved, repr(a.value))
            for a in book.alerts.values()
        ),
        book.together.dump([rule.name for rule in book.rules]),
        book.together.next_due(),
    )


# Without readings of unknown time: of a backlog of those only the newest is judged (CONTRACT.md section 3).
@settings(max_examples=60, deadline=None)
@given(told=TOLD, cuts=st.sets(st.integers(1, 30), max_size=6))
def test_batches_change_no_verdict_on_a_group(told, cuts):
    told = timed(told)
    whole, split = registered(), registered()
    if told:
        whole.take(whole.of(told))
        batch, done = split.of(told), 0
        for cut in sorted({*cuts, len(told)}):
            part = batch.take(slice(done, cut))
            if len(part):
                split.take(part)
            done = max(done, cut)
    for place in (whole, split):
        place.tick(20_000)
    assert known(split) == known(whole)


def moved(place: Place, batch: Batch) -> list[tuple]:
    """What alerts do while a batch is taken, with when."""
    if not len(batch):
        return []
    changes = place.engine.step(batch, int(batch.received[-1]))
    return [(at, a.rule, a.device, a.group, a.state, a.started, a.fired, repr(a.value)) for at, a in changes.moves]


@settings(max_examples=40, deadline=None)
@given(told=TOLD.filter(len), later=TOLD)
def test_a_recording_cut_off_has_the_same_alerts_of_groups_up_to_the_cut(told, later):
    cut, whole = registered(), registered()
    # What comes later is measured later: a reading from before the cut may open an alert whose hold ended before it.
    both = timed([*told, *((gap + 0.1, cow, value, max(ago, 0.0), quality) for gap, cow, value, ago, quality in later)])
    short = cut.of(both[: len(told)])
    end = int(short.received[-1])
    assert [one for one in moved(whole, whole.of(both)) if one[0] <= end] == moved(cut, short)


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9])
def test_a_large_offset_changes_no_alert_of_a_group(offset):
    limit = HOT | {"detect": {"kind": "threshold", "above": 40 + offset}}
    odd = ODD | {"detect": ODD["detect"] | {"floor": 0.1}}  # without one a spread of 1e-6 of the value is rounding
    place, told = Place(odd, limit, MANY, groups=DAIRY), []
    for n in range(12):
        warm = around(38.5, odd=41.0 if n > 4 else None) if n < 10 else around(41.5)
        told += minute(place, n, [value + offset for value in warm])
    assert firing(place, "herd-event") == [(None, "dairy")]
    apart = [alert for alert in place.book.alerts.values() if alert.rule == "odd"]
    assert [(alert.device, alert.normal) for alert in apart] == [("cow-7", pytest.approx(38.5 + offset, abs=0.05))]


@settings(max_examples=25, deadline=None)
@given(told=TOLD.filter(len), storm=st.lists(st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=6))
def test_a_storm_of_nan_changes_no_alert_of_a_group(told, storm):
    place = registered()
    told = timed(told)
    place.hear(*told)
    before = known(place)
    place.take(place.of([(*told[-1][:3], bad, *told[-1][4:]) for bad in storm]))
    assert known(place) == before


@settings(max_examples=25, deadline=None)
@given(told=TOLD)
def test_what_comes_twice_changes_nothing_about_a_group(told):
    place = registered()
    for one in timed(told):
        place.hear(one)
        before = known(place)
        place.take(place.of([one]))
        assert known(place) == before


@settings(max_examples=40, deadline=None)
@given(told=TOLD, cuts=st.sets(st.integers(1, 30), max_size=4))
def test_a_step_that_is_taken_back_never_happened(told, cuts):
    place = registered()
    batch, done = place.of(timed(told)) if told else Batch.empty(), 0
    for cut in sorted({*cuts, len(told)}):
        part, done = batch.take(slice(done, cut)), max(done, cut)
        if len(part):
            before = known(place)
            place.engine.step(part, int(part.received[-1]))
            after = known(place)
            place.engine.rollback()
            assert known(place) == before
            place.take(part)
            assert known(place) == after


@settings(max_examples=40, deadline=None)
@given(told=TOLD, kill=st.integers(0, 30), snapshot=st.none() | st.integers(0, 30))
def test_a_restart_changes_no_alert_of_a_group(told, kill, snapshot):
    told = timed(told)
    place = registered()
    blob, after = None, 0
    for number, one in enumerate(told[:kill]):
        place.hear(one)
        if number == snapshot:
            blob, after = recovery.snapshot(place.book), len(place.kept)
    again = registered()
    again.engine = again.made()
    alerts = list(place.book.alerts.values())
    kept = Kept(
        series=dict(enumerate(place.book.series)),
        alerts=alerts,
        incidents=list(place.book.incidents.values()),
        counters=dict(place.book.counters),
        snapshot=blob,
    )
    states = sorted((a.id, a.state, a.fired, a.resolved) for a in alerts)
    recovery.restore(again.engine, kept)
    for batch in place.kept[after:]:
        assert recovery.replay(again.engine, batch) == 0
    changes = recovery.ready(again.engine, kept, place._received)
    assert changes.alerts == {}
    assert sorted((a.id, a.state, a.fired, a.resolved) for a in again.book.alerts.values()) == states
    assert (
        again.book.together.dump([r.name for r in again.book.rules])["groups"]
        == place.book.together.dump([r.name for r in place.book.rules])["groups"]
    )

"""Metrics computed from others: when a result is made, of what, and who hears of it."""

from __future__ import annotations

import itertools
import math

import pytest
from farm import START, kinds
from hypothesis import given, settings
from hypothesis import strategies as st
from place import Place

from alertd import recovery
from alertd.model import SECOND, Batch, Kind, Quality, Series
from alertd.seams import Kept

THI = {
    "metric": "thi",
    "from": {"t": "temperature", "rh": "humidity"},
    "formula": "(1.8*t+32)-(0.55-0.0055*rh)*(1.8*t-26)",
}
DIFFERENCE = {
    "metric": "difference",
    "from": {"inside": "temperature", "outside": {"metric": "temperature", "device": "weather"}},
    "match": {"group": "barn"},
    "formula": "inside - outside",
    "unit": "degC",
}
STRESS = {
    "name": "stress",
    "match": {"metric": "thi"},
    "detect": {"kind": "threshold", "above": 72},
    "severity": "critical",
}


def thi(t: float, rh: float) -> float:
    return (1.8 * t + 32) - (0.55 - 0.0055 * rh) * (1.8 * t - 26)


def values(place: Place, metric: str, device: str | None = None) -> list[tuple]:
    return [(second, round(value, 3)) for second, _, value in place.readings(metric, device)]


def test_temperature_and_humidity_of_one_message_are_one_result():
    place = Place(STRESS, derived=(THI,))
    place.hear_at_once((0, "barn", "temperature", 20), (0, "barn", "humidity", 50))
    told = place.hear_at_once((60, "barn", "temperature", 30), (60, "barn", "humidity", 60))
    assert values(place, "thi") == [(0, round(thi(20, 50), 3)), (60, round(thi(30, 60), 3))]
    assert kinds(told) == [Kind.FIRING]
    alert = next(iter(place.book.alerts.values()))
    assert (alert.device, alert.metric, alert.unit, round(alert.value, 2)) == ("barn", "thi", "", 79.84)


def test_a_result_waits_a_second_for_the_rest_of_its_inputs():
    place = Place(derived=(THI,))
    place.hear((0, "barn", "temperature", 20), (0.4, "barn", "humidity", 50), (60, "barn", "temperature", 30))
    assert values(place, "thi") == [(0.4, round(thi(20, 50), 3))]
    assert place.engine.next_due() == START + 61 * SECOND
    place.tick(61)
    assert values(place, "thi")[1:] == [(60, round(thi(30, 50), 3))]
    assert place.engine.next_due() is None


def test_an_input_that_is_too_old_does_not_count():
    place = Place(derived=(THI | {"max_age": "10m"},))
    place.hear((0, "barn", "humidity", 50), (1, "barn", "temperature", 20))
    place.hear(*((60.0 * minute, "barn", "temperature", 20 + minute) for minute in range(2, 15)))
    assert [second for second, _ in values(place, "thi")] == [1, *(60 * minute for minute in range(2, 11))]


def test_each_barn_has_its_own_result_and_half_a_barn_has_none():
    place = Place(derived=(THI,))
    place.hear_at_once(
        (0, "a", "temperature", 20), (0, "b", "temperature", 25), (0, "a", "humidity", 50), (0, "c", "humidity", 1)
    )
    place.tick(5)
    assert place.readings("thi") == [(0, "a", thi(20, 50))]


def test_a_value_that_cannot_be_is_no_reading():
    place = Place(derived=({"metric": "ratio", "from": {"a": "x", "b": "y"}, "formula": "a / b"}, THI))
    place.hear_at_once((0, "d", "x", 1), (0, "d", "y", 0), (0, "d", "temperature", 4000), (0, "d", "humidity", 50))
    place.hear_at_once((1, "d", "x", 1), (1, "d", "y", 2))
    assert values(place, "ratio") == [(1, 0.5)]
    assert values(place, "thi") == []


def test_a_difference_to_the_weather_station_is_made_when_the_barn_tells():
    place = Place(derived=(DIFFERENCE,), groups={"north": "barn", "south": "barn"})
    place.hear((0, "north", "temperature", 20), (10, "weather", "temperature", 5))
    place.hear((20, "north", "temperature", 21), (30, "weather", "temperature", 6), (40, "south", "temperature", 30))
    assert place.readings("difference") == [(20, "north", 16), (40, "south", 24)]


def test_a_group_has_a_median_made_in_steps_of_its_members():
    herd = {"metric": "herd_activity", "by": "group", "from": {"a": "activity"}, "formula": "a"}
    place = Place(derived=(herd,), groups=dict.fromkeys("abc", "dairy"))
    place.hear_at_once(*((0, cow, "activity", value) for cow, value in zip("abc", (1, 2, 9), strict=True)))
    place.hear((60, "a", "activity", 5), (120, "b", "activity", 6))
    place.tick(240)
    assert place.readings("herd_activity") == [(0, "dairy", 2), (120, "dairy", 6)]


def test_an_animal_beside_the_median_of_her_group():
    beside = {
        "metric": "beside",
        "from": {"own": "activity", "herd": {"metric": "activity", "by": "group"}},
        "formula": "own / herd",
    }
    place = Place(derived=(beside,), groups=dict.fromkeys("abc", "dairy") | {"x": "beef"})
    place.hear_at_once(
        (0, "a", "activity", 10), (0, "b", "activity", 20), (0, "x", "activity", 500), (0, "c", "activity", 60)
    )
    assert place.readings("beside") == [(0, "a", 1), (0, "b", 20 / 15), (0, "x", 1), (0, "c", 3)]


RESTLESS = {
    "metric": "restless",
    "from": {
        "own": "activity",
        "herd": {"metric": "activity", "by": "group", "least": 3, "default": 1},
        "rumination": {"metric": "rumination", "default": 1},
    },
    "formula": "own / herd * (2 - rumination)",
    "max_age": "10m",
}


def test_a_group_too_small_for_a_median_gives_the_default_and_so_does_no_group_at_all():
    place = Place(derived=(RESTLESS,), groups=dict.fromkeys("abc", "dairy") | dict.fromkeys("xy", "beef"))
    place.hear(*((at, cow, "activity", 10 + at) for at, cow in enumerate("abcxyz")))
    place.hear(*((60 + at, cow, "activity", 10) for at, cow in enumerate("abcxyz")))
    made = {(cow, second): value for second, cow, value in place.readings("restless")}
    assert [made["abcxyz"[at], 60 + at] for at in range(6)] == [10 / 11, 1, 1, 10, 10, 10]


def test_an_input_with_a_default_counts_from_when_it_is_there_until_it_is_too_old():
    place = Place(derived=(RESTLESS,))
    place.hear((0, "a", "activity", 10), (60, "a", "rumination", 0.5), (61, "a", "activity", 10))
    place.hear((300, "a", "activity", 10), (900, "a", "activity", 10))
    place.tick(1000)
    assert values(place, "restless")[0] == (0, 10)
    assert [value for _, value in values(place, "restless")][-2:] == [15, 10]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"from": {"a": {"metric": "activity", "clock": True, "rise": "1h"}}}, "takes clock, rise or fall"),
        ({"from": {"a": {"metric": "activity", "least": 2}}}, "least belongs to by"),
    ],
)
def test_a_default_or_a_least_size_that_means_nothing_is_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        Place(derived=({"metric": "x", "formula": "a"} | wrong,))


CLOCK = {"metric": "clock_wrong", "from": {"c": {"metric": "activity", "clock": True}}, "formula": "c"}
CLOCK_WRONG = {
    "name": "clock-wrong",
    "match": {"metric": "clock_wrong"},
    "health": True,
    "detect": {"kind": "threshold", "above": 0.5, "hold": "1h"},
}


def test_a_device_whose_clock_is_wrong_for_an_hour_is_told_of_until_it_is_right():
    place = Place(CLOCK_WRONG, derived=(CLOCK,))
    told = []
    for minute in range(0, 180, 10):
        wrong = 30 <= minute < 120
        second = 60.0 * minute
        own = second + 7200 if wrong else second
        quality = Quality.UNKNOWN_TIME if wrong else Quality.LIVE
        told += [(minute, one.kind) for one in place.hear((second, "cow", "activity", 5, own, quality))]
    assert told == [(100, Kind.FIRING), (120, Kind.RESOLVE)]  # an hour after 0:30, and 10 s for others to join
    assert [value for _, value in values(place, "clock_wrong")] == [0.0] * 3 + [1.0] * 9 + [0.0] * 6


FAULTY = {
    "metric": "sensor_faulty",
    "from": {"fault": {"metric": "sensor_fault", "default": 0}, "beat": {"metric": "activity", "default": 0}},
    "formula": "fault + 0 * beat",
}


def test_what_is_no_measurement_is_a_fault_for_an_hour_of_good_readings():
    place = Place(derived=(FAULTY,))
    place.hear((0, "a", "activity", 5), (60, "a", "sensor_fault", 1))
    place.hear(*((60.0 * minute, "a", "activity", 5) for minute in (2, 61, 62, 63)))
    place.hear((0, "b", "sensor_fault", 1))  # of which nothing else was ever heard
    place.tick(4000)
    assert values(place, "sensor_faulty", "a") == [(0, 0), (60, 1), (120, 1), (3660, 1), (3720, 0), (3780, 0)]
    assert values(place, "sensor_faulty", "b") == [(0, 1)]


def test_a_counter_becomes_what_it_counts_in_an_hour():
    hourly = {"metric": "steps_per_hour", "from": {"n": {"metric": "steps", "rise": "1h"}}, "formula": "n"}
    place = Place(derived=(hourly,))
    place.hear(*((600.0 * n, "cow", "steps", 100 * n) for n in range(13)))
    assert values(place, "steps_per_hour") == [(600 * n, 600) for n in range(2, 13)]


def test_a_silo_says_when_it_will_be_empty_and_a_refill_is_no_use():
    empty = {
        "metric": "days_left",
        "from": {"level": "silo_level", "used": {"metric": "silo_level", "fall": "1d", "noise": 0.5}},
        "formula": "min(99, level / max(used, 0.1))",
        "unit": "d",
    }
    low = {
        "name": "silo-low",
        "match": {"metric": "days_left"},
        "detect": {"kind": "threshold", "below": 2, "clear": 3},
    }
    place = Place(low, derived=(empty,))
    level, told = 60.0, []
    for hour in range(120):
        level = 90.0 if hour == 100 else level - 0.5  # 12 % a day
        told += place.hear((3600.0 * hour, "silo", "silo_level", level))
        told += place.tick(3600 * hour + 60)
    days = dict(values(place, "days_left"))
    assert days[48 * 3600] == pytest.approx((60 - 24.5) / 12, rel=0.05)
    assert days[110 * 3600] == pytest.approx(85 / 12, rel=0.1)
    assert kinds(told) == [Kind.FIRING, Kind.RESOLVE]


def test_results_of_results_come_in_the_order_of_the_list():
    double = {"metric": "double", "from": {"a": "thi"}, "formula": "2 * a"}
    place = Place(derived=(THI, double))
    place.hear_at_once((0, "barn", "temperature", 30), (0, "barn", "humidity", 60))
    assert values(place, "double") == [(0, round(2 * thi(30, 60), 3))]


def test_a_backlog_is_paired_by_its_own_times():
    place = Place(derived=(THI,))
    late = Quality.LATE
    told = [
        (7200, "barn", metric, value, 60.0 * minute, late)
        for minute in range(30)
        for metric, value in (("temperature", 10 + minute), ("humidity", 50))
    ]
    place.hear_at_once(*told)
    assert values(place, "thi") == [(60 * minute, round(thi(10 + minute, 50), 3)) for minute in range(30)]


def test_what_is_measured_later_is_no_part_of_an_earlier_result():
    place = Place(derived=(THI,))
    place.hear_at_once(*((9000, "barn", metric, 50, 0, Quality.LATE) for metric in ("humidity", "temperature")))
    place.hear_at_once(*((9000, "barn", "temperature", minute, 60.0 * minute, Quality.LATE) for minute in (1, 2, 3)))
    place.tick(9002)
    assert values(place, "thi")[1:] == [(60 * minute, round(thi(minute, 50), 3)) for minute in (1, 2, 3)]


def test_history_repeats_and_retained_copies_make_nothing():
    place = Place(derived=(THI,))
    place.hear_at_once((100, "barn", "temperature", 20), (100, "barn", "humidity", 50))
    place.hear(
        (101, "barn", "temperature", 20, 100),
        (102, "barn", "temperature", 30, 50),
        (103, "barn", "humidity", 9, 103, Quality.RETAINED),
    )
    place.tick(200)
    assert len(place.readings("thi")) == 1


def test_without_a_known_time_the_result_has_none_either():
    place = Place(STRESS, derived=(THI,))
    unknown = Quality.UNKNOWN_TIME
    place.hear_at_once((100, "barn", "temperature", 30, -9e8, unknown), (100, "barn", "humidity", 60, -9e8, unknown))
    assert place.kept[-1].quality.tolist() == [unknown] * 3
    assert kinds(place.tick(103)) == [Kind.FIRING]


# --- batches, rollback, restart ---------------------------------------------------------------

MANY = (
    THI,
    {"metric": "double", "from": {"a": "thi"}, "formula": "2 * a"},
    DIFFERENCE | {"match": {}},
    {
        "metric": "herd",
        "by": "group",
        "from": {"a": "temperature", "h": {"metric": "humidity", "aggregate": "max"}},
        "formula": "a + h",
        "max_age": "2m",
    },
    {
        "metric": "beside",
        "from": {
            "a": "temperature",
            "h": {"metric": "temperature", "by": "group", "least": 2, "default": 1},
            "r": {"metric": "humidity", "default": 5},
            "c": {"metric": "humidity", "clock": True, "default": 2},
        },
        "formula": "a / h + r + c",
    },
    {"metric": "rose", "from": {"a": {"metric": "temperature", "rise": "1m", "noise": 1}}, "formula": "a"},
    {
        "metric": "all",
        "device": "farm",
        "from": {"a": {"metric": "humidity", "device": "b"}, "b": {"metric": "temperature", "device": "weather"}},
        "formula": "a * b",
    },
)
GROUPS = {"a": "one", "b": "one", "c": "two"}
TOLD = st.lists(
    st.tuples(
        st.floats(0, 40).map(lambda gap: round(gap, 1)),
        st.sampled_from(["a", "b", "c", "weather"]),
        st.sampled_from(["temperature", "humidity"]),
        st.integers(1, 40),
        st.sampled_from([0.0, 0.0, 0.0, -0.5, -100.0, 30.0]),
        st.sampled_from([Quality.LIVE] * 4 + [Quality.LATE, Quality.UNKNOWN_TIME, Quality.RETAINED]),
    ),
    max_size=25,
)


def timed(told):
    seconds = itertools.accumulate(gap for gap, *_ in told)
    return [
        (second, device, metric, value, second + shift, quality)
        for second, (_, device, metric, value, shift, quality) in zip(seconds, told, strict=True)
    ]


def registered() -> Place:
    place = Place(STRESS, derived=MANY, groups=GROUPS)
    for device in (*GROUPS, "weather"):
        for metric in ("temperature", "humidity"):
            place.book.row(Series(device, metric, group=GROUPS.get(device)))
    return place


def all_kept(place: Place) -> list[tuple]:
    return [
        one
        for batch in place.kept
        for one in zip(
            *(getattr(batch, name).tolist() for name in ("series", "time", "received", "value", "quality")), strict=True
        )
    ]


def known(place: Place) -> tuple:
    return place.book.deriving.dump(), place.book.deriving.next_due()


@settings(max_examples=60, deadline=None)
@given(told=TOLD, cuts=st.sets(st.integers(1, 25), max_size=6))
def test_batches_change_no_result(told, cuts):
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
    assert all_kept(split) == all_kept(whole)
    assert known(split) == known(whole)


@settings(max_examples=40, deadline=None)
@given(told=TOLD.filter(len), later=TOLD)
def test_a_recording_cut_off_has_the_same_results_up_to_the_cut(told, later):
    cut, whole = registered(), registered()
    both = timed([*told, *((gap + 0.1, *rest) for gap, *rest in later)])
    short = cut.of(both[: len(told)])
    cut.take(short)
    whole.take(whole.of(both))
    assert [one for one in all_kept(whole) if one[2] <= short.received[-1]] == all_kept(cut)


@settings(max_examples=25, deadline=None)
@given(told=TOLD, offset=st.sampled_from([1e6, 1e9]))
def test_a_large_offset_changes_no_difference(told, offset):
    near, far = (Place(STRESS, derived=(DIFFERENCE | {"match": {}},), groups=GROUPS) for _ in range(2))
    for one in timed(told):
        near.hear(one)
        far.hear((*one[:3], one[3] + offset, *one[4:]))
    metric = DIFFERENCE["metric"]
    assert far.readings(metric) == near.readings(metric)


@settings(max_examples=25, deadline=None)
@given(told=TOLD, storm=st.lists(st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=6))
def test_a_storm_of_nan_makes_no_result_and_changes_none(told, storm):
    stormy, calm = registered(), registered()
    known_rows = len(calm.book.series)
    for n, one in enumerate(timed(told)):
        for place, metric, value in ((stormy, one[2], storm[n % len(storm)]), (calm, "battery", 50.0)):
            place.hear(one)
            place.hear((*one[:2], metric, value, *one[4:]))  # as many arrivals in both: each takes a microsecond
    for place in (stormy, calm):
        place.tick(20_000)
    made = [[told for told in all_kept(place) if told[0] < known_rows] for place in (stormy, calm)]
    assert made[0] == made[1]


@settings(max_examples=40, deadline=None)
@given(told=TOLD, cuts=st.sets(st.integers(1, 25), max_size=4))
def test_a_commit_that_fails_and_then_succeeds_changes_nothing(told, cuts):
    place = registered()
    batch, done = place.of(timed(told)) if told else Batch.empty(), 0
    for cut in sorted({*cuts, len(told)}):
        part, done = batch.take(slice(done, cut)), max(done, cut)
        if len(part):
            before = known(place)
            first = place.engine.step(part, int(part.received[-1])).readings
            place.engine.rollback()
            assert known(place) == before
            place.take(part)
            assert place.kept[-1].value.tobytes() == first.value.tobytes()


def test_an_animal_that_joins_after_a_commit_failed_counts_for_all_of_her_group():
    beside = {
        "metric": "beside",
        "from": {"own": "activity", "herd": {"metric": "activity", "by": "group"}},
        "formula": "own / herd",
    }
    place = Place(derived=(beside,), groups=dict.fromkeys("abc", "dairy"))
    place.hear((0, "a", "activity", 10))
    again = place.of([(60, "a", "activity", 10)])
    place.engine.step(again, int(again.received[-1]))
    place.engine.rollback()
    place.hear((61, "b", "activity", 20), (62, "c", "activity", 60), (63, "a", "activity", 10))
    assert place.readings("beside", "a")[-1] == (63, "a", 0.5)


@settings(max_examples=40, deadline=None)
@given(told=TOLD, kill=st.integers(0, 25), snapshot=st.none() | st.integers(0, 25))
def test_a_restart_makes_no_result_again_and_forgets_none(told, kill, snapshot):
    told = timed(told)
    place = registered()
    blob, after = None, 0
    for number, one in enumerate(told[:kill]):
        place.hear(one)
        if number == snapshot:
            blob, after = recovery.snapshot(place.book), len(place.kept)
    again = registered()
    kept = Kept(series=dict(enumerate(place.book.series)), snapshot=blob)
    again.engine = again.made()
    recovery.restore(again.engine, kept)
    for batch in place.kept[after:]:
        assert recovery.replay(again.engine, batch) == 0
    again.engine.book.link(START, up=True)
    again._received = place._received
    made = []
    for life in (place, again):
        life.kept = []
        for one in told[kill:]:
            life.hear(one)
        life.tick(20_000)
        made.append(all_kept(life))
    assert made[0] == made[1]
    assert known(again) == known(place)


def test_a_hundred_barns_of_one_batch_are_judged_as_one():
    place = Place(derived=(THI,))
    place.hear_at_once(*((0, f"barn-{n}", metric, 30) for n in range(100) for metric in ("temperature", "humidity")))
    assert len(place.kept[-1]) == 300

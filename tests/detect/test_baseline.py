"""What a cow does in a window against her own same hours: more, less, and what is only the time of day."""

from __future__ import annotations

import numpy as np
import pytest
from batches import batch, feed, panel
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.detect import KINDS
from alertd.detect.hours import HEAD, USUAL
from alertd.detect.jointly import judge_jointly
from alertd.detect.singly import judge_singly
from alertd.model import BAD, BAND, GOOD
from alertd.undo import Undo

RULE = KINDS["baseline"]


def cow(days, seed=1, every=60, level=40.0):
    """Return a cow's activity: two peaks a day, a walk to the milking each, and noise."""
    minutes = np.arange(0, days * 1440, every)
    shape = 1 + 0.8 * np.cos(4 * np.pi * (minutes - 390) / 1440)
    noise = np.random.default_rng(seed).normal(1, 0.1, len(minutes))
    return [(0, int(minute), float(value)) for minute, value in zip(minutes, level * shape * noise, strict=True)]


def changed(told, start, end, factor):
    return [(row, minute, value * factor if start <= minute < end else value) for row, minute, value in told]


def judged(detector, told):
    return feed(panel(detector), told)


def states(detector, told):
    return [verdict[3] for verdict in judged(detector, told)]


@pytest.mark.parametrize("every", [5, 60, 120])
def test_a_cow_in_heat_walks_more_than_at_her_same_hours(every):
    detector = RULE(window="12h", baseline="7d", ratio_above=1.45)
    begin = 10 * 1440 + 600
    found = judged(detector, changed(cow(12, every=every), begin, begin + 600, 2.5))
    late = [verdict for verdict in found if verdict[3] == BAD]
    assert late
    first = (late[0][2] - 1_790_000_000_000_000) / 60e6
    assert begin <= first <= begin + 480
    assert found[-1][3] == GOOD


def test_the_peaks_of_a_day_are_no_heat():
    assert BAD not in states(RULE(window="4h", baseline="7d", ratio_above=1.4), cow(14, every=10))


def test_nothing_is_judged_before_three_days_are_known():
    found = states(RULE(window="4h", baseline="7d", ratio_above=1.4), cow(5))
    assert found[:72] == [BAND] * 72
    assert found[80:] == [GOOD] * len(found[80:])


def test_rumination_that_falls_is_found_by_ratio_and_by_difference():
    told = changed(cow(9), 8 * 1440, 9 * 1440, 0.4)
    assert states(RULE(window="8h", baseline="3d", aggregate="sum", ratio_below=0.6), told)[-1] == BAD
    assert states(RULE(window="24h", baseline="7d", delta_below=-15), told)[-1] == BAD
    assert states(RULE(window="24h", baseline="7d", delta_below=15), told)[-1] == BAD
    assert states(RULE(window="24h", baseline="7d", delta_below=-30), told)[-1] == GOOD


def test_a_fever_is_a_difference_to_her_own_normal():
    minutes = np.arange(0, 12 * 1440, 10)
    values = 38.6 + 0.25 * np.sin(2 * np.pi * minutes / 1440) + np.random.default_rng(1).normal(0, 0.06, len(minutes))
    values[11 * 144 :] += 1.1
    told = [(0, int(minute), float(value)) for minute, value in zip(minutes, values, strict=True)]
    found = judged(RULE(window="4h", baseline="10d", delta_above=0.8), told)
    assert BAD not in [verdict[3] for verdict in found[: 11 * 144]]
    assert found[-1][3] == BAD
    assert float(found[-1][4]) == pytest.approx(1.1, abs=0.1)


def test_a_lasting_shift_becomes_the_normal_by_time_alone():
    told = changed(cow(20), 8 * 1440, 30 * 1440, 3.0)
    found = states(RULE(window="12h", baseline="7d", ratio_above=1.45), told)
    assert BAD in found[8 * 24 : 9 * 24]
    assert found[-24:] == [GOOD] * 24


@pytest.mark.parametrize(
    ("aggregate", "usual"), [("mean", 2.0), ("sum", 24.0), ("min", 1.0), ("max", 3.0), ("median", 2.0)]
)
def test_every_aggregate_is_what_its_name_says(aggregate, usual):
    told = [(0, 5 * n, float(1 + n % 3)) for n in range(288 * 6)]
    found = judged(RULE(window="1h", baseline="4d", aggregate=aggregate, delta_above=1000), told)
    assert float(found[-1][5]) == pytest.approx(usual, rel=0.13)
    assert float(found[-1][4]) == pytest.approx(0, abs=0.13 * usual)


def test_a_leak_at_night_is_a_smallest_flow_that_rises():
    flow = [(0, 10 * n, 0.0 if n % 144 < 36 else 20.0 + n % 7) for n in range(144 * 8)]
    leak = [(row, minute, value + 4.0 if minute >= 7 * 1440 else value) for row, minute, value in flow]
    detector = RULE(window="4h", baseline="5d", aggregate="min", delta_above=2)
    assert BAD not in states(detector, flow)
    assert BAD in states(detector, leak)[7 * 144 :]


def test_a_short_baseline_is_made_of_the_windows_before():
    told = [(0, n, 10.0 + n % 2) for n in range(300)] + [(0, 300 + n, 30.0) for n in range(10)]
    found = states(RULE(window="10m", baseline="2h", ratio_above=1.5), told)
    assert found[:20] == [BAND] * 20
    assert BAD not in found[:300]
    assert BAD in found[300:]


def test_an_outage_is_not_a_drop():
    told = [(row, minute, value) for row, minute, value in cow(9) if not 8 * 1440 < minute < 8 * 1440 + 700]
    assert BAD not in states(RULE(window="8h", baseline="3d", aggregate="sum", ratio_below=0.6), told)


def test_at_a_billion_a_difference_is_still_seen():
    told = [(row, minute, value + 1e9) for row, minute, value in changed(cow(9), 8 * 1440, 9 * 1440, 2.5)]
    assert BAD in states(RULE(window="8h", baseline="3d", delta_above=20), told)


def test_its_memory_is_little_more_than_two_bytes_an_hour():
    assert RULE(window="12h", baseline="7d", ratio_above=1.45).learned * 8 <= 500
    assert RULE(window="12h", baseline="12d", ratio_above=1.45).learned * 8 <= 770
    assert RULE(window="24h", baseline="10d", ratio_above=1.45).learned * 8 < 1000
    assert RULE(window="1s", baseline="60d", ratio_above=1.45).learned * 8 < 2000


def test_what_the_shipped_rules_learn_of_a_cows_rumination_fits_in_1331_bytes():
    drop = RULE(window="12h", baseline="12d", usual="median", ratio_below=0.75)
    stop = RULE(window="12h", baseline="7d", aggregate="sum", ratio_below=0.3)
    assert 8 * (drop.learned + stop.learned) <= 1331


def test_the_reason_says_what_it_amounts_to_and_what_is_usual():
    said = RULE(window="12h", baseline="7d", ratio_above=1.45).reason(142, 1.5, 80.0, "count")
    assert said == "12h mean 120 count is 1.50 times its usual 80 count at these hours (of 1w)"
    said = RULE(window="10m", baseline="2h", delta_below=-1).reason(5, -2.0, 8.0, "L")
    assert said == "10m mean 6 L is 2 L below its usual 8 L (of 2h)"


def test_people_are_told_what_was_judged_not_the_last_reading():
    assert RULE(window="12h", baseline="7d", ratio_above=1.45).told(142, 1.5, 80.0) == 120
    assert RULE(window="10m", baseline="2h", delta_below=-1).told(5, -2.0, 8.0) == 6
    assert RULE(window="12h", baseline="7d", ratio_above=1.45).told(142, 1.0, np.nan) == 142


@pytest.mark.parametrize(("usual", "after"), [("mean", BAD), ("median", GOOD)])
def test_days_of_a_stuck_sensor_are_no_normal_for_the_median(usual, after):
    told = changed(cow(16), 8 * 1440, 10 * 1440, 2.5)
    found = states(RULE(window="12h", baseline="7d", usual=usual, ratio_below=0.75), told)
    assert (BAD in found[10 * 24 + 12 : 15 * 24]) == (after == BAD)


def test_a_sum_of_which_hours_are_missing_is_compared_with_as_many_hours():
    told = [one for one in cow(12) if one[1] % 1440 // 60 not in (3, 4) or one[1] >= 10 * 1440]
    found = states(RULE(window="12h", baseline="7d", usual="median", aggregate="sum", ratio_above=1.3), told)
    assert BAD not in found


def farm(weeks, busy=5, every=60):
    """Return a machine's power: 1,000 W on workdays by day, nothing on Sundays, Saturday or at night."""
    hours = np.arange(0, weeks * 7 * 24)
    begin = 1_790_000_000 // 86400 % 7  # days since a Thursday
    workday = ((begin + hours // 24) % 7) < busy
    noise = np.random.default_rng(2).normal(0, 20, len(hours))
    on = workday & (hours % 24 >= 6) & (hours % 24 < 18)
    return [(0, int(hour * every), float(value)) for hour, value in zip(hours, 1000 * on + 100 + noise, strict=True)]


@pytest.mark.parametrize(("cycle", "alarms"), [("day", True), ("week", False)])
def test_a_free_day_is_unusual_beside_yesterday_and_usual_beside_last_week(cycle, alarms):
    detector = RULE(window="4h", baseline="4w", cycle=cycle, ratio_above=1.5, ratio_below=0.5)
    assert (BAD in states(detector, farm(7))[4 * 168 :]) == alarms


def test_a_machine_that_runs_on_its_free_day_is_found_beside_its_weeks():
    told = farm(6)
    night = next(at for at in range(5 * 168, 6 * 168) if all(one[2] < 200 for one in told[at - 20 : at + 20]))
    told[night - 4 : night + 4] = [(row, minute, 1000.0) for row, minute, _ in told[night - 4 : night + 4]]
    found = states(RULE(window="4h", baseline="4w", cycle="week", delta_above=400), told)
    assert BAD in found[night - 4 : night + 4]
    assert BAD not in found[: night - 4]


def test_a_week_needs_weeks():
    with pytest.raises(ValueError, match="at least 2w"):
        RULE(window="4h", baseline="10d", cycle="week", ratio_above=1.5)


def test_drinking_dips_of_a_bolus_hide_no_fever_from_the_highest_of_four_hours():
    """A dip of 2 to 9 degrees after each of seven drinks a day, up to three hours long (Cantor 2018, Bewley)."""
    dice = np.random.default_rng(5)
    minutes = np.arange(0, 14 * 1440, 15)
    values = 39.0 + 0.2 * np.sin(2 * np.pi * minutes / 1440) + dice.normal(0, 0.08, len(minutes))
    fever = minutes >= 12 * 1440 + 300
    values[fever] += 1.3
    for drink in np.flatnonzero(dice.random(len(minutes)) < 7 / 96):
        past = (minutes[drink:] - minutes[drink]) / 60
        values[drink:] -= dice.uniform(2, 6) * np.exp(-past / 0.7) * (past < 3)
    told = [(0, int(minute), float(value)) for minute, value in zip(minutes, values, strict=True)]
    begin = int(np.flatnonzero(fever)[0])
    highest = states(RULE(window="4h", baseline="10d", aggregate="max", delta_above=0.8), told)
    assert BAD not in highest[:begin]
    assert BAD in highest[begin : begin + 6 * 4]
    mean = states(RULE(window="4h", baseline="10d", delta_above=0.8), told)
    assert BAD in mean[:begin]  # whoever looks at the mean takes a day of little drinking for a fever


KINDS_OF_USUAL = [
    {"window": "6h", "baseline": "3d", "delta_above": 3},
    {"window": "6h", "baseline": "3d", "ratio_below": 0.8, "usual": "median"},
    {"window": "5h", "baseline": "3d", "ratio_above": 1.1, "delta_below": -4, "aggregate": "sum"},
    {"window": "5h", "baseline": "3d", "ratio_below": 0.9, "aggregate": "sum", "usual": "median"},
    {"window": "4h", "baseline": "3d", "delta_above": 2, "aggregate": "max"},
    {"window": "4h", "baseline": "3d", "delta_below": 2, "aggregate": "min", "usual": "median"},
    {"window": "4h", "baseline": "3d", "delta_above": 2, "aggregate": "median"},
    {"window": "20m", "baseline": "3h", "delta_above": 2},
    {"window": "1d", "baseline": "2w", "cycle": "week", "delta_above": 2},
]


@pytest.mark.parametrize("keys", KINDS_OF_USUAL, ids=lambda keys: f"{keys.get('aggregate', 'mean')} {keys['window']}")
@given(
    st.integers(0, 2**16),
    st.sampled_from([20, 60, 90]),
    st.lists(st.tuples(st.integers(0, 5 * 1440), st.integers(30, 2000)), max_size=3),
    st.lists(st.integers(0, 5 * 1440), max_size=6),
    st.sampled_from([0.0, 1e9, -1e100]),
)
@settings(max_examples=3, deadline=None)
def test_reading_by_reading_or_in_arrays_every_bit_is_the_same(keys, seed, every, gaps, late, level):
    told = [(row, minute, level + value) for row, minute, value in cow(5, seed, every)]
    told = [one for one in told if not any(start <= one[1] < start + length for start, length in gaps)]
    for minute in late:  # an older reading somewhere in between
        told.insert(seed % (len(told) + 1), (0, minute + 0.5, 55.5))
    told = [(row, minute, value) for _, minute, value in told for row in range(2)]
    detector = RULE(**keys)
    singly, jointly = panel(detector, series=2), panel(detector, series=2)
    for made in (singly, jointly):
        made.active[:] = True
    for start in range(0, len(told), 16):
        some = batch(told[start : start + 16])
        one, other = judge_singly(singly, some, Undo()), judge_jointly(jointly, some, Undo())
        for name in ("index", "state", "score", "normal"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    rows = np.arange(2)
    assert singly.learned.get(0, rows).tobytes() == jointly.learned.get(0, rows).tobytes()


@pytest.mark.parametrize("keys", KINDS_OF_USUAL[:6], ids=lambda keys: f"{keys.get('aggregate', 'mean')}")
def test_what_is_kept_for_an_hour_is_what_would_be_computed_now(keys):
    told = cow(6, every=20)
    late = [(0, 20 * n + 5, 50.0) for n in range(1, 400, 7)]
    detector = RULE(**keys)
    made = panel(detector)
    for n, one in enumerate(told):
        judge_singly(made, batch([one, *late[n // 7 : n // 7 + 1]] if n % 7 == 0 else [one]), Undo())
        line = made.learned.get(0, np.arange(1))
        if not np.isnan(line[0, USUAL]):
            again = detector._base.compute(line)
            assert not detector._base.lasts or again.tobytes() == line[:, USUAL:HEAD].tobytes()

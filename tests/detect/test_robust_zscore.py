"""What the robust z-score finds, and what must not fool it."""

from __future__ import annotations

import numpy as np
import pytest
from batches import feed, panel

from alertd.detect import KINDS
from alertd.model import BAD, BAND, GOOD

RULE = KINDS["robust_zscore"]


def noisy(count, level=20.0, seed=1):
    return [
        (0, minute, float(value)) for minute, value in enumerate(np.random.default_rng(seed).normal(level, 1, count))
    ]


def states(detector, told):
    return [verdict[3] for verdict in feed(panel(detector), told)]


def test_a_value_far_from_its_own_recent_normal_is_bad():
    detector = RULE(window="2h", above=5)
    found = feed(panel(detector), [*noisy(100), (0, 100, 40.0), (0, 101, 20.0)])
    assert [verdict[3] for verdict in found[-2:]] == [BAD, GOOD]
    assert float(found[-2][4]) == pytest.approx(20, rel=0.4)
    assert float(found[-2][5]) == pytest.approx(20, abs=0.5)


def test_nothing_is_judged_while_it_warms_up():
    assert states(RULE(window="2h", above=5), noisy(20))[:12] == [BAND] * 12
    assert states(RULE(window={"samples": 5}, above=5), noisy(20))[4:6] == [BAND, GOOD]


@pytest.mark.parametrize(("direction", "up", "down"), [("up", BAD, GOOD), ("down", GOOD, BAD), ("both", BAD, BAD)])
def test_only_the_asked_direction_counts(direction, up, down):
    detector = RULE(window="2h", above=5, direction=direction)
    assert states(detector, [*noisy(60), (0, 60, 90.0)])[-1] == up
    assert states(detector, [*noisy(60), (0, 60, -90.0)])[-1] == down


def test_one_frozen_probe_does_not_widen_the_band_that_should_catch_it():
    told = noisy(60)
    frozen = [(0, 60 + n, -127.0) for n in range(100)]
    assert states(RULE(window="2h", above=5), told + frozen)[60:] == [BAD] * 100


def test_after_a_day_a_new_level_is_the_normal():
    detector = RULE(window="30h", above=5)
    hours = [(0, 30 * n, value) for n, (_, _, value) in enumerate(noisy(100))]
    moved = [(0, 30 * (100 + n), 60 + value % 1) for n, (_, _, value) in enumerate(noisy(100))]
    found = states(detector, hours + moved)
    assert found[100:140] == [BAD] * 40
    assert found[-1] == GOOD


def test_a_sensor_that_always_said_the_same_is_judged_by_one_percent():
    same = [(0, minute, 20.0) for minute in range(30)]
    assert states(RULE(window="2h", above=5), [*same, (0, 30, 20.9)])[-1] == GOOD
    assert states(RULE(window="2h", above=5), [*same, (0, 30, 40.0)])[-1] == BAD


def test_a_floor_says_what_is_too_little_to_matter():
    same = [(0, minute, 20.0) for minute in range(30)]
    assert states(RULE(window="2h", above=5, floor=5), [*same, (0, 30, 40.0)])[-1] == GOOD
    assert states(RULE(window="2h", above=5, floor=0), [*same, (0, 30, 20.0)])[-1] == BAND


def test_bursts_in_quiet_data_are_their_normal():
    bursty = [(0, minute, 300.0 if minute % 3 == 0 else 0.0) for minute in range(100)]
    assert BAD not in states(RULE(window="2h", above=5), bursty)


def test_a_window_of_a_day_spans_the_day_whatever_the_sampling():
    ramp = [(0, minute, float(minute)) for minute in range(2 * 1440)]
    made = panel(RULE(window="24h", above=50))
    feed(made, ramp)
    window = made.windows.history(
        np.array([0]), np.array([ramp[-1][1] * 60_000_000]) + 1_790_000_000_000_000, 86_400_000_000, 0
    )
    values = window.value[np.isfinite(window.value)]
    assert values.min() == pytest.approx(1440, abs=10)
    assert np.median(values) == pytest.approx(1.5 * 1440, abs=15)
    assert 200 <= len(values) <= 258


def test_a_thinned_window_keeps_the_spread_of_single_readings():
    made = panel(RULE(window="24h", above=50))
    feed(made, noisy(3 * 1440))
    spread = made.learned.get(0, np.array([0]))[0, 1]
    assert spread == pytest.approx(1, rel=0.2)


def test_a_short_window_beside_a_long_one_keeps_its_readings():
    made = panel(RULE(window="24h", above=50), RULE(window="1h", above=50))
    feed(made, noisy(2 * 1440))
    now = np.array([made.windows.ints[0, 5]])
    assert np.isfinite(made.windows.history(np.array([0]), now, 3_600_000_000, 0).value).sum() >= 60

"""Slow shifts: what a reading alone never shows."""

from __future__ import annotations

import numpy as np
import pytest
from batches import feed, panel

from alertd.detect import KINDS
from alertd.model import BAD, BAND, GOOD

RULE = KINDS["drift"]


def told(values, every=10):
    return [(0, every * n, float(value)) for n, value in enumerate(values)]


def noise(count, seed=1):
    return np.random.default_rng(seed).normal(0, 1, count)


def states(detector, readings):
    return [verdict[3] for verdict in feed(panel(detector), readings)]


def test_of_forty_steady_series_two_drift_in_a_week_at_most():
    every = np.stack([20 + noise(1000, seed) for seed in range(40)])
    readings = [(row, 10 * n, float(every[row, n])) for n in range(1000) for row in range(40)]
    found = feed(panel(RULE(window="24h", above=6), series=40), readings, sizes=[40] * 1000)
    assert len({row for _, row, _, state, _, _ in found if state == BAD}) <= 2


@pytest.mark.parametrize("slope", [-1.0, 1.0])
def test_a_creep_that_hides_in_the_noise_is_found(slope):
    values = 20 + noise(1500)
    values[600:] += slope * np.arange(900) / 300  # a third of the noise in 16 hours
    found = feed(panel(RULE(window="24h", above=6)), told(values))
    assert BAD not in [verdict[3] for verdict in found[:600]]
    bad = [verdict for verdict in found if verdict[3] == BAD]
    assert bad
    assert np.sign(float(bad[0][4])) == slope


def test_a_small_lasting_shift_is_found_and_becomes_the_normal_by_time_alone():
    values = 20 + noise(3000)
    values[600:] += 1.0
    found = states(RULE(window="24h", above=6), told(values))
    assert BAD in found[600:800]
    assert found[-600:] == [GOOD] * 600


def test_readings_that_resemble_their_neighbours_do_not_add_up_to_a_drift():
    steps = noise(2000)
    values = np.zeros(2000)
    for n in range(1, 2000):
        values[n] = 0.9 * values[n - 1] + steps[n]
    assert BAD not in states(RULE(window="24h", above=6), told(values))


def test_one_wild_hour_is_no_drift():
    values = 20 + noise(1200)
    values[600:606] += 500
    assert BAD not in states(RULE(window="24h", above=6), told(values))


def test_day_and_night_are_no_drift():
    hours = np.arange(3000) / 6
    values = 15 + 8 * np.sin(2 * np.pi * hours / 24) + noise(3000)
    assert BAD not in states(RULE(window="3d", above=6), told(values))


def test_nothing_is_judged_for_half_a_window():
    found = states(RULE(window="24h", above=6), told(20 + noise(200)))
    assert found[:66] == [BAND] * 66
    assert found[-1] == GOOD


def test_a_window_can_count_readings():
    values = np.concatenate([20 + noise(300), 22 + noise(100)])
    assert BAD in states(RULE(window={"samples": 48}, above=6), told(values))[300:]
    with pytest.raises(ValueError, match="at least 24 samples"):
        RULE(window={"samples": 20}, above=6)


def test_the_reason_names_the_direction_and_the_normal():
    said = RULE(window="7d", above=6).reason(12.3, -6.44, 14.0, "L")
    assert said == "12.3 L is part of a slow drift down from its normal 14 L: 6.4 standard deviations added up"

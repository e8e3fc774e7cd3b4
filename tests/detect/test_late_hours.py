"""Hours that are told late: a collar out of reach delivers a night at once, and tomorrow is compared with it."""

from __future__ import annotations

import numpy as np
import pytest
from batches import feed, panel
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.detect import KINDS
from alertd.detect.cells import STEPS
from alertd.detect.hours import HEAD

AGGREGATES = ("mean", "sum", "min", "max", "median")


def rule(aggregate):
    return KINDS["baseline"](window="4h", baseline="3d", aggregate=aggregate, ratio_above=1.5)


def cow(days, every=20):
    minutes = np.arange(0, days * 1440, every)
    values = 40 + 30 * np.cos(4 * np.pi * minutes / 1440) + np.random.default_rng(2).normal(0, 3, len(minutes))
    return [(0, int(minute), float(value)) for minute, value in zip(minutes, values, strict=True)]


def hours_of(made):
    hours = made.detectors[0]._hours
    return hours.cells.all(made.learned.get(0, np.arange(1))[:, HEAD:])[0]


def out_of_reach(told, start, end):
    """Return the readings as they come: those of start to end all after the next one."""
    away = [one for one in told if start <= one[1] < end]
    before = [one for one in told if one[1] < start]
    after = [one for one in told if one[1] >= end]
    return before + after[:1] + away + after[1:]


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_six_hours_told_late_are_in_the_base_as_if_they_had_come_in_time(aggregate):
    told = cow(5)
    late, timely = panel(rule(aggregate)), panel(rule(aggregate))
    after_outage = 2 * 1440 + 9 * 60
    found = feed(late, out_of_reach(told, 2 * 1440 + 190, after_outage))
    expected = feed(timely, told)
    right = hours_of(timely)
    step = np.ptp(right[np.isfinite(right)]) / STEPS  # each of them that is told late may round once more
    np.testing.assert_allclose(hours_of(late), right, rtol=0, atol=4 * step)
    in_time = {verdict[2]: verdict for verdict in expected}
    assert len(found) < len(expected)  # what came late was not judged again
    for verdict in found[-100:]:
        assert verdict[3] == in_time[verdict[2]][3]
        assert float(verdict[4]) == pytest.approx(float(in_time[verdict[2]][4]), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_a_night_delivered_twice_counts_once(aggregate):
    told = cow(3)
    start, end = 2 * 1440 + 180, 2 * 1440 + 900
    once, twice = panel(rule(aggregate)), panel(rule(aggregate))
    feed(once, out_of_reach(told, start, end))
    feed(twice, out_of_reach(told, start, end))
    feed(twice, [one for one in told if start <= one[1] < end])
    assert hours_of(once).tobytes() == hours_of(twice).tobytes()


def test_what_is_older_than_the_baseline_changes_nothing():
    made = panel(rule("sum"))
    feed(made, cow(5))
    before = hours_of(made).tobytes()
    feed(made, [(0, -60, 1000.0), (0, -60_000, 1000.0)])
    assert hours_of(made).tobytes() == before


@given(st.permutations(range(13)), st.lists(st.integers(1, 7), max_size=9))
@settings(max_examples=20, deadline=None)
def test_an_hour_has_the_same_sum_and_extremes_in_whatever_order_it_comes(order, sizes):
    told = [(0, minute, float(minute * 7 % 11)) for minute in range(0, 130, 10)]
    for aggregate in ("sum", "min", "max"):
        made, right = panel(rule(aggregate)), panel(rule(aggregate))
        feed(made, [told[0], (0, 150, 5.0), *(told[at] for at in order)], sizes=sizes)
        feed(right, [*told, (0, 150, 5.0)])
        np.testing.assert_allclose(hours_of(made), hours_of(right), rtol=1e-4)

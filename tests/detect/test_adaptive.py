"""The safety net: unusual by the series' own standards, one configuration for all."""

from __future__ import annotations

import numpy as np
import pytest
from batches import START, feed, panel
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.detect import KINDS
from alertd.detect.adaptive_line import COLUMNS, follow
from alertd.detect.adaptive_singly import follow_one
from alertd.model import BAD, BAND, DAY, GOOD, HOUR

RULE = KINDS["adaptive"]


def barn(days, seed=1, every=10):
    """Return a barn's temperature: day and night, and noise."""
    minutes = np.arange(0, days * 1440, every)
    noise = np.random.default_rng(seed).normal(0, 0.3, len(minutes))
    values = 15 + 6 * np.sin(2 * np.pi * minutes / 1440) + noise
    return [(0, int(minute), float(value)) for minute, value in zip(minutes, values, strict=True)]


def judged(told, **keys):
    return feed(panel(RULE(**keys)), told)


def test_an_ordinary_fortnight_alarms_nobody_after_its_first_days():
    assert BAD not in [verdict[3] for verdict in judged(barn(14))[5 * 144 :]]


def test_nothing_is_judged_on_the_first_day():
    assert [verdict[3] for verdict in judged(barn(2))[:144]] == [BAND] * 144


@pytest.mark.parametrize(
    "change",
    [
        lambda v, n: 40.0 if n == 0 else v,  # a spike
        lambda v, n: v + 6.0,  # a step
        lambda v, n: v + n / 30,  # a ramp of 0.2 a reading
        lambda v, n: 15.0,  # no day and night any more: stuck in the middle
        lambda v, n: v + 4 * (-1) ** n,  # it flutters
    ],
)
def test_what_breaks_its_habits_is_found(change):
    told = barn(16)
    at = 14 * 144
    told[at:] = [(0, minute, change(value, n)) for n, (_, minute, value) in enumerate(told[at:])]
    found = judged(told)
    assert BAD not in [verdict[3] for verdict in found[5 * 144 : at]]
    assert BAD in [verdict[3] for verdict in found[at:]]


def test_unit_and_offset_change_nothing():
    told = barn(10)
    told.append((0, 14400, 60.0))
    plain = judged(told)
    for factor, offset in ((1000.0, 0.0), (1.0, 1e9), (-0.001, 5.0)):
        other = judged([(row, minute, factor * value + offset) for row, minute, value in told])
        np.testing.assert_allclose(
            [float(verdict[4]) for verdict in other], [float(verdict[4]) for verdict in plain], atol=2e-3
        )


def test_a_new_level_is_no_news_after_some_days():
    told = barn(30)
    told[10 * 144 :] = [(0, minute, value + 8) for _, minute, value in told[10 * 144 :]]
    found = [verdict[3] for verdict in judged(told)]
    assert BAD in found[10 * 144 : 11 * 144]
    assert found[14 * 144 :] == [GOOD] * len(found[14 * 144 :])


def test_after_a_spike_it_is_good_again_and_after_a_step_when_nothing_new_happens():
    spike = barn(11)
    spike[1440] = (0, spike[1440][1], 60.0)
    found = [verdict[3] for verdict in judged(spike)][1440:]
    assert found[0] == BAD
    assert BAD not in found[36:]
    assert found[-1] == GOOD
    step = barn(12)
    step[10 * 144 :] = [(0, minute, value + 8) for _, minute, value in step[10 * 144 :]]
    found = [verdict[3] for verdict in judged(step)][10 * 144 :]
    assert found[0] == BAD
    assert BAND in found[1:90]
    assert found[140] == GOOD


def test_one_garbled_value_does_not_hide_what_comes_after():
    told = barn(20)
    told[10 * 144] = (0, told[10 * 144][1], 6553.5)
    told[18 * 144 :] = [(0, minute, value + 25) for _, minute, value in told[18 * 144 :]]
    found = [verdict[3] for verdict in judged(told)]
    assert found[10 * 144] == BAD
    assert BAD in found[18 * 144 :]


@pytest.mark.parametrize(("sensitivity", "bad"), [(0.0, 0), (1.0, 144)])
def test_sensitivity_zero_is_never_and_one_is_always(sensitivity, bad):
    found = judged(barn(2), sensitivity=sensitivity)
    assert sum(verdict[3] == BAD for verdict in found[144:]) == bad


def test_more_sensitivity_finds_more():
    counts = [
        sum(verdict[3] == BAD for verdict in judged(barn(10), sensitivity=sensitivity))
        for sensitivity in (0.3, 0.5, 0.6, 0.8)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_its_state_fits_in_512_bytes():
    assert COLUMNS * 8 == 296


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3 * HOUR),
            st.one_of(st.floats(-50, 50), st.sampled_from([0.0, 1e9, 1e9 + 1, -1e30, 1e30, 5.0])),
        ),
        min_size=1,
        max_size=80,
    ),
    st.integers(0, DAY),
)
@settings(max_examples=60, deadline=None)
def test_one_reading_in_python_is_the_same_as_many_in_arrays(steps, begin):
    array, line = np.full((3, COLUMNS), np.nan), np.full(COLUMNS, np.nan)
    time = START + begin
    for gap, value in steps:
        time += gap
        with np.errstate(over="ignore"):
            # beside it one that was never heard, and one that hears the same always
            many = follow(array, np.array([time, time, time + DAY]), np.array([value, 20.0, -value]))
        ratio, quiet, usual, seen = follow_one(memoryview(line).cast("B"), time, value)
        assert tuple(float(column[0]) for column in many) == (ratio, max(quiet), usual, seen)
        assert array[0].tobytes() == line.tobytes()
        array[1] = np.nan


def test_the_reason_names_score_and_the_usual():
    said = RULE().reason(41.2, 0.83, 38.6, "degC")
    assert said == "41.2 degC is unusual for it (score 0.83 of 1); usual at this hour is 38.6 degC"
    assert RULE().reason(41.2, 0.83, np.nan, "degC") == "41.2 degC is unusual for it (score 0.83 of 1)"

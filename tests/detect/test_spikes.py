"""One wild value, out and back, is the sensor; what stays where it went is the animal."""

from __future__ import annotations

import numpy as np
import pytest
from batches import feed, panel

from alertd.detect import KINDS
from alertd.model import BAD, BAND, GOOD

RULE = KINDS["spikes"]


def states(detector, *values, every=30):
    return [one[3] for one in feed(panel(detector), [(0, every * n, float(value)) for n, value in enumerate(values)])]


def test_the_second_spike_of_a_day_is_one_too_many_once_it_is_back():
    calm = [38.5, 38.6]
    found = states(RULE(jump=1), *calm, 40.2, *calm, 40.1, 38.6, 38.5)
    assert found == [BAND, BAND, GOOD, GOOD, GOOD, GOOD, BAD, BAD]


def test_a_day_after_the_older_one_it_is_good_again():
    found = states(RULE(jump=1, within="24h"), 38.5, 38.6, 40.2, 38.5, 38.6, 40.1, *[38.6] * 50)
    assert found[6:51] == [BAD] * 45
    assert found[51:] == [GOOD] * 5  # 24 h after the first, which was the third reading


@pytest.mark.parametrize(
    "values",
    [
        [38.5, 38.6, 40.2, 40.3, 40.2, 38.6, 38.5],  # a fever: it stays
        [38.5, 38.6, 35.0, 38.4, 38.6, 34.0, 38.5],  # drinks: the other way
        [38.5, 39.3, 38.5, 39.3, 38.5, 39.3, 38.5],  # less than the jump
        [38.5, np.nan, 38.6, 39.0, 39.4, 39.0, 38.6],
    ],
)
def test_what_is_no_spike(values):
    assert BAD not in states(RULE(jump=1, direction="up", count=1), *values)


def test_one_way_or_both():
    down = [38.5, 38.6, 30.0, 38.6, 38.5]
    assert states(RULE(jump=1, direction="down", count=1), *down)[3] == BAD
    assert states(RULE(jump=1, count=1), *down)[3] == BAD


def test_a_run_of_wild_values_side_by_side_is_counted_once_each_way_back():
    assert states(RULE(jump=1, count=2), 38.5, 38.5, 41, 38.5, 41, 38.5)[-1] == BAD
    assert BAD not in states(RULE(jump=1, count=2), 38.5, 38.5, 41, 41, 38.5, 38.5)


def test_it_says_how_many():
    assert RULE(jump=1).reason(38.6, 2, 38.5, "degC") == "jumped by more than 1 degC and back 2 times within 1d"

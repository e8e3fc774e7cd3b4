"""What the z-score finds: its settings and windows are those of the robust one."""

from __future__ import annotations

import numpy as np
import pytest
from batches import feed, panel

from alertd.detect import KINDS
from alertd.model import BAD, BAND, GOOD

RULE = KINDS["zscore"]


def noisy(count, level=20.0, spread=1.0):
    values = np.random.default_rng(1).normal(level, spread, count)
    return [(0, minute, float(value)) for minute, value in enumerate(values)]


def judged(detector, told):
    return feed(panel(detector), told)


def test_a_value_many_deviations_from_the_mean_is_bad():
    found = judged(RULE(window="2h", above=5), [*noisy(100), (0, 100, 30.0), (0, 101, 20.0)])
    assert [verdict[3] for verdict in found[-2:]] == [BAD, GOOD]
    assert float(found[-2][4]) == pytest.approx(11, rel=0.2)
    assert float(found[-2][5]) == pytest.approx(20, abs=0.4)


def test_nothing_is_judged_before_min_samples():
    assert [verdict[3] for verdict in judged(RULE(window="2h", above=5, min_samples=6), noisy(8))] == [BAND] * 6 + [
        GOOD
    ] * 2


@pytest.mark.parametrize(("direction", "up", "down"), [("up", BAD, GOOD), ("down", GOOD, BAD), ("both", BAD, BAD)])
def test_only_the_asked_direction_counts(direction, up, down):
    detector = RULE(window="2h", above=5, direction=direction)
    assert judged(detector, [*noisy(60), (0, 60, 90.0)])[-1][3] == up
    assert judged(detector, [*noisy(60), (0, 60, -90.0)])[-1][3] == down


def test_a_spread_of_one_is_one_at_a_billion():
    found = judged(RULE(window="2h", above=5), [*noisy(100, level=1e9), (0, 100, 1e9 + 10)])
    assert float(found[-1][4]) == pytest.approx(11, rel=0.2)


def test_a_value_found_bad_does_not_widen_the_band():
    told = [*noisy(60), *((0, 60 + n, 60.0) for n in range(60))]
    assert [verdict[3] for verdict in judged(RULE(window="2h", above=5), told)][60:] == [BAD] * 60


def test_constant_data_has_a_spread_of_one_percent_or_the_floor():
    same = [(0, minute, 20.0) for minute in range(30)]
    assert judged(RULE(window="2h", above=5), [*same, (0, 30, 20.9)])[-1][3] == GOOD
    assert judged(RULE(window="2h", above=5), [*same, (0, 30, 40.0)])[-1][3] == BAD
    assert judged(RULE(window="2h", above=5, floor=10), [*same, (0, 30, 40.0)])[-1][3] == GOOD


def test_the_reason_names_standard_deviations():
    told = RULE(window="24h", above=5).reason(41.2, 6.12, 38.6, "degC")
    assert told == "41.2 degC is 6.1 standard deviations above its normal 38.6 degC"

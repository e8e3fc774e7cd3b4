"""How fast a value changes: per hour, over a window, whatever the sampling."""

from __future__ import annotations

import numpy as np
import pytest
from batches import feed, panel

from alertd.detect import KINDS
from alertd.model import BAD, BAND, GOOD

RULE = KINDS["rate"]


def states(detector, told):
    return [verdict[3] for verdict in feed(panel(detector), told)]


def ramp(per_hour, every=5, count=40, level=4.0):
    return [(0, every * n, level + per_hour * every * n / 60) for n in range(count)]


@pytest.mark.parametrize("every", [1, 5, 10, 17, 29])
def test_a_milk_tank_that_warms_is_found_at_any_sampling(every):
    detector = RULE(window="30m", above=0.5)
    assert states(detector, ramp(0.6, every))[-1] == BAD
    assert states(detector, ramp(0.4, every))[-1] == GOOD


def test_below_is_falling_faster():
    detector = RULE(window="30m", below=-2)
    assert states(detector, ramp(-3))[-1] == BAD
    assert states(detector, ramp(-1))[-1] == GOOD
    assert states(detector, ramp(3))[-1] == GOOD


def test_the_limit_is_per_hour_unless_said_otherwise():
    assert states(RULE(window="30m", above=30), ramp(60))[-1] == BAD
    assert states(RULE(window="30m", above=30, per="1m"), ramp(60))[-1] == GOOD
    assert states(RULE(window="30m", above=1000, per="1d"), ramp(60))[-1] == BAD


def test_nothing_is_judged_before_half_a_window_was_seen_nor_over_more_than_two():
    told = ramp(60, every=5, count=6)
    assert states(RULE(window="30m", above=5), told) == [BAND] * 3 + [BAD] * 3
    assert states(RULE(window="30m", above=5), [*told, (0, 200, 900.0)])[-1] == BAND


def test_a_sudden_step_is_a_change_too_and_is_over_when_it_has_left_the_window():
    told = [(0, n, 20.0 if n < 60 else 30.0) for n in range(180)]
    found = states(RULE(window="30m", above=5), told)
    assert found[60:90] == [BAD] * 30
    assert found[90:] == [GOOD] * 90


def test_a_late_reading_fills_the_window():
    detector = RULE(window="30m", above=5)
    assert states(detector, [(0, 0, 20.0), (0, 100, 40.0)])[-1] == BAND
    assert states(detector, [(0, 0, 20.0), (0, 99, 40.0), (0, 70, 20.0), (0, 100, 40.0)])[-1] == BAD


def test_the_score_is_the_rate_at_any_level():
    near, far = (feed(panel(RULE(window="30m", above=5)), ramp(6, level=level))[-1] for level in (0, 1e9))
    assert float(near[4]) == pytest.approx(6)
    assert float(far[4]) == pytest.approx(6, rel=1e-4)


def test_the_reason_says_how_fast_and_from_where():
    detector = RULE(window="30m", above=0.5)
    assert detector.reason(6.1, 4.0, 4.1, "degC") == ("rising by 4 degC per hour: 4.1 degC to 6.1 degC in about 30m")
    assert RULE(window="2h", below=-1, per="2d").reason(1, -9, 5, "L").startswith("falling by 9 L per 2d")


def test_without_a_limit_it_is_refused():
    with pytest.raises(ValueError, match="needs above or below"):
        RULE(window="30m")
    assert np.isnan(float(feed(panel(RULE(window="30m", above=1)), [(0, 0, 1.0)])[0][5]))

"""What is usual at this hour of the day: the same value is fine at noon and wrong at night."""

from __future__ import annotations

import numpy as np
import pytest
from batches import feed, panel

from alertd.detect import KINDS
from alertd.model import BAD, BAND, GOOD

RULE = KINDS["seasonal"]


def barn(days, every=10, seed=1, offset=0.0):
    minutes = np.arange(0, days * 1440, every)
    noise = np.random.default_rng(seed).normal(0, 0.3, len(minutes))
    values = offset + 15 + 8 * np.sin(2 * np.pi * minutes / 1440) + noise
    return [(0, int(minute), float(value)) for minute, value in zip(minutes, values, strict=True)]


def judged(detector, told):
    return feed(panel(detector), told)


def test_a_value_of_noon_is_wrong_at_night():
    told = [*barn(8), (0, 8 * 1440 + 360, 23.0)]
    found = judged(RULE(above=6), told)
    assert found[-1][3] == GOOD
    told[-1] = (0, 8 * 1440 + 1080, 23.0)
    found = judged(RULE(above=6), told)
    assert found[-1][3] == BAD
    assert float(found[-1][5]) == pytest.approx(7, abs=1.5)


def test_ordinary_days_alarm_nobody():
    for seed in range(3):
        found = judged(RULE(above=6), barn(14, seed=seed))
        assert sum(verdict[3] == BAD for verdict in found) <= 4


def test_an_hour_is_judged_when_it_was_seen_on_three_days():
    found = [verdict[3] for verdict in judged(RULE(above=6), barn(5))]
    assert found[: 3 * 144 - 6] == [BAND] * (3 * 144 - 6)
    assert found[3 * 144 + 6 :].count(BAND) == 0


@pytest.mark.parametrize(("direction", "up", "down"), [("up", BAD, GOOD), ("down", GOOD, BAD), ("both", BAD, BAD)])
def test_only_the_asked_direction_counts(direction, up, down):
    for value, expected in ((60.0, up), (-60.0, down)):
        told = [*barn(6), (0, 6 * 1440, value)]
        assert judged(RULE(above=6, direction=direction), told)[-1][3] == expected


def test_a_new_level_becomes_normal_by_time_alone():
    told = [(row, minute, value + 20 * (minute >= 8 * 1440)) for row, minute, value in barn(20)]
    found = [verdict[3] for verdict in judged(RULE(above=6, baseline="5d"), told)]
    assert BAD in found[8 * 144 : 9 * 144]
    assert found[-144:].count(BAD) <= 2


def test_an_offset_of_a_billion_changes_little():
    near = judged(RULE(above=6), [*barn(6), (0, 6 * 1440, 30.0)])
    far = judged(RULE(above=6), [*barn(6, offset=1e9), (0, 6 * 1440, 1e9 + 30.0)])
    assert float(far[-1][4]) == pytest.approx(float(near[-1][4]), rel=0.01)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="at least 3d"):
        RULE(above=4, baseline="2d")
    with pytest.raises(ValueError, match="use a wider bucket"):
        RULE(above=4, baseline="10d", bucket="1m")
    assert RULE(above=4).learned * 8 < 1300


def test_the_reason_names_the_hour():
    said = RULE(above=5).reason(41.2, 6.1, 38.6, "degC")
    assert said == "41.2 degC, 6.1 deviations above its usual 38.6 degC at this hour"

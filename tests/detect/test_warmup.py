"""How long a rule learns before it judges: what is said is what happens."""

from __future__ import annotations

import numpy as np
import pytest
from batches import START, feed, panel

from alertd.detect import KINDS
from alertd.model import BAND, DAY, HOUR, MINUTE

# kind, its keys, minutes between readings, how much sooner or later the first verdict may come (a bucket)
CASES = [
    ("threshold", {"above": 39.5}, 10, 0),
    ("flatline", {"for": "24h"}, 10, 0),
    ("zscore", {"window": "24h", "above": 4}, 60, HOUR),
    ("robust_zscore", {"window": {"samples": 20}, "above": 4, "min_samples": 5}, 10, 0),
    ("rate", {"window": "1h", "above": 5}, 10, 0),
    ("rate", {"window": "1h", "above": 5}, 45, 0),
    ("drift", {"window": "4d", "above": 8}, 60, 4 * HOUR),
    ("drift", {"window": {"samples": 48}, "above": 8}, 60, 0),
    ("seasonal", {"above": 5}, 30, HOUR),
    ("baseline", {"window": "4h", "baseline": "7d", "ratio_above": 1.5}, 60, 4 * HOUR),
    ("baseline", {"window": "1h", "baseline": "6h", "delta_above": 5}, 5, HOUR),
    ("adaptive", {}, 60, 0),
]


@pytest.mark.parametrize(("kind", "keys", "every", "bucket"), CASES)
def test_the_first_verdict_comes_when_the_warm_up_says(kind, keys, every, bucket):
    detector = KINDS[kind](**keys)
    noise = np.random.default_rng(3).normal(38.6, 0.2, 6 * 1440 // every).round(2)
    made = panel(detector)
    found = feed(made, [(0, n * every, float(value)) for n, value in enumerate(noise)])
    first = next(time - START for _, _, time, state, _, _ in found if state != BAND)
    said = detector.warmup(every * MINUTE)
    assert said is not None
    assert abs(first - said) <= bucket
    assert len(made.warming(0)) == 0


def test_a_window_that_holds_too_few_readings_never_judges():
    assert KINDS["robust_zscore"](window="1h", above=5).warmup(10 * MINUTE) is None
    assert KINDS["rate"](window="10m", above=5).warmup(HOUR) is None
    assert KINDS["seasonal"](above=5).warmup(0) == 3 * DAY


def test_series_that_are_still_learned_are_counted_and_those_never_heard_are_not():
    made = panel(KINDS["adaptive"](), KINDS["threshold"](above=40), series=3)
    feed(made, [(0, minute, 38.0) for minute in range(0, 1500, 10)])
    feed(made, [(1, minute, 38.0) for minute in range(1400, 1500, 10)])
    before = made.learned.get(0, np.arange(3)).tobytes()
    assert made.warming(0).tolist() == [1]
    assert made.warming(1).tolist() == []
    assert made.learned.get(0, np.arange(3)).tobytes() == before

"""A stuck sensor, and what only looks like one."""

from __future__ import annotations

from batches import feed, panel

from alertd.detect import KINDS
from alertd.model import BAD, GOOD


def rule(**keys):
    return KINDS["flatline"](**{"for": "1h"} | keys)


def states(detector, told):
    return [verdict[3] for verdict in feed(panel(detector), told)]


def test_a_value_that_stays_is_bad_after_the_time_and_good_when_it_moves():
    told = [(0, 10 * n, 20.0) for n in range(10)] + [(0, 100, 20.1)]
    assert states(rule(), told) == [GOOD] * 6 + [BAD] * 4 + [GOOD]


def test_within_the_tolerance_it_stays_the_same():
    wobble = [(0, 10 * n, 20.0 + 0.05 * (n % 2)) for n in range(10)]
    assert states(rule(tolerance=0.1), wobble)[-1] == BAD
    assert states(rule(tolerance=0.01), wobble)[-1] == GOOD


def test_a_slow_creep_leaves_the_tolerance():
    assert BAD not in states(rule(tolerance=0.1), [(0, 10 * n, 20 + 0.05 * n) for n in range(40)])


def test_an_outage_between_two_equal_readings_proves_nothing():
    assert states(rule(), [(0, 0, 20.0), (0, 600, 20.0), (0, 610, 20.0)]) == [GOOD, GOOD, BAD]


def test_the_reason_says_how_long():
    found = feed(panel(rule()), [(0, 10 * n, 20.0) for n in range(16)])[-1]
    assert rule().reason(20.0, float(found[4]), float(found[5]), "degC") == "20 degC, unchanged for 2h30m"

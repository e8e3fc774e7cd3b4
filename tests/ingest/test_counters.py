"""Totals of counters: what a wrap, a reset, a swap of collars and a restart come to."""

from __future__ import annotations

import pytest

from alertd.ingest.counters import Counters


def totals(*told, wrap=0.0):
    made = Counters()
    return [made.total(0, sender, time, raw, wrap) for time, (sender, raw) in enumerate(told)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("a", 990.0), ("a", 10.0)], [990.0, 1010.0]),  # a wrap
        ([("a", 500.0), ("a", 10.0)], [500.0, 510.0]),  # a reset
        ([("a", 500.0), ("a", 499.0), ("a", 501.0)], [500.0, 500.0, 501.0]),  # a correction
        ([("a", 500.0), ("b", 900.0), ("b", 910.0)], [500.0, 500.0, 510.0]),  # another collar
        ([("a", 500.0), ("b", 20.0), ("a", 800.0), ("a", 805.0)], [500.0, 500.0, 500.0, 505.0]),  # and back
    ],
)
def test_a_total_never_falls_and_jumps_by_nothing_that_was_counted_elsewhere(told, expected):
    assert totals(*told, wrap=1000.0) == expected


def test_the_retained_copy_of_an_old_value_is_no_reset():
    made = Counters()
    made.total(0, "a", 1, 500.0, 0.0)
    made.total(0, "a", 2, 300.0, 0.0, old=True)

    assert made.total(0, "a", 3, 501.0, 0.0) == 501.0


def test_what_comes_again_after_a_kill_does_not_wrap_twice():
    made = Counters()
    for time, raw in enumerate((990.0, 10.0, 20.0), 1):
        made.total(0, "a", time, raw, 1000.0)
    again = Counters()
    again.restore(0, made.written(0))
    again.follow([(0, 1, 990.0)])  # of the journal only this is left

    assert [again.total(0, "a", time, raw, 1000.0) for time, raw in ((2, 10.0), (3, 20.0))] == [1010.0, 1020.0]

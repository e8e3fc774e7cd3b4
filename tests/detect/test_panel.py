"""What becomes of readings: in order, late, repeated, contradicting, without a time, retained."""

from __future__ import annotations

import numpy as np
import pytest
from batches import START, batch, feed, panel, windows_of

from alertd.detect import KINDS
from alertd.detect.panel import Panel
from alertd.model import BAD, BAND, GOOD, MINUTE, Batch, Quality
from alertd.undo import Undo

HOT = KINDS["threshold"](above=30, clear=25)
COLD = KINDS["threshold"](below=5)
ODD = KINDS["robust_zscore"](window="2h", above=5)
GONE = KINDS["absence"](after="2h")


def judge(made, told, **how):
    return made.judge(batch(told, **how), Undo())


def test_only_what_matters_is_told_in_the_order_of_the_readings():
    made = panel(HOT, COLD, series=3)
    made.active[1, 2] = True
    result = judge(made, [(2, 0, 40), (0, 0, 10), (1, 0, 2), (2, 1, 27)])
    assert result.accepted.all()
    told = list(zip(result.index.tolist(), result.rule.tolist(), result.state.tolist(), strict=True))
    assert told == [(0, 0, BAD), (0, 1, GOOD), (2, 1, BAD), (3, 0, BAND), (3, 1, GOOD)]
    assert result.score.tolist() == [40, 40, 2, 27, 27]


def test_a_rule_judges_only_the_series_it_is_meant_for():
    made = Panel([HOT, COLD, ODD])
    rows = [made.add(rules, state=False) for rules in ([0], [1], [0, 1, 2], [])]
    result = judge(made, [(row, 0, value) for row, value in zip(rows, (2, 40, 40, 40), strict=True)])
    assert list(zip(result.index.tolist(), result.rule.tolist(), strict=True)) == [(2, 0)]


def test_the_same_reading_again_is_not_kept_and_another_value_is_a_conflict():
    made = panel(HOT)
    assert judge(made, [(0, 0, 20), (0, 1, 21), (0, 1, 21), (0, 1, 22)]).accepted.tolist() == [True, True, False, False]
    again = judge(made, [(0, 0, 20), (0, 0, 99), (0, 1, 99)])
    assert again.accepted.tolist() == [False, False, False]
    assert again.conflict.tolist() == [False, True, True]
    assert len(again.index) == 0


def test_a_late_reading_is_kept_in_its_place_and_alarms_nobody():
    made = panel(HOT, ODD)
    judge(made, [(0, 0, 20), (0, 5, 21)])
    late = judge(made, [(0, 3, 99)], quality=Quality.LATE)
    assert late.accepted.all()
    assert len(late.index) == 0
    times, offsets, _ = made.windows.columns(0)
    assert ((times - START) // MINUTE).tolist() == [0, 3, 5]
    assert offsets.tolist() == [0, 79, 1]
    assert made.last_value[0] == 21


def test_a_backlog_in_order_is_judged_though_it_is_late():
    made = panel(HOT)
    assert judge(made, [(0, 0, 20), (0, 1, 40)], quality=Quality.LATE).state.tolist() == [BAD]


def test_of_a_backlog_without_times_the_newest_is_judged_by_limits_alone():
    made = panel(HOT, ODD, series=2)
    made.active[:] = True
    result = judge(made, [(0, -9e7, 40), (0, -8e7, 20), (1, 0, 50), (0, 2, 41)], quality=Quality.UNKNOWN_TIME)
    assert result.accepted.all()
    told = list(zip(result.index.tolist(), result.rule.tolist(), result.state.tolist(), strict=True))
    assert told == [(2, 0, BAD), (3, 0, BAD)]
    assert made.windows.ints[0, 3] == 0
    assert made.last_value[0] == 41
    assert made.last_time[0] == made.received[0] == START + 10_000 * MINUTE + 3


def test_what_the_broker_retained_is_the_last_value_only_where_nothing_is_known():
    made = panel(HOT, series=2)
    judge(made, [(0, 0, 20)])
    result = judge(made, [(0, 1, 99), (1, 1, 98), (1, 2, 97)], quality=Quality.RETAINED)
    assert not result.accepted.any()
    assert len(result.index) == 0
    assert made.last_value[:2].tolist() == [20, 98]
    assert made.received[1] == 0


def test_any_arrival_is_good_news_for_a_series_thought_gone():
    made = panel(GONE)
    made.active[:] = True
    assert judge(made, [(0, 0, 1)], quality=Quality.UNKNOWN_TIME).state.tolist() == [GOOD]
    assert judge(made, [(0, 1, 1)]).state.tolist() == [GOOD]


def test_good_after_bad_in_one_batch_is_told_too():
    result = judge(panel(HOT), [(0, 0, 20), (0, 1, 40), (0, 2, 20), (0, 3, 27)])
    assert result.index.tolist() == [1, 2, 3]
    assert result.state.tolist() == [BAD, GOOD, BAND]


def test_an_empty_batch_changes_nothing():
    made = panel(HOT, ODD)
    result = made.judge(Batch.empty(), Undo())
    assert len(result.accepted) == len(result.index) == 0


def test_the_usual_interval_is_the_median_of_the_last_eight_gaps():
    made = panel(GONE)
    assert made.interval(0) == 0
    judge(made, [(0, 0, 1), (0, 100, 1), *((0, 200 + 5 * n, 1) for n in range(7))])
    assert made.interval(0) == 5 * MINUTE
    judge(made, [(0, 1000, 1)])
    assert made.interval(0) == 5 * MINUTE


def test_rows_keep_what_they_know_while_the_farm_grows():
    made = Panel([HOT, ODD])
    for row in range(300):
        assert made.add([0, 1], state=row % 2 == 0) == row
        judge(made, [(row, 0, row)])
    assert made.rows == 300
    assert made.last_value[:300].tolist() == list(range(300))
    assert made.state_series[:4].tolist() == [True, False, True, False]
    assert made.applies[:, :300].all()


def test_a_level_that_moves_far_away_is_still_seen_sharply():
    made = panel(ODD)
    noise = np.random.default_rng(3).normal(0, 1, 200)
    feed(made, [(0, minute, float(value)) for minute, value in enumerate(noise[:50])])
    feed(made, [(0, 3000 + minute, float(1e9 + value)) for minute, value in enumerate(noise[50:])])
    result = judge(made, [(0, 3200, 1e9 + 12)])
    assert result.state.tolist() == [BAD]
    assert result.score[0] == pytest.approx(12, rel=0.3)


def test_one_series_that_dominates_a_batch_ends_as_one_by_one():
    told = [(0, minute, float(minute % 7)) for minute in range(400)]
    for rules in ([HOT], [HOT, ODD]):
        whole, single = panel(*rules), panel(*rules)
        assert feed(whole, told) == feed(single, told, sizes=[1] * 400)
        assert windows_of(whole) == windows_of(single)


# --- snapshots --------------------------------------------------------------------------------


def filled(*rules):
    made = panel(*rules, series=2)
    feed(made, [(series, minute, 20 + minute % 5 + series) for minute in range(60) for series in range(2)])
    return made


def test_a_damaged_or_foreign_snapshot_is_refused_and_changes_nothing():
    blob = filled(HOT, ODD).dump()
    fresh = panel(HOT, ODD, series=2)
    before = windows_of(fresh)
    for bad in (b"", b"something else", blob[:-1], blob[:40] + bytes([blob[40] ^ 1]) + blob[41:]):
        assert not fresh.load(bad)
    assert not panel(HOT, ODD, series=1).load(blob)
    assert windows_of(fresh) == before
    assert fresh.load(blob)


def test_an_edited_rule_forgets_what_it_learned_and_no_other_does():
    other = KINDS["robust_zscore"](window="2h", above=5, direction="up")
    blob = filled(other, ODD).dump()
    edited = KINDS["robust_zscore"](window="2h", above=6, direction="up")
    held = ODD.model_copy(update={"hold": 5 * MINUTE})
    made = panel(held, edited, series=3)
    assert made.load(blob)
    assert np.isfinite(made.learned.get(0, np.array([0, 1]))).all()
    assert np.isnan(made.learned.get(1, np.array([0, 1, 2]))).all()
    assert list(made.learned.lacking) == [1]
    assert windows_of(made)[:2] == windows_of(filled(other, ODD))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            KINDS["baseline"](window="5m", baseline="30m", ratio_below=0.75),
            KINDS["baseline"](window="5m", baseline="30m", ratio_below=0.7, delta_below=-2),
        ),
        (KINDS["seasonal"](above=5), KINDS["seasonal"](above=6, direction="up")),
        (KINDS["adaptive"](), KINDS["adaptive"](sensitivity=0.3)),
    ],
)
def test_a_limit_that_is_edited_costs_nothing_of_what_was_learned(before, after):
    old = filled(before)
    made = panel(after, series=2)
    assert made.load(old.dump())
    assert made.learned.lacking == {}
    assert made.learned.get(0, np.array([0, 1])).tobytes() == old.learned.get(0, np.array([0, 1])).tobytes()


def test_what_a_rule_found_bad_stays_out_of_its_baseline_after_it_moved_in_the_file():
    made = filled(ODD)
    judge(made, [(0, 61, 500.0)])
    after = panel(HOT, COLD, KINDS["robust_zscore"](window="1h", above=5), ODD, series=2)
    assert after.load(made.dump())
    assert after.learned.slot[3] == 1
    assert after.windows.columns(0)[2].tolist() == [0] * 60 + [2]
    judge(after, [(0, 62 + minute, 500.0) for minute in range(20)])
    assert judge(after, [(0, 90, 500.0)]).rule.tolist() == [0, 2, 3]

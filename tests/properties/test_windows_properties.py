"""What must hold for any readings: batches, order, steps taken back and bad numbers change nothing."""

from __future__ import annotations

import copy
from dataclasses import fields

import numpy as np
import pytest
from batches import START, batch, everything, feed, panel, windows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.detect import KINDS
from alertd.detect.jointly import judge_jointly
from alertd.detect.judgement import Judgement
from alertd.detect.panel import Panel
from alertd.detect.singly import judge_singly
from alertd.model import GOOD, MINUTE, Batch, Quality
from alertd.undo import Undo

LIMIT = KINDS["threshold"](above=30, clear=25)
QUIET = KINDS["absence"](after="2h")
SHORT = KINDS["robust_zscore"](window={"samples": 20}, above=4, min_samples=5)
HOURS = KINDS["robust_zscore"](window="2h", above=4, min_samples=5)
DAY = KINDS["robust_zscore"](window="1d", above=3, min_samples=5)
MEAN = KINDS["zscore"](window="2h", above=4, min_samples=5)
SPEED = KINDS["rate"](window="10m", above=60)
STUCK = KINDS["flatline"](**{"for": "20m", "tolerance": 0.5})
SLOW = KINDS["drift"](window="2h", above=5)
COUNTED = KINDS["drift"](window={"samples": 48}, above=5)
UNUSUAL = KINDS["adaptive"]()
HABIT = KINDS["seasonal"](baseline="3d", bucket="6h", above=4)
DAYS = KINDS["baseline"](window="10m", baseline="1h", aggregate="median", delta_above=5)
SUMS = KINDS["baseline"](window="20m", baseline="2h", aggregate="sum", ratio_above=2)
ON = KINDS["state"](equals=1)
WILD = KINDS["spikes"](jump=1.5, count=2, within="1h")
FENCE = KINDS["geofence"](polygon=[[8.0, 50.0], [8.1, 50.0], [8.1, 50.1]], fixes=2)

WHOLE = [
    LIMIT,
    QUIET,
    SHORT,
    HOURS,
    DAY,
    MEAN,
    SPEED,
    STUCK,
    SLOW,
    COUNTED,
    UNUSUAL,
    HABIT,
    DAYS,
    SUMS,
    ON,
    FENCE,
    WILD,
]
ALONE = [LIMIT, QUIET, ON]

values = st.one_of(
    st.integers(0, 40).map(float), st.floats(-50, 50), st.sampled_from([1e9, 1e9 + 1, -1e300, 1e308, 0.0])
)
minutes = st.one_of(st.integers(0, 60), st.integers(0, 3000))


@st.composite
def recordings(draw: st.DrawFn, most: int = 60) -> list[tuple[int, float, float]]:
    """Readings of four series, mostly in order, some late, some twice, some contradicting."""
    told: list[tuple[int, float, float]] = []
    clock = 0
    for _ in range(draw(st.integers(1, most))):
        kind = draw(st.integers(0, 9))
        if kind == 0 and told:
            told.append(draw(st.sampled_from(told)))
        elif kind == 1:
            told.append((draw(st.integers(0, 3)), draw(minutes), draw(values)))
        else:
            clock += draw(st.integers(0, 3))
            told.append((draw(st.integers(0, 3)), clock, draw(values)))
    return told


def test_every_kind_that_judges_series_by_themselves_is_here():
    together = {
        "peers",
        "fraction",
    }  # the same properties: tests/alerting/test_herd_stories.py (derived: test_derived_stories.py)
    assert {one.kind for one in WHOLE} == KINDS.keys() - together


@given(recordings(), st.lists(st.integers(1, 20), max_size=30), st.booleans())
@settings(max_examples=60, deadline=None)
def test_batches_never_change_a_verdict_or_a_window(told, sizes, looks_back):
    rules = WHOLE if looks_back else ALONE
    whole, parts, single = (panel(*rules, series=4) for _ in range(3))
    expected = feed(whole, told)
    assert feed(parts, told, sizes=sizes) == expected
    assert feed(single, told, sizes=[1] * len(told)) == expected
    assert windows_of(parts) == windows_of(single) == windows_of(whole)
    for name in ("received", "last_time", "last_value"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


@pytest.mark.parametrize("rule", WHOLE, ids=lambda rule: rule.kind)
def test_a_rule_that_has_judged_can_be_handed_to_another_process_and_is_still_itself(rule):
    fresh = rule.model_dump()
    feed(panel(rule), [(0, 7 * n, float(n % 5)) for n in range(300)], sizes=[1] * 200)
    assert copy.deepcopy(rule).model_dump() == fresh


def whatever(told: list[tuple[int, float, float]], qualities: list[int]) -> Batch:
    made = batch(told)
    made.quality[:] = [qualities[n % len(qualities)] for n in range(len(told))]
    return made


def said(result: Judgement) -> list[object]:
    return [getattr(result, one.name).tobytes() for one in fields(result)]


@given(
    recordings(),
    recordings(most=24),
    st.lists(st.sampled_from([*Quality]), min_size=1, max_size=9),
    st.sets(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 3))),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_reading_by_reading_or_in_arrays_every_bit_is_the_same(told, more, qualities, active, looks_back):
    rules = WHOLE if looks_back else ALONE
    singly, together = panel(*rules, series=4), panel(*rules, series=4)
    for made in (singly, together):
        for rule, row in active:
            made.active[rule % len(rules), row] = True
    for step in (whatever(told, [0, *qualities]), whatever(more, qualities)):
        one = judge_singly(singly, step, Undo())
        assert said(one) == said(judge_jointly(together, step, Undo()))
        assert windows_of(singly) == windows_of(together)
        for name in ("received", "last_time", "last_value"):
            assert getattr(singly, name).tobytes() == getattr(together, name).tobytes()
        learned = [made.learned.dump(4)[1] for made in (singly, together)]
        assert all(learned[0][name].tobytes() == array.tobytes() for name, array in learned[1].items())
    before, undo = everything(singly), Undo()
    judge_singly(singly, whatever([(row, minute + 1, value) for row, minute, value in told], qualities), undo)
    undo.rollback()
    assert everything(singly) == before


@given(recordings(), recordings())
@settings(max_examples=12, deadline=None)
def test_a_recording_cut_off_has_the_same_verdicts_up_to_the_cut(told, later):
    cut, whole = panel(*WHOLE, series=4), panel(*WHOLE, series=4)
    cut.active[:] = whole.active[:] = True
    short, long = judge_jointly(cut, batch(told), Undo()), judge_jointly(whole, batch(told + later), Undo())
    before = long.index < len(told)
    assert long.accepted[: len(told)].tobytes() == short.accepted.tobytes()
    for name in ("index", "rule", "state", "score", "normal"):
        assert getattr(long, name)[before].tobytes() == getattr(short, name).tobytes()


@given(recordings(), recordings())
@settings(max_examples=40, deadline=None)
def test_a_step_taken_back_leaves_no_trace(told, step):
    made = panel(*WHOLE, series=4)
    feed(made, told)
    before, undo = everything(made), Undo()
    made.judge(batch(step), undo)
    undo.rollback()
    assert everything(made) == before


def test_a_step_that_outgrows_its_rings_is_taken_back_too():
    made = panel(DAY, SHORT, series=40)
    before, undo = everything(made), Undo()
    made.judge(batch((series, minute, 20 + minute % 7) for minute in range(700) for series in range(3)), undo)
    made.judge(batch((series, 701, 20) for series in range(40)), undo)
    undo.rollback()
    assert everything(made) == before


@given(recordings(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_the_same_readings_again_change_nothing(told, singly):
    told = told[:15]  # as many as the shortest window holds
    made, once = panel(*WHOLE, series=4), panel(*WHOLE, series=4)
    assert feed(made, told) == feed(once, told)
    again = (judge_singly if singly else judge_jointly)(made, batch(told), Undo())
    assert not again.accepted.any()
    assert len(again.index) == 0
    assert windows_of(made) == windows_of(once)
    assert learned_of(made) == learned_of(once)


def learned_of(made: Panel) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in made.learned.dump(made.rows)[1].items()}


@given(st.permutations([(0, minute, float(minute % 9)) for minute in range(40)]))
@settings(max_examples=25, deadline=None)
def test_late_readings_find_their_place(told):
    made, ordered = panel(HOURS), panel(HOURS)
    feed(made, told)
    feed(ordered, sorted(told))
    assert made.windows.columns(0)[0].tolist() == ordered.windows.columns(0)[0].tolist()
    late = made.windows.floats[0, 1] + made.windows.columns(0)[1]
    right = ordered.windows.floats[0, 1] + ordered.windows.columns(0)[1]
    np.testing.assert_allclose(late, right, atol=1e-5)


@pytest.mark.parametrize(
    "rule", [HOURS, MEAN, SPEED, STUCK, SLOW, COUNTED, UNUSUAL, HABIT, DAYS, WILD], ids=lambda one: one.kind
)
@given(st.sampled_from([1e6, 1e9]), st.integers(0, 2**31))
@settings(max_examples=2, deadline=None)
def test_a_large_offset_changes_no_score(rule, offset, seed):
    steps = (
        np.random.default_rng(seed).normal(0, 1, 400) * 1024
    ).round() / 1024  # adding the offset rounds none of them
    every = 30 if rule in (HABIT, UNUSUAL) else 5
    near, far = panel(rule), panel(rule)
    small = feed(near, [(0, n * every, float(step)) for n, step in enumerate(steps)])
    large = feed(far, [(0, n * every, float(offset + step)) for n, step in enumerate(steps)])
    scores = [[float(str(verdict[4])) for verdict in side] for side in (small, large)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=5e-3, atol=5e-3)
    assert any(scores[0])


@given(recordings(), st.lists(st.sampled_from([np.nan, np.inf, -np.inf]), min_size=1, max_size=10))
@settings(max_examples=25, deadline=None)
def test_a_storm_of_nan_poisons_no_window(told, storm):
    made, calm = panel(*WHOLE, series=4), panel(*WHOLE, series=4)
    feed(made, told[:20])
    feed(calm, told[:20])
    result = made.judge(batch((0, 4000 + n, bad) for n, bad in enumerate(storm)), Undo())
    assert not result.accepted.any()
    assert len(result.index) == 0
    assert everything(made) == everything(calm)


@given(st.floats(0.01, 5), st.integers(2, 60), st.integers(1, 58))
@settings(max_examples=20, deadline=None)
def test_one_step_of_a_quantised_sensor_is_never_anomalous(step, every, seen):
    told = [(0, minute, 20 + step * (minute % every == 1)) for minute in range(120)]
    found = feed(panel(HOURS), [*told, (0, 120 + seen, 20 + step), (0, 121 + seen, 20 - step)])
    assert all(state == GOOD for _, _, time, state, _, _ in found if time >= START + 5 * MINUTE)


@given(recordings(most=200))
@settings(max_examples=25, deadline=None)
def test_a_snapshot_restores_everything(told):
    made, after = panel(*WHOLE, series=4), panel(*WHOLE, series=4)
    feed(made, told)
    assert after.load(made.dump())
    assert windows_of(after) == windows_of(made)
    more = [(series, 5000 + n, float(n % 11)) for n in range(30) for series in range(4)]
    assert feed(after, more) == feed(made, more)

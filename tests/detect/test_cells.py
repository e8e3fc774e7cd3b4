"""Hours in 16 bits each: what they are off by, and what a wild one does to the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.detect.cells import STEPS, Cells, Singles

DAY = 24
values = st.one_of(
    st.floats(-50, 50),
    st.sampled_from([0.0, -0.0, 1e-30, 1e6, 1e30, -1e38, 1e100, np.inf, np.nan]),
)


def ring(cells):
    made = np.full((1, cells.columns), np.nan)
    cells.clear(made, np.zeros(1, np.intp))
    return made


def put(cells, made, at, value):
    with np.errstate(over="ignore", invalid="ignore"):
        cells.put(made, np.zeros(1, np.intp), np.array([at]), np.array([value]))


def filled(count, told):
    cells = Cells(count)
    made = ring(cells)
    for n, value in enumerate(told):
        put(cells, made, n % count, value)
    return cells, made


def test_an_hour_costs_little_more_than_two_bytes():
    assert Cells(301).columns * 8 < 2.3 * 301
    assert Cells(384).columns * 8 < 2.3 * 384


def test_two_weeks_of_temperature_are_off_by_less_than_a_thousandth_of_a_degree():
    told = 38.6 + np.random.default_rng(1).normal(0, 0.4, 14 * DAY)
    cells, made = filled(14 * DAY, told)
    assert np.abs(cells.all(made)[0] - told).max() < 1e-4


def test_what_does_not_change_is_kept_as_it_is():
    told = np.full(100, np.float32(41.7), np.float64)
    cells, made = filled(100, told)
    assert cells.all(made)[0].tolist() == told.tolist()


def test_a_wild_value_makes_its_own_two_days_coarse_until_it_is_over():
    told = np.random.default_rng(1).normal(0, 0.4, 384)
    told[100] = 1e9
    cells, made = filled(384, told)
    far = np.abs(cells.all(made)[0] - told) > 1e-4
    assert far[96:144].any()
    assert not far[:96].any()
    assert not far[144:].any()
    told[100] = 0.1
    for _ in range(2):
        for n, value in enumerate(told):
            put(cells, made, n, value)
    assert np.abs(cells.all(made)[0] - told).max() < 1e-4


def test_what_single_precision_cannot_hold_was_not_measured():
    cells, made = filled(10, [1.0, 1e100, -np.inf, np.nan, 2.0])
    assert np.isnan(cells.all(made)[0]).tolist() == [False, True, True, True, False, *[True] * 5]


@pytest.mark.parametrize("kind", [Cells, Singles])
@given(st.integers(1, 130), st.lists(values, max_size=200), st.lists(st.integers(0, 129), max_size=5))
@settings(max_examples=60, deadline=None)
def test_one_by_one_or_in_arrays_every_bit_is_the_same(kind, count, told, gone):
    cells = kind(count)
    one, other = ring(cells), ring(cells)
    line = one.reshape(-1).view(np.uint8).data
    for n, value in enumerate(told):
        if not cells.put_one(line, n % count, value):
            put(cells, one, n % count, value)
        put(cells, other, n % count, value)
        assert one.tobytes() == other.tobytes()
    mask = np.isin(np.arange(count), gone)[None, :]
    cells.drop(one, np.zeros(1, np.intp), mask)
    everything = cells.get(one, np.arange(count)[None, :])
    assert everything.tobytes() == cells.all(one).tobytes()
    assert np.isnan(everything[mask]).all()
    both = np.concatenate([one, one])
    each = cells.get(both, np.stack([np.arange(count), np.arange(count)[::-1]]))
    assert each[0].tobytes() == each[1, ::-1].tobytes() == everything.tobytes()
    if kind is Cells:
        for start in range(-3, count):
            found = cells.runs(line, [start], min(5, count))
            expected = everything[0, (start + np.arange(min(5, count))) % count]
            assert found == (None if np.isnan(expected).any() else [expected.tolist()])


@given(st.lists(st.one_of(st.just(np.nan), st.floats(-1e6, 1e6)), min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_a_cell_is_off_by_a_few_steps_of_what_its_part_spans(told):
    cells, made = filled(96, told)
    last = {n % 96: value for n, value in enumerate(told)}
    found = cells.all(made)[0]
    span = 2 * max((abs(value) for value in told if np.isfinite(value)), default=0.0)
    for at, value in last.items():
        assert np.isnan(found[at]) if np.isnan(value) else abs(found[at] - value) <= 8 * span / STEPS + 1e-6

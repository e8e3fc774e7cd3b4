"""A recording judged in long batches ends in the same verdicts and windows as judged reading by reading."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from batches import batch, everything, windows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.detect import KINDS
from alertd.detect.jointly import judge_jointly
from alertd.detect.panel import Panel
from alertd.detect.singly import judge_singly
from alertd.undo import Undo

LIMIT = KINDS["threshold"](above=30, clear=25)
FEW = KINDS["robust_zscore"](window={"samples": 5}, above=4, min_samples=3)
SOME = KINDS["zscore"](window={"samples": 40}, above=3, min_samples=5)
HOURS = KINDS["robust_zscore"](window="2h", above=4, min_samples=5)
DAY = KINDS["robust_zscore"](window="1d", above=3)
UNUSUAL = KINDS["adaptive"]()
RULES = (LIMIT, FEW, SOME, HOURS, DAY, UNUSUAL)
MEANT = ((0,), (0, 3), (1, 2, 4), (0, 4, 5), (2, 3), (1,))
"""The rules of each series, by their places in RULES."""


def herd() -> Panel:
    made = Panel(RULES)
    for rules in MEANT:
        made.add(rules, state=False)
    return made


def recorded(seed: int, count: int, level: float) -> list[tuple[int, float, float]]:
    """Minutes of six series: noise on a level, outliers, spells of stillness, a level that jumps, gaps, a late one."""
    rng = np.random.default_rng(seed)
    told = []
    for n in range(count):
        for series in range(len(MEANT)):
            if rng.random() < 0.05:
                continue
            value = level * (n > count // 2 and series % 2) + 20 + round(rng.normal(0, 2), 1 + series % 3)
            value += 50 * (rng.random() < 0.03)
            told.append((series, float(n + 600 * (n > count // 3)), 21.0 if 40 < n < 60 else value))
            if rng.random() < 0.002:
                told.append((series, float(n) - 3.5, value))
    return told


def learned_of(made: Panel) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in made.learned.dump(made.rows)[1].items()}


@given(st.integers(0, 2**31), st.integers(2, 200), st.sampled_from([0.0, 30.0, 1e7]), st.booleans())
@settings(max_examples=6, deadline=None)
def test_readings_taken_at_once_end_as_those_that_came_alone(seed, count, level, active):
    told = recorded(seed, count, level)
    singly, together = herd(), herd()
    singly.active[:] = together.active[:] = active
    for part in (told[: len(told) // 2], told[len(told) // 2 :]):
        one, all_of_them = (
            judge(made, batch(part), Undo()) for judge, made in ((judge_singly, singly), (judge_jointly, together))
        )
        for name in (field.name for field in fields(one)):
            assert getattr(one, name).tobytes() == getattr(all_of_them, name).tobytes(), name
        assert windows_of(singly) == windows_of(together)
        assert learned_of(singly) == learned_of(together)


@given(st.integers(0, 2**31), st.integers(2, 200))
@settings(max_examples=4, deadline=None)
def test_a_long_batch_taken_back_leaves_no_trace(seed, count):
    told = recorded(seed, count, 1e7)
    made = herd()
    judge_jointly(made, batch(told[:100]), Undo())
    before, undo = everything(made), Undo()
    judge_jointly(made, batch(told[100:]), undo)
    undo.rollback()
    assert everything(made) == before


def test_only_rules_that_learn_now_and_then_let_readings_be_taken_at_once():
    assert herd().paced[: len(MEANT)].tolist() == [True, True, True, False, True, True]
    with pytest.raises(NotImplementedError, match="adaptive looks back at every reading"):
        UNUSUAL.by_learned(np.zeros((1, 1)), np.zeros(1))

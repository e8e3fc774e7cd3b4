"""A reading that comes alone is judged in Python numbers: to the last bit as in arrays, whatever the sampling."""

from __future__ import annotations

import numpy as np
import pytest
from batches import batch, panel
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.detect import KINDS
from alertd.detect.jointly import judge_jointly
from alertd.detect.singly import judge_singly
from alertd.undo import Undo

RULES = {
    "rate": KINDS["rate"](window="30m", above=20, below=-20),
    "rate of few": KINDS["rate"](window="3m", above=20),
    "rate of a window that is thinned": KINDS["rate"](window="10h", above=2),
    "drift": KINDS["drift"](window="8h", above=3),
    "drift in readings": KINDS["drift"](window={"samples": 48}, above=3),
    "spikes": KINDS["spikes"](jump=3, within="2h"),
    "spikes up": KINDS["spikes"](jump=3, count=3, direction="up"),
    "spikes down": KINDS["spikes"](jump=3, count=1, direction="down"),
    "seasonal": KINDS["seasonal"](baseline="3d", bucket="6h", above=2),
    "seasonal by the week": KINDS["seasonal"](baseline="3w", bucket="1d", cycle="week", above=2, direction="up"),
}


@pytest.mark.parametrize("rule", RULES)
@given(
    st.integers(0, 2**16),
    st.sampled_from([0.5, 2, 7, 45, 240]),
    st.sampled_from([0.0, -273.15, 1e9, 1e100]),
    st.sampled_from([0.01, 1.0, 10.0]),
    st.lists(st.integers(0, 299), max_size=5),
)
@settings(max_examples=6, deadline=None)
def test_a_reading_alone_is_judged_as_in_arrays(rule, seed, every, level, noise, late):
    rng = np.random.default_rng(seed)
    minutes = np.cumsum(rng.choice([every, every, every, 3 * every, 40 * every], 300))
    values = level + np.round(rng.normal(0, 1, 300), 1) * noise
    values[rng.random(300) < 0.05] += 5 * noise
    told = [(0, float(minute), float(value)) for minute, value in zip(minutes, values, strict=True)]
    for at in late:
        told.insert(at, (0, float(minutes[at // 2]) + 0.25, level))
    singly, jointly = panel(RULES[rule]), panel(RULES[rule])
    for made in (singly, jointly):
        made.active[:] = True
    for one in told:
        some = batch([one])
        alone, arrays = judge_singly(singly, some, Undo()), judge_jointly(jointly, some, Undo())
        for name in ("index", "state", "score", "normal"):
            assert getattr(alone, name).tobytes() == getattr(arrays, name).tobytes()
    row = np.arange(1)
    assert singly.learned.get(0, row).tobytes() == jointly.learned.get(0, row).tobytes()


@pytest.mark.parametrize("direction", ["up", "down", "both"])
@given(st.lists(st.sampled_from([38.5, 38.6, 40.2, 36.9, -0.0, 1e308]), max_size=40), st.lists(st.integers(1, 9)))
@settings(max_examples=30, deadline=None)
def test_spikes_are_the_same_however_the_readings_were_batched(direction, values, sizes):
    detector = KINDS["spikes"](jump=1, count=2, direction=direction)
    told = batch([(0, 30 * n, value) for n, value in enumerate(values)])
    found = []
    for cuts in ([1] * len(values), [*sizes, len(values)], [len(values)]):
        made, at, states = panel(detector), 0, []
        made.active[:] = True
        for size in cuts:
            some = told.take(np.arange(at, min(at + size, len(values))))
            at += size
            states += made.judge(some, Undo()).state.tolist() if len(some) else []
        found.append(states)
    assert found[0] == found[1] == found[2]

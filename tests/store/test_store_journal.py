"""Any readings come back bit for bit; damaged blobs are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alertd.model import SECOND, Batch
from alertd.store.journal import pack_batch, pack_ledger, unpack_batch, unpack_ledger

DECIMALS = st.builds(lambda whole, places: whole / 10**places, st.integers(-(10**7), 10**7), st.integers(0, 5))
FLOATS = st.floats(width=64) | st.floats(width=32) | DECIMALS


@st.composite
def batches(draw) -> Batch:
    count = draw(st.integers(0, 40))
    one_kind = draw(st.sampled_from([FLOATS, DECIMALS, st.floats(width=32), st.integers(-5, 5).map(float)]))

    def column(kind, elements=None):
        return draw(arrays(kind, count, elements=elements))

    return Batch(column(np.int32), column(np.int64), column(np.int64), column(np.float64, one_kind), column(np.int8))


@given(batches())
def test_any_batch_comes_back_bit_for_bit(batch):
    found = unpack_batch(pack_batch(batch))
    for name in ("series", "time", "received", "value", "quality"):
        one, other = getattr(batch, name), getattr(found, name)
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@given(st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**64 - 1))))
def test_any_ledger_comes_back(ledger):
    assert unpack_ledger(pack_ledger(ledger)) == ledger


@given(batches(), st.data())
def test_a_cut_blob_is_refused(batch, data):
    blob = pack_batch(batch)
    with pytest.raises(ValueError, match="journal blob"):
        unpack_batch(blob[: data.draw(st.integers(0, len(blob) - 1))])


def test_a_blob_of_a_newer_version_is_refused():
    with pytest.raises(ValueError, match="unknown version 2"):
        unpack_batch(b"\x02" + pack_batch(Batch.empty())[1:])


def test_a_minute_of_a_farm_takes_a_third_of_its_plain_columns():
    count = 100
    random = np.random.default_rng(1)
    received = 1_790_000_000 * SECOND + np.cumsum(random.integers(1, 300_000, count))
    value = np.round(38.6 + random.normal(0, 0.3, count), 1)
    batch = Batch(np.arange(count, dtype=np.int32), received, received, value, np.zeros(count, np.int8))
    assert len(pack_batch(batch)) * 3 < count * (4 + 8 + 8 + 8 + 1)

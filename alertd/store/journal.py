"""The journal's two blobs: the readings of one flush as columns, and the ledger of its MQTT messages.

Layout of the readings, little-endian: version (u8), code (u8), count (u32), then
the columns series (i32), time and received (i64, each the difference to the one
before), value and quality (i8). Every column is laid out byte by byte ("all
lowest bytes, then all second lowest"), which lets zlib see that the high bytes
of small differences are all alike. Code bit 7: the columns are zlib-compressed.
The low bits say how values are written: 0 float64, 1 float32, 2 + d as whole
numbers divided by 10^d. Sensors speak in decimals, so the last one is the usual
case and a quarter of the bytes; it is taken only where the division gives back
every bit.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.model import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

VERSION: Final = 1
_HEAD: Final = struct.Struct("<BBI")
_PACKED: Final = 0x80
_FLOAT64: Final = 0
_FLOAT32: Final = 1
_DECIMAL: Final = 2
_PLACES: Final = 4
"""Decimals tried: a GNSS position has more, and is a float64."""

_LEDGER: Final = np.dtype([("packet", "<u2"), ("hash", "<u8")])


def pack_batch(batch: Batch) -> bytes:
    """Write readings so that `unpack_batch` returns them bit for bit."""
    code, values = _values(batch.value)
    columns = (
        batch.series.astype("<i4"),
        np.diff(batch.time, prepend=np.int64(0)).astype("<i8"),
        np.diff(batch.received, prepend=np.int64(0)).astype("<i8"),
        values,
        batch.quality.astype("<i1"),
    )
    body = b"".join(_planes(column) for column in columns)
    packed = zlib.compress(body, 1)
    if len(packed) < len(body):
        return _HEAD.pack(VERSION, code | _PACKED, len(batch)) + packed
    return _HEAD.pack(VERSION, code, len(batch)) + body


def unpack_batch(blob: bytes) -> Batch:
    """Read what `pack_batch` wrote.

    Raises:
        ValueError: the blob is damaged or of an unknown version.
    """
    if len(blob) < _HEAD.size:
        raise ValueError("journal blob is cut")
    version, code, count = _HEAD.unpack_from(blob)
    if version != VERSION:
        raise ValueError(f"journal blob of unknown version {version}")
    body = blob[_HEAD.size :]
    if code & _PACKED:
        try:
            body = zlib.decompress(body)
        except zlib.error as error:
            raise ValueError(f"journal blob is damaged: {error}") from error
    code &= ~_PACKED
    value_type = "<f8" if code == _FLOAT64 else "<f4" if code == _FLOAT32 else "<i4"
    types = [np.dtype(name) for name in ("<i4", "<i8", "<i8", value_type, "<i1")]
    if code > _DECIMAL + _PLACES or len(body) != count * sum(kind.itemsize for kind in types):
        raise ValueError("journal blob is damaged: its length does not fit its head")
    columns = []
    start = 0
    for kind in types:
        end = start + count * kind.itemsize
        columns.append(_column(body[start:end], kind, count))
        start = end
    row, time, received, value, quality = columns
    scale = 10.0 ** (code - _DECIMAL) if code >= _DECIMAL else 1.0
    return Batch(
        series=row.astype(np.int32),
        time=np.cumsum(time, dtype=np.int64),
        received=np.cumsum(received, dtype=np.int64),
        value=value / scale if code >= _DECIMAL else value.astype(np.float64),
        quality=quality.astype(np.int8),
    )


def pack_ledger(ledger: Sequence[tuple[int, int]]) -> bytes:
    """Write (packet id, hash of length and content) pairs, 10 bytes each."""
    return np.array(ledger, dtype=_LEDGER).tobytes()


def unpack_ledger(blob: bytes) -> list[tuple[int, int]]:
    """Read what `pack_ledger` wrote.

    Raises:
        ValueError: the blob is cut.
    """
    pairs: list[tuple[int, int]] = np.frombuffer(blob, dtype=_LEDGER).tolist()
    return pairs


def _values(value: NDArray[np.float64]) -> tuple[int, NDArray[Any]]:
    """Choose the shortest way to write the values that gives back every bit (so -0.0 and each NaN too)."""
    bits = value.view(np.int64)
    # Out-of-range and NaN cells make the casts complain; the comparison of bits then refuses that way of writing.
    with np.errstate(all="ignore"):
        for places in range(_PLACES + 1):
            scaled = np.rint(value * 10.0**places)
            whole = np.where(np.abs(scaled) < 2**31, scaled, 0).astype("<i4")
            if np.array_equal((whole / 10.0**places).view(np.int64), bits):
                return _DECIMAL + places, whole
        short = value.astype("<f4")
        if np.array_equal(short.astype(np.float64).view(np.int64), bits):
            return _FLOAT32, short
    return _FLOAT64, value.astype("<f8")


def _planes(column: NDArray[Any]) -> bytes:
    size = column.dtype.itemsize
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), size).T.tobytes()


def _column(planes: bytes, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    table = np.frombuffer(planes, np.uint8).reshape(kind.itemsize, count)
    return np.ascontiguousarray(table.T).view(kind).reshape(count)

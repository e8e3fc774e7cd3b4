"""Named arrays to bytes and back, for the snapshot a restart begins with.

`ALERTD-PANEL` and a version; CRC-32; then, deflated, a JSON head and the arrays one after
another. No pickle: a store may come from a stranger's SD card.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAGIC: Final = b"ALERTD-PANEL\x01"
_HEAD: Final = struct.Struct("<I")


def pack(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return facts (JSON) and arrays as bytes."""
    shapes = [(name, array.dtype.str, array.shape) for name, array in arrays.items()]
    head = json.dumps({"facts": facts, "arrays": shapes}).encode()
    body = b"".join(
        [_HEAD.pack(len(head)), head, *(np.ascontiguousarray(array).tobytes() for array in arrays.values())]
    )
    packed = zlib.compress(body, 1)
    return MAGIC + _HEAD.pack(zlib.crc32(packed)) + packed


def unpack(blob: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """Return what was packed; None if the bytes are damaged or of another version."""
    start = len(MAGIC) + _HEAD.size
    if len(blob) < start or not blob.startswith(MAGIC):
        return None
    if _HEAD.unpack_from(blob, len(MAGIC))[0] != zlib.crc32(blob[start:]):
        return None
    body = zlib.decompress(blob[start:])
    end = _HEAD.size + _HEAD.unpack_from(body)[0]
    head = json.loads(body[_HEAD.size : end])
    arrays = {}
    for name, dtype, shape in head["arrays"]:
        size = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(body, dtype, size, end).reshape(shape).copy()
        end += arrays[name].nbytes
    return head["facts"], arrays

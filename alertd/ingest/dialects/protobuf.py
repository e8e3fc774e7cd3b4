"""Protocol buffers on the wire: a reader of fields, enough for Sparkplug's messages.

Own code and not the protobuf package: 60 lines, nothing generated, and no pin that
clashes with another library's (DOMAIN.md section 2.2). Hostile bytes give `Broken`.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Value = int | float | bytes


class Broken(ValueError):  # noqa: N818 (the noun the error is about)
    """These bytes are not a message."""


def fields(data: bytes) -> Iterator[tuple[int, int, Value]]:
    """Yield (field number, wire type, value): varints as int, 4 and 8 bytes as unsigned int, the rest as bytes.

    Raises:
        Broken: it ends in the middle, or has a wire type that is not in use.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if not number:
            raise Broken("field number 0")
        if wire == 0:
            value, at = varint(data, at)
            yield number, wire, value
        elif wire == 2:  # noqa: PLR2004 (wire types are numbers: 2 has a length before it)
            size, at = varint(data, at)
            if size > end - at:
                raise Broken("cut off")
            yield number, wire, data[at : at + size]
            at += size
        elif wire in (1, 5):
            size, code = (8, "<Q") if wire == 1 else (4, "<I")
            if size > end - at:
                raise Broken("cut off")
            yield number, wire, unpack_from(code, data, at)[0]
            at += size
        else:
            raise Broken(f"wire type {wire}")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and where it ends.

    Raises:
        Broken: it is cut off or longer than 64 bits.
    """
    result = shift = 0
    while True:
        if at >= len(data) or shift > 63:  # noqa: PLR2004 (ten bytes of seven bits)
            raise Broken("varint")
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 (the continuation bit)
            return result & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7


def written(number: int) -> bytes:
    """Return a number (not negative) as a varint."""
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 (seven bits a byte)
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)

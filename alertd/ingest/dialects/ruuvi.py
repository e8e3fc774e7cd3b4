"""RuuviTag: the Bluetooth advertisement a Ruuvi Gateway hands on as hex, data format 5 (24 bytes, big-endian).

docs.ruuvi.com, "Data format 5 (RAWv2)": temperature 0.005 degC, humidity 0.0025 %,
pressure Pa - 50,000, acceleration in milli-g, 11 bits of mV over 1600, movements (8 bits),
sequence (16 bits), MAC. The largest (or for signed ones the smallest) value means "not
measured". Checked with the vendor's test vectors.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects.row import Row
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

_MANUFACTURER: Final = b"\xff\x99\x04"
"""Bluetooth: manufacturer's data, of Ruuvi Innovations (0x0499, little-endian)."""

_LENGTH: Final = 24
_LONGEST: Final = 1024
_NONE_SIGNED: Final = -32768
_NONE_16: Final = 65535
_NONE_11: Final = 2047
_NONE_8: Final = 255


def read_ruuvi(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row | Rejected]:
    """Yield the readings of one advertisement, or of what a bridge decoded already."""
    if not isinstance(document, dict):
        return
    text = document.get("data")
    if text is None:
        yield Row(document)
        return
    if not isinstance(text, str) or len(text) > _LONGEST:
        yield Rejected("not_ruuvi", "data is not the hex of an advertisement")
        return
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        yield Rejected("not_ruuvi", "data is not the hex of an advertisement")
        return
    at = raw.find(_MANUFACTURER)
    body = raw[at + len(_MANUFACTURER) :] if at >= 0 else raw
    if len(body) < _LENGTH or body[0] != 5:  # noqa: PLR2004 (the format's number)
        yield Rejected("not_ruuvi", f"data format {body[0] if body else 'none'}: only format 5 is read")
        return
    yield Row(decode_format_5(body))


def decode_format_5(body: bytes) -> dict[str, float]:
    """Return what 24 bytes of format 5 say; what was not measured is left out."""
    temperature, humidity, pressure = unpack_from(">hHH", body, 1)
    x, y, z, power = unpack_from(">hhhH", body, 7)
    values: dict[str, float] = {}
    if temperature != _NONE_SIGNED:
        values["temperature"] = temperature * 5 / 1000
    if humidity != _NONE_16:
        values["humidity"] = humidity * 25 / 10_000
    if pressure != _NONE_16:
        values["pressure"] = pressure + 50_000
    for name, acceleration in (("acceleration_x", x), ("acceleration_y", y), ("acceleration_z", z)):
        if acceleration != _NONE_SIGNED:
            values[name] = acceleration / 1000
    if power >> 5 != _NONE_11:
        values["batteryvoltage"] = ((power >> 5) + 1600) / 1000
    if body[15] != _NONE_8:
        values["movementcounter"] = body[15]
    return values

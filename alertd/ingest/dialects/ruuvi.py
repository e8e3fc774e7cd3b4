"""RuuviTag: the Bluetooth advertisement a Ruuvi Gateway hands on as hex, data format 5 (24 bytes, big-endian).

docs.ruuvi.com, "Data format 5 (RAWv2)": temperature 0.005 degC, humidity 0.0025 %,
pressure Pa - 50,000, acceleration in milli-g, 11 bits of mV over 1600, movements (8 bits),
sequence (16 bits), MAC. The largest (or for signed ones the smallest) value means "not
measured". Checked with the vendor's test vectors.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects.row import Row
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

_MANUFACTURER: Final = b"\xff\x99\x04"
"""Bluetooth: manufacturer's data, of Ruuvi Innovations (0x0499, little-endian)."""

_LENGTH: Final = 24
_LONGEST: Final = 1024
_NONE_SIGNED: Final = -32768
_NONE_16: Final = 65535
_NONE_11: Final = 2047
_NONE_8: Final = 255
_MEASURED: Final = Struct(">hHHhhhHB").unpack_from
"""Temperature, humidity, pressure, acceleration of three axes, battery and transmitter, movements."""


def read_ruuvi(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> tuple[Row | Rejected, ...]:
    """Return the readings of one advertisement, or of what a bridge decoded already."""
    if not isinstance(document, dict):
        return ()
    text = document.get("data")
    if text is None:
        return (Row(document),)
    if not isinstance(text, str) or len(text) > _LONGEST:
        return (Rejected("not_ruuvi", "data is not the hex of an advertisement"),)
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return (Rejected("not_ruuvi", "data is not the hex of an advertisement"),)
    at = raw.find(_MANUFACTURER)
    at = at + len(_MANUFACTURER) if at >= 0 else 0
    if len(raw) - at < _LENGTH or raw[at] != 5:  # noqa: PLR2004 (the format's number)
        told = raw[at] if len(raw) > at else "none"
        return (Rejected("not_ruuvi", f"data format {told}: only format 5 is read"),)
    return (Row(decode_format_5(raw, at)),)


def decode_format_5(raw: bytes, at: int = 0) -> dict[str, float]:
    """Return what the 24 bytes of format 5 from `at` on say; what was not measured is left out."""
    temperature, humidity, pressure, x, y, z, power, movements = _MEASURED(raw, at + 1)
    values: dict[str, float] = {}
    if temperature != _NONE_SIGNED:
        values["temperature"] = temperature * 5 / 1000
    if humidity != _NONE_16:
        values["humidity"] = humidity * 25 / 10_000
    if pressure != _NONE_16:
        values["pressure"] = pressure + 50_000
    if x != _NONE_SIGNED:
        values["acceleration_x"] = x / 1000
    if y != _NONE_SIGNED:
        values["acceleration_y"] = y / 1000
    if z != _NONE_SIGNED:
        values["acceleration_z"] = z / 1000
    if power >> 5 != _NONE_11:
        values["batteryvoltage"] = ((power >> 5) + 1600) / 1000
    if movements != _NONE_8:
        values["movementcounter"] = movements
    return values

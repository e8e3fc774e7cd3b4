"""RuuviTag: the Bluetooth advertisement a Ruuvi Gateway hands on as hex, data format 5 (24 bytes, big-endian).

docs.ruuvi.com, "Data format 5 (RAWv2)": temperature 0.005 degC, humidity 0.0025 %,
pressure Pa - 50,000, acceleration in milli-g, 11 bits of mV over 1600, movements (8 bits),
sequence (16 bits), MAC. The largest (or for signed ones the smallest) value means "not
measured". Checked with the vendor's test vectors.
"""

from __future__ import annotations

from binascii import unhexlify
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects.row import Row
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

_MANUFACTURER: Final = b"\xff\x99\x04"
"""Bluetooth: manufacturer's data, of Ruuvi Innovations (0x0499, little-endian)."""

_NO_HEX: Final = "data is not the hex of an advertisement"
_LENGTH: Final = 24
MEASURED: Final = 8
"""Values in an advertisement of a tag that measures everything."""
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
    try:
        return (Row(read_advertisement(text)),)
    except ValueError as error:
        return (Rejected("not_ruuvi", str(error)),)


def read_advertisement(text: Any) -> dict[str, float]:
    """Return what an advertisement in hex says.

    Raises:
        ValueError: it is none, or not of format 5.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise ValueError(_NO_HEX)
    try:
        raw = unhexlify(text)
    except ValueError:
        raw = _spaced(text)
    at = raw.find(_MANUFACTURER)
    at = at + len(_MANUFACTURER) if at >= 0 else 0
    if len(raw) - at < _LENGTH or raw[at] != 5:  # noqa: PLR2004 (the format's number)
        told = raw[at] if len(raw) > at else "none"
        raise ValueError(f"data format {told}: only format 5 is read")
    return decode_format_5(raw, at)


def _spaced(text: str) -> bytes:
    try:
        return bytes.fromhex(text)  # blanks between the bytes are well, and take four times as long
    except ValueError:
        raise ValueError(_NO_HEX) from None


def decode_format_5(raw: bytes, at: int = 0) -> dict[str, float]:
    """Return what the 24 bytes of format 5 from `at` on say; what was not measured is left out."""
    temperature, humidity, pressure, x, y, z, power, movements = _MEASURED(raw, at + 1)
    values: dict[str, float] = {
        "temperature": temperature * 5 / 1000,
        "humidity": humidity * 25 / 10_000,
        "pressure": pressure + 50_000,
        "acceleration_x": x / 1000,
        "acceleration_y": y / 1000,
        "acceleration_z": z / 1000,
        "batteryvoltage": ((power >> 5) + 1600) / 1000,
        "movementcounter": movements,
    }
    if temperature == _NONE_SIGNED:
        del values["temperature"]
    if humidity == _NONE_16:
        del values["humidity"]
    if pressure == _NONE_16:
        del values["pressure"]
    if _NONE_SIGNED in (x, y, z):
        for name, axis in (("x", x), ("y", y), ("z", z)):
            if axis == _NONE_SIGNED:
                del values[f"acceleration_{name}"]
    if power >> 5 == _NONE_11:
        del values["batteryvoltage"]
    if movements == _NONE_8:
        del values["movementcounter"]
    return values

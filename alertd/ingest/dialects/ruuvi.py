"""RuuviTag and Ruuvi Air: the Bluetooth advertisement a Ruuvi Gateway hands on as hex, big-endian.

docs.ruuvi.com, "Data format 5 (RAWv2)": temperature 0.005 degC, humidity 0.0025 %,
pressure Pa - 50,000, acceleration in milli-g, 11 bits of mV over 1600, movements (8 bits),
sequence (16 bits), MAC. The largest (or for signed ones the smallest) value means "not
measured". Format 3 is what old tags send, 6 and E1 what Ruuvi Air does. Checked with the
vendor's test vectors.
"""

from __future__ import annotations

from binascii import unhexlify
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects.row import Row
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

_MANUFACTURER: Final = b"\xff\x99\x04"
"""Bluetooth: manufacturer's data, of Ruuvi Innovations (0x0499, little-endian)."""

_NO_HEX: Final = "data is not the hex of an advertisement"
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
        ValueError: it is none, or of no format that is known.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise ValueError(_NO_HEX)
    try:
        raw = unhexlify(text)
    except ValueError:
        raw = _spaced(text)
    at = raw.find(_MANUFACTURER)
    at = at + len(_MANUFACTURER) if at >= 0 else 0
    told = raw[at] if len(raw) > at else None
    if told not in _FORMATS or len(raw) - at < _FORMATS[told][0]:
        shown = "none" if told is None else f"{told:X}"
        raise ValueError(f"data format {shown}: formats 3, 5, 6 and E1 are read, in full length")
    return _FORMATS[told][1](raw, at)


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


def decode_format_3(raw: bytes, at: int = 0) -> dict[str, float]:
    """Return what the 14 bytes of format 3 say: half per cents, degrees with their sign in the first bit."""
    humidity, whole, hundredths, pressure, x, y, z, millivolts = _OLD(raw, at + 1)
    temperature = (whole & 0x7F) + hundredths / 100
    return {
        "temperature": -temperature if whole & 0x80 else temperature,
        "humidity": humidity / 2,
        "pressure": pressure + 50_000,
        "acceleration_x": x / 1000,
        "acceleration_y": y / 1000,
        "acceleration_z": z / 1000,
        "batteryvoltage": millivolts / 1000,
    }


def decode_format_6(raw: bytes, at: int = 0) -> dict[str, float]:
    """Return what the 20 bytes of format 6 say; dust in 0.1 ug/m3, carbon dioxide in ppm."""
    return _air(*_AIR(raw, at + 1))


def decode_format_e1(raw: bytes, at: int = 0) -> dict[str, float]:
    """Return what the 40 bytes of format E1 say: as format 6, with more kinds of dust."""
    return _air(*_MUCH_AIR(raw, at + 1))


def _air(temperature: int, humidity: int, pressure: int, dust: int, co2: int) -> dict[str, float]:
    found = (
        ("temperature", temperature * 5 / 1000, temperature != _NONE_SIGNED),
        ("humidity", humidity * 25 / 10_000, humidity != _NONE_16),
        ("pressure", pressure + 50_000, pressure != _NONE_16),
        ("pm2_5", dust / 10, dust != _NONE_16),
        ("co2", co2, co2 != _NONE_16),
    )
    return {name: value for name, value, measured in found if measured}


_OLD: Final = Struct(">BBBHhhhH").unpack_from
_AIR: Final = Struct(">hHHHH").unpack_from
_MUCH_AIR: Final = Struct(">hHH2xH4xH").unpack_from
_FORMATS: Final[dict[int | None, tuple[int, Callable[[bytes, int], dict[str, float]]]]] = {
    3: (14, decode_format_3),
    5: (24, decode_format_5),
    6: (20, decode_format_6),
    0xE1: (40, decode_format_e1),
}
"""Number of a format to its length and what reads it."""

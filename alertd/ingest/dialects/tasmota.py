"""Tasmota's telemetry: one key per sensor, and one message may carry many Bluetooth devices.

`{"Time": …, "DS18B20": {"Temperature": 20.6}, "LYWSD03-52680f": {…}, "TempUnit": "C"}`
(tasmota/docs, "Telemetry" and "Bluetooth").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects.row import Row
from alertd.ingest.paths import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

_BLUETOOTH: Final = re.compile(r".+-[0-9A-Fa-f]{6}|.*[0-9A-Fa-f]{12}")
"""A sensor named by the end of its address is a device of its own; `DS18B20-1` is the first of two on one chip."""

_OWN: Final = frozenset({"ESP32", "Time", "Epoch", "TempUnit", "PressureUnit", "SpeedUnit"})
"""About the chip or the message: ESP32.Temperature is not the barn's."""

_WRAPPED: Final = ("StatusSNS", "StatusSTS")
"""The same objects as answers to a command (`stat/…/STATUS8`)."""

_UNIT_KEYS: Final = {"Temperature": "TempUnit", "DewPoint": "TempUnit", "Pressure": "PressureUnit"}
_CANONICAL: Final = ("", "C", "hPa")
_CHANNELS: Final = 16
"""Phases or sensors of one kind that are told apart; beyond that nothing on a farm makes them."""


def read_sensors(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row]:
    """Yield the device's own values, and a row for each Bluetooth device in the message."""
    if not isinstance(document, dict):
        return
    for key in _WRAPPED:
        if isinstance(document.get(key), dict):
            document = document[key]  # the answer's envelope says nothing else
    time = document.get("Epoch", document.get("Time", MISSING))
    own = Row({}, time)
    for key, sensor in document.items():
        if key in _OWN:
            continue
        if not isinstance(sensor, dict):
            own.values[key] = sensor
        elif _BLUETOOTH.fullmatch(key):
            yield Row(_sensor(sensor, document), time, _device(key, sensor))
        else:
            for name, value in _sensor(sensor, document).items():
                _put(own.values, _named(key, name), value)
    if own.values:
        yield own


def _device(key: str, sensor: dict[str, Any]) -> str:
    """Return the name Tasmota gave it; an unnamed one is known by its address."""
    address = sensor.get("mac")
    return address if isinstance(address, str) and not key.strip("-") else key


def _named(key: str, name: str) -> str:
    """Return how a value is called: by its own name, with the sensor's where that alone says what it is."""
    return f"{key}.{name}" if key in ("ENERGY", "Wifi", "COUNTER", "ANALOG") else name


def _sensor(sensor: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in sensor.items():
        unit = document.get(_UNIT_KEYS.get(name, ""))
        if isinstance(value, list):
            for number, phase in enumerate(value[:_CHANNELS], 1):
                values[f"{name}_{number}"] = phase
        elif isinstance(unit, str) and unit not in _CANONICAL and isinstance(value, int | float):
            values[name] = {"value": value, "unit": unit}
        else:
            values[name] = value
    return values


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    """Add a value; a second sensor of the same kind gets a number: two probes are two series."""
    if name not in values:
        values[name] = value
        return
    for number in range(2, _CHANNELS):
        if f"{name}_{number}" not in values:
            values[f"{name}_{number}"] = value
            return

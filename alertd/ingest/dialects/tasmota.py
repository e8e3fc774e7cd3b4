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

_ADDRESS: Final = 12
"""Digits of an address."""

_NAMED: Final = frozenset({"ENERGY", "Wifi", "COUNTER", "ANALOG"})
"""Sensors whose values mean something only with the sensor's own name."""

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
    units = _units(document)
    own: dict[str, Any] = {}
    for key, sensor in document.items():
        if type(sensor) is not dict:
            if key not in _OWN:
                own[key] = sensor
        elif key in _OWN:
            continue
        elif "mac" in sensor or (("-" in key or len(key) >= _ADDRESS) and _BLUETOOTH.fullmatch(key)):
            yield Row(_sensor(sensor, units), time, _device(key, sensor))
        else:
            before = f"{key}." if key in _NAMED else ""
            for name, value in _sensor(sensor, units).items():
                full = before + name
                if full not in own:
                    own[full] = value
                else:
                    _number(own, full, value)
    if own:
        yield Row(own, time)


def _device(key: str, sensor: dict[str, Any]) -> str:
    """Return the name Tasmota gave it; an unnamed one is known by its address."""
    address = sensor.get("mac")
    return address if isinstance(address, str) and not key.strip("-") else key


def _units(document: dict[str, Any]) -> dict[str, str]:
    """Return the units of a message that are not ours, by the name of the value."""
    units: dict[str, str] = {}
    for name, key in _UNIT_KEYS.items():
        unit = document.get(key)
        if type(unit) is str and unit not in _CANONICAL:
            units[name] = unit
    return units


def _sensor(sensor: dict[str, Any], units: dict[str, str]) -> dict[str, Any]:
    """Return the values of a sensor with their units; of a list each by its number."""
    if not units and list not in map(type, sensor.values()):
        return sensor
    values: dict[str, Any] = {}
    for name, value in sensor.items():
        if isinstance(value, list):
            for number, phase in enumerate(value[:_CHANNELS], 1):
                values[f"{name}_{number}"] = phase
        elif name in units and isinstance(value, (int, float)):
            values[name] = {"value": value, "unit": units[name]}
        else:
            values[name] = value
    return values


def _number(values: dict[str, Any], name: str, value: Any) -> None:
    """Add the value of a second sensor of the same kind under a number: two probes are two series."""
    for number in range(2, _CHANNELS):
        if f"{name}_{number}" not in values:
            values[f"{name}_{number}"] = value
            return

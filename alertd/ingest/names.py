"""What vendors' decoders call things, and what a farm calls them: data for presets.

Only names whose meaning and unit are documented by the vendor are translated; any
other number keeps its own name. `IGNORED` marks what is about the transmission.
A rule of a preset's payload, never of a topic the operator wrote himself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Name:
    """A metric, the unit its values come in, and how its words and gaps are written.

    With `beside`, it holds only in a row that has all those keys too; else `otherwise` does.
    """

    metric: str
    unit: str = ""
    words: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[Any, ...] = ()
    beside: tuple[str, ...] = ()
    otherwise: Name | None = None


IGNORED: Final = Name("")

_OPEN = {"open": 1.0, "opened": 1.0, "close": 0.0, "closed": 0.0}
_LEAK = {"leak": 1.0, "normal": 0.0, "water leak": 1.0, "no leak": 0.0}
_TEMPERATURE = Name("temperature", "degC")
_HUMIDITY = Name("humidity", "%")
_BATTERY_VOLTS = Name("battery_voltage", "V")
_DEPTH = Name("water_depth", "cm")  # Milesight EM500-SWL user guide: depth in cm
_LATITUDE = Name("latitude", "deg")
_LONGITUDE = Name("longitude", "deg")

LORAWAN: Final[dict[str, Name]] = {
    # Milesight (SensorDecoders: EM300, EM500, AM series)
    "battery": Name("battery", "%", missing=(255,)),
    "magnet_status": Name("gate_open", words=_OPEN),
    "magnet": Name("gate_open", words=_OPEN),
    "door": Name("gate_open", words=_OPEN),
    "leakage_status": Name("water_leak", words=_LEAK),
    "water_leak": Name("water_leak", words=_LEAK),
    "depth": _DEPTH,
    "distance": Name("distance", "mm"),
    "soil_temperature": Name("soil_temperature", "degC"),
    "soil_moisture": Name("soil_moisture", "%"),
    "ec": Name("conductivity", "uS/cm"),
    "light_level": Name("light_level"),
    "pressure": Name("pressure", "hPa"),
    "barometric_pressure": Name("pressure", "hPa"),
    # Dragino (LHT65, LDDS75, LSE01, LDS, D2x): strings, and 0.00 of an absent DS18B20
    "bat": _BATTERY_VOLTS,
    "batv": _BATTERY_VOLTS,
    "bat_v": _BATTERY_VOLTS,
    "bat_status": IGNORED,  # four steps of what BatV says in volts
    "tempc_sht": _TEMPERATURE,
    "hum_sht": _HUMIDITY,
    "tempc_ds": Name("probe_temperature", "degC", missing=("0.00", 327.67)),
    "tempc_ds18b20": Name("probe_temperature", "degC", missing=("0.00", 327.67)),
    "tempc1": Name("probe_temperature", "degC", missing=("0.00", 327.67)),
    "temp_soil": Name("soil_temperature", "degC"),
    "water_soil": Name("soil_moisture", "%"),
    "conduct_soil": Name("conductivity", "uS/cm"),
    "door_open_status": Name("gate_open", words=_OPEN),
    "door_status": Name("gate_open", words=_OPEN),
    "interrupt_flag": IGNORED,
    "sensor_flag": IGNORED,
    # Browan Tabs: a gas sensor that is not fitted says 0
    "battery_volt": _BATTERY_VOLTS,
    "co2": Name("co2", "ppm"),
    "voc": Name("voc", missing=(0,)),
    "thh_type": IGNORED,
    # Digital Matter Oyster3, Yabby3
    "latitudedeg": _LATITUDE,
    "longitudedeg": _LONGITUDE,
    "headingdeg": Name("heading", "deg"),
    "speedkmph": Name("speed", "km/h"),
    "intrip": IGNORED,
    "fixfailed": IGNORED,
    "mandown": IGNORED,
    # Abeeway, Seeed, generic trackers
    "latitude": _LATITUDE,
    "longitude": _LONGITUDE,
    "lat": _LATITUDE,
    "lon": _LONGITUDE,
    "lng": _LONGITUDE,
    # Decentlab, MCCI, generic codecs
    "battery_voltage": _BATTERY_VOLTS,
    "vbat": _BATTERY_VOLTS,
    "vbus": IGNORED,
    "tempc": _TEMPERATURE,
    "temp": _TEMPERATURE,
    "temperature_c": _TEMPERATURE,
    "temperature_f": Name("temperature", "degF"),
    "hum": _HUMIDITY,
    "rh": _HUMIDITY,
    "lux": Name("illuminance", "lx"),
    "illumination": Name("illuminance", "lx"),
    # Cayenne LPP: {sensor: {channel: value}}
    "temperaturesensor": _TEMPERATURE,
    "humiditysensor": _HUMIDITY,
    "illuminancesensor": Name("illuminance", "lx"),
    "barometer": Name("pressure", "hPa"),
    # the radio's own bookkeeping
    "fport": IGNORED,
    "fcnt": IGNORED,
    "frame_counter": IGNORED,
    "frame_count": IGNORED,
    "protocol_version": IGNORED,
    "device_id": IGNORED,
    "timestamp": IGNORED,
    "err": IGNORED,
    "valid": IGNORED,
}
"""Decoded LoRaWAN payloads, by key in lower case."""

ZIGBEE: Final[dict[str, Name]] = {
    # zigbee2mqtt.io, "Exposes": contact is true while the two halves touch
    "contact": Name("gate_open", words={"false": 1.0, "true": 0.0}),
    # millivolts on battery devices, volts of the mains on plugs
    "voltage": Name("battery_voltage", "mV", beside=("battery",), otherwise=Name("voltage", "V")),
    # a door contact's temperature is its chip's (zigbee2mqtt#14512), not the barn's
    "temperature": Name("", beside=("contact", "device_temperature"), otherwise=_TEMPERATURE),
    "device_temperature": IGNORED,
    "illuminance_lux": Name("illuminance", "lx"),
    "illuminance": Name("", beside=("illuminance_lux",), otherwise=Name("illuminance", "lx")),
    "energy": Name("energy_total", "kWh"),
    "state": Name("state", words={"on": 1.0, "off": 0.0, "open": 1.0, "close": 0.0, "closed": 0.0}),
    "linkquality": IGNORED,
    "power_outage_count": IGNORED,
    "trigger_count": IGNORED,
    "update_available": IGNORED,
    "last_seen": IGNORED,
    "elapsed": IGNORED,
}
"""zigbee2mqtt's flat objects, by key in lower case."""

"""What vendors' decoders call things, and what a farm calls them: data for presets.

Only names whose meaning and unit are documented by the vendor are translated; any
other number keeps its own name. `IGNORED` marks what is about the transmission.
A rule of a preset's payload, never of a topic the operator wrote himself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, eq=False)  # one that is written down once is itself alone: `auto` remembers by it
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
    kind: str | None = None
    wrap: int | None = None


IGNORED: Final = Name("")

OPEN_WORDS: Final = {"open": 1.0, "opened": 1.0, "close": 0.0, "closed": 0.0}
_LEAK = {"leak": 1.0, "normal": 0.0, "water leak": 1.0, "no leak": 0.0, "noleak": 0.0, "y": 1.0, "n": 0.0}
_WET = {**_LEAK, "0": 0.0, **{str(level): 1.0 for level in range(1, 256)}}  # Elsys EMS: how wet, in 8 bits
_SWITCHED = {"on": 1.0, "open": 1.0, "h": 1.0, "off": 0.0, "close": 0.0, "l": 0.0}
# Elsys ERS Eye: 1 while it is not certain, 2 occupied
_PRESENT = {"trigger": 1.0, "occupied": 1.0, "idle": 0.0, "vacant": 0.0, "0": 0.0, "1": 1.0, "2": 1.0}
_TAMPER = {"install": 0.0, "installed": 0.0, "normal": 0.0, "uninstall": 1.0, "uninstalled": 1.0, "triggered": 1.0}
_NO_PROBE = ("0.00", "0.00 °C", 327.67)
_TEMPERATURE = Name("temperature", "degC")
_HUMIDITY = Name("humidity", "%")
_BATTERY_VOLTS = Name("battery_voltage", "V")
_DEPTH = Name("water_depth", "cm")  # Milesight EM500-SWL user guide: depth in cm
_AIR = Name("air_temperature", "degC", beside=("temperature",), otherwise=_TEMPERATURE)
_LATITUDE = Name("latitude", "deg")
_LONGITUDE = Name("longitude", "deg")


def _channel(name: Name, key: str, number: int) -> Name:
    """Return what `temperature_3` of a Cayenne decoder is: the lowest channel of a row has the plain name."""
    meant = name
    for lower in range(number):
        meant = replace(name, metric=f"{name.metric}_{number}", beside=(f"{key}_{lower}",), otherwise=meant)
    return meant


LORAWAN: Final[dict[str, Name]] = {
    # Milesight (SensorDecoders: EM300, EM500, AM series)
    "battery": Name("battery", "%", missing=(255,)),
    "magnet_status": Name("gate_open", words=OPEN_WORDS),
    "magnet": Name("gate_open", words=OPEN_WORDS),
    "door": Name("gate_open", words=OPEN_WORDS),
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
    "tempc_ds": Name("probe_temperature", "degC", missing=_NO_PROBE),
    "tempc_ds18b20": Name("probe_temperature", "degC", missing=_NO_PROBE),
    "tempc1": Name("probe_temperature", "degC", missing=_NO_PROBE),
    "temp_soil": Name("soil_temperature", "degC"),
    "water_soil": Name("soil_moisture", "%"),
    "conduct_soil": Name("conductivity", "uS/cm"),
    "door_open_status": Name("gate_open", words=OPEN_WORDS),
    "door_status": Name("gate_open", words=OPEN_WORDS),
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
    # Milesight, further series (AM, AT101, CT, EM300-DI, EM500-SMTC, GS, WS)
    "moisture": Name("soil_moisture", "%"),
    **dict.fromkeys(("pir", "pir_status", "occupancy"), Name("occupancy", words=_PRESENT)),
    "tamper_status": Name("tamper", words=_TAMPER),
    "position": Name("tilted", words={"tilt": 1.0, "normal": 0.0}),
    "motion_status": Name(
        "moving", words={"moving": 1.0, "start moving": 1.0, "stop moving": 0.0}, missing=("unknown",)
    ),
    "geofence_status": IGNORED,
    "ammonia": Name("nh3", "ppm"),
    "nh3": Name("nh3", "ppm", missing=("polarizing", "device error")),
    "h2s": Name("h2s", "ppm", missing=("polarizing", "device error")),
    "tvoc": Name("tvoc"),
    "pulse": Name("pulse_total"),
    "power_consumption": Name("energy_total", "Wh"),
    "total_current": Name("charge_total"),
    "power_factor": Name("power_factor"),
    "active_power": Name("power", "W"),
    "socket_status": Name("state", words=_SWITCHED),
    "target_temperature": Name("target_temperature", "degC"),
    "liquid": Name("empty", words={"empty": 1.0, "full": 0.0}, missing=("uncalibrated",)),
    **{
        f"{key}_chn{number}": replace(name, metric=name.metric + suffix)
        for number, suffix in ((1, ""), (2, "_2"))
        for key, name in (("temperature", _TEMPERATURE), ("magnet", Name("gate_open", words=OPEN_WORDS)))
    },
    **{f"current_chn{number}": Name(f"current_l{number}", "A") for number in (1, 2, 3)},
    **{f"valve_{number}": Name(f"valve_open_{number}", words=OPEN_WORDS) for number in (1, 2)},
    # Dragino, further models (LSN50, LHT65, LWL02, SW3L, PS-LB, D2x)
    "tempc2": Name("probe_temperature_2", "degC", missing=_NO_PROBE),
    "tempc3": Name("probe_temperature_3", "degC", missing=_NO_PROBE),
    "temp_red": Name("probe_temperature", "degC", missing=_NO_PROBE),
    "temp_white": Name("probe_temperature_2", "degC", missing=_NO_PROBE),
    "temp_black": Name("probe_temperature_3", "degC", missing=_NO_PROBE),
    "ill_lx": Name("illuminance", "lx"),
    "water_leak_status": Name("water_leak", words=_LEAK),
    "ph1_soil": Name("soil_ph"),
    "leaf_moisture": Name("leaf_moisture", "%"),
    "leaf_temperature": Name("leaf_temperature", "degC"),
    "total_pulse": Name("pulse_total"),
    "exit_count": Name("pulse_total"),
    "water_flow_value": Name("water_volume", "L"),
    "water_deep_cm": Name("water_depth", "cm"),
    "water_pressure_mpa": Name("pressure", "MPa"),
    # Dragino LT-22222-L: dry contacts, relays, 4-20 mA and 0-30 V of a barn's controller
    **{
        f"{key}{number}_{ending}": Name(f"{metric}_{number}", unit, words={} if unit else _SWITCHED)
        for number in (1, 2, 3)
        for key, ending, metric, unit in (
            ("di", "status", "input", ""),
            ("do", "status", "output", ""),
            ("ro", "status", "relay", ""),
            ("avi", "v", "voltage", "V"),
            ("aci", "ma", "current", "mA"),
        )
    },
    **dict.fromkeys(
        (
            "alarm",
            "alarm_status",
            "mod",
            "md",
            "fw",
            "hdop",
            "pitch",
            "roll",
            "door_open_times",
            "last_door_open_duration",
            "water_leak_times",
            "last_water_leak_duration",
            "systimestamp",
            "adc_ch0v",
            "digital_istatus",
            "exti_trigger",
            "exti_pin_level",
            "exti_status",
            "i_flag",
            "s_flag",
            "idc_intput_ma",
            "vdc_intput_v",
        ),
        IGNORED,
    ),
    # Browan and MerryIoT
    "co2_ppm": Name("co2", "ppm"),
    "humi": _HUMIDITY,
    "open": Name("gate_open", words=OPEN_WORDS),
    "tamper": Name("tamper"),
    "reed_state": Name("gate_open", words=OPEN_WORDS),
    "mot_motionst": Name("occupancy"),
    **dict.fromkeys(
        ("trigger", "button", "tilt", "time", "count", "co2threshold", "co2calibration", "mot_times", "mot_counts"),
        IGNORED,
    ),
    # Digital Matter G62 and the statistics of Oyster3
    "gpsaccm": Name("position_error", "m"),
    "vext": Name("supply_voltage", "V"),
    **dict.fromkeys(
        (
            "ignition",
            "gpscurrent",
            "vextgood",
            "vain",
            "digin1",
            "digin2",
            "digout",
            "initialbatv",
            "txcount",
            "tripcount",
            "gpssuccesses",
            "gpsfails",
            "avegpsfixs",
            "avegpsfails",
            "avegpsfreshens",
            "wakeupspertrip",
            "uptimeweeks",
            "sequence",
            "accepted",
            "fwmaj",
            "fwmin",
        ),
        IGNORED,
    ),
    # Elsys, MClimate
    "vdd": Name("battery_voltage", "mV"),
    "light": Name("illuminance", "lx"),
    "externaltemperature": Name("probe_temperature", "degC"),
    "waterleak": Name("water_leak", words=_WET),
    "accmotion": IGNORED,
    "sensortemperature": _TEMPERATURE,
    "relativehumidity": _HUMIDITY,
    "relative_humidity": _HUMIDITY,
    "batteryvoltage": _BATTERY_VOLTS,
    "targettemperature": Name("target_temperature", "degC"),
    # Decentlab, Tektelic: the air's temperature is what others call by the one word
    **dict.fromkeys(("air_temperature", "ambient_temperature"), _AIR),
    "sensor_temperature": Name(
        "sensor_temperature", "degC", beside=("air_temperature",), otherwise=Name("temperature", "degC")
    ),
    "atmospheric_pressure": Name("pressure", "hPa"),
    "maximum_wind_speed": Name("wind_gust", "m/s"),
    "air_humidity": _HUMIDITY,
    "electrical_conductivity": Name("conductivity", "uS/cm"),
    "volumetric_water_content": Name("soil_moisture", "m3/m3"),
    "freezing_flag": Name("freezing"),
    "co2_concentration": Name("co2", "ppm"),
    "precipitation": Name("rain", "mm"),
    "distance_average": Name("distance", "mm"),
    "cumulative_pulse_count": Name("pulse_total"),
    # Netvox, Comtac, Keller, Aquascope, Vutility, MCCI
    "volt": _BATTERY_VOLTS,
    "batvoltage": _BATTERY_VOLTS,
    "batlevel": Name("battery", "%"),
    "battery_capacity_percentage": Name("battery", "%"),
    "humidity_percentage": _HUMIDITY,
    "temperaturecelsius": _TEMPERATURE,
    "pulsecount": Name("pulse_total"),
    "leak": Name("water_leak", words=_LEAK),
    "waterleak_1": Name("water_leak", words=_LEAK),
    "waterleak_2": Name("water_leak_2", words=_LEAK),
    **{f"voltagel{phase}": Name(f"voltage_l{phase}", "V") for phase in (1, 2, 3)},
    **{f"currentl{phase}": Name(f"current_l{phase}", "A") for phase in (1, 2, 3)},
    "gpslat": _LATITUDE,
    "gpslong": _LONGITUDE,
    "tdew": Name("dew_point", "degC"),
    "tdewc": Name("dew_point", "degC"),
    **dict.fromkeys(("swver", "hwver", "port", "deviceserialnumber", "raw"), IGNORED),
    # UG6x gateways and trackers in general
    "altitude": Name("altitude", "m"),
    "speed": Name("speed", "km/h"),
    "accuracy": Name("position_error", "m"),
    # Cayenne LPP: {sensor: {channel: value}}
    "temperaturesensor": _TEMPERATURE,
    "humiditysensor": _HUMIDITY,
    "illuminancesensor": Name("illuminance", "lx"),
    "barometer": Name("pressure", "hPa"),
    "presencesensor": Name("occupancy"),
    "digitalinput": Name("input", words={"0": 0.0, "1": 1.0}),
    "analoginput": Name("analog"),
    **dict.fromkeys(("gpslocation", "accelerometer", "gyrometer"), IGNORED),
    # the same as The Things Stack and myDevices flatten it: temperature_1
    **{
        f"{key}_{number}": _channel(name, key, number)
        for number in range(16)
        for key, name in (
            ("temperature", _TEMPERATURE),
            ("relative_humidity", _HUMIDITY),
            ("barometric_pressure", Name("pressure", "hPa")),
            ("luminosity", Name("illuminance", "lx")),
            ("presence", Name("occupancy")),
            ("digital_in", Name("input", words={"0": 0.0, "1": 1.0})),
            ("analog_in", Name("analog")),
        )
    },
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

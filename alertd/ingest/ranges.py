"""What is known of a metric by its name: canonical unit, plausible range, whether it is a state.

Outside its range a value is a sensor fault, not a measurement (CONTRACT.md section 3):
wide enough for every animal, season and machine, narrow enough for 327.67, a forgotten
Fahrenheit, or CO2 = 0 of a sensor that is not fitted.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Final

MOST: Final = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Known:
    """Canonical unit, and the smallest and largest plausible value in it, both included."""

    unit: str
    low: float = -MOST
    high: float = MOST

    @property
    def state(self) -> bool:
        """Whether the metric keeps its value until the next reading."""
        return self.unit == "bool"


_AIR = Known("degC", -60, 125)  # what field sensors can measure: SHT, DS18B20, PT100 in the barn
_BODY = Known("degC", 30, 45)  # DOMAIN.md section 2; 30: a newborn chilled to death's door
_MILK = Known("degC", -10, 100)  # tank cleaning runs at 85
_SHARE = Known("%", 0, 100)
_HUMIDITY = Known("%", 0, 105)  # capacitive sensors overshoot in fog
_VOLTS = Known("V", 0, 1000)
_MINUTES = Known("min", 0, 1440)
_GAS = Known("ppm", 0, 10_000)
_LENGTH = Known("m", -100, 10_000)
_ENERGY = Known("kWh", -1e9, 1e9)
_POWER = Known("W", -1e7, 1e7)
_COUNT = Known("count", 0, 1e15)
_FLAG = Known("bool", 0, 1)

METRICS: Final[dict[str, Known]] = {
    "temperature": _AIR,
    "ambient_temperature": _AIR,
    "air_temperature": _AIR,
    "water_temperature": _AIR,
    "soil_temperature": _AIR,
    "grain_temperature": _AIR,
    "grain_temperature_max": _AIR,
    "dew_point": _AIR,
    "body_temperature": _BODY,
    "rumen_temperature": Known("degC", 0, 45),  # cold water drunk
    "milk_temperature": _MILK,
    "humidity": _HUMIDITY,
    "soil_moisture": _HUMIDITY,
    "battery": _SHARE,
    "water_level": _SHARE,
    "silo_level": _SHARE,
    "wifi_quality": _SHARE,
    "battery_voltage": Known("V", 0, 100),
    "voltage": _VOLTS,
    "fence_voltage": Known("V", 0, 20_000),
    "current": Known("A", -10_000, 10_000),
    "power": _POWER,
    "fan_power": _POWER,
    "pump_power": _POWER,
    "energy": _ENERGY,
    "energy_total": _ENERGY,
    "water_volume": Known("L", 0, 1e12),
    "water_flow": Known("L/min", 0, 100_000),
    "water_depth": _LENGTH,
    "distance": _LENGTH,
    "level": _LENGTH,
    "altitude": Known("m", -500, 10_000),
    "position_error": Known("m", 0, 1e6),
    "rain": Known("m", 0, 100),
    "latitude": Known("deg", -90, 90),
    "longitude": Known("deg", -180, 180),
    "heading": Known("deg", 0, 360),
    "speed": Known("m/s", 0, 100),
    "wind_speed": Known("m/s", 0, 120),
    "wind_direction": Known("deg", 0, 360),
    "co2": Known("ppm", 100, 100_000),  # outside air holds over 400: 0 means not fitted
    "nh3": _GAS,
    "h2s": _GAS,
    "co": _GAS,
    "ch4": Known("ppm", 0, 1_000_000),
    "pressure": Known("hPa", 0, 1e6),
    "illuminance": Known("lx", 0, 200_000),
    "frequency": Known("Hz", 0, 1e9),
    "conductivity": Known("uS/cm", 0, 1e6),
    "rssi": Known("dBm", -200, 50),
    "snr": Known("dB", -100, 100),
    "link_margin": Known("dB", -100, 100),
    "heart_rate": Known("1/min", 10, 600),  # a horse at rest 28, a chick 450
    "respiration_rate": Known("1/min", 1, 400),
    "weight": Known("kg", 0, 100_000),
    "feed_intake": Known("kg", 0, 100_000),
    "milk_yield": Known("kg", 0, 1000),
    "somatic_cells": Known("1/mL", 0, 1e9),
    "rumination_minutes": _MINUTES,
    "lying_minutes": _MINUTES,
    "steps": _COUNT,
    "movement_count": _COUNT,
    "boot_count": _COUNT,
    "pulse_total": _COUNT,
    "uptime": Known("s", 0, 1e10),
    "thi": Known("", -100, 150),
    "online": _FLAG,
    "gate_open": _FLAG,
    "water_leak": _FLAG,
    "water_ok": _FLAG,
    "battery_low": _FLAG,
    "channel_ok": _FLAG,
    "mains_ok": _FLAG,
    "freezing": _FLAG,
    "empty": _FLAG,
    "fire": _FLAG,
    "smoke": _FLAG,
    "tamper": _FLAG,
    "occupancy": _FLAG,
    "vibration": _FLAG,
    "fan_running": _FLAG,
    "motion_start": _FLAG,
    "rejoin": _FLAG,
    "calving_alert": _FLAG,
}

BY_UNIT: Final[dict[str, Known]] = {
    "degC": Known("degC", -210, 2000),  # from a semen tank in liquid nitrogen to a furnace
    "deg": Known("deg", -360, 360),
    "bool": _FLAG,
}
"""What a unit alone says, for metrics that have a name of their own."""

SENTINELS: Final = frozenset(
    {327.67, -327.68, 327.66, 3276.7, -3276.8, 6553.5, 6553.4, 655.35, -127.0, 32767.0, 65535.0}
)
"""Numbers that sensors send for "no probe": the ends of 16 bits, and DS18B20's -127. Only read as such
outside the plausible range: 65535 steps are steps."""

FREE: Final = Known("")

_NUMBERED: Final = re.compile(r"_l?\d{1,3}$")


def known(metric: str, unit: str = "") -> Known:
    """Return what is known of a metric whose values come in the canonical `unit` (empty: not said).

    A number behind a name says that there are several: `temperature_2`, `power_l1`. If the unit does not
    fit the metric's own, the operator means something else by the name: the unit counts, and the range does not.
    """
    found = METRICS.get(metric)
    if found is None and metric[-1:].isdecimal():
        found = METRICS.get(_NUMBERED.sub("", metric))
    if found is not None and unit in ("", found.unit):
        return found
    return BY_UNIT.get(unit) or (Known(unit) if unit else FREE)

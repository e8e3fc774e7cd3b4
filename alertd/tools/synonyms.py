"""What keys in payloads usually mean: guesses for a proposal that a person reads before it is used.

Nothing here decides what the daemon reads: the proposal is written out, metric by metric.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alertd.ingest.ranges import FREE, METRICS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

DEVICE_KEYS: Final = (
    "device", "device_id", "deviceid", "dev_id", "deveui", "dev_eui", "animal_id", "animalid", "animal", "cattleid",
    "cattle_id", "cow_id", "cowid", "cow", "tag_id", "tagid", "ear_tag", "rfid", "collar_id", "collar", "imei",
    "serial", "serial_number", "sensor_id", "sensor", "node_id", "node", "mac", "id",
)  # fmt: skip
"""Keys whose text or whole number names the device, the surest first; compared in lower case."""
TIME_KEYS: Final = (
    "ts",
    "tst",
    "time",
    "timestamp",
    "datetime",
    "date_time",
    "utc",
    "epoch",
    "time_stamp",
    "measured_at",
)
LEFT_OUT: Final = {
    "rssi", "snr", "lqi", "linkquality", "seq", "fcnt", "f_cnt", "counter", "msgid", "msg_id", "version", "fw", "port",
    "num", "sf", "freq", "channel", "f_port", "fport", "dr", "adr", "frequency", "sq", "rsrp", "rsrq", "confirmed",
    "heap", "frame_counter", "protocol_version",
}  # fmt: skip
"""About the transmission, not the animal."""
ANIMAL: Final = {
    "heart_rate", "steps", "activity", "rumination_minutes", "lying_minutes", "respiration_rate", "body_temperature",
    "rumen_temperature",
}  # fmt: skip

_SAME: Final = {
    "temp": "temperature", "t": "temperature", "tempc": "temperature", "airtemp": "air_temperature",
    "bodytemp": "body_temperature", "rumentemp": "rumen_temperature", "hum": "humidity", "rh": "humidity",
    "act": "activity", "bat": "battery", "batt": "battery", "batterylevel": "battery", "batterypercent": "battery",
    "soc": "battery", "vbat": "battery_voltage", "batv": "battery_voltage", "batteryv": "battery_voltage",
    "hr": "heart_rate", "heartrate": "heart_rate", "bpm": "heart_rate", "pulse": "heart_rate",
    "step": "steps", "stepcount": "steps", "resp": "respiration_rate", "rumination": "rumination_minutes",
    "lying": "lying_minutes", "lat": "latitude", "lng": "longitude", "lon": "longitude", "long": "longitude",
    "feedconsumed": "feed_intake", "feed": "feed_intake", "waterstatus": "water_ok", "door": "gate_open",
    "gate": "gate_open", "lux": "illuminance", "light": "illuminance", "press": "pressure", "baro": "pressure",
    "ammonia": "nh3", "carbondioxide": "co2", "volt": "voltage", "watt": "power", "energykwh": "energy_total",
    "waterlevel": "water_level", "level": "level", "flow": "water_flow", "uptimes": "uptime",
}  # fmt: skip
_WEATHER: Final = {
    # Ecowitt's and Ambient's protocol, WeeWX: the unit is part of the name
    "tempf": ("temperature", "degF"), "tempinf": ("indoor_temperature", "degF"),
    "humidityin": ("indoor_humidity", "%"), "baromrelin": ("pressure", "inHg"),
    "baromabsin": ("station_pressure", "inHg"), "winddir": ("wind_direction", "deg"),
    "windspeedmph": ("wind_speed", "mph"), "windgustmph": ("wind_gust", "mph"), "dailyrainin": ("rain", "in"),
    "outtemp_c": ("temperature", "degC"), "outtemp_f": ("temperature", "degF"), "outhumidity": ("humidity", "%"),
    "windspeed_kph": ("wind_speed", "km/h"), "windspeed_mph": ("wind_speed", "mph"),
    "soilmoisture1": ("soil_moisture", "%"), "barometer_mbar": ("pressure", "hPa"),
    "barometer_inhg": ("pressure", "inHg"), "dayrain_cm": ("rain", "cm"),
}  # fmt: skip
_COUNTERS: Final = {"steps", "movement_count", "pulse_total", "boot_count"}
_BODY_F: Final = (95.0, 110.0)
_BODY_C: Final = (34.0, 43.0)


@dataclass(frozen=True, slots=True)
class Guess:
    """A metric, the unit its values seem to come in, and its kind where that matters."""

    metric: str
    unit: str = ""
    kind: str = ""


def metric_of(key: str) -> str:
    """Return what a key most likely measures; its own name in our spelling where nobody knows."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    plain = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    stem = re.sub(r"_(?:c|celsius|f|fahrenheit|pct|percent|ppm|hpa|lux|kg|v)$", "", plain)
    if stem in METRICS or _SAME.get(stem.replace("_", "")) in METRICS:
        plain = stem
    return plain if plain in METRICS else _SAME.get(plain.replace("_", ""), plain)


def guess(key: str, values: Sequence[float], company: Collection[str]) -> Guess | None:
    """Guess from a key, values seen and the metrics beside it; None: not a measurement."""
    metric = metric_of(key)
    if not metric or metric in LEFT_OUT or key.lower() in LEFT_OUT:
        return None
    if key.lower() in _WEATHER:
        return Guess(*_WEATHER[key.lower()])
    if metric in _COUNTERS:
        return Guess(metric, kind="counter")
    middle = sorted(values)[len(values) // 2] if values else 0.0
    if key.lower().endswith(("_f", "fahrenheit")) and METRICS.get(metric, FREE).unit == "degC":
        return Guess(metric, "degF")
    if metric in ("temperature", "body_temperature") and (metric != "temperature" or ANIMAL & set(company)):
        if _BODY_F[0] <= middle <= _BODY_F[1]:
            return Guess("body_temperature", "degF")
        if _BODY_C[0] <= middle <= _BODY_C[1]:
            return Guess("body_temperature")
    if metric == "battery" and values:
        if 1000 <= middle <= 5000:  # noqa: PLR2004 (millivolts of one cell)
            return Guess("battery_voltage", "mV")
        if 2 < middle < 5 and any(value != int(value) for value in values):  # noqa: PLR2004 (volts of one cell)
            return Guess("battery_voltage", "V")
    if metric == "battery_voltage" and middle > 1000:  # noqa: PLR2004
        return Guess(metric, "mV")
    if metric == "pressure" and middle > 50_000:  # noqa: PLR2004 (the air weighs 1013 hPa)
        return Guess(metric, "Pa")
    return Guess(metric)

"""What Home Assistant's discovery messages tell of topics: kind, unit, path, and the device's name.

Other programs publish them, retained, so that Home Assistant needs no mapping; neither do we then.
Source: home-assistant.io/integrations/mqtt (discovery, with its abbreviated keys).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.ingest.labels import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alertd.seams import Raw

_CONFIG = re.compile(r".+/(?P<component>[a-z_]+)/(?:[^/]+/)?[^/]+/config", re.DOTALL)
_PATH = re.compile(r"value_json((?:\.\w+|\[\s*(?:\d+|'[^']*'|\"[^\"]*\")\s*\])+)")
_STEP = re.compile(r"\.(\w+)|\[\s*(?:(\d+)|'([^']*)'|\"([^\"]*)\")\s*\]")
_LONG: Final = {
    "stat_t": "state_topic", "unit_of_meas": "unit_of_measurement", "dev_cla": "device_class",
    "val_tpl": "value_template", "dev": "device", "cmps": "components", "p": "platform",
    "ids": "identifiers", "mdl": "model", "mf": "manufacturer",
}  # fmt: skip
_SENSOR: Final = {
    "temperature": "temperature", "humidity": "humidity", "battery": "battery", "moisture": "soil_moisture",
    "power": "power", "energy": "energy_total", "voltage": "voltage", "current": "current", "pressure": "pressure",
    "atmospheric_pressure": "pressure", "illuminance": "illuminance", "carbon_dioxide": "co2",
    "carbon_monoxide": "co", "weight": "weight", "wind_speed": "wind_speed", "speed": "speed",
    "distance": "distance", "water": "water_volume", "volume_flow_rate": "water_flow", "frequency": "frequency",
    "precipitation": "rain", "conductivity": "conductivity",
}  # fmt: skip
_BINARY: Final = {
    "moisture": "water_leak", "door": "gate_open", "garage_door": "gate_open", "opening": "gate_open",
    "window": "gate_open", "connectivity": "online", "smoke": "smoke", "occupancy": "occupancy",
    "motion": "occupancy", "vibration": "vibration", "tamper": "tamper", "battery": "battery_low",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Announced:
    """One value that a topic carries. `path` is empty where the payload is the value itself."""

    topic: str
    path: str
    metric: str
    unit: str
    device: str
    model: str


def is_announcement(topic: str) -> bool:
    """Return whether this is the topic of a discovery message."""
    return _CONFIG.fullmatch(topic) is not None


def announced(raws: Iterable[Raw]) -> list[Announced]:
    """Read all discovery messages; what is not one, or cannot be read, says nothing."""
    found: list[Announced] = []
    for raw in raws:
        match = _CONFIG.fullmatch(raw.topic)
        if match is None:
            continue
        try:
            document = msgspec.json.decode(raw.payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(document, dict):
            found += _entities(_long(document), match["component"])
    return found


def _entities(document: dict[str, Any], component: str) -> Iterator[Announced]:
    """Yield the values of one message: of one entity, or of a device with its components."""
    parts = document.get("components")
    if isinstance(parts, dict):
        for part in parts.values():
            if isinstance(part, dict):
                whole = document | _long(part)
                yield from _entity(whole, str(whole.get("platform", "sensor")))
    else:
        yield from _entity(document, component)


def _entity(entity: dict[str, Any], component: str) -> Iterator[Announced]:
    topic, base = entity.get("state_topic"), entity.get("~")
    kinds = _BINARY if component == "binary_sensor" else _SENSOR
    metric = kinds.get(str(entity.get("device_class")))
    if not isinstance(topic, str) or component not in ("sensor", "binary_sensor") or metric is None:
        return
    if isinstance(base, str):
        topic = base + topic[1:] if topic.startswith("~") else topic
        topic = topic[:-1] + base if topic.endswith("~") else topic
    template = entity.get("value_template")
    path = _PATH.search(template) if isinstance(template, str) else None
    about = _long(entity["device"]) if isinstance(entity.get("device"), dict) else {}
    yield Announced(
        topic,
        _dotted(path[1]) if path is not None else "",
        metric,
        _text(entity.get("unit_of_measurement")),
        _text(about.get("name")),
        _text(about.get("model")),
    )


def _dotted(steps: str) -> str:
    """Write `.a['b'][0]` as our paths are written: `a.b[0]`."""
    text = ""
    for plain, number, single, double in _STEP.findall(steps):
        text += f"[{number}]" if number else f".{plain or single or double}"
    return text.removeprefix(".")


def _long(document: dict[str, Any]) -> dict[str, Any]:
    return {_LONG.get(key, key): value for key, value in document.items()}


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else ""

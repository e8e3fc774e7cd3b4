"""Dialects whose topic alone says what a bare value is: Shelly Gen1, ESPHome, Home Assistant's statestream.

Each is a function of the topic's named levels and returns the `Name` of the value, or
None for a topic that holds no measurement.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.ingest.names import OPEN_WORDS, Name
from alertd.ingest.names_hubs import OBJECTS
from alertd.ingest.ranges import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ON: Final = {"on": 1.0, "off": 0.0, "true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
_STATE: Final = Name("state", words=_ON)
_WATT_MINUTES: Final = Name("energy_total", "Wmin")

SHELLY_GEN1: Final[dict[str, Name]] = {
    # shelly-api-docs, Gen1, "MQTT": what stands behind shellies/<device>/, numbers of channels left out
    "online": Name("online", words=_ON),
    "temperature": Name("temperature", "degC"),
    "temperature_f": Name("temperature", "degF"),
    "ext_temperature": Name("temperature", "degC"),
    "ext_humidity": Name("humidity", "%"),
    "sensor/temperature": Name("temperature", "degC"),
    "sensor/humidity": Name("humidity", "%"),
    "sensor/battery": Name("battery", "%"),
    "sensor/flood": Name("water_leak", words=_ON),
    "sensor/smoke": Name("smoke", words=_ON),
    "sensor/lux": Name("illuminance", "lx"),
    "sensor/state": Name("gate_open", words=OPEN_WORDS),
    "sensor/motion": Name("occupancy", words=_ON),
    "sensor/vibration": Name("vibration", words=_ON, missing=("-1", -1)),
    "sensor/tilt": Name("tilt", "deg", missing=("-1", -1)),
    "sensor/concentration": Name("gas_concentration", "ppm"),
    "relay": Name("state", words={**_ON, "overpower": 0.0}),
    "relay/power": Name("power", "W"),
    "relay/energy": _WATT_MINUTES,
    "meter/power": Name("power", "W"),
    "meter/energy": _WATT_MINUTES,
    "light": _STATE,
    "light/power": Name("power", "W"),
    "light/energy": _WATT_MINUTES,
    "white": _STATE,
    "white/power": Name("power", "W"),
    "white/energy": _WATT_MINUTES,
    "roller/power": Name("power", "W"),
    "roller/energy": _WATT_MINUTES,
    "roller/pos": Name("opening", "%", missing=("-1", -1)),
    "input": Name("input", words=_ON),
    "adc": Name("voltage", "V"),
    "voltage": Name("voltage", "V"),
    # of the energy meters `energy` is in watt-minutes and `total` in watt-hours (shellyteacher4domo#8)
    "emeter/power": Name("power", "W"),
    "emeter/voltage": Name("voltage", "V"),
    "emeter/current": Name("current", "A"),
    "emeter/pf": Name("power_factor"),
    "emeter/energy": Name("energy", "Wmin"),
    "emeter/returned_energy": Name("energy_returned", "Wmin"),
    "emeter/total": Name("energy_total", "Wh"),
    "emeter/total_returned": Name("energy_returned_total", "Wh"),
}

_CHANNEL: Final = re.compile(r"([a-z_]+)/(\d{1,2})(/.+)?")
_DOMAINS: Final = frozenset({"sensor", "number", "input_number"})
_SWITCHED: Final = frozenset({"binary_sensor", "switch", "input_boolean", "light", "fan", "siren"})


def shelly_gen1(levels: Mapping[str, str]) -> Name | None:
    """Return what `relay/0/power` holds; channel 0 has the plain name, channel 1 is `power_1`.

    The channels of a Shelly 3EM are the phases: after the plain one come `power_l2` and `power_l3`.
    """
    path, suffix = levels.get("_path", ""), ""
    found = _CHANNEL.fullmatch(path)
    if found is not None:
        kind, number, rest = found.groups()
        path = kind + (rest or "")
        phase = kind == "emeter" and "em3" in levels.get("device", "").lower()
        suffix = (f"_l{int(number) + 1}" if phase else f"_{int(number)}") if int(number) else ""
    name = SHELLY_GEN1.get(path)
    return replace(name, metric=name.metric + suffix) if name is not None else None


def esphome(levels: Mapping[str, str]) -> Name | None:
    """Return what `sensor/barn_temperature` of a node holds.

    An object called as a metric, or as node and metric (`barn_temperature` of `barn-node`), is that
    metric; any other keeps its whole name, so that two probes of one node stay two series.
    """
    kind, object_id = levels.get("_kind", ""), levels.get("_object", "").lower()
    if kind not in _DOMAINS and kind not in _SWITCHED:
        return None
    name, before = _by_ending(object_id)
    if name is None:
        return Name(object_id, words=_ON if kind in _SWITCHED else {})
    node = re.sub(r"[^a-z0-9]", "", levels.get("device", "").lower())
    whole = not before or before.replace("_", "") in node
    return name if whole else replace(name, metric=object_id)


def home_assistant(levels: Mapping[str, str]) -> Name | None:
    """Return what an entity's state is: by the ending of its name, which Home Assistant builds from its kind."""
    domain = levels.get("domain", "")
    name, _ = _by_ending(levels.get("device", "").lower())
    if domain in _DOMAINS:
        return name or Name("value")
    if domain in _SWITCHED:
        return name if name is not None and METRICS.get(name.metric) and METRICS[name.metric].state else _STATE
    return None


def home_assistant_object(levels: Mapping[str, str]) -> Name | None:
    """Return what `<domain>/<node>/<object>/state` holds: the object names it."""
    return esphome({"_kind": levels.get("domain", ""), "_object": levels.get("_object", ""), "device": ""})


def _by_ending(text: str) -> tuple[Name | None, str]:
    """Return what the longest known ending of a name means, and what stands before it."""
    words = [word for word in re.split(r"[^a-z0-9]+", text) if word]
    for at in range(len(words)):
        ending = "_".join(words[at:])
        name = OBJECTS.get(ending)
        if name is None and ending in METRICS:
            name = Name(ending)
        if name is not None:
            return name, "_".join(words[:at])
    return None, text


NAMERS: Final[dict[str, Callable[[Mapping[str, str]], Name | None]]] = {
    "shelly_gen1": shelly_gen1,
    "esphome": esphome,
    "home_assistant": home_assistant,
    "home_assistant_object": home_assistant_object,
}
"""Every such dialect, by the name a shape gives it."""

"""Presets of the hubs and devices of a house: Zigbee2MQTT, Tasmota, Shelly, ESPHome, Home Assistant."""

from __future__ import annotations

from typing import Final

from alertd.ingest.names_hubs import SHELLY, TASMOTA, ZIGBEE
from alertd.ingest.shapes import Preset, Shape, Spec

ONLINE: Final = Spec("online", "state", words={"online": 1.0, "offline": 0.0})
_LINK: Final = Spec("online", words={"online": 1.0, "true": 1.0, "offline": 0.0, "false": 0.0})

_BRIDGE: Final = "{prefix}bridge"

_ZIGBEE2MQTT: Final = (
    Shape(
        "{base}/bridge/state", format="json_or_text", device=_BRIDGE, bridge=_BRIDGE, metric="online", specs=(ONLINE,)
    ),
    Shape("{base}/bridge/#", silent=True),
    Shape("{base}/{device...}/availability", format="json_or_text", bridge=_BRIDGE, metric="online", specs=(ONLINE,)),
    Shape("{base}/{device...}/set", silent=True),
    Shape("{base}/{device...}/set/{key}", silent=True),
    Shape("{base}/{device...}/get", silent=True),
    Shape("{base}/{device...}", bridge=_BRIDGE, time="last_seen", auto=True, names=ZIGBEE),
)


def _tasmota() -> tuple[Shape, ...]:
    """Make the shapes of both usual FullTopics, `%prefix%/%topic%/` and `%topic%/%prefix%/`, up to five levels deep."""
    layouts = ["{base}/{device}", *("+/" * depth + "{device}/{base}" for depth in range(5))]
    answers = ["stat/{device}", "{device}/stat"]
    shapes = [
        shape
        for layout in layouts
        for shape in (
            Shape(f"{layout}/SENSOR", dialect="tasmota", auto=True, names=TASMOTA),
            Shape(f"{layout}/STATE", dialect="tasmota", auto=True, names=TASMOTA),
            Shape(f"{layout}/LWT", format="number", metric="online", specs=(_LINK,)),
        )
    ]
    for layout in answers:
        shapes += [
            Shape(f"{layout}/STATUS{number}", dialect="tasmota", auto=True, names=TASMOTA) for number in (8, 10, 11)
        ]
    return tuple(shapes)


_SHELLY_GEN1: Final = Shape(
    "{base}/{device}/{_path...}", format="number", namer="shelly_gen1", twin=("/temperature_f", "/temperature")
)
_SHELLY_GEN2: Final = (
    Shape("{device}/events/rpc", dialect="shelly_notification", auto=True, names=SHELLY, named_only=True),
    Shape("{device}/status/{_component}", dialect="shelly_component", auto=True, names=SHELLY, named_only=True),
    Shape("{device}/online", format="number", metric="online", specs=(_LINK,)),
)

_ESPHOME: Final = (
    Shape("{device}/{_kind}/{_object}/state", format="number", namer="esphome"),
    Shape("{device}/status", format="number", metric="online", specs=(_LINK,)),
)

HOME: Final[dict[str, Preset]] = {
    "zigbee2mqtt": Preset("zigbee2mqtt", _ZIGBEE2MQTT),
    "tasmota": Preset("tele", _tasmota()),
    "shelly_gen1": Preset("shellies", (_SHELLY_GEN1,)),
    "shelly_gen2": Preset("", _SHELLY_GEN2),
    "esphome": Preset("", _ESPHOME),
    "homeassistant_statestream": Preset(
        "homeassistant",
        (
            Shape("{base}/{domain}/{device}/state", format="number", namer="home_assistant"),
            Shape("{base}/{domain}/{device}/{_object}/state", format="number", namer="home_assistant_object"),
        ),
    ),
}
"""Hubs of a house, by the name the operator writes."""

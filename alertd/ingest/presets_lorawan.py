"""Presets of LoRaWAN: the network servers ChirpStack 4 and 3 and The Things Stack, and ChirpStack's gateways."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from alertd.ingest.names import LORAWAN
from alertd.ingest.names_hubs import NORMALIZED
from alertd.ingest.presets_home import ONLINE
from alertd.ingest.shapes import Preset, Rows, Shape, Spec

_LABELS: Final = {"device_name": "deviceInfo.deviceName", "gateway": "rxInfo[0].gatewayId"}
"""`gateway` is the one that heard the device best when it was met: with several of them, one of those that can."""

_TAGS: Final = "deviceInfo.tags"
_ID: Final = ("deduplicationId",)
_EVENT: Final = "{base}/{application}/device/{device}/event"

_STATUS: Final = (
    # A device on mains power, or one that cannot tell, reports 0 (LoRaWAN DevStatusAns 0 and 255).
    Spec("battery", "batteryLevel", unit="%", unless=("externalPowerSource", "batteryLevelUnavailable")),
    Spec("link_margin", "margin", unit="dB"),
)
_SOLVED: Final = (
    Spec("latitude", "location.latitude", unit="deg"),
    Spec("longitude", "location.longitude", unit="deg"),
    Spec("position_error", "location.accuracy", unit="m"),
)

_V4: Final = (
    Shape(
        f"{_EVENT}/up",
        time="time",
        rows=(Rows("object"), Rows("object.history[*]", time="timestamp")),
        auto=True,
        names=LORAWAN,
        labels=_LABELS,
        tags=_TAGS,
        repeat=_ID,
        models=("deviceInfo.deviceProfileName",),
        profiled=True,
    ),
    Shape(f"{_EVENT}/status", time="time", specs=_STATUS, labels=_LABELS, tags=_TAGS, repeat=_ID),
    Shape(f"{_EVENT}/join", time="time", dialect="join", labels=_LABELS, tags=_TAGS, repeat=_ID),
    Shape(f"{_EVENT}/location", time="time", specs=_SOLVED, labels=_LABELS, tags=_TAGS, repeat=_ID),
)

_V3_LABELS: Final = {"device_name": "deviceName", "gateway": "rxInfo[0].gatewayID"}

_V3_UP: Final = Shape(
    f"{_EVENT}/up",
    time="publishedAt",
    later_time="rxInfo[0].time",
    rows=(Rows("object"), Rows("object.history[*]", time="timestamp")),
    nested="objectJSON",
    device_eui="devEUI",
    auto=True,
    names=LORAWAN,
    labels=_V3_LABELS,
    tags="tags",
    repeat=("fCnt", "data"),
    models=("deviceProfileName",),
    profiled=True,
)

_V3: Final = (
    _V3_UP,
    replace(_V3_UP, topic="{base}/{application}/device/{device}/rx"),
    Shape(f"{_EVENT}/status", time="publishedAt", specs=_STATUS, device_eui="devEUI", labels=_V3_LABELS, tags="tags"),
    Shape(f"{_EVENT}/join", time="publishedAt", dialect="join", device_eui="devEUI", labels=_V3_LABELS, tags="tags"),
    Shape(f"{_EVENT}/location", specs=_SOLVED, device_eui="devEUI", labels=_V3_LABELS, tags="tags"),
)

_DEVICE: Final = "{base}/{application}/devices/{device}"
_RECEIVED: Final = "uplink_message.received_at"

_TTS: Final = (
    Shape(
        f"{_DEVICE}/up",
        time=_RECEIVED,
        later_time="received_at",
        rows=(
            Rows("uplink_message.decoded_payload"),
            Rows("uplink_message.decoded_payload.history[*]", time="timestamp"),
        ),
        outer=(Spec("battery", "uplink_message.last_battery_percentage.value", unit="%"),),
        labels={"gateway": "uplink_message.rx_metadata[0].gateway_ids.gateway_id"},
        otherwise="normalized",
        other_names=NORMALIZED,
        auto=True,
        names=LORAWAN,
        repeat=("uplink_message.session_key_id", "uplink_message.f_cnt", "uplink_message.frm_payload"),
        models=("uplink_message.version_ids.model_id",),
        profiled=True,
    ),
    Shape(f"{_DEVICE}/join", time="received_at", dialect="join"),
    Shape(
        f"{_DEVICE}/location/solved",
        time="received_at",
        specs=tuple(Spec(spec.metric, f"location_solved.{spec.path}", unit=spec.unit) for spec in _SOLVED),
    ),
)

LORAWAN_SERVERS: Final[dict[str, Preset]] = {
    "chirpstack_v4": Preset("application", _V4),
    "chirpstack_v3": Preset("application", _V3),
    "tts_v3": Preset("v3", _TTS),
    # with ChirpStack 4 below the region: `topic: eu868/gateway`
    "chirpstack_gateways": Preset(
        "gateway",
        (
            Shape(
                "{base}/{gateway}/state/conn",
                format="connection",
                device="{gateway}",
                role="gateway",
                metric="online",
                specs=(ONLINE,),
            ),
        ),
    ),
}
"""LoRaWAN servers, by the name the operator writes. A server's topics for commands are not subscribed to."""

"""Presets of gateways and platforms: Ruuvi, Victron, Sparkplug B, SenML, ThingsBoard, FIWARE."""

from __future__ import annotations

from typing import Final

from alertd.ingest.names_hubs import FIWARE, RUUVI, SPARKPLUG, VICTRON
from alertd.ingest.presets_home import ONLINE
from alertd.ingest.shapes import Preset, Shape


def _ultralight() -> tuple[Shape, ...]:
    """Make the shapes of FIWARE's agents: with and without the leading slash, UltraLight and JSON."""
    shapes: list[Shape] = []
    for start in ("/", "/ul/", "/json/", "", "ul/", "json/"):
        topic = f"{start}{{_apikey}}/{{device}}/attrs"
        shapes += [
            Shape(topic, format="json_or_text", dialect="ultralight", auto=True, names=FIWARE, texts=True),
            Shape(
                f"{topic}/{{_attribute}}",
                format="json_or_text",
                dialect="ultralight_value",
                auto=True,
                names=FIWARE,
                texts=True,
            ),
        ]
    return tuple(shapes)


def _sparkplug(topic: str, device: str) -> Shape:
    return Shape(
        topic,
        format="sparkplug",
        device=device,
        bridge="{group}/{node}",
        request="{base}/{group}/NCMD/{node}",
        dialect="sparkplug",
        auto=True,
        names=SPARKPLUG,
        texts=True,
    )


HUBS: Final[dict[str, Preset]] = {
    "ruuvi": Preset(
        "ruuvi",
        (
            Shape(
                "{base}/{device}/gw_status", format="json_or_text", bridge="{device}", metric="online", specs=(ONLINE,)
            ),
            Shape(
                "{base}/{gateway}/{device}",
                bridge="{gateway}",
                time="ts",
                dialect="ruuvi",
                auto=True,
                names=RUUVI,
                # several gateways hear one tag: the advertisement's sequence number is in its bytes
                repeat=("data",),
                repeat_of="{device}",
                ignore=frozenset({"mac", "gw_mac", "aoi", "gwts", "coords"}),
            ),
            Shape("{base}/{device}", time="ts", dialect="ruuvi", auto=True, names=RUUVI, ignore=frozenset({"mac"})),
        ),
    ),
    "victron": Preset(
        "N",
        (
            Shape(
                "{base}/{portal}/{service}/{instance}/{_path...}",
                format="json_or_text",
                device="{portal}/{service}/{instance}",
                request="{read}/{portal}/keepalive",
                dialect="victron",
                auto=True,
                names=VICTRON,
                named_only=True,
            ),
        ),
    ),
    "sparkplug_b": Preset(
        "spBv1.0",
        (
            Shape("{base}/STATE/#", silent=True),
            _sparkplug("{base}/{group}/{_type}/{node}", "{group}/{node}"),
            _sparkplug("{base}/{group}/{_type}/{node}/{device}", "{group}/{node}/{device}"),
        ),
    ),
    "senml": Preset(
        "senml",
        (Shape("{base}/#", format="json", dialect="senml", device="", auto=True, names=SPARKPLUG),),
    ),
    "thingsboard": Preset(
        "v1",
        (
            Shape("{base}/gateway/telemetry", dialect="thingsboard_gateway", device="", auto=True),
            Shape("{base}/gateway/{_link}", dialect="thingsboard_link", device=""),
            Shape("{base}/devices/{device}/telemetry", dialect="thingsboard", auto=True),
        ),
    ),
    "fiware_ul": Preset("", _ultralight()),
}  # fmt: skip
"""Gateways and platforms, by the name the operator writes."""

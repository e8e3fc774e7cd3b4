"""Presets: sources that ship ready-made. Data, not code: a preset is one line in PRESETS and its shapes.

What the operator writes as a source becomes the same `Shape`, so there is one way
to read a payload. Sources of the facts: DOMAIN.md section 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.names import LORAWAN, ZIGBEE, Name

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric of a payload: where it stands and what it means, as `MetricMapping` writes it.

    `unless` are paths of flags, each of which, when true, says that nothing was measured.
    """

    metric: str
    path: str = ""
    unit: str = ""
    words: Mapping[str, float] = field(default_factory=dict)
    kind: str | None = None
    wrap: int | None = None
    missing: tuple[Any, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the objects that hold the metrics stand (`path`), and where such a row says its own time."""

    path: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the messages of one topic template are read, in plain words.

    topic: template (`{base}` is replaced by the preset's first part); silent: matched and
    not read; rows: objects with metrics; each: fan-out where row fields win over the
    message's; time: path; device: template, or path if `device_path`; metric: fixed name or
    `{metric}`; specs: metrics to take, `auto`: and every other number, renamed by `names`,
    without `ignore`; labels: label to path; tags: path of an object of labels; repeat: path
    of an id by which a message that comes twice is known.
    """

    topic: str
    format: str = "json"
    silent: bool = False
    rows: tuple[Rows, ...] = (Rows(),)
    each: str | None = None
    time: str = ""
    time_format: str = "auto"
    device: str = "{device}"
    device_path: bool = False
    metric: str = ""
    specs: tuple[Spec, ...] = ()
    auto: bool = False
    names: Mapping[str, Name] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    repeat: str = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """Shapes in order: the first whose topic matches reads the message. `base`: the topics' changeable first part."""

    base: str
    shapes: tuple[Shape, ...]


_ONLINE = Spec("online", "state", words={"online": 1.0, "offline": 0.0})
_LABELS = {"device_name": "deviceInfo.deviceName"}

PRESETS: Final[dict[str, Preset]] = {
    "alertd": Preset(
        "alertd/v1",
        (Shape("{base}/{site}/{kind}/{device}", time="ts", auto=True),),
    ),
    "chirpstack_v4": Preset(
        "application",
        (
            Shape(
                "{base}/{application}/device/{device}/event/up",
                time="time",
                rows=(Rows("object"), Rows("object.history[*]", time="timestamp")),
                auto=True,
                names=LORAWAN,
                labels=_LABELS,
                tags="deviceInfo.tags",
                repeat="deduplicationId",
            ),
            Shape(
                "{base}/{application}/device/{device}/event/status",
                time="time",
                specs=(
                    # A device on mains power, or one that cannot tell, reports 0 (LoRaWAN DevStatusAns 0 and 255).
                    Spec(
                        "battery", "batteryLevel", unit="%", unless=("externalPowerSource", "batteryLevelUnavailable")
                    ),
                    Spec("link_margin", "margin", unit="dB"),
                ),
                labels=_LABELS,
                tags="deviceInfo.tags",
                repeat="deduplicationId",
            ),
        ),
    ),
    "zigbee2mqtt": Preset(
        "zigbee2mqtt",
        (
            Shape("{base}/bridge/state", format="json_or_text", device="bridge", metric="online", specs=(_ONLINE,)),
            Shape("{base}/bridge/#", silent=True),
            Shape("{base}/{device...}/availability", format="json_or_text", metric="online", specs=(_ONLINE,)),
            Shape("{base}/{device...}/set", silent=True),
            Shape("{base}/{device...}/set/{key}", silent=True),
            Shape("{base}/{device...}/get", silent=True),
            Shape("{base}/{device...}", time="last_seen", auto=True, names=ZIGBEE),
        ),
    ),
}
"""Every preset, by the name the operator writes."""

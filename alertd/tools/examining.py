"""The doctor's rounds over what is heard: does every source come at QoS 1, is it read, are units and clocks right.

Pure: what was heard and the daemon's own decoder in, findings out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from alertd.ingest.decoder import Decoder
from alertd.ingest.labels import clean
from alertd.model import DAY, HOUR, MINUTE, Quality
from alertd.settings import show_duration
from alertd.tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alertd.config.config import Config
    from alertd.model import Reading, Rejected, Series
    from alertd.tools.listening import Heard, Topic

REFUSED: Final = 128
"""From this reason code on a subscription is refused (MQTT 5 section 3.9.3)."""
QOS_REMEDY: Final = {
    "chirpstack_v4": "set qos=1 under [integration.mqtt] in chirpstack.toml",
    "chirpstack_v3": "set qos=1 under [application_server.integration.mqtt]",
    "tts_v3": "it only speaks QoS 0: put a local broker between, or fetch gaps by its Storage Integration",
    "zigbee2mqtt": "set `qos: 1` under device_options in zigbee2mqtt's configuration.yaml",
    "tasmota": "Tasmota only publishes at QoS 0: keep broker and alertd on one machine",
    "shelly_gen1": "set QoS 1 under MQTT in the device's web page",
}
"""What to do about QoS 0, by preset (DOMAIN.md section 0)."""
_STILL: Final = {"degC", "%", "hPa", "V", "ppm", "kg", "lx", "A", "W"}
"""Units of what moves a little all the time: the same value for hours is a stuck sensor."""
ROUNDED: Final = 5 * MINUTE
"""Ages are told to this."""
STUCK_COUNT: Final = 20
STUCK_FOR: Final = 6 * HOUR


@dataclass(slots=True)
class _Source:
    """What one source brought while we listened."""

    readings: list[Reading] = field(default_factory=list)
    refused: list[Rejected] = field(default_factory=list)
    topics: dict[str, Topic] = field(default_factory=dict)

    @property
    def live(self) -> int:
        return sum(topic.live for topic in self.topics.values())


def examine_traffic(config: Config, heard: Heard) -> list[Finding]:
    """Return what is to be said of the sources."""
    sources = _sorted(config, heard)
    found: list[Finding] = []
    for setting in config.sources:
        source = sources.get(setting.label, _Source())
        part = f"source {setting.label}"
        if not source.topics:
            found.append(
                Finding(
                    "note", part, f"nothing came in {heard.seconds:.0f} s", "longer: --seconds; or is its topic right?"
                )
            )
            continue
        found += _qos(part, source, setting.qos, setting.preset)
        found += _read(part, source)
        found += _clock(part, source)
        found += _units(part, source)
    return found


def examine_subscriptions(granted: dict[str, int], wanted: Sequence[tuple[str, int]]) -> Iterator[Finding]:
    """Yield what the broker did not grant."""
    for one, qos in wanted:
        got = granted.get(one, REFUSED)
        if got >= REFUSED:
            yield Finding(
                "fail",
                "broker",
                f"refuses the subscription {one}",
                "give this user the right to read it (the broker's ACL)",
            )
        elif got < qos:
            yield Finding("warn", "broker", f"grants only QoS {got} for {one}", "allow QoS 1 in the broker (max_qos)")


def examine_stuck(readings: Sequence[Reading]) -> Iterator[Finding]:
    """Yield sensors whose value has not moved at all: readings of the last day, in any order."""
    series: dict[tuple[str, str], list[Reading]] = {}
    for reading in readings:
        if not reading.state and reading.unit in _STILL and reading.metric not in ("battery", "weight"):
            series.setdefault((reading.device, reading.metric), []).append(reading)
    for (device, metric), same in series.items():
        span = max(one.time for one in same) - min(one.time for one in same)
        value, unit = same[0].value, same[0].unit
        if value and len(same) >= STUCK_COUNT and span >= STUCK_FOR and all(one.value == value for one in same):
            hours = show_duration(span // HOUR * HOUR)
            yield Finding(
                "warn",
                f"device {device}",
                f"{metric} has been exactly {value:g} {unit} for {hours}",
                "stuck, or not connected: look at the sensor; a flatline rule would tell you",
            )


def _sorted(config: Config, heard: Heard) -> dict[str, _Source]:
    """Let the daemon's decoder read every topic, and put readings and topics to their sources."""
    rows: dict[tuple[str, str], int] = {}

    def register(series: Series) -> int:
        return rows.setdefault((series.device, series.metric), len(rows))

    decoder = Decoder(config.sources, config.devices, config.limits, timezone=config.farm.timezone, register=register)
    sources: dict[str, _Source] = {}
    for name, topic in heard.topics.items():
        for raw in topic.messages:
            decoded = decoder.decode([raw])
            for reading in decoder.to_readings(decoded):
                source = sources.setdefault(reading.source, _Source())
                source.readings.append(reading)
                source.topics[name] = topic
            for label, _, why in decoded.rejected:
                if label:
                    source = sources.setdefault(label, _Source())
                    source.refused.append(why)
                    source.topics[name] = topic
    return sources


def _qos(part: str, source: _Source, wanted: int, preset: str | None) -> Iterator[Finding]:
    low = [name for name, topic in source.topics.items() if 0 in topic.qos and topic.live]
    if wanted == 0:
        yield Finding("warn", part, "is set to qos: 0: what comes while alertd is away is lost", "take qos: 0 out")
    elif low:
        remedy = QOS_REMEDY.get(preset or "", "let the sender publish at QoS 1")
        text = f"{len(low)} of {len(source.topics)} topics come at QoS 0 ({clean(low[0])}): lost while alertd is away"
        yield Finding("warn", part, text, remedy)
    elif source.live:
        yield Finding("ok", part, f"QoS {min(min(topic.qos) for topic in source.topics.values())} as received")
    else:
        yield Finding("note", part, "only retained copies came: its QoS cannot be seen yet", "longer: --seconds")


def _read(part: str, source: _Source) -> Iterator[Finding]:
    reasons = Counter(why.reason for why in source.refused)
    if not source.readings:
        why = source.refused[-1]
        yield Finding(
            "warn", part, f"nothing of it can be read: {why.reason}: {_plain(why.detail)}", "alertd decode shows more"
        )
        return
    devices = {reading.device for reading in source.readings}
    yield Finding(
        "ok",
        part,
        ", ".join(
            (counted(len(devices), "device"), counted(source.live, "message"), counted(len(source.topics), "topic"))
        ),
    )
    for reason in ("no_metrics", "not_json", "not_utf8", "unknown_word", "too_large", "too_deep"):
        if reasons[reason]:
            why = next(one for one in source.refused if one.reason == reason)
            yield Finding("warn", part, f"{counted(reasons[reason], 'time')} {reason}: {_plain(why.detail)}")


def _clock(part: str, source: _Source) -> Iterator[Finding]:
    """Own times that are hours away are a time zone; times that cannot be are a clock."""
    bad = [why for why in source.refused if why.reason == "bad_time"]
    if bad:
        yield Finding(
            "warn",
            part,
            f"times that cannot be: {_plain(bad[-1].detail)}",
            "set the sender's clock, or timezone: on the source",
        )
    own = [one for one in source.readings if one.quality in (Quality.LIVE, Quality.LATE) and one.time != one.received]
    if len(own) >= 3 and (behind := round(median(one.received - one.time for one in own))) > 10 * MINUTE:  # noqa: PLR2004
        hours = behind / HOUR
        zone = abs(hours - round(hours)) < 0.05 and hours < 15  # noqa: PLR2004 (whole hours: a zone)
        remedy = "timezone: on the source?" if zone else "a backlog, or a clock that is behind"
        old = f"{behind // DAY} days" if behind > 3 * DAY else show_duration(round(behind / ROUNDED) * ROUNDED)
        text = f"its readings are {old} old when they come"
        yield Finding("warn" if behind < DAY else "note", part, text, remedy)


def _units(part: str, source: _Source) -> Iterator[Finding]:
    for why in {one.detail: one for one in source.refused if one.reason == "implausible"}.values():
        yield Finding("warn", part, f"wrong unit, or a sensor fault: {_plain(why.detail)}")
    series: dict[str, list[float]] = {}
    for one in source.readings:
        series.setdefault(one.metric, []).append(one.value)
    for metric, values in series.items():
        middle, unit = median(values), next(one.unit for one in source.readings if one.metric == metric)
        if unit == "degC" and 46 <= middle <= 125 and "milk" not in metric and "device" not in metric:  # noqa: PLR2004
            celsius = (middle - 32) / 1.8
            yield Finding("warn", part, f"{metric} is {middle:.0f} °C: in °F that is {celsius:.0f} °C", "unit: degF?")
        elif metric in ("humidity", "battery", "soil_moisture") and all(0 < value <= 1 for value in values):
            yield Finding("warn", part, f"{metric} is {middle:g} %: a share from 0 to 1?", 'unit: "1"?')
        elif metric == "pressure" and middle > 2000:  # noqa: PLR2004 (the air weighs 1013 hPa)
            yield Finding("note", part, f"pressure is {middle:.0f} hPa: Pa, if it is the air's", "unit: Pa?")


def counted(number: int, noun: str) -> str:
    """Return `1 topic`, `2 topics`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def rate(heard: Heard) -> float:
    """Return live messages a second."""
    return sum(topic.live for topic in heard.topics.values()) / max(heard.seconds, 0.1)

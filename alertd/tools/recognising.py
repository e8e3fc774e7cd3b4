"""What is on a broker becomes proposed sources: presets that fit, then topics of the operator's own.

A proposal is always proved: the daemon's own decoder reads what was heard with it, and
what does not give a reading is not proposed. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.decoder import Decoder
from alertd.ingest.presets import PRESETS
from alertd.ingest.settings import Limits, Source
from alertd.tools.announced import announced, is_announcement
from alertd.tools.shaping import shaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alertd.model import Reading, Series
    from alertd.seams import Raw
    from alertd.tools.announced import Announced

LOOKED_AT: Final = 3
"""Messages of one topic a preset is tried with."""


@dataclass(slots=True)
class Proposal:
    """A source as it would be written, the topics it reads, and the readings it gave."""

    source: dict[str, Any]
    topics: list[str]
    readings: list[Reading]
    counts: int = 0

    @property
    def devices(self) -> list[str]:
        """Return the devices in the order they were met."""
        return list(dict.fromkeys(reading.device for reading in self.readings))


@dataclass(slots=True)
class Findings:
    """Everything that was found out. `unread`: topics without a proposal, with the reason."""

    proposals: list[Proposal] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    announced: int = 0


def recognise(raws: Sequence[Raw], timezone: str) -> Findings:
    """Find sources for what was heard, messages in order of arrival."""
    descriptions = announced(raws)
    found = Findings(announced=len(descriptions))
    rest: dict[str, list[Raw]] = {}
    for raw in raws:
        if not is_announcement(raw.topic) and not raw.topic.startswith("$"):
            rest.setdefault(raw.topic, []).append(raw)
    for source, topics in _presets(rest, timezone):
        _propose(found, source, topics, rest, timezone)
    found.unread += _refused(found.proposals, rest, timezone)
    by_topic: dict[str, list[Announced]] = {}
    for one in descriptions:
        by_topic.setdefault(one.topic, []).append(one)
    found.unread += _left_alone(found.proposals, rest, by_topic)
    for source, topics in shaped(rest, by_topic):
        _propose(found, source, topics, rest, timezone)
    found.unread += [(topic, _why(messages)) for topic, messages in rest.items()]
    found.names = _names(found.proposals, by_topic)
    return found


def tried(source: dict[str, Any], raws: Iterable[Raw], timezone: str) -> dict[str, list[Reading]]:
    """Read messages with a source as the daemon would; readings by topic."""
    decoder = _decoder([source], timezone)
    read: dict[str, list[Reading]] = {}
    for raw in raws:
        decoded = decoder.decode([raw])
        if decoded.row:
            read.setdefault(raw.topic, []).extend(decoder.to_readings(decoded))
    return read


def _decoder(sources: Sequence[dict[str, Any]], timezone: str) -> Decoder:
    rows: dict[tuple[str, str], int] = {}

    def register(series: Series) -> int:
        return rows.setdefault((series.device, series.metric), len(rows))

    written = [Source.model_validate(source) for source in sources]
    return Decoder(written, [], Limits(), timezone=timezone, register=register)


def _refused(proposals: Sequence[Proposal], rest: dict[str, list[Raw]], timezone: str) -> list[tuple[str, str]]:
    """Take out of the rest what a proposed preset knows and refuses: its reason is better than another guess."""
    presets = [one.source for one in proposals if PRESETS[one.source["preset"]].base]
    decoder = _decoder(presets, timezone)
    found: list[tuple[str, str]] = []
    for topic, messages in list(rest.items()) if presets else ():
        refused = [(label, why) for label, _, why in decoder.decode(messages[-1:]).rejected if label]
        if refused:
            label, why = refused[-1]
            found.append((topic, f"{label}: {why.reason}: {_printable(why.detail)}"))
            del rest[topic]
    return found


def _left_alone(
    proposals: Sequence[Proposal], rest: dict[str, list[Raw]], described: dict[str, list[Announced]]
) -> list[tuple[str, str]]:
    """Take out of the rest what belongs to a recognised hub and is no measurement: commands, settings, its own log."""
    found: list[tuple[str, str]] = []
    for topic in [topic for topic in rest if topic not in described]:
        owner = next((one for one in proposals if _beside(topic, one)), None)
        if owner is not None:
            found.append((topic, f"{owner.source['preset']}: nothing that it measures"))
            del rest[topic]
    return found


def _beside(topic: str, proposal: Proposal) -> bool:
    base = proposal.source.get("topic", PRESETS[proposal.source["preset"]].base)
    return any(topic.startswith(f"{one}/") for one in ([base] if base else proposal.devices))


def _presets(rest: dict[str, list[Raw]], timezone: str) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the presets that read something, each with the topics it reads best."""
    samples = [raw for messages in rest.values() for raw in messages[-LOOKED_AT:]]
    best: dict[str, tuple[tuple[bool, int, int, int], int]] = {}
    sources: list[dict[str, Any]] = []
    for name, preset in PRESETS.items():
        for base in _bases(preset.base, rest):
            source = {"preset": name} | ({"topic": base} if base != preset.base else {})
            # Of two presets the one whose topics begin with a word of their own is the surer one.
            sure = bool(preset.base) and not all("{base}" not in shape.topic for shape in preset.shapes)
            read = tried(source, samples, timezone)
            for topic, readings in read.items():
                # Of two that read the same, the one that knows its way in what stands around it.
                told = (
                    {(one.device, one.metric) for one in readings},
                    {label for one in readings for label in one.labels},
                )
                rank = (sure, len(told[0]), len(told[1]), -len(sources))
                if topic not in best or rank > best[topic][0]:
                    best[topic] = rank, len(sources)
            sources.append(source)
    owned: dict[int, list[str]] = {}
    for topic, (_, number) in best.items():
        owned.setdefault(number, []).append(topic)
    return [(sources[number], topics) for number, topics in sorted(owned.items())]


def _bases(default: str, topics: Iterable[str]) -> list[str]:
    """Return the preset's own base, and what stands before it where a bridge has put it below something."""
    if not default or any(sign in default for sign in "{+#"):
        return [default]
    found = {default: None}
    for topic in topics:
        at = f"/{topic}".find(f"/{default}/")
        if at > 0:
            found[topic[: at - 1] + f"/{default}"] = None
    return list(found)[:8]


def _propose(
    found: Findings, source: dict[str, Any], topics: Sequence[str], rest: dict[str, list[Raw]], timezone: str
) -> None:
    """Prove a source, add it, and take its topics out of the rest."""
    read = tried(source, (raw for topic in topics for raw in rest.get(topic, ())), timezone)
    readings = [reading for one in read.values() for reading in one]
    if not readings:
        return
    count = sum(len(rest.pop(topic, ())) for topic in read)
    found.proposals.append(Proposal(source, list(read), readings, count))


def _names(proposals: Sequence[Proposal], described: dict[str, list[Announced]]) -> dict[str, str]:
    """Return names that payloads or Home Assistant's messages give to devices, where they differ from the id."""
    names: dict[str, str] = {}
    for proposal in proposals:
        for reading in proposal.readings:
            name = reading.labels.get("device_name")
            if name and name != reading.device:
                names.setdefault(reading.device, name)
        for topic in proposal.topics:
            for one in described.get(topic, ()):
                owners = [device for device in proposal.devices if device in topic.split("/") or device in topic]
                if one.device and owners and one.device != owners[0]:
                    names.setdefault(owners[0], one.device)
    return names


def _why(messages: Sequence[Raw]) -> str:
    """Say why nothing could be proposed for a topic."""
    payload = messages[-1].payload
    if not payload:
        return "empty"
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return f"binary, begins {payload[:16].hex(' ')}"
    shown = _printable(text[:60])
    return f"no number found in {shown}" + ("…" if len(text) > len(shown) else "")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)

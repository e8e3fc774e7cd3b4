"""Sparkplug B: nodes and their devices announce their metrics once (BIRTH) and then send numbers for names (DATA).

Eclipse Sparkplug 3.0, chapter 6. What a birth said is kept per node; data with aliases
that were never announced cannot be read (births are not retained) and is refused until
the next birth. A node's death takes its devices with it; one that belongs to an older
session (`bdSeq`) is ignored. `is_historical` makes a metric late, whatever its time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import pack, unpack
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from msgspec import json

from alertd.ingest.dialects.protobuf import Broken, fields, written
from alertd.ingest.dialects.row import Row
from alertd.ingest.paths import MISSING
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.settings import Limits

ALIASES: Final = 4096
"""Metrics one node or device may announce; beyond that the rest is not known by alias."""

NODES: Final = 4096
"""Nodes and devices whose announcements are kept; beyond that the oldest goes."""

METRICS: Final = 4096
"""Metrics read of one message."""

_SEQUENCE: Final = 256
_WRITTEN: Final = tuple[str, int | None, dict[int, tuple[str, str, int]], dict[str, str], list[str]]
_OWN: Final = ("bdSeq", "Node Control/", "Device Control/", "Properties/", "Node Info/", "Device Info/")
_SIGNED: Final = {1: 8, 2: 16, 3: 32, 4: 64}
"""Data types of signed numbers to their bits; they travel unsigned."""


@dataclass(slots=True)
class Metric:
    """One metric of a message; `value` is MISSING where it is null or of a kind that is no number, text or bool."""

    name: str = ""
    alias: int | None = None
    time: int | None = None
    datatype: int = 0
    historical: bool = False
    unit: str = ""
    value: Any = MISSING


@dataclass(slots=True)
class _Announced:
    """What a birth said: alias to (name, unit, data type). `place` is its row in the store."""

    place: int
    aliases: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    session: int | None = None
    sequence: int | None = None
    devices: set[str] = field(default_factory=set)


class Nodes:
    """What nodes and their devices announced, by `group/node` or `group/node/device`.

    `changed` are the names whose announcement is not committed yet.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Announced] = {}
        self._written: dict[int, int] = {}
        self._owed: dict[int, int] = {}
        self.changed: set[str] = set()

    def get(self, name: str) -> _Announced | None:
        """Return what a node or device announced."""
        return self._known.get(name)

    def born(self, name: str) -> _Announced:
        """Forget what was announced under a name and return the new, empty announcement."""
        before = self._known.pop(name, None)
        if before is None and len(self._known) >= NODES:
            before = self._known.pop(next(iter(self._known)))
        self._known[name] = _Announced(len(self._known) if before is None else before.place)
        self.changed.add(name)
        return self._known[name]

    def adopt(self, node: str, device: str) -> None:
        """Note that a device speaks through a node."""
        parent = self.get(node) or self.born(node)
        if device not in parent.devices and len(parent.devices) < NODES:
            parent.devices.add(device)
            self.changed.add(node)

    def changes(self) -> dict[int, str]:
        """Return the announcements that are not written yet, by place; a birth that says the same is none."""
        found = {}
        for name in self.changed:
            one = self._known.get(name)
            if one is None:
                continue  # displaced; its place is another's
            text = json.encode((name, one.session, one.aliases, one.units, sorted(one.devices)))
            if self._written.get(one.place) != crc32(text):
                found[one.place] = text.decode()
        self._owed = {place: crc32(text.encode()) for place, text in found.items()}
        return found

    def committed(self) -> None:
        """What `changes` returned last is on the disk."""
        self._written |= self._owed
        self.changed.clear()

    def restore(self, place: int, text: str) -> None:
        """Take over what `changes` returned; how far the sequence went is not known."""
        name, session, aliases, units, devices = json.decode(text, type=_WRITTEN)
        self._known[name] = _Announced(place, aliases, units, session, devices=set(devices))
        self._written[place] = crc32(text.encode())


def parse_sparkplug(payload: bytes, _limits: Limits) -> Any:
    """Decode a payload into {"metrics": [...], "seq": n, "timestamp": ms}, or `Rejected`."""
    metrics: list[Metric] = []
    document: dict[str, Any] = {"metrics": metrics}
    try:
        for number, wire, value in fields(payload):
            if number == 2 and isinstance(value, bytes):  # noqa: PLR2004 (field numbers of sparkplug_b.proto)
                if len(metrics) < METRICS:
                    metrics.append(_metric(value))
            elif number in (1, 3) and wire == 0:
                document["timestamp" if number == 1 else "seq"] = value
    except Broken as error:
        return Rejected("not_sparkplug", f"not a Sparkplug B payload ({error}), begins {payload[:24].hex(' ')}")
    return document


def read_sparkplug(document: Any, levels: Mapping[str, str], nodes: Nodes) -> Iterator[Row | Rejected]:
    """Yield what one message says: births and deaths as `online`, metrics by their names."""
    kind, node = levels.get("_type") or levels.get("type", ""), f"{levels.get('group', '')}/{levels.get('node', '')}"
    device = levels.get("device", "")
    name = f"{node}/{device}" if device else node
    metrics: list[Metric] = document["metrics"]
    if kind in ("NBIRTH", "DBIRTH"):
        yield from _birth(kind, node, name, document, nodes)
    elif kind in ("NDEATH", "DDEATH"):
        yield from _death(kind, node, name, metrics, nodes)
        return
    elif kind not in ("NDATA", "DDATA"):
        return  # commands and host states are not measurements
    else:
        yield from _gap(node, document, nodes)
    yield from _data(name, metrics, document, nodes)


def rebirth(now: int) -> bytes:
    """Return the command (NCMD) by which a node is asked to announce itself again; `now` in microseconds."""
    name = b"Node Control/Rebirth"
    millis = written(now // 1000)
    metric = b"\x0a" + written(len(name)) + name + b"\x18" + millis + b"\x20\x0b\x70\x01"  # boolean, true
    return b"\x08" + millis + b"\x12" + written(len(metric)) + metric


def _birth(kind: str, node: str, name: str, document: dict[str, Any], nodes: Nodes) -> Iterator[Row]:
    announced = nodes.born(name)
    if kind == "NBIRTH":
        announced.session = _session(document["metrics"])
    else:
        nodes.adopt(node, name)
    owner = nodes.get(node)
    if owner is not None and isinstance(document.get("seq"), int):
        owner.sequence = document["seq"]
    for metric in document["metrics"][:ALIASES]:
        if metric.alias is not None:
            announced.aliases[metric.alias] = (metric.name, metric.unit, metric.datatype)
        if metric.unit:
            announced.units[metric.name] = metric.unit
    yield Row({"online": True}, document.get("timestamp", MISSING), name)


def _death(kind: str, node: str, name: str, metrics: list[Metric], nodes: Nodes) -> Iterator[Row | Rejected]:
    known = nodes.get(node)
    session = _session(metrics)
    if kind == "NDEATH" and known is not None and None not in (session, known.session) and session != known.session:
        yield Rejected("stale_death", f"{node}: the death of session {session}, it lives in {known.session}")
        return
    # The will was written when the session began: its timestamp is no time of death.
    yield Row({"online": False}, device=name)
    if kind == "NDEATH" and known is not None:
        for device in sorted(known.devices):
            yield Row({"online": False}, device=device)


def _gap(node: str, document: dict[str, Any], nodes: Nodes) -> Iterator[Rejected]:
    """Note a missing message: the next birth puts everything right."""
    known, sequence = nodes.get(node), document.get("seq")
    if known is None or not isinstance(sequence, int):
        return
    if known.sequence is not None and sequence != (known.sequence + 1) % _SEQUENCE:
        yield Rejected("sequence_gap", f"{node}: {sequence} after {known.sequence}; a message is missing")
    known.sequence = sequence


def _data(name: str, metrics: list[Metric], document: dict[str, Any], nodes: Nodes) -> Iterator[Row | Rejected]:
    announced = nodes.get(name)
    rows: dict[tuple[Any, bool], Row] = {}
    unknown = 0
    for metric in metrics:
        key, unit, datatype = metric.name, metric.unit, metric.datatype
        if metric.alias is not None and not key:
            told = announced.aliases.get(metric.alias) if announced is not None else None
            if told is None:
                unknown += 1
                continue
            key, unit, datatype = told[0], told[1] or unit, datatype or told[2]
        elif announced is not None and not unit:
            unit = announced.units.get(key, "")
        if metric.value is MISSING or key.startswith(_OWN):
            continue
        time = metric.time if metric.time is not None else document.get("timestamp", MISSING)
        row = rows.get((time, metric.historical))
        if row is None:
            row = rows[time, metric.historical] = Row({}, time, name, late=metric.historical)
        value = _signed(metric.value, datatype)
        row.values[key] = {"value": value, "unit": unit} if unit and not isinstance(value, bool) else value
    yield from rows.values()
    if unknown:
        yield Rejected("unknown_alias", f"{name}: {unknown} metrics by alias before a BIRTH told their names")


def _session(metrics: list[Metric]) -> int | None:
    return next((metric.value for metric in metrics if metric.name == "bdSeq" and isinstance(metric.value, int)), None)


def _metric(data: bytes) -> Metric:
    """Read one metric (sparkplug_b.proto, message Metric).

    Raises:
        Broken: the bytes are not a message.
    """
    metric, null = Metric(), False
    for number, wire, value in fields(data):
        if isinstance(value, bytes):
            if number == 1:
                metric.name = value.decode("utf-8", "replace")
            elif number == 9:  # noqa: PLR2004 (as below: field numbers)
                metric.unit = _unit(value)
            elif number == 15:  # noqa: PLR2004
                metric.value = value.decode("utf-8", "replace")
            continue
        whole = int(value)
        match number, wire:
            case 2, 0:
                metric.alias = whole
            case 3, 0:
                metric.time = whole
            case 4, 0:
                metric.datatype = whole
            case 5, 0:
                metric.historical = bool(whole)
            case 7, 0:
                null = bool(whole)
            case ((10 | 11), 0):
                metric.value = whole
            case 12, 5:
                metric.value = unpack("<f", pack("<I", whole))[0]
            case 13, 1:
                metric.value = unpack("<d", pack("<Q", whole))[0]
            case 14, 0:
                metric.value = bool(whole)
    metric.value = MISSING if null else _signed(metric.value, metric.datatype)
    return metric


def _signed(value: Any, datatype: int) -> Any:
    bits = _SIGNED.get(datatype)
    if bits is None or type(value) is not int or value < 0:
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _unit(data: bytes) -> str:
    """Return the engineering unit (`engUnit`) of a metric's properties; keys and values stand in two lists."""
    keys: list[str] = []
    texts: list[str] = []
    for number, _, value in fields(data):
        if not isinstance(value, bytes):
            continue
        if number == 1:
            keys.append(value.decode("utf-8", "replace"))
        elif number == 2:  # noqa: PLR2004 (a property's value)
            told = [text for inner, _, text in fields(value) if inner == 8 and isinstance(text, bytes)]  # noqa: PLR2004 (string_value)
            texts.append(told[0].decode("utf-8", "replace") if told else "")
    pairs = dict(zip(keys, texts, strict=False))
    return pairs.get("engUnit", pairs.get("Engineering Units", ""))

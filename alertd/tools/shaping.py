"""Topics of the operator's own: messages that look alike become one topic template and its mapping.

    farm/barn1/temperature  21.5                        farm/{device}/{metric}, format number
    farm/collar/7           {"act": 3, "temp": 101.3}   farm/collar/{device}, format json, metrics

Pure guessing, but honest: what comes out is written into a file that a person reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.ingest.profiles import load_profiles
from alertd.ingest.ranges import METRICS
from alertd.ingest.values import is_fault_word, parse_number, state_word
from alertd.tools.synonyms import ANIMAL, DEVICE_KEYS, TIME_KEYS, guess, metric_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alertd.seams import Raw
    from alertd.tools.announced import Announced

ALIKE: Final = 0.5
"""Share of keys that two messages must have in common to be of one kind."""
DEEP: Final = 4
KINDS: Final = {
    "up", "rx", "join", "data", "json", "state", "status", "sensor", "telemetry", "attrs", "event", "events", "values",
    "value", "uplink", "message", "measurement", "measurements", "tele", "stat", "info", "attributes", "out",
}  # fmt: skip
"""Levels that name the kind of a message, in lower case."""
LONGEST: Final = 10
"""Digits of a number written as text; a longer one is somebody's id."""
KEYS: Final = 64
"""Values of one message that are looked at."""

Written = tuple[dict[str, Any], list[str]]
"""A source as it would be written, and the topics it is meant for."""


@dataclass(slots=True)
class _Kind:
    """Topics that carry the same thing: `format`, number of levels, and the paths of their values."""

    format: str
    levels: int
    paths: set[str]
    topics: list[str] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)

    def split(self) -> list[list[str]]:
        """Return the topics' levels."""
        return [topic.split("/") for topic in self.topics]


def shaped(rest: Mapping[str, Sequence[Raw]], described: Mapping[str, Sequence[Announced]]) -> list[Written]:
    """Return sources for what no preset reads; `described` is what Home Assistant was told of topics."""
    kinds: list[_Kind] = []
    for topic, messages in rest.items():
        documents = [document for raw in messages if (document := _document(raw.payload)) is not None]
        if documents:
            _enter(kinds, topic, documents)
    found: list[Written] = []
    for kind in kinds:
        found += _numbers(kind, described) if kind.format == "number" else _objects(kind, described)
    return _joined(found)


def _joined(found: Sequence[Written]) -> list[Written]:
    """Join sources that differ in nothing but their metrics: devices of several types on one topic."""
    joined: dict[str, Written] = {}
    for source, topics in found:
        apart = {key: value for key, value in source.items() if key != "metrics"}
        known = joined.setdefault(repr(apart), (apart | ({"metrics": {}} if "metrics" in source else {}), []))
        for metric, where in source.get("metrics", {}).items():
            known[0]["metrics"].setdefault(metric, where)
        known[1].extend(topics)
    return list(joined.values())


def _document(payload: bytes) -> Any:
    """Return an object, a list of objects, or a number or state word as text; None for anything else."""
    try:
        text = payload.decode("utf-8-sig").strip(' \t\r\n\x00"')
    except UnicodeDecodeError:
        return None
    if payload.lstrip()[:1] in (b"{", b"["):
        try:
            document = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return None
        rows = document if isinstance(document, list) else [document]
        return document if rows and all(isinstance(row, dict) for row in rows) else None
    if parse_number(text) is not None or state_word(text) is not None:
        return text
    return text if text and is_fault_word(text) else None


def _enter(kinds: list[_Kind], topic: str, documents: Sequence[Any]) -> None:
    """Put a topic to those it resembles."""
    newest = documents[-1]
    form = "number" if isinstance(newest, str) else "list" if isinstance(newest, list) else "json"
    documents = [one for one in documents if type(one) is type(newest)]  # a sender that changes its mind
    row = newest[0] if isinstance(newest, list) else newest
    paths = {path for path, _ in _leaves(row)} if isinstance(row, dict) else set()
    levels = topic.split("/")
    for kind in kinds:
        same = kind.format == form and kind.levels == len(levels) and kind.topics[0].split("/")[0] == levels[0]
        both = len(kind.paths | paths)
        if same and (both == 0 or len(kind.paths & paths) / both >= ALIKE):
            kind.topics.append(topic)
            kind.paths |= paths
            kind.messages += documents
            return
    kinds.append(_Kind(form, len(levels), paths, [topic], list(documents)))


# --- one number per topic ---------------------------------------------------------------------


def _numbers(kind: _Kind, described: Mapping[str, Sequence[Announced]]) -> Iterator[Written]:
    """One template for topics that end in a metric, and one for each metric that only Home Assistant knows."""
    # A topic of one level has no room for both a device and a metric: it is left to the operator.
    named = [topic for topic in kind.topics if kind.levels > 1 and _metric(topic.split("/")[-1])]
    if named:  # beside a metric that is known, another plain word is one too
        named = [topic for topic in kind.topics if topic in named or (topic not in described and _word(topic))]
    told: dict[tuple[str, str], list[str]] = {}
    for topic in kind.topics:
        if topic not in named and (known := described.get(topic)):
            told.setdefault((known[0].metric, known[0].unit), []).append(topic)
    for (metric, unit), topics in told.items():
        yield _one_metric(topics, metric, unit)
    if named:
        yield {"topic": _template([topic.split("/") for topic in named], metric=True), "format": "number"}, named
    done = {*named, *(topic for topics in told.values() for topic in topics)}
    others = [topic for topic in kind.topics if topic not in done]
    if others:
        split = [topic.split("/") for topic in others]
        if kind.levels > 1 and len({levels[-1] for levels in split}) > 1 and not named:
            # The last level changes and is no metric: it is the device, and the level before says what is measured.
            yield _one_metric(others, metric_of(split[0][-2]) or "value", "")
        elif kind.levels > 1:
            yield {"topic": _template(split, metric=True), "format": "number"}, others


def _one_metric(topics: list[str], metric: str, unit: str) -> Written:
    source = {"topic": _template([topic.split("/") for topic in topics], metric=False), "format": "number"}
    return source | {"metric": metric} | ({"unit": unit} if unit else {}), topics


def _metric(level: str) -> bool:
    return metric_of(level) in METRICS or metric_of(level) in ANIMAL


def _word(topic: str) -> bool:
    return topic.rpartition("/")[2].replace("_", "").isalpha()


def _template(split: list[list[str]], *, metric: bool, device: bool = True) -> str:
    """Write levels that are alike as they are and the others as names: device, group, metric."""
    width = len(split[0])
    changing = [number for number in range(width) if len({levels[number] for levels in split}) > 1]
    names: dict[int, str] = {}
    if metric:
        names[width - 1] = "metric"
    if device:
        # `up`, `SENSOR`, `data` say what kind of message it is, not of whom.
        whom = [n for n in range(width) if n not in names and not all(one[n].lower() in KINDS for one in split)]
        free = [number for number in changing if number in whom]
        names[free[-1] if free else max(whom, default=0)] = "device"
    for place, number in enumerate(reversed([number for number in changing if number not in names])):
        names[number] = "group" if place == 0 else f"level{number + 1}"
    levels = [f"{{{names[number]}}}" if number in names else split[0][number] for number in range(width)]
    return "/".join("+" if _unwritable(level) and number not in names else level for number, level in enumerate(levels))


def _unwritable(level: str) -> bool:
    """A level that cannot stand in a template, or that nobody should write into a file."""
    return any(sign in level for sign in "{}+#") or not level.isprintable()


# --- objects ----------------------------------------------------------------------------------


def _objects(kind: _Kind, described: Mapping[str, Sequence[Announced]]) -> Iterator[Written]:
    rows = [row for message in kind.messages for row in (message if isinstance(message, list) else [message])]
    leaves: dict[str, list[Any]] = {}
    for row in rows:
        for path, value in _leaves(row):
            leaves.setdefault(path, []).append(value)
    owner = _owner(kind, leaves)
    clock = next((path for key in TIME_KEYS for path in leaves if path.lower().rpartition(".")[2] == key), "")
    source: dict[str, Any] = {"topic": _template(kind.split(), metric=False, device=not owner), "format": "json"}
    if kind.format == "list":
        source["each"] = "[*]"
    if owner:
        source["device"] = {"path": owner}
    if clock and clock != owner:
        source["time"] = clock
    by_keys = load_profiles().by_keys
    profiles = {by_keys(frozenset(row)) for row in rows} - {None} if kind.format == "json" else set()
    if profiles:
        # A profile knows more than keys tell: units, sentinels, where the device keeps its time. Of several
        # types of device on such topics each is found by its keys again.
        source = {key: source[key] for key in ("topic", "format", "device") if key in source}
        yield source | ({"profile": profiles.pop()} if len(profiles) == 1 else {}), kind.topics
        return
    told = {one.path: one for topic in kind.topics for one in described.get(topic, ()) if one.path}
    metrics = _mapping({path: leaves[path] for path in leaves if path != clock and _measured(path)}, told)
    if metrics:
        yield source | {"metrics": metrics}, kind.topics


def _owner(kind: _Kind, leaves: Mapping[str, list[Any]]) -> str:
    """Return the path of the device's id where the payload names it and the topic does not."""
    keys = {path.lower().rpartition(".")[2]: path for path in reversed(list(leaves))}
    found = next((keys[key] for key in DEVICE_KEYS if key in keys and _is_id(leaves[keys[key]])), "")
    if not found:
        return ""
    ids = {str(value) for value in leaves[found]}
    in_topic = {level for levels in kind.split() for level in levels}
    if len(kind.topics) == 1 and kind.levels > 1 and ids <= in_topic:
        return ""
    return found if len(kind.topics) == 1 or len(ids) > len(kind.topics) else ""


def _measured(path: str) -> bool:
    """Return whether a key may be a measurement: names of devices are none."""
    key = path.lower().rpartition(".")[2]
    return key not in (*DEVICE_KEYS, *TIME_KEYS, "gwts") and not key.endswith(("_id", "_eui", "eui", "addr"))


def _is_id(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str | int) and not isinstance(value, bool) and str(value) for value in values)


def _mapping(leaves: Mapping[str, list[Any]], told: Mapping[str, Announced]) -> dict[str, Any]:
    """Write `metrics:`, each once; a position whole or not at all."""
    numbers = {path: found for path, values in leaves.items() if (found := _numeric(values))}
    company = {metric_of(path.rpartition(".")[2]) for path in numbers}
    metrics: dict[str, Any] = {}
    place: dict[str, str] = {}
    for path, values in numbers.items():
        known = told.get(path)
        if known is not None:
            metrics.setdefault(known.metric, {"path": path} | ({"unit": known.unit} if known.unit else {}))
            continue
        name = guess(path.rpartition(".")[2], values, company)
        if name is None:
            continue
        if name.metric in ("latitude", "longitude"):
            place.setdefault(name.metric, path)
            continue
        more = ({"unit": name.unit} if name.unit else {}) | ({"kind": name.kind} if name.kind else {})
        metrics.setdefault(name.metric, {"path": path} | more if more else path)
    if len(place) == 2:  # noqa: PLR2004 (latitude and longitude)
        metrics["position"] = {"lat": place["latitude"], "lon": place["longitude"]}
        error = next((key for key in ("acc", "accuracy") if key in metrics), None)
        if error is not None:
            metrics["position"]["error"] = metrics.pop(error)
    return metrics


def _numeric(values: Sequence[Any]) -> list[float]:
    found: list[float] = []
    for value in values:
        if isinstance(value, bool | int | float):
            found.append(float(value))
        elif isinstance(value, str) and len(value) <= LONGEST and (number := parse_number(value)) is not None:
            found.append(number[0])
        elif isinstance(value, str) and (word := state_word(value)) is not None:
            found.append(word)
    return found


def _leaves(row: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of everything that is no object, a few levels deep; names with dots cannot be paths."""
    for key, value in list(row.items())[:KEYS]:
        if not key or any(sign in key for sign in ".[]'\" ") or not key.isprintable():
            continue
        if isinstance(value, dict):
            if depth < DEEP:
                yield from _leaves(value, f"{prefix}{key}.", depth + 1)
        elif isinstance(value, str | int | float | bool):
            yield prefix + key, value

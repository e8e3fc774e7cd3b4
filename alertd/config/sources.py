"""The broker and the sources: what can be known about them before the first message comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from alertd.config.names import entries
from alertd.config.problem import Keys, Problem, closest, problem
from alertd.ingest.decoder import faults
from alertd.ingest.mqtt_address import PORTS, Address
from alertd.ingest.paths import compile_path
from alertd.ingest.presets import PRESETS
from alertd.ingest.profiles import load_profiles
from alertd.ingest.ranges import known
from alertd.ingest.topics import compile_template
from alertd.ingest.units import conversion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.config import Config
    from alertd.config.document import Node


def check_sources(tree: Node) -> Iterator[Problem]:
    """Yield everything wrong with the broker's address and with sources, as far as the tree shows it."""
    yield from _broker(tree.get("mqtt", "url"))
    for keys, source in entries(tree, "sources"):
        yield from _source(keys, source)


def check_readable(config: Config, tree: Node) -> Iterator[Problem]:
    """Yield what else keeps a source from being read: the last word is the decoder's own."""
    listed = tree.get("sources")
    for number, reason in faults(config.sources, config.farm.timezone):
        node = listed.items()[number] if listed is not None else tree
        yield problem(node.place, ("sources", number), reason)
    yield from _profiles(tree)


def _profiles(tree: Node) -> Iterator[Problem]:
    """A device's profile exists."""
    for keys, device in entries(tree, "devices"):
        profile = device.get("profile")
        if profile is not None and profile.text is not None and profile.text not in load_profiles().known:
            known = load_profiles().known
            reason = f"there is no profile {profile.text}"
            yield problem(profile.place, (*keys, "profile"), reason, closest(profile.text, known))


def _broker(url: Node | None) -> Iterator[Problem]:
    if url is None or url.text is None or not url.text.startswith(tuple(f"{scheme}://" for scheme in PORTS)):
        return
    try:
        Address.parse(url.text)
    except ValueError as error:
        yield problem(url.place, ("mqtt", "url"), str(error).removeprefix(f"{url.text}: ").lower())


def _source(keys: Keys, source: Node) -> Iterator[Problem]:
    preset, topic = source.get("preset"), source.get("topic")
    if preset is not None:
        if preset.text is not None and preset.text not in PRESETS:
            reason = f"there is no preset {preset.text}"
            yield problem(preset.place, (*keys, "preset"), reason, closest(preset.text, PRESETS))
        return
    if topic is None or topic.text is None:
        return
    try:
        names = compile_template(topic.text).names
    except ValueError as error:
        yield problem(topic.place, (*keys, "topic"), str(error).removeprefix(f"topic {topic.text!r}: "))
        return
    form = source.get("format")
    kind = form.text if form is not None else None
    device = source.get("device")
    if kind in ("json", "number", "text", "csv") and device is None and "device" not in names:
        yield problem(topic.place, keys, "no device: put {device} into topic, or set device")
    if device is not None and device.text is not None:
        for name in re.findall(r"\{([^{}]*)\}", device.text):
            if name not in names:
                yield problem(device.place, (*keys, "device"), f"{{{name}}} is not in topic", closest(name, names))
    if kind in ("number", "text") and source.get("metric") is None and "metric" not in names:
        yield problem(topic.place, keys, "no metric: put {metric} into topic, or set metric")
    yield from _units(keys, source)
    yield from _paths(keys, source)
    header = source.get("header")
    if kind == "csv" and source.get("columns") is None and (header is None or header.value is not True):
        yield problem(topic.place, keys, "csv needs columns: [time, …] or header: true")


def _units(keys: Keys, source: Node) -> Iterator[Problem]:
    """A metric alertd knows needs a unit it knows; other metrics keep the unit as written."""
    metrics = source.get("metrics")
    for name, mapping in metrics.mapping().items() if metrics is not None else ():
        unit = mapping.get("unit")
        if unit is None or unit.text is None:
            continue
        wanted = known(name).unit
        if wanted and conversion(unit.text, wanted) is None:
            where = (*keys, "metrics", name, "unit")
            yield problem(unit.place, where, f"unit {unit.text} is not known; {name} is kept in {wanted}")


def _paths(keys: Keys, source: Node) -> Iterator[Problem]:
    """Paths into a payload can be read."""
    places: list[tuple[Keys, Node | None]] = [
        (("time",), source.get("time")),
        (("time", "path"), source.get("time", "path")),
        (("device", "path"), source.get("device", "path")),
        (("each",), source.get("each")),
    ]
    metrics = source.get("metrics")
    for name, mapping in metrics.mapping().items() if metrics is not None else ():
        places.append((("metrics", name), mapping))
        places += [(("metrics", name, key), mapping.get(key)) for key in ("path", "lat", "lon", "error")]
    for where, node in places:
        if node is None or node.text is None:
            continue
        try:
            compile_path(node.text)
        except ValueError as error:
            yield problem(node.place, (*keys, *where), str(error).removeprefix(f"path {node.text!r}: "))

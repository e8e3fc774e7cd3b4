"""What is right and can hardly be meant: a metric with a typing error, a limit in Fahrenheit. Warnings only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from alertd.config.names import entries, one_or_many
from alertd.config.problem import closest, problem
from alertd.detect.threshold import Threshold
from alertd.ingest import units
from alertd.ingest.ranges import METRICS, known
from alertd.wording.templates import VARIABLES, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.config import Config
    from alertd.config.document import Node
    from alertd.config.problem import Keys, Problem

_ALIKE: Final = 0.8
"""Likeness (difflib) from which a word is taken for another one with a typing error."""
_OF_ONE_METRIC: Final = ("threshold", "rate", "baseline")
"""Kinds whose limits mean nothing without a metric."""


def check_doubts(config: Config, tree: Node) -> Iterator[Problem]:
    """Yield a warning for each rule that will never fire as it is meant, or will where it is not."""
    metrics = _metrics(config, tree)
    for keys, wanted in _wanted(tree):
        yield from _kin(config, wanted, keys)
    for (keys, node), rule in zip(entries(tree, "rules"), config.rules, strict=True):
        for where, metric in one_or_many(node.get("match", "metric"), (*keys, "match", "metric")):
            if hint := _misspelt(metric.text or "", metrics):
                yield problem(metric.place, where, f"{metric.text} is no metric that is known here", hint)
        if rule.detect.kind in _OF_ONE_METRIC and "metric" not in rule.match:
            reason = "without metric it judges every one, whatever its unit"
            yield problem((node.get("match") or node).place, (*keys, "match"), reason)
        yield from _out_of_reach(rule.match.get("metric"), rule.detect, node, keys, _units(tree))
        for where, text in _texts(node.get("message"), (*keys, "message")):
            yield from _untold(text, where)


def _wanted(tree: Node) -> Iterator[tuple[Keys, Node]]:
    """Yield every mapping that says which devices are meant."""
    for keys, rule in entries(tree, "rules"):
        if (match := rule.get("match")) is not None:
            yield (*keys, "match"), match
    for keys, person in entries(tree, "subscribers"):
        if (scope := person.get("scope")) is not None:
            yield (*keys, "scope"), scope
        subscriptions = person.get("subscriptions")
        for index, one in enumerate(subscriptions.items() if subscriptions is not None else ()):
            yield (*keys, "subscriptions", index), one


def _kin(config: Config, wanted: Node, keys: Keys) -> Iterator[Problem]:
    """Warn of a group or species that no listed device has, where one has almost that."""
    for key in ("group", "species"):
        there_are = {value for device in config.devices if (value := getattr(device, key))}
        for where, node in one_or_many(wanted.get(key), (*keys, key)):
            if hint := _misspelt(node.text or "", there_are):
                yield problem(node.place, where, f"no listed device has {key} {node.text}", hint)


def _metrics(config: Config, tree: Node) -> set[str]:
    """Return the metrics that have a meaning of their own, and those that this configuration names."""
    found = set(METRICS) | {one.metric for one in config.derived}
    for _, source in entries(tree, "sources"):
        metrics, columns, single = source.get("metrics"), source.get("columns"), source.get("metric")
        found |= set(metrics.mapping() if metrics is not None else ())
        found |= {column.raw for column in (columns.items() if columns is not None else ())}
        found |= {single.raw} if single is not None else set()
    return found


def _misspelt(word: str, words: set[str]) -> str:
    """Return what `word` was meant to be, or "": `temperature_2`, `dairy-3` and `ear_temperature` are names too."""
    near = "" if word in words else closest(word, words, _ALIKE)
    alike = re.sub(r"[\d_.-]", "", word) == re.sub(r"[\d_.-]", "", near)
    return "" if alike or word in near or near in word or word[0] != near[0] else near


def _units(tree: Node) -> dict[str, str]:
    """Return the canonical unit of each metric that a source gives a unit of its own."""
    found: dict[str, str] = {}
    for _, source in entries(tree, "sources"):
        metrics = source.get("metrics")
        for name, mapping in metrics.mapping().items() if metrics is not None else ():
            unit = mapping.get("unit")
            if unit is not None and unit.text:
                conversion = units.conversion(unit.text, known(name).unit)
                found[name] = conversion[0] if conversion is not None else unit.text
    return found


def _out_of_reach(metric: Any, detect: Any, node: Node, keys: Keys, own: dict[str, str]) -> Iterator[Problem]:
    """Warn of a limit that no value passes: what lies outside a metric's plausible range is no reading."""
    if not isinstance(metric, str) or not isinstance(detect, Threshold):
        return
    facts = known(metric, own.get(metric, ""))
    for side, limit in (("above", detect.above), ("below", detect.below)):
        if limit is None or not (limit >= facts.high if side == "above" else limit <= facts.low):
            continue
        written = node.get("detect", side) or node
        reason = f"no value is {side} {limit:g}: {metric} is taken from {facts.low:g} to {facts.high:g} {facts.unit}"
        celsius = round((limit - 32) / 1.8, 1)
        hint = f"{celsius:g}" if facts.unit == "degC" and facts.low < celsius < facts.high else ""
        yield problem(written.place, (*keys, "detect", side), reason, hint)


def _texts(node: Node | None, keys: Keys) -> Iterator[tuple[Keys, Node]]:
    """Yield a text for everybody, or one per language."""
    if node is None:
        return
    yield from (
        (((*keys, language), text) for language, text in node.mapping().items()) if node.mapping() else [(keys, node)]
    )


def _untold(text: Node, keys: Keys) -> Iterator[Problem]:
    """Warn of a message that can never be filled in, such as one that names what nobody knows."""
    if text.text is None or "{" not in text.text:
        return
    _, fault = compiled(text.text)
    if fault:
        name = fault.partition("'")[2].partition("'")[0]
        reason = f"never told, alertd's own words are used instead: {fault}"
        yield problem(text.place, keys, reason, closest(name, VARIABLES))

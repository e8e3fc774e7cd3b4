"""What rules and subscriptions ask of a device: keys that exist, values that can be compared.

A key that is not one of the device's own is a label. Labels come from the devices, from the
levels of topics and, with some presets, from the payload, so an unknown one is an error only
where it looks like a misspelt key, and else a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from alertd.alerting.rules import DEVICE_KEYS
from alertd.config.names import entries
from alertd.config.problem import Keys, Place, Problem, closest, problem
from alertd.ingest.presets import PRESETS
from alertd.ingest.topics import compile_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.document import Node

OWN: Final = (*DEVICE_KEYS, "metric", "labels")
"""Keys of `match` and of subscriptions that are no labels."""
_MUST_BE_TEXT: Final = ("device", "id", "name", "tag", "metric")
_LOOKS_LIKE: Final = 0.8
"""Likeness (difflib) from which a label that nobody has is taken for a misspelt key."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels there can be. `by_topic`: a device that is not listed can have them. `any`: and others."""

    listed: frozenset[str]
    by_topic: frozenset[str]
    any: bool


def known_labels(tree: Node) -> Labels:
    """Collect the labels of devices and topics."""
    listed: set[str] = set()
    for _, device in entries(tree, "devices"):
        labels = device.get("labels")
        listed |= set(labels.mapping() if labels is not None else ())
    by_topic: set[str] = set()
    free = False
    for _, source in entries(tree, "sources"):
        topic, preset = source.get("topic"), source.get("preset")
        by_topic |= _levels(topic.text if topic is not None else None)
        if preset is None or preset.text is None:
            continue
        if preset.text not in PRESETS:
            free = True
            continue
        for shape in PRESETS[preset.text].shapes:
            by_topic |= _levels(shape.topic) | set(shape.labels)
            by_topic |= {"bridge", "role"} if shape.bridge else {"role"} if shape.role else set()
            free = free or bool(shape.tags)
    return Labels(frozenset(listed), frozenset(by_topic - {"device", "metric", "base"}), free)


def _levels(topic: str | None) -> set[str]:
    try:
        return set(compile_template(topic).names) if topic else set()
    except ValueError:
        return set()


@dataclass(slots=True)
class _Findings:
    """Judges keys against the labels there can be, and gathers what it finds."""

    labels: Labels
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def label(self, name: str, place: Place, keys: Keys) -> None:
        """Warn of a label that nobody can have."""
        there_are = self.labels.listed | self.labels.by_topic
        if name not in there_are and not self.labels.any:
            self.warnings.append(problem(place, keys, f"no device has a label {name}", closest(name, there_are)))

    def key(self, name: str, place: Place, keys: Keys, extra: tuple[str, ...]) -> None:
        """Judge a key that may be the device's own, one of `extra`, or a label."""
        if name in OWN or name in extra or name in self.labels.listed | self.labels.by_topic:
            return
        hint = closest(name, (*OWN, *extra), _LOOKS_LIKE)
        if hint:
            self.errors.append(problem(place, keys, "unknown key", hint))
        else:
            self.label(name, place, keys)

    def mapping(self, node: Node | None, keys: Keys, extra: tuple[str, ...] = ()) -> None:
        """Judge `{key: value or list of values, labels: {…}}`."""
        if node is None:
            return
        for name, value in node.mapping().items():
            if name == "labels" and isinstance(value.value, dict):
                for label, wanted in value.mapping().items():
                    self.errors.extend(_values(label, wanted, (*keys, name, label)))
                    self.label(label, (value.keys or {})[label], (*keys, name, label))
            elif name not in extra:
                self.key(name, (node.keys or {})[name], (*keys, name), extra)
                self.errors.extend(_values(name, value, (*keys, name)))

    def words(self, node: Node | None, keys: Keys, extra: tuple[str, ...] = ()) -> None:
        """Judge a list of keys."""
        for index, word in enumerate(node.items() if node is not None else []):
            if word.text is not None:
                self.key(word.text, word.place, (*keys, index), extra)


def check_matching(tree: Node) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with every `match`, subscription, `inhibit` and `group_by`, and the warnings."""
    found = _Findings(known_labels(tree))
    for keys, rule in entries(tree, "rules"):
        found.mapping(rule.get("match"), (*keys, "match"))
        found.words(rule.get("group_by"), (*keys, "group_by"), ("rule", "severity"))
        by = rule.get("detect", "by")
        if by is not None and by.text is not None:
            found.key(by.text, by.place, (*keys, "detect", "by"), ())
    for keys, derived in entries(tree, "derived"):
        found.mapping(derived.get("match"), (*keys, "match"))
        by = derived.get("by")
        if by is not None and by.text is not None:
            found.key(by.text, by.place, (*keys, "by"), ())
    for keys, inhibit in entries(tree, "inhibit"):
        for side in ("when", "mute"):
            found.mapping(inhibit.get(side), (*keys, side), ("rule", "severity"))
        found.words(inhibit.get("same"), (*keys, "same"))
    for keys, one in entries(tree, "quiet_times"):
        found.mapping(one.get("match"), (*keys, "match"), ("rule",))
    for keys, subscriber in entries(tree, "subscribers"):
        found.mapping(subscriber.get("scope"), (*keys, "scope"))
        subscriptions = subscriber.get("subscriptions")
        for index, one in enumerate(subscriptions.items() if subscriptions is not None else []):
            found.mapping(one, (*keys, "subscriptions", index), ("min_severity", "rule"))
    return found.errors, found.warnings


def _values(name: str, node: Node, keys: Keys) -> Iterator[Problem]:
    """Values are compared as text; an id written as a number may have lost its zeros."""
    elements = [((*keys, index), element) for index, element in enumerate(node.items())]
    if isinstance(node.value, list) and not elements:
        yield problem(node.place, keys, "must not be empty")
    for where, element in elements or [(keys, node)]:
        if element.value is None or isinstance(element.value, dict | list):
            yield problem(element.place, where, "must be text or a list of texts")
        elif not isinstance(element.value, str) and (name in _MUST_BE_TEXT or isinstance(element.value, float)):
            yield problem(element.place, where, f'must be text, write "{element.raw}"')

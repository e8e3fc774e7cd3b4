"""Names: given once, and known wherever they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.audience.people import EVERYBODY, ON_DUTY, ROLE
from alertd.config.config import UNCONFIGURED
from alertd.config.problem import Keys, Problem, closest, problem
from alertd.messengers import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.document import Node

_NAMED: Final = {
    "rules": "name",
    "devices": "id",
    "subscribers": "id",
    "actions": "name",
    "sources": "name",
    "quiet_times": "name",
}
_SINGULAR: Final = {"rules": "rule", "subscribers": "subscriber", "actions": "action", "addressees": "subscriber"}


def entries(tree: Node, section: str) -> Iterator[tuple[Keys, Node]]:
    """Yield each entry of a list at the top level with its path."""
    listed = tree.get(section)
    for index, node in enumerate(listed.items() if listed is not None else []):
        yield (section, index), node


def one_or_many(node: Node | None, keys: Keys) -> Iterator[tuple[Keys, Node]]:
    """Yield the texts of a value that may be one text or a list of them."""
    if node is None:
        return
    if node.text is not None:
        yield keys, node
    for index, element in enumerate(node.items()):
        if element.text is not None:
            yield (*keys, index), element


def check_names(tree: Node) -> Iterator[Problem]:
    """Yield every name that is given twice, and every use of one that does not exist."""
    yield from _duplicates(tree)
    known = {section: _given(tree, section) for section in ("rules", "subscribers", "actions")}
    roles = {f"{ROLE}{role.text}" for _, one in entries(tree, "subscribers") if (role := one.get("role")) is not None}
    known["addressees"] = known["subscribers"] | roles | {EVERYBODY, ON_DUTY}
    for section, keys, node in _uses(tree):
        assert node.text is not None
        if node.text not in known[section]:
            reason = f"there is no {_SINGULAR[section]} {node.text}"
            yield problem(node.place, keys, reason, closest(node.text, known[section]))
    yield from _channels(tree)


def _given(tree: Node, section: str) -> set[str]:
    names = (entry.get(_NAMED[section]) for _, entry in entries(tree, section))
    return {name.text for name in names if name is not None and name.text is not None}


def _duplicates(tree: Node) -> Iterator[Problem]:
    for section, key in _NAMED.items():
        first: dict[str, Node] = {}
        for keys, entry in entries(tree, section):
            name = entry.get(key)
            if name is None or name.text is None:
                continue
            before = first.setdefault(name.text, name)
            if before is not name:
                where = f"{before.place.file}:{before.place.line}"
                yield problem(name.place, (*keys, key), f"{name.text} is given twice (first in {where})")


def _uses(tree: Node) -> Iterator[tuple[str, Keys, Node]]:
    """Yield (section, path, node) for every place that names a rule, a subscriber or an action."""

    def of(section: str, keys: Keys, node: Node | None) -> Iterator[tuple[str, Keys, Node]]:
        for found, text in one_or_many(node, keys):
            yield section, found, text

    for keys, rule in entries(tree, "rules"):
        escalate = rule.get("escalate")
        for index, step in enumerate(escalate.items() if escalate is not None else []):
            for where, text in one_or_many(step.get("to"), (*keys, "escalate", index, "to")):
                yield "addressees", where, text
        yield from of("actions", (*keys, "actions"), rule.get("actions"))
        yield from of("rules", (*keys, "detect", "of"), rule.get("detect", "of"))
    for keys, inhibit in entries(tree, "inhibit"):
        for side in ("when", "mute"):
            yield from of("rules", (*keys, side, "rule"), inhibit.get(side, "rule"))
    for keys, one in entries(tree, "quiet_times"):
        yield from of("rules", (*keys, "match", "rule"), one.get("match", "rule"))
    for keys, subscriber in entries(tree, "subscribers"):
        subscriptions = subscriber.get("subscriptions")
        for index, one in enumerate(subscriptions.items() if subscriptions is not None else []):
            yield from of("rules", (*keys, "subscriptions", index, "rule"), one.get("rule"))
        yield from of("subscribers", (*keys, "stand_in"), subscriber.get("stand_in"))
    for keys, action in entries(tree, "actions"):
        yield from of("subscribers", (*keys, "allowed"), action.get("allowed"))
    for keys, entry in entries(tree, "duty"):
        for key in ("rotate", "who", "off"):
            yield from of("subscribers", (*keys, key), entry.get(key))
        called = entry.get("names")
        for call, person in called.mapping().items() if called is not None else ():
            yield from of("subscribers", (*keys, "names", call), person)
    yield from of("subscribers", ("operator",), tree.get("operator"))
    yield from of("subscribers", ("publish", "commands"), tree.get("publish", "commands"))


def _channels(tree: Node) -> Iterator[Problem]:
    """Yield channels of messengers that do not exist or are not set up."""
    messengers = tree.get("messengers")
    ready = set(messengers.mapping() if messengers is not None else ()) | UNCONFIGURED
    for keys, subscriber in entries(tree, "subscribers"):
        channels = subscriber.get("channels")
        for index, channel in enumerate(channels.items() if channels is not None else []):
            for name in channel.mapping():
                where = (*keys, "channels", index)
                assert channel.keys is not None
                place = channel.keys[name]
                if name not in SETTINGS:
                    yield problem(place, where, f"there is no messenger {name}", closest(name, SETTINGS))
                elif name not in ready:
                    yield problem(place, where, f"{name} is not set up under messengers")

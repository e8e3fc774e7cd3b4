"""One tree out of several files: `include:` adds the lists of other files, `devices_file:` a table of devices."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from alertd.config.devices import read_devices
from alertd.config.document import Node, read, there
from alertd.config.problem import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterable


def assemble(path: Path) -> tuple[Node | None, list[Problem]]:
    """Read `path` and everything it names into one tree whose nodes know their own file.

    Returns:
        The tree, or None where the first file cannot be read, and what is wrong with the files themselves.
    """
    tree, problems = _mapping(path)
    if tree is not None:
        problems += _include(tree, path, (path,))
        problems += _devices_file(tree, path)
    return tree, problems


def _mapping(path: Path) -> tuple[Node | None, list[Problem]]:
    tree, problems = read(path, str(path))
    if tree is not None and not isinstance(tree.value, dict):
        return None, [*problems, problem(tree.place, (), "must be a mapping (key: value) at the top")]
    return tree, problems


def _include(tree: Node, path: Path, chain: tuple[Path, ...]) -> list[Problem]:
    """Add to the lists of `tree` those of the files it includes. `chain`: the files being included, outermost first."""
    problems: list[Problem] = []
    listed = tree.get("include")
    for index, entry in enumerate(listed.items() if listed is not None else []):
        if not entry.text:
            continue  # not text: the settings say so
        keys = ("include", index)
        found = sorted(Path(name) for name in glob.glob(str(path.parent / entry.text), recursive=True))  # noqa: PTH207 (absolute patterns too)
        if not found:
            problems.append(problem(entry.place, keys, f"no file matches {entry.text}"))
        for other in found:
            if other.resolve() in (seen.resolve() for seen in chain):
                way = " -> ".join(str(file) for file in (*chain, other))
                problems.append(problem(entry.place, keys, f"goes in a circle: {way}"))
                continue
            added, faults = _mapping(other)
            problems += faults
            if added is not None:
                problems += _include(added, other, (*chain, other))
                problems += _devices_file(added, other)
                problems += _merge(tree, added)
    return problems


def _merge(tree: Node, added: Node) -> Iterable[Problem]:
    """Add lists to lists. Anything else stands in the first file, where everybody looks for it."""
    assert tree.keys is not None
    assert added.keys is not None
    for key, value in added.mapping().items():
        if key in ("include", "devices_file"):
            continue
        if not isinstance(value.value, list):
            yield problem(added.keys[key], (key,), "an included file may only hold lists (rules, devices, sources, …)")
            continue
        mine = tree.value.get(key)
        if mine is None:
            tree.value[key], tree.keys[key] = Node([], value.place), added.keys[key]
        if isinstance(tree.value[key].value, list):
            tree.value[key].value = [*tree.value[key].value, *value.value]


def _devices_file(tree: Node, path: Path) -> list[Problem]:
    entry = tree.get("devices_file")
    if entry is None or not entry.text:
        return []
    file = path.parent / entry.text
    if not there(file):
        return [problem(entry.place, ("devices_file",), f"there is no file {file}")]
    found, problems = read_devices(file, str(file))
    assert tree.keys is not None
    devices = tree.value.setdefault("devices", Node([], entry.place))
    tree.keys.setdefault("devices", entry.place)
    if isinstance(devices.value, list):
        devices.value = [*devices.value, *found]
    return problems

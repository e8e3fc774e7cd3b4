"""The devices file: a table of animals and sensors as people keep it in a spreadsheet, or the list in YAML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from alertd.config.document import Node, decoded, read
from alertd.config.problem import Place, Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS: Final = ("id", "name", "tag", "species", "group", "profile")
"""Columns with a meaning of their own, besides `aliases` and `labels`; every other one is a label."""
_YAML: Final = (".yaml", ".yml", ".json")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"[ \t]*')
_ASSIGNED = re.compile(r"(?P<id>.+?)(?:\s+from\s+(?P<from>\S+))?(?:\s+until\s+(?P<until>\S+))?")
_LABEL = re.compile(r"\s*([^=:\s]+)\s*[=:]\s*(.*?)\s*")


class _Cell(NamedTuple):
    """What stands in one cell, and where its first letter (or its quote) stands."""

    text: str
    place: Place


def read_devices(path: Path, shown: str) -> tuple[list[Node], list[Problem]]:
    """Read a devices file into nodes as they would stand under `devices:`.

    YAML or JSON by the name's ending: a list, or a mapping with `devices`. Else CSV with a
    header; the separator is `,`, or `;` or a tab where only that stands in the header
    (spreadsheets of countries that write 39,5). Empty cells are left out, empty lines
    skipped; all cells are text.
    """
    if path.suffix.lower() in _YAML:
        return _listed(*read(path, shown))
    text, fault = decoded(path, shown)
    if fault is not None:
        return [], [fault]
    first = text.partition("\n")[0]
    separator = next((one for one in ";\t" if one in first and "," not in first), ",")
    rows = _rows(text, separator, shown)
    faults: list[Problem] = []
    devices: list[Node] = []
    try:
        header = next(rows, [])
        if faults := _header_faults(header, Place(shown, 1, 1)):
            return [], faults
        for row in rows:
            if any(cell.text for cell in row):
                if len(row) > len(header):
                    reason = f"has {len(row)} cells under {len(header)} columns"
                    faults.append(problem(row[len(header)].place, (), reason))
                devices.append(_device([cell.text for cell in header], row, len(devices), faults))
    except _NotCsvError as error:
        return devices, [*faults, error.fault]  # the rows above it are proved all the same
    return devices, faults


class _NotCsvError(Exception):
    def __init__(self, fault: Problem) -> None:
        self.fault = fault


def _listed(tree: Node | None, faults: list[Problem]) -> tuple[list[Node], list[Problem]]:
    if tree is None:
        return [], faults
    listed = tree.get("devices") if isinstance(tree.value, dict) else tree
    if listed is None or not isinstance(listed.value, list):
        return [], [*faults, problem(tree.place, (), "must be a list of devices, or devices: with that list")]
    others = [name for name in tree.mapping() if name != "devices"]
    faults += [problem((tree.keys or {})[name], (name,), "a devices file holds nothing but devices") for name in others]
    return listed.items(), faults


def _rows(text: str, separator: str, shown: str) -> Iterator[list[_Cell]]:
    """Split CSV (RFC 4180) into rows; unlike the standard library's reader it knows where each cell stands."""
    plain = re.compile(rf"[^{re.escape(separator)}\r\n]*")
    at, line, begin = 0, 1, 0
    row: list[_Cell] = []
    while at < len(text) or row:
        while text.startswith(" ", at):
            at += 1
        place = Place(shown, line, at - begin + 1)
        if text.startswith('"', at):
            found = _QUOTED.match(text, at)
            if found is None:
                raise _NotCsvError(problem(place, (), "is not CSV: a quote that nothing closes"))
            cell = found[1].replace('""', '"')
            newlines = cell.count("\n")
            if newlines:
                line += newlines
                begin = at + found[0].rindex("\n") + 1
            at = found.end()
            if at < len(text) and text[at] not in f"{separator}\r\n":
                here = Place(shown, line, at - begin + 1)
                raise _NotCsvError(problem(here, (), 'is not CSV: text after a closing quote; write "" for a quote'))
        else:
            found = plain.match(text, at)
            assert found is not None  # the pattern matches an empty text too
            cell, at = found[0], found.end()
        row.append(_Cell(cell.strip(), place))
        if text.startswith(separator, at):
            at += 1
            continue
        yield row
        row = []
        at += 2 if text.startswith("\r\n", at) else 1
        line, begin = line + 1, at


def _header_faults(header: list[_Cell], start: Place) -> list[Problem]:
    names = [cell.text for cell in header]
    if "id" not in names:
        return [problem(start, (), f"the first line must name the columns, one of them id; it has {', '.join(names)}")]
    faults = []
    for index, (name, place) in enumerate(header):
        if name in names[:index] or not name:
            reason = f"column {name} is given twice" if name else f"column {index + 1} has no name"
            faults.append(problem(place, (), reason))
    return faults


def _device(header: list[str], row: list[_Cell], index: int, faults: list[Problem]) -> Node:
    """Make the node of one row."""
    start = row[0].place._replace(col=1)
    device, labels = Node({}, start, keys={}), Node({}, start, keys={})
    for name, (text, place) in zip(header, row, strict=False):
        if not text:
            continue
        if name == "aliases":
            _set(device, name, Node([_alias(*part) for part in _parts(text, place)], place), place)
        elif name == "labels":
            for part, where in _parts(text, place):
                found = _LABEL.fullmatch(part)
                if found is None:
                    keys = ("devices", index, "labels")
                    faults.append(problem(where, keys, f"must be barn=north, several with | between, not {part}"))
                else:
                    _set(labels, found[1], Node(found[2], where, raw=found[2]), where)
        else:
            target = device if name in COLUMNS else labels
            _set(target, name.removeprefix("labels."), Node(text, place, raw=text), place)
    if labels.value:
        _set(device, "labels", labels, start)
    return device


def _set(node: Node, name: str, value: Node, place: Place) -> None:
    assert node.keys is not None
    node.value[name], node.keys[name] = value, place


def _parts(text: str, place: Place) -> Iterator[tuple[str, Place]]:
    """Split a cell at `|`, each part with its place."""
    col = 0
    for part in text.split("|"):
        if part.strip():
            yield part.strip(), place._replace(col=place.col + col + len(part) - len(part.lstrip()))
        col += len(part) + 1


def _alias(text: str, place: Place) -> Node:
    """Read `70b3d57050001234 from 2026-03-01 until 2026-09-15`."""
    found = _ASSIGNED.fullmatch(text)
    assert found is not None  # the id takes whatever stands there
    node = Node({}, place, keys={})
    for name in ("id", "from", "until"):
        if (value := found[name]) is not None:
            where = place._replace(col=place.col + found.start(name))
            _set(node, name, Node(value, where, raw=value), where)
    return node

"""Devices and the ids they go by: no two the same, and no collar on two animals at once."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from alertd.config.names import entries
from alertd.config.problem import Keys, Problem, problem
from alertd.ingest.assignments import span
from alertd.ingest.labels import canonical_id
from alertd.ingest.settings import Alias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.document import Node
    from alertd.model import Micros


class _Turn(NamedTuple):
    """One alias of one device as it was written."""

    device: str
    keys: Keys
    node: Node
    id: str
    start: Micros
    end: Micros


def check_registry(tree: Node) -> Iterator[Problem]:
    """Yield what is wrong with device ids and aliases beyond their form."""
    listed: dict[str, Node] = {}
    for keys, device in entries(tree, "devices"):
        name = device.get("id")
        if name is None or name.text is None:
            continue
        first = listed.setdefault(canonical_id(name.text), name)
        if first is not name and first.text != name.text:
            yield problem(name.place, (*keys, "id"), f"{name.text} is {first.text} again ({_where(first)})")
    zone = _zone(tree)
    turns: dict[str, list[_Turn]] = {}
    for turn in _turns(tree, zone):
        key = canonical_id(turn.id)
        if turn.start >= turn.end:
            yield problem(turn.node.place, turn.keys, f"{turn.id}: until must be later than from")
        always = turn.node.get("from") is None and turn.node.get("until") is None
        if always and key in listed:
            yield problem(turn.node.place, turn.keys, f"{turn.id} is itself a listed device ({_where(listed[key])})")
        for other in turns.setdefault(key, []):
            if turn.start < other.end and other.start < turn.end:
                reason = f"{turn.id} is {other.device} at that time ({_where(other.node)}): give from and until"
                yield problem(turn.node.place, turn.keys, reason)
        turns[key].append(turn)


def _turns(tree: Node, zone: ZoneInfo) -> Iterator[_Turn]:
    for keys, device in entries(tree, "devices"):
        name, aliases = device.get("id"), device.get("aliases")
        for index, node in enumerate(aliases.items() if aliases is not None else []):
            found = node if node.text is not None else node.get("id")
            if found is None or found.text is None:
                continue
            try:
                start, end = span(Alias(id=found.text, **_dates(node)), zone)
            except (ValueError, OverflowError):
                continue  # not a date: the settings say so
            owner = name.text if name is not None and name.text is not None else "another device"
            yield _Turn(owner, (*keys, "aliases", index), node, found.text, start, end)


def _dates(node: Node) -> dict[str, date | datetime]:
    found = {}
    for key in ("from", "until"):
        if (written := node.get(key)) is not None and written.text is not None:
            text = written.text
            found[key] = date.fromisoformat(text) if len(text) <= len("2026-11-01") else datetime.fromisoformat(text)
    return found


def _zone(tree: Node) -> ZoneInfo:
    name = tree.get("farm", "timezone")
    try:
        return ZoneInfo(name.text) if name is not None and name.text else ZoneInfo("UTC")
    except (ValueError, OSError, KeyError):  # reported where time zones are checked
        return ZoneInfo("UTC")


def _where(node: Node) -> str:
    return f"{node.place.file}:{node.place.line}"

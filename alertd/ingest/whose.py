"""Whose readings a message holds: the device by topic or payload, what is told of it, and its place in the roster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.labels import clean, device_text, eui
from alertd.ingest.paths import MISSING, find, getter
from alertd.ingest.roster import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.dialects import Row
    from alertd.ingest.mapping import Route
    from alertd.ingest.roster import Roster
    from alertd.model import Rejected

TAGS: Final = 16
"""Labels taken from a payload's tags."""

ENTRIES: Final = 100_000
"""Spellings of device ids remembered per topic; beyond that they are looked up again."""


class Whose:
    """The devices of one topic as one source sees them, remembered by how they are spelled."""

    __slots__ = ("_by_name", "_eui", "_labels", "_path", "_roster", "_route", "_source", "bridge", "device", "fixed")

    def __init__(self, source: int, route: Route, captures: Mapping[str, str], roster: Roster) -> None:
        self._source = source
        self._route = route
        self._roster = roster
        self._labels = {name: level for name, level in captures.items() if not name.startswith("_")}
        self.bridge = clean(route.bridge.format_map(captures)) if route.bridge else ""
        if self.bridge:
            self._labels["bridge"] = self.bridge
        if route.role:
            self._labels["role"] = route.role
        by_topic = route.device_path is None and not route.silent
        self.device = clean(route.device.format_map(captures)) if by_topic else ""
        self._path = getter(route.device_path) if route.device_path is not None else None
        self._eui = getter(route.device_eui) if route.device_eui is not None else None
        self._by_name: dict[str | int, Entry] = {}
        self.fixed: Entry | None = None
        """The one device of this topic, once it was let in; None where the payload names it."""

    def of(self, context: Any, row: Any) -> Entry | Rejected:
        """Return the device of a row; the payload around it is the `context`."""
        if self._path is not None:
            name = self._path(context)
            return self.named(self._path(row) if name is MISSING else name, context)
        if self._eui is not None:
            told = self._eui(context)
            known = self.met(told)
            if known is not None:
                return known
            inner = eui(told)
            if inner:
                return self._remember(told, self.named(inner, context))
        entry = self._roster.entry(self._source, self.device, self._told(self.device), self._payload_labels(context))
        if isinstance(entry, Entry) and self._eui is None:
            self.fixed = entry
        return entry

    def met(self, told: Any) -> Entry | None:
        """Return the device that was met under this EUI as the payload spells it."""
        return self._by_name.get(told) if type(told) is str else None

    def of_row(self, row: Row, document: Any) -> Entry | Rejected:
        """Return the device of what a dialect found: the one it names, else the topic's."""
        if row.device is None or (self.device and row.device == self.device):
            return self.fixed or self.of(document, document)
        return self.named(row.device, document)

    def named(self, name: Any, context: Any) -> Entry | Rejected:
        """Return the device that the payload calls `name`."""
        if type(name) is not str and type(name) is not int:
            name = ""
        known = self._by_name.get(name)
        if known is not None:
            return known
        device = device_text(name)
        return self._remember(
            name, self._roster.entry(self._source, device, self._told(device), self._payload_labels(context))
        )

    def _remember(self, name: str | int, entry: Entry | Rejected) -> Entry | Rejected:
        if isinstance(entry, Entry):
            if len(self._by_name) >= ENTRIES:
                self._by_name.clear()
            self._by_name[name] = entry
        return entry

    def _told(self, device: str) -> dict[str, str]:
        """Return the labels of a device by its topic; the one that others speak through has the role `bridge`."""
        return {**self._labels, "role": "bridge"} if device and device == self.bridge else self._labels

    def _payload_labels(self, context: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        tags = find(context, self._route.tags) if self._route.tags is not None else None
        if isinstance(tags, dict):
            found.update((clean(key), clean(tag)) for key, tag in list(tags.items())[:TAGS] if isinstance(tag, str))
        for label, path in self._route.labels:
            text = find(context, path)
            if isinstance(text, str):  # of a gateway in the form of its other messages: ChirpStack 3 says it in base64
                found[label] = (eui(text) if label == "gateway" else "") or clean(text)
        return found

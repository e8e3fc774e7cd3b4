"""Hubs and platforms: Victron's GX, ThingsBoard's telemetry, FIWARE's UltraLight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects.row import Row
from alertd.ingest.paths import MISSING
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

GROUPS: Final = 256
"""Groups one UltraLight text may hold; a meter sends a handful."""


def read_victron(document: Any, levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row]:
    """Yield the value of one path; an empty payload says that the device is gone (dbus-flashmq)."""
    if document == "":
        yield Row({"online": False})
    elif isinstance(document, dict) and document.get("value") is not None:
        yield Row({levels.get("_path", ""): document["value"]})


# --- ThingsBoard ---------------------------------------------------------------------------------


def read_thingsboard(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row]:
    """Yield `{k: v}`, `{"ts": ms, "values": {…}}` and lists of both."""
    for entry in document if isinstance(document, list) else [document]:
        if isinstance(entry, dict):
            values = entry.get("values")
            if isinstance(values, dict):
                yield Row(values, entry.get("ts", MISSING))
            else:
                yield Row(entry)


def read_thingsboard_gateway(document: Any, levels: Mapping[str, str], nodes: Nodes) -> Iterator[Row]:
    """Yield the rows of `{"Device A": […], "Device B": […]}`."""
    if isinstance(document, dict):
        for device, entries in document.items():
            for row in read_thingsboard(entries, levels, nodes):
                row.device = device
                yield row


def read_thingsboard_link(document: Any, levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row]:
    """Yield whether a gateway's device is there (`connect`, `disconnect`)."""
    device = document.get("device") if isinstance(document, dict) else None
    link = levels.get("_link")
    if isinstance(device, str) and link in ("connect", "disconnect"):
        yield Row({"online": link == "connect"}, device=device)


# --- UltraLight 2.0 ------------------------------------------------------------------------------


def read_ultralight(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row | Rejected]:
    """Yield the groups of `t|15.5|h|80#2026-01-01T00:00:00Z|t|16`; a group of odd length begins with its time."""
    if isinstance(document, dict):  # the JSON agent's payload on the same topic
        yield Row(document, document.get("TimeInstant", MISSING))
        return
    if not isinstance(document, str):
        return
    for group in document.split("#", GROUPS)[:GROUPS]:
        parts = group.split("|")
        time: Any = MISSING
        if len(parts) % 2:
            time, *parts = parts
        values = {key.strip(): value for key, value in zip(parts[::2], parts[1::2], strict=True)}
        time = values.pop("TimeInstant", time)
        if values:
            yield Row(values, time)
        else:
            yield Rejected("not_ultralight", "UltraLight is key|value|key|value")


def read_ultralight_value(document: Any, levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row]:
    """Yield the one value of an `attrs/<attribute>` topic."""
    yield Row({levels.get("_attribute", ""): document})

"""LoRaWAN network servers: what is about the device itself and not in the decoded payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alertd.ingest.dialects.row import Row
from alertd.ingest.paths import MISSING, find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

_UPLINK = ("uplink_message",)


def read_join(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row]:
    """Yield that a device joined: its counters start again, and one that does so often is ill."""
    if isinstance(document, dict):
        yield Row({"rejoin": True})


def read_normalized(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row]:
    """Yield what The Things Stack normalised, `{air: {temperature}, soil: {…}}`, as `air_temperature` and so on."""
    many = find(document, (*_UPLINK, "normalized_payload"))
    for entry in many if isinstance(many, list) else [many]:
        if not isinstance(entry, dict):
            continue
        values: dict[str, Any] = {}
        for key, value in entry.items():
            if isinstance(value, dict):
                values.update((f"{key}_{name}", inner) for name, inner in value.items() if isinstance(name, str))
            else:
                values[key] = value
        yield Row(values, entry.get("time", MISSING))

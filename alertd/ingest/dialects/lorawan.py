"""LoRaWAN network servers: what is about the device itself and not in the decoded payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from alertd.ingest.dialects.protobuf import Broken, fields
from alertd.ingest.dialects.row import Row
from alertd.ingest.paths import MISSING, find
from alertd.model import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.dialects.sparkplug import Nodes
    from alertd.ingest.settings import Limits

_UPLINK = ("uplink_message",)
_STATE, _NAMED = 2, (1, 3)
"""Fields of `gw.ConnState`: the state, and the gateway's id as bytes or text."""


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


def parse_connection(payload: bytes, _limits: Limits) -> Any:
    """Read whether a gateway is connected: JSON or `gw.ConnState`, in both of which 0 (offline) may be left out."""
    if payload.lstrip()[:1] == b"{":
        try:
            document = msgspec.json.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Rejected("not_json", f"no state of a gateway: payload begins {payload[:40]!r}")
        online = document.get("state") in ("ONLINE", 1)
    else:
        try:
            found = {number: value for number, _, value in fields(payload)}
        except Broken as error:
            return Rejected("not_protobuf", f"no state of a gateway: {error}")
        if not any(isinstance(found.get(number), bytes) for number in _NAMED):
            return Rejected("not_protobuf", "no state of a gateway: it does not name one")
        online = found.get(_STATE) == 1
    return {"state": "online" if online else "offline"}

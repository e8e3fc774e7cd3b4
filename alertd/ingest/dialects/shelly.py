"""Shelly Gen2 and later: `{"temperature:0": {"tC": 21.5}, "switch:0": {…}}`, in notifications and by topic.

shelly-api-docs, "Components". NotifyStatus is a delta: what is not in it did not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.ingest.dialects.row import Row
from alertd.ingest.paths import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alertd.ingest.dialects.sparkplug import Nodes

_FIRST: Final = frozenset({"", "0", "100"})
"""Numbers of the only or first component of a kind; an add-on's begin at 100."""

_NESTED: Final = ("battery", "aenergy", "temperature")
"""Objects inside a component whose values count: `devicepower.battery.percent`."""


def read_notification(document: Any, _levels: Mapping[str, str], _nodes: Nodes) -> tuple[Row, ...]:
    """Return the row of one `events/rpc` frame; events (a button) are no measurements."""
    params = document.get("params") if isinstance(document, dict) else None
    if not isinstance(params, dict):
        return ()
    row = Row({}, params.get("ts", MISSING))
    for component, status in params.items():
        if type(status) is dict:
            _add(row, component, status)
    return (row,) if row.values else ()


def read_component(document: Any, levels: Mapping[str, str], _nodes: Nodes) -> Iterator[Row]:
    """Yield the row of one `status/<component>` topic."""
    if isinstance(document, dict):
        row = Row({}, document.get("ts", MISSING))
        _add(row, levels.get("_component", ""), document)
        if row.values:
            yield row


def _add(row: Row, component: str, status: dict[str, Any]) -> None:
    """Add what a component says as `kind.name`; of the second component of a kind as `kind.name_1`."""
    kind, _, number = component.partition(":")
    suffix = "" if number in _FIRST else f"_{number}"
    values = row.values
    for name, value in status.items():
        kind_of = type(value)
        if kind_of is dict:
            if name in _NESTED:
                for inner, one in value.items():
                    values[f"{kind}.{name}.{inner}{suffix}"] = one
        elif name != "id" and kind_of is not list:
            values[f"{kind}.{name}{suffix}"] = value
    external = status.get("external")
    if type(external) is dict and external.get("present") is True:
        row.steady = False
        if not _charge(status):  # on mains power the empty battery holder reads 0 %: nothing is flat
            for name in ("percent", "V"):
                values.pop(f"{kind}.battery.{name}{suffix}", None)


def _charge(status: dict[str, Any]) -> Any:
    battery = status.get("battery")
    return battery.get("percent") if isinstance(battery, dict) else None

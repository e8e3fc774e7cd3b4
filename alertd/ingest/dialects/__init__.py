"""Dialects: payloads whose shape is not "one object with named values", turned into rows of named values.

A dialect is a function of the document, the topic's named levels and what was learned
of senders (only Sparkplug learns). It knows where things stand, never what they mean:
names, units and ranges stay data. It never raises and keeps to the size of the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from alertd.ingest.dialects.hubs import (
    read_thingsboard,
    read_thingsboard_gateway,
    read_thingsboard_link,
    read_ultralight,
    read_ultralight_value,
    read_victron,
)
from alertd.ingest.dialects.lorawan import read_join, read_normalized
from alertd.ingest.dialects.row import Row
from alertd.ingest.dialects.ruuvi import read_ruuvi
from alertd.ingest.dialects.senml import read_senml
from alertd.ingest.dialects.shelly import read_component, read_notification
from alertd.ingest.dialects.sparkplug import Nodes, read_sparkplug
from alertd.ingest.dialects.tasmota import read_sensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from alertd.model import Rejected

__all__ = ["DIALECTS", "STEADY", "Dialect", "Nodes", "Row"]

Dialect: TypeAlias = "Callable[[Any, Mapping[str, str], Nodes], Iterable[Row | Rejected]]"
"""(document, named levels of the topic, Sparkplug's nodes) to rows, and what was refused."""

DIALECTS: Final[dict[str, Dialect]] = {
    "join": read_join,
    "normalized": read_normalized,
    "ruuvi": read_ruuvi,
    "senml": read_senml,
    "shelly_component": read_component,
    "shelly_notification": read_notification,
    "sparkplug": read_sparkplug,
    "tasmota": read_sensors,
    "thingsboard": read_thingsboard,
    "thingsboard_gateway": read_thingsboard_gateway,
    "thingsboard_link": read_thingsboard_link,
    "ultralight": read_ultralight,
    "ultralight_value": read_ultralight_value,
    "victron": read_victron,
}
"""Every dialect, by the name a shape gives it."""

STEADY: Final = frozenset(
    {"shelly_component", "shelly_notification", "tasmota", "thingsboard", "thingsboard_gateway", "victron"}
)
"""Dialects that look at keys, texts and truth values to find what is where, and only hand on numbers (`Row.steady`)."""

"""Home Assistant: one problem sensor per rule and group, announced by MQTT discovery.

Source: home-assistant.io/integrations/mqtt/#mqtt-discovery and /binary_sensor.mqtt
(fields); tests/acceptance/test_home_assistant.py shows them to a real one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from alertd import __version__
from alertd.alerting.rules import expected_series
from alertd.model import Severity, State, stable_id
from alertd.wording.clean import clean
from alertd.wording.figures import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.alerting.book import Book
    from alertd.model import Alert

PREFIX: Final = "homeassistant"
"""Home Assistant's default discovery prefix."""
LISTED: Final = 100
"""Alerts named in a sensor's attributes; the count tells of the rest."""

Pair = tuple[str, str]
"""Rule and group ("" for devices in no group)."""


def node(topic: str) -> str:
    """Return what Home Assistant calls this alertd: fit for its topics, and its own for each `publish.topic`."""
    return f"alertd_{stable_id('publish', topic)[:8]}"


def discovery_topic(topic: str, name: str) -> str:
    """Return where the sensor `name` is announced."""
    return f"{PREFIX}/binary_sensor/{node(topic)}/{name}/config"


def sensor_name(pair: Pair) -> str:
    """Return a pair's part of topics: what a person recognises, and a hash, since groups may bear any sign.

    Home Assistant allows letters, digits, `_` and `-` there; groups come from payloads and
    never become part of a topic as they are.
    """
    word = re.sub(r"[^a-z0-9]+", "_", "_".join(part for part in pair if part).lower()).strip("_")[:40]
    return f"{word}_{stable_id(*pair)[:8]}"


def discovery(topic: str, pair: Pair, farm: str) -> dict[str, Any]:
    """Return the announcement of one sensor."""
    rule, group = pair
    state = f"{topic}/sensors/{sensor_name(pair)}"
    return {
        "name": f"{readable(rule)} {clean(group)}" if group else readable(rule),
        "unique_id": f"{node(topic)}_{sensor_name(pair)}",
        "device_class": "problem",
        "state_topic": state,
        "value_template": "{{ value_json.state }}",
        "json_attributes_topic": state,
        "availability_topic": f"{topic}/status",
        "payload_available": "online",
        "payload_not_available": "offline",
        "qos": 1,
        "device": {
            "identifiers": [node(topic)],
            "name": f"alertd {clean(farm)}" if farm else "alertd",
            "manufacturer": "alertd",
            "sw_version": __version__,
        },
        "origin": {"name": "alertd", "sw_version": __version__},
    }


def pairs(book: Book) -> Iterator[Pair]:
    """Yield every rule with every group it has a series or a listed device in; shadow rules have no sensor."""
    for number, rule in enumerate(book.rules):
        if rule.mode == "shadow":
            continue
        for row, known in enumerate(book.known):
            if book.panel.applies[number, row]:
                yield rule.name, known.get("group", "")
        for one in expected_series(rule.match | {"metric": "any"}, book.devices.values()):
            yield rule.name, book.devices[one.device].group or ""


@dataclass(slots=True)
class Sensors:
    """Which sensors there are, and the firing alerts behind each as (number, severity)."""

    firing: dict[Pair, dict[int, Severity]] = field(default_factory=dict)

    def note(self, alert: Alert) -> Pair:
        """Take over an alert's state; return whose sensor it concerns."""
        pair = (alert.rule, alert.group or "")
        found = self.firing.setdefault(pair, {})
        if alert.state is State.FIRING:
            found[alert.number] = alert.severity
        else:
            found.pop(alert.number, None)
        return pair

    def state(self, pair: Pair) -> dict[str, Any]:
        """Return what a sensor's state topic says: ON while anything fires."""
        found = self.firing.get(pair, {})
        worst = max(found.values(), key=lambda severity: severity.rank, default=None)
        return {
            "state": "ON" if found else "OFF",
            "count": len(found),
            "severity": None if worst is None else worst.value,
            "alerts": [f"A-{number}" for number in sorted(found)[:LISTED]],
        }

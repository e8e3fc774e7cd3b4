"""Which rule concerns which series: `match:` compared with what is known of a series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from alertd.ingest.settings import Device
    from alertd.model import Alert, Series

DEVICE_KEYS: Final = ("device", "id", "name", "tag", "species", "group")
"""Keys of `match` that speak of the device itself; everything else but `metric` is a label."""


def attributes(series: Series, device: Device | None) -> dict[str, str]:
    """Return everything a match may ask of a series, flat; the device's own words win over the topic's."""
    known = dict(series.labels)
    if series.group is not None:
        known["group"] = series.group
    if device is not None:
        known |= device.labels
        own = {"name": device.name, "tag": device.tag, "species": device.species, "group": device.group}
        known |= {key: value for key, value in own.items() if value is not None}
    return known | {"device": series.device, "id": series.device, "metric": series.metric}


def matches(wanted: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    """Return whether every key of `wanted` fits; a list means any of, `labels:` is one level deeper."""
    for key, value in wanted.items():
        if key == "labels" and isinstance(value, dict):
            if not matches(value, known):
                return False
            continue
        choices = value if isinstance(value, list | tuple) else (value,)
        if known.get(key) not in {_text(choice) for choice in choices}:
            return False
    return True


def alert_attributes(alert: Alert) -> dict[str, str]:
    """Return everything a match, a subscription or a silence may ask of an alert, flat; `rule` too."""
    own = {"device": alert.device, "id": alert.device, "metric": alert.metric, "group": alert.group, "rule": alert.rule}
    return alert.labels | {key: value for key, value in own.items() if value is not None}


def group_key(group_by: Iterable[str], alert: Alert) -> str:
    """Return the key by which alerts share a message; a label nobody has is an empty part."""
    own = {"rule": alert.rule, "group": alert.group, "device": alert.device, "metric": alert.metric}
    return "\x1f".join(str(own.get(part) or alert.labels.get(part) or "") for part in group_by)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@dataclass(frozen=True, slots=True)
class Expected:
    """A series that a rule watches because its device is listed, heard or not."""

    device: str
    metric: str


def expected_series(match: Mapping[str, Any], devices: Iterable[Device]) -> list[Expected]:
    """Return the (device, metric) pairs a rule names by its `metric` for the listed devices it fits."""
    metrics = match.get("metric")
    names = [metrics] if isinstance(metrics, str) else list(metrics or ())
    rest = {key: value for key, value in match.items() if key != "metric"}
    found = []
    for device in devices:
        known = dict(device.labels) | {"device": device.id, "id": device.id}
        own = {"name": device.name, "tag": device.tag, "species": device.species, "group": device.group}
        known |= {key: value for key, value in own.items() if value is not None}
        if matches(rest, known):
            found += [Expected(device.id, str(name)) for name in names]
    return found

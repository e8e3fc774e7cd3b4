"""An alert made up to look at its words: the rule's own limits, a device it fits, a value beyond them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.alerting.rules import expected_series
from alertd.ingest.ranges import METRICS
from alertd.ingest.settings import Device
from alertd.model import MINUTE, Alert, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from alertd.alerting.settings import Rule
    from alertd.model import Micros

NUMBER: Final = 217
SINCE: Final = 40 * MINUTE
"""How long the made-up alert has lasted."""

_ANIMAL: Final = Device(id="cow-0421", name="Berta", tag="DE 09 12300421", species="cattle", group="dairy")
_PLACE: Final = Device(id="barn-3", name="Barn 3", group="home")

_USUAL: Final = {
    "activity": 42.0,
    "body_temperature": 38.6,
    "fence_voltage": 6200.0,
    "grain_temperature": 12.0,
    "lying_minutes": 1320.0,
    "milk_yield": 14.0,
    "rumination_minutes": 480.0,
    "temperature": 18.0,
    "water_volume": 2400.0,
}
"""A plausible normal value of a metric, in its canonical unit; 10 for any other."""


def sample(rule: Rule, devices: Iterable[Device], now: Micros) -> tuple[Alert, Device]:
    """Return a firing alert of a rule, 40 minutes old, and the device it is about: a listed one if any fits."""
    listed = list(devices)
    metric = _first(rule.match.get("metric")) or ("temperature" if rule.detect.kind != "geofence" else "position")
    fitting = {one.device for one in expected_series(dict(rule.match) | {"metric": metric}, listed)}
    animal = "species" in rule.match  # else more likely a place, whatever else fits
    kinds = {metric.partition("_")[0], *rule.name.split("-")}  # fence_voltage: rather the fence

    def unlikely(one: Device) -> tuple[bool, bool]:
        return not any(kind in one.id.casefold() for kind in kinds), (one.species is not None) is not animal

    found = sorted((one for one in listed if one.id in fitting), key=unlikely)
    device = found[0] if found else _invented(rule.match)
    value, normal = _values(rule.detect, metric)
    known = METRICS.get(metric)
    whole_group = rule.detect.kind == "fraction"
    alert = Alert(
        id="sample",
        number=NUMBER,
        rule=rule.name,
        device=None if whole_group else device.id,
        metric=metric,
        group=device.group,
        severity=rule.severity,
        state=State.FIRING,
        value=value,
        unit=known.unit if known and not whole_group else "",
        normal=normal,
        started=now - SINCE,
        fired=now,
        labels=dict(device.labels),
    )
    return alert, device


def _invented(match: Mapping[str, Any]) -> Device:
    """Return an animal or a place that fits a match."""
    labels = {key: _first(value) or "" for key, value in (match.get("labels") or {}).items()}
    base = _ANIMAL if "species" in match and not labels else _PLACE
    own = {key: _first(match[key]) for key in ("id", "name", "tag", "species", "group") if key in match}
    return base.model_copy(update={"labels": labels} | own)


def _values(detect: Any, metric: str) -> tuple[float | None, float | None]:
    """Return a value that breaks the rule, and what would be normal (None: the kind expects nothing)."""
    usual = _USUAL.get(metric, 10.0)
    match detect.kind:
        case "threshold":
            step = 0.02 * abs(detect.below if detect.above is None else detect.above) + 0.1
            return (detect.below - step, None) if detect.above is None else (detect.above + step, None)
        case "state":
            return (float(detect.equals) if detect.equals is not None else 0.0), None
        case "fraction":
            return min(1.0, detect.above + 0.1), None
        case "absence" | "geofence":
            return None, None
        case "flatline":
            return usual, None
        case "baseline":
            if detect.delta_above is not None:
                return usual + 1.5 * detect.delta_above, usual
            if detect.delta_below is not None:
                return usual - 1.5 * abs(detect.delta_below), usual
            return usual * (detect.ratio_above or detect.ratio_below) * (1.1 if detect.ratio_above else 0.9), usual
        case "rate":
            change = detect.above if detect.above is not None else detect.below
            return usual + 1.2 * change, usual
        case _:
            return usual * 2.2, usual


def _first(value: Any) -> str | None:
    return str(value[0]) if isinstance(value, list | tuple) and value else str(value) if value is not None else None

"""The field's real payloads beside this checkout, the source an operator would write for each, and a comparison."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from alertd.ingest.units import conversion

PAYLOADS = Path(__file__).parents[3] / "shared" / "contract" / "payloads.jsonl"
DESCRIBED = Path(__file__).parent / "devices.jsonl"

NUMBERS = {"topic": "farm/{device}/{metric}", "format": "number"}
BY_TOPIC: dict[str, dict[str, Any]] = {
    "application/17c": {"preset": "chirpstack_v4"},
    "application/1/": {"preset": "chirpstack_v3"},
    "v3/": {"preset": "tts_v3"},
    "zigbee2mqtt/": {"preset": "zigbee2mqtt"},
    "tele/": {"preset": "tasmota"},
    "emoncms/": {"preset": "tasmota"},
    "shellies/": {"preset": "shelly_gen1"},
    "N/": {"preset": "victron"},
    "homeassistant/": {"preset": "homeassistant_statestream"},
    "ruuvi/": {"preset": "ruuvi"},
    "farm/vega/": {"topic": "farm/vega/{device}", "format": "json"},
    "v1/devices/": {"preset": "thingsboard"},
    "senml/": {"preset": "senml"},
    "spBv1.0/": {"preset": "sparkplug_b"},
    "livestock/data": {
        "topic": "livestock/data",
        "format": "json",
        "device": {"path": "animal_id"},
        "metrics": {
            "body_temperature": {"path": "temperature", "unit": "degF"},
            "heart_rate": "heart_rate",
            "steps": {"path": "step_count", "kind": "counter"},
        },
    },
    "farm/feed_monitor": {
        "topic": "farm/feed_monitor",
        "format": "json",
        "device": {"path": "cattleID"},
        "metrics": {"feed_intake": {"path": "feedConsumed", "unit": "kg"}, "water_ok": "waterStatus"},
    },
    "rtl_433/": {
        "topic": "rtl_433/{gateway}/devices/{model}/{channel}/{id}",
        "format": "json",
        "device": "{model}/{id}",
    },
    "farm/barn1/json": {"topic": "farm/{device}/json", "format": "json"},
    "farm/": NUMBERS,
}
"""Beginning of a topic to the source an operator would write; the first that fits."""


def cases() -> list[dict[str, Any]]:
    """Return the payloads, or none where the file is absent."""
    if not PAYLOADS.exists():
        return []
    return [json.loads(line) for line in PAYLOADS.read_text(encoding="utf-8").splitlines()]


def described() -> list[dict[str, Any]]:
    """Return messages as the makers of devices describe them, each with its source (`read_by`)."""
    return [json.loads(line) for line in DESCRIBED.read_text(encoding="utf-8").splitlines()]


def source_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return the source for a payload's topic."""
    return next(one for start, one in BY_TOPIC.items() if case["topic_example"].startswith(start))


def body_of(case: dict[str, Any]) -> bytes:
    """Return the bytes on the wire."""
    payload = case["payload"]
    if case["encoding"] == "base64":
        return base64.b64decode(payload)
    return (json.dumps(payload) if case["encoding"] == "json" else payload).encode()


def expected_of(case: dict[str, Any]) -> set[tuple[str, float, str]]:
    """Return (metric, value, canonical unit) of every reading the file expects."""
    found = set()
    for one in case["expect"]["readings"]:
        unit, factor, offset = conversion(one["unit"], "") or (one["unit"], 1.0, 0.0)
        if one["unit"] == "event":
            unit = "bool"
        if one["unit"] == "1/min":
            unit = "1/min"
        found.add((one["metric"], round(one["value"] * factor + offset, 2), unit))
    return found

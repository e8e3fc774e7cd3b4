"""What we announce is what Home Assistant's discovery documents, whatever farms call their rules and groups."""

from __future__ import annotations

import json
import re
from typing import Any

from farm import Farm, hot
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.publishing.sensors import Sensors, discovery, discovery_topic, pairs, sensor_name

# home-assistant.io/integrations/binary_sensor.mqtt and /integrations/mqtt#discovery-topic, 2025.4. Any other key is refused.
TOPIC = re.compile(r"homeassistant/binary_sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
FIELDS: dict[str, type] = {
    **dict.fromkeys(
        ("name", "unique_id", "device_class", "state_topic", "value_template", "json_attributes_topic"), str
    ),
    **dict.fromkeys(("availability_topic", "payload_available", "payload_not_available"), str),
    "qos": int,
    "device": dict,
    "origin": dict,
}
DEVICE: dict[str, type] = {"identifiers": list, "name": str, "manufacturer": str, "sw_version": str}
ORIGIN: dict[str, type] = {"name": str, "sw_version": str}

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
RULES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}", fullmatch=True)


def fits(body: dict[str, Any], fields: dict[str, type]) -> bool:
    return set(body) <= set(fields) and all(isinstance(value, fields[key]) for key, value in body.items())


def is_topic(text: str) -> bool:
    return 0 < len(text.encode()) < 65536 and not set(text) & set("#+\0")


@settings(max_examples=60)
@given(rule=RULES, group=WORDS, farm=WORDS)
def test_an_announcement_has_the_documented_fields_and_fits_into_topics(rule: str, group: str, farm: str) -> None:
    body = json.loads(json.dumps(discovery("alertd/hof", (rule, group), farm)))
    assert fits(body, FIELDS)
    assert fits(body["device"], DEVICE)
    assert fits(body["origin"], ORIGIN)
    assert (body["device_class"], body["qos"]) == ("problem", 1)
    assert body["device"]["identifiers"] != []
    assert body["name"]
    assert body["device"]["name"]
    assert all(is_topic(body[key]) for key in ("state_topic", "json_attributes_topic", "availability_topic"))
    assert TOPIC.fullmatch(discovery_topic("alertd/hof", sensor_name((rule, group))))


@given(st.lists(st.tuples(RULES, WORDS), unique=True, max_size=20))
def test_no_two_sensors_share_an_id_or_a_topic(found: list[tuple[str, str]]) -> None:
    bodies = [discovery("alertd/hof", pair, "Hof") for pair in found]
    assert len({body["unique_id"] for body in bodies}) == len(found)
    assert len({body["state_topic"] for body in bodies}) == len(found)


def test_a_state_says_on_or_off_which_the_sensor_understands_without_more() -> None:
    """`payload_on` and `payload_off` are not announced: their defaults are ON and OFF."""
    farm = Farm(hot(), devices=({"id": "a", "group": "dairy"},))
    sensors, (pair, *_) = Sensors(), tuple(pairs(farm.book))
    assert sensors.state(pair) == {"state": "OFF", "count": 0, "severity": None, "alerts": []}
    farm.say((0, "a", 35.0))
    assert sensors.note(next(iter(farm.book.alerts.values()))) == pair == ("hot", "dairy")
    assert sensors.state(pair) == {"state": "ON", "count": 1, "severity": "critical", "alerts": ["A-1"]}

"""What is proposed for traffic: presets first, then templates; and every proposal reads what it was made from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from replay import RECORDED, messages

from alertd.config.document import parse
from alertd.model import SECOND
from alertd.seams import Raw
from alertd.tools.recognising import Findings, recognise, tried
from alertd.tools.synonyms import guess
from alertd.tools.written import devices_yaml, flow, rows, scalar, sources_yaml

NOW = 1_795_400_000 * SECOND


def heard(*pairs: tuple[str, Any]) -> list[Raw]:
    return [
        Raw(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), NOW + number)
        for number, (topic, payload) in enumerate(pairs)
    ]


def found(*pairs: tuple[str, Any]) -> Findings:
    return recognise(heard(*pairs), "UTC")


def the_source(*pairs: tuple[str, Any]) -> dict[str, Any]:
    (proposal,) = found(*pairs).proposals
    return proposal.source


def test_numbers_on_topics_become_group_device_and_metric():
    assert the_source(
        ("farm/dairy/cow-1/activity", b"3"),
        ("farm/dairy/cow-2/activity", b"4"),
        ("farm/dry/cow-3/temperature", b"38.5"),
    ) == {"topic": "farm/{group}/{device}/{metric}", "format": "number"}


def test_one_lonely_topic_still_names_its_device():
    assert the_source(("farm/tank1/temperature", "4,2 °C".encode())) == {
        "topic": "farm/{device}/{metric}",
        "format": "number",
    }


def test_objects_become_json_with_the_metrics_they_hold():
    assert the_source(
        ("farm/collar/c1", {"ts": 1795400000, "act": 3, "bat": 3.7, "rssi": -80}),
        ("farm/collar/c2", {"ts": 1795400000, "act": 4, "bat": 3.6, "rssi": -81}),
    ) == {
        "topic": "farm/collar/{device}",
        "format": "json",
        "time": "ts",
        "metrics": {"activity": "act", "battery_voltage": {"path": "bat", "unit": "V"}},
    }


def test_a_device_that_stands_in_the_payload_is_taken_from_there_and_fahrenheit_of_a_cow_is_seen():
    assert the_source(
        ("livestock/data", {"animal_id": 4, "temperature": 101.3, "heart_rate": 92}),
        ("livestock/data", {"animal_id": 5, "temperature": 101.9, "heart_rate": 80}),
    ) == {
        "topic": "livestock/data",
        "format": "json",
        "device": {"path": "animal_id"},
        "metrics": {"body_temperature": {"path": "temperature", "unit": "degF"}, "heart_rate": "heart_rate"},
    }


def test_lists_fan_out_and_positions_stay_whole():
    assert the_source(("trackers/t1/data", [{"lat": 52.1, "lon": 9.2, "speed": 0.3}, {"lat": 52.2, "lon": 9.1}])) == {
        "topic": "trackers/{device}/data",
        "format": "json",
        "each": "[*]",
        "metrics": {"speed": "speed", "position": {"lat": "lat", "lon": "lon"}},
    }


def test_device_types_that_share_a_topic_become_one_source():
    source = the_source(
        ("x/a/up", {"data": {"co2": 800, "hum": 50}}),
        ("x/b/up", {"door": "open", "volt": 230, "watt": 40}),
    )
    assert source["topic"] == "x/{device}/up"
    assert set(source["metrics"]) == {"co2", "humidity", "gate_open", "voltage", "power"}


def test_a_preset_is_known_by_its_traffic_also_below_a_bridge_s_prefix():
    payload = {"temperature": 21.5, "humidity": 60, "linkquality": 80}
    assert the_source(("zigbee2mqtt/barn", payload)) == {"preset": "zigbee2mqtt"}
    assert the_source(("site7/zigbee2mqtt/barn", payload)) == {"preset": "zigbee2mqtt", "topic": "site7/zigbee2mqtt"}


def test_a_device_type_is_known_by_its_keys_and_read_by_its_profile():
    source = the_source(
        (
            "rtl_433/gw/Prologue/12",
            {"time": "2026-02-10 03:14:07", "model": "Prologue", "temperature_C": -6.4, "id": 12},
        )
    )
    assert source == {"topic": "rtl_433/gw/Prologue/{device}", "format": "json", "profile": "rtl_433/sensor"}


def test_what_a_preset_knows_and_refuses_keeps_the_preset_s_reason():
    result = found(
        ("zigbee2mqtt/barn", {"temperature": 21.5}),
        ("zigbee2mqtt/yard", {"temperature": "unavailable"}),
    )
    assert [one.source for one in result.proposals] == [{"preset": "zigbee2mqtt"}]
    ((topic, why),) = result.unread
    assert topic == "zigbee2mqtt/yard"
    assert why.startswith("zigbee2mqtt: not_a_measurement: temperature")


def test_what_a_hub_says_beside_its_measurements_is_not_proposed_as_a_device():
    heard_of = found(
        ("zigbee2mqtt/fan/3", {"power": 180, "state": "ON"}),
        ("zigbee2mqtt/fan/3/set", {"state": "OFF"}),
        (
            "application/a/device/24e124136b502345/event/status",
            {"batteryLevel": 88, "deviceInfo": {"deviceName": "Gate"}},
        ),
        ("application/a/device/24e124136b502345/event/ack", {"acknowledged": True}),
        ("barn/sensor/temperature/state", b"21.5"),
        ("barn/light/lamp/state", {"state": "ON", "brightness": 255}),
        ("own/scale/weight", b"412"),
    )

    assert [one.source.get("preset", "own") for one in heard_of.proposals] == [
        "chirpstack_v4",
        "zigbee2mqtt",
        "esphome",
        "own",
    ]
    assert {topic for topic, _ in heard_of.unread} == {
        "zigbee2mqtt/fan/3/set",
        "application/a/device/24e124136b502345/event/ack",
        "barn/light/lamp/state",
    }


def test_of_two_servers_the_one_that_the_message_is_of_is_proposed():
    topic = "application/1/device/24e124136b502345/event/up"
    new = {"deviceInfo": {"deviceName": "Gate"}, "deduplicationId": "a", "object": {"temperature": 4}}
    old = {"deviceName": "Gate", "devEUI": "24e124136b502345", "rxInfo": [], "object": {"temperature": 4}}

    assert the_source((topic, new), (topic, new))["preset"] == "chirpstack_v4"
    assert the_source((topic, old))["preset"] == "chirpstack_v3"


def test_of_several_types_of_device_none_is_written_down_for_all():
    celsius = {"time": "2026-11-23 03:12:00", "model": "Nexus-TH", "id": 9, "temperature_C": 4}
    fahrenheit = {"time": "2026-11-23 03:12:00", "model": "Acurite-Tower", "id": 7, "temperature_F": 28.4}
    (proposal,) = found(("rtl_433/gw/Nexus/9", celsius), ("rtl_433/gw/Acurite/7", fahrenheit)).proposals

    assert "profile" not in proposal.source
    assert {(one.device, round(one.value, 1)) for one in proposal.readings} == {("9", 4.0), ("7", -2.0)}


def test_a_weather_station_s_names_say_their_unit():
    source = the_source(("ecowitt/GW1100", {"tempf": 50, "baromrelin": 29.92, "windspeedmph": 10}))

    assert source["metrics"] == {
        "temperature": {"path": "tempf", "unit": "degF"},
        "pressure": {"path": "baromrelin", "unit": "inHg"},
        "wind_speed": {"path": "windspeedmph", "unit": "mph"},
    }


def test_home_assistant_s_messages_give_metric_unit_path_and_name():
    config = {
        "stat_t": "~/state",
        "~": "gw/9f3",
        "dev_cla": "temperature",
        "unit_of_meas": "°F",
        "val_tpl": "{{ value_json.probe.t1 | round(1) }}",
        "dev": {"name": "Milk tank", "mdl": "T1"},
    }
    result = found(("homeassistant/sensor/9f3/t1/config", config), ("gw/9f3/state", {"probe": {"t1": 39.2}, "x9": 1}))
    (proposal,) = result.proposals
    assert proposal.source["metrics"]["temperature"] == {"path": "probe.t1", "unit": "°F"}
    assert next((one.metric, one.value, one.unit) for one in proposal.readings) == ("temperature", 4.0, "degC")
    assert result.names == {"9f3": "Milk tank"}
    assert result.announced == 1


def test_home_assistant_names_bare_numbers_too_and_devices_with_components():
    config = {
        "dev": {"name": "Fence"},
        "cmps": {"v": {"p": "sensor", "dev_cla": "power", "unit_of_meas": "kW", "stat_t": "fence/n1/out"}},
    }
    source = the_source(("homeassistant/device/n1/config", config), ("fence/n1/out", b"7.1"))
    assert source == {"topic": "fence/{device}/out", "format": "number", "metric": "power", "unit": "kW"}


def test_what_nobody_can_read_is_listed_with_the_reason():
    result = found(("a/b", b"\xff\xfe\x00"), ("a/c", b"hello"), ("a/d", b""), ("$SYS/broker/uptime", b"5"))
    assert result.proposals == []
    assert [topic for topic, _ in result.unread] == ["a/b", "a/c", "a/d"]
    assert "ff fe 00" in result.unread[0][1]


@pytest.mark.parametrize(
    ("key", "values", "metric", "unit"),
    [
        ("TempC", [21.0], "temperature", ""),
        ("temperature_F", [70.0], "temperature", "degF"),
        ("battery", [3021], "battery_voltage", "mV"),
        ("battery", [88], "battery", ""),
        ("pressure", [101325], "pressure", "Pa"),
        ("stepCount", [9120], "steps", ""),
        ("somethingElse", [1], "something_else", ""),
    ],
)
def test_keys_are_guessed_by_name_and_size(key, values, metric, unit):
    guessed = guess(key, values, ())
    assert guessed is not None
    assert (guessed.metric, guessed.unit) == (metric, unit)


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded payloads are not part of the repository")
def test_recorded_traffic_gives_sources_that_read_it_and_yaml_that_says_the_same():
    raws = [
        Raw(topic, payload, NOW + number, retained=kept)
        for number, (topic, payload, kept) in enumerate(messages(RECORDED))
    ]
    result = recognise(raws, "Europe/Berlin")
    presets = {proposal.source.get("preset") for proposal in result.proposals}
    assert {"chirpstack_v4", "zigbee2mqtt"} <= presets
    for proposal in result.proposals:
        assert tried(proposal.source, raws, "Europe/Berlin")
    tree, faults = parse(sources_yaml(result.proposals) + devices_yaml(result), "x")
    assert faults == []
    assert tree is not None
    assert tree.plain()["sources"] == [proposal.source for proposal in result.proposals]
    assert len(result.unread) <= 10
    assert list(rows(result))


@given(st.text(max_size=40))
def test_whatever_a_sender_calls_itself_stays_one_value_in_the_file(text):
    tree, faults = parse(f"a: {scalar(text)}\nb: {flow({text or 'k': [text]})}\n", "x")
    assert faults == []
    assert tree is not None
    assert tree.plain() == {"a": text, "b": {text or "k": [text]}}


@settings(deadline=None)  # the first example reads the profiles
@example([("T", b"null")])
@given(
    st.lists(
        st.tuples(
            st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4).map("/".join),
            st.one_of(
                st.binary(max_size=40),
                st.recursive(
                    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
                    max_leaves=12,
                ).map(lambda value: json.dumps(value).encode()),
            ),
        ),
        max_size=12,
    )
)
def test_hostile_traffic_breaks_nothing_and_every_proposal_reads_something(pairs):
    result = found(*pairs)
    for proposal in result.proposals:
        assert proposal.readings
    parsed, faults = parse(
        (sources_yaml(result.proposals) if result.proposals else "x: 1\n") + devices_yaml(result), "x"
    )
    assert faults == []
    assert parsed is not None

"""What the field sends becomes the readings expected of it, and nothing hostile stops the decoder."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readings import NOW, decoder, read

from alertd.config.config import Config
from alertd.ingest.decoder import TOPICS
from alertd.ingest.settings import Device, Limits
from alertd.model import HOUR, MINUTE, SECOND, Quality
from alertd.parts import decoder_of, engine_of

NUMBERS = {"topic": "farm/{device}/{metric}", "format": "number"}


@pytest.mark.parametrize(
    ("text", "value"),
    {"21.5": 21.5, " 4,2 °C ": 4.2, "-3": -3.0, "+7": 7.0, "98,6 °F": 37.0, "1.5e1": 15.0}.items(),
)
def test_numbers_as_people_and_controllers_write_them(text, value):
    readings, _ = read(decoder(NUMBERS), "farm/tank/temperature", text)
    assert [round(one.value, 3) for one in readings] == [value]


@pytest.mark.parametrize("text", ["1.234,5", "NaN", "unavailable", "", "null", "327.67", "warm", "Infinity", "1 2"])
def test_what_is_no_measurement_gives_no_reading(text):
    readings, rejected = read(decoder(NUMBERS), "farm/tank/temperature", text)
    assert readings == []
    assert len(rejected) == 1


@pytest.mark.parametrize("text", ["NaN", "unavailable", "327.67"])
def test_where_a_rule_asks_for_it_what_is_no_measurement_is_a_fault_of_its_own(text):
    readings, rejected = read(decoder(NUMBERS, faults=True), "farm/tank/temperature", text)
    assert [(one.device, one.metric, one.value) for one in readings] == [("tank", "sensor_fault", 1.0)]
    assert len(rejected) == 1
    assert read(decoder(NUMBERS, faults=True), "farm/tank/temperature", "21.5")[0][0].metric == "temperature"


def test_a_probe_that_comes_off_is_a_fault_also_where_a_hundred_messages_were_alike():
    made = decoder({"topic": "b/{device}", "format": "json"}, faults=True)
    for second in range(100):
        good, _ = read(
            made, "b/a", json.dumps({"temperature": 20 + second / 10, "humidity": 60}), received=NOW + second * SECOND
        )
        assert [one.metric for one in good] == ["temperature", "humidity"]
    told, _ = read(made, "b/a", json.dumps({"temperature": 327.67, "humidity": 60}), received=NOW + 100 * SECOND)
    assert {(one.metric, one.value) for one in told} == {("sensor_fault", 1.0), ("humidity", 60.0)}


@pytest.mark.parametrize("asked", [True, False])
def test_a_farm_has_faults_as_readings_where_one_of_its_rules_looks_at_them(asked):
    rule = {"name": "faulty", "match": {"metric": "sensor_fault"}, "detect": {"kind": "threshold", "above": 0}}
    farm = {"farm": {"name": "Farm"}, "mqtt": {"url": "mqtt://127.0.0.1"}, "sources": [NUMBERS]}
    config = Config.model_validate(farm | {"rules": [rule] if asked else [], "subscribers": [{"id": "anna"}]})
    readings, _ = read(decoder_of(config, engine_of(config, NOW).book), "farm/tank/temperature", "NaN")
    assert [one.metric for one in readings] == (["sensor_fault"] if asked else [])


OWN_TIME = {"topic": "c/{device}", "format": "json", "time": {"path": "ts"}, "metrics": {"activity": "act"}}


@pytest.mark.parametrize(
    ("age", "quality"),
    {
        0: Quality.LIVE,
        4 * MINUTE: Quality.LIVE,
        6 * MINUTE: Quality.LATE,
        -4 * MINUTE: Quality.LIVE,
        -6 * MINUTE: Quality.UNKNOWN_TIME,
        20 * 365 * 24 * HOUR: Quality.UNKNOWN_TIME,
    }.items(),
)
def test_the_quality_follows_from_the_own_time(age, quality):
    payload = json.dumps({"ts": (NOW - age) // SECOND, "act": 3})
    readings, _ = read(decoder(OWN_TIME), "c/cow-1", payload)
    assert [one.quality for one in readings] == [quality]


def test_without_own_time_a_backlog_has_an_unknown_one_and_a_retained_copy_is_only_last_known():
    made = decoder(NUMBERS)
    assert read(made, "farm/a/temperature", "1")[0][0].quality is Quality.LIVE
    assert read(made, "farm/a/temperature", "2", backlog=True)[0][0].quality is Quality.UNKNOWN_TIME
    assert read(made, "farm/a/temperature", "3", retained=True)[0][0].quality is Quality.RETAINED


@pytest.mark.parametrize("stamp", [1, 10**3, 10**6, 10**9])
def test_epochs_are_told_apart_by_their_size(stamp):
    payload = json.dumps({"ts": NOW // SECOND * stamp, "act": 3})
    assert read(decoder(OWN_TIME), "c/cow-1", payload)[0][0].time == NOW


def test_one_message_that_two_sources_read_counts_once():
    readings, _ = read(
        decoder(NUMBERS, {**NUMBERS, "topic": "farm/+/temperature", "metric": "temperature", "device": "a"}),
        "farm/a/temperature",
        "7",
    )
    assert len(readings) == 1


def test_a_listed_device_is_found_whatever_the_case_of_its_eui_and_gives_its_group():
    made = decoder(NUMBERS, devices=[Device(id="24:E1:24:13:6B:50:23:45", group="dairy")])
    assert read(made, "farm/24e124136b502345/temperature", "7")[0][0].group == "dairy"


def test_a_payload_too_large_or_too_deep_is_refused_by_name():
    made = decoder({"topic": "j/{device}", "format": "json"}, limits=Limits(payload_bytes=4096))
    assert read(made, "j/a", b"[" * 4000)[1]
    assert read(made, "j/a", b"1" * 5000) == ([], ["too_large"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(payload=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), name=st.text(max_size=20))
def test_nothing_hostile_raises_and_every_value_is_finite(payload, name):
    made = decoder({"preset": "chirpstack_v4"}, {"preset": "zigbee2mqtt"}, {"preset": "alertd"}, NUMBERS, OWN_TIME)
    for topic in (
        f"farm/{name}/temperature",
        f"c/{name}",
        f"zigbee2mqtt/{name}",
        f"application/1/device/{name}/event/up",
    ):
        for reading in read(made, topic, payload)[0]:
            assert abs(reading.value) < float("inf")


def test_whoever_makes_up_topics_is_not_remembered_beyond_what_there_may_be_of_series():
    made = decoder({"topic": "c/{device}", "format": "json"}, limits=Limits(series=4))
    for number in range(3):
        read(made, "c/cow-1", '{"activity": 7}', received=NOW + number * SECOND)
    assert len(made.written("c/cow-1")) == 1

    for number in range(TOPICS):
        read(made, f"c/made-up-{number}", '{"activity": 7}')
    assert made.written("c/cow-1") == []
    assert read(made, "c/cow-1", '{"activity": 7}')[0][0].device == "cow-1"

"""What is read in one go is what the general way would have read: the same readings, the same refusals."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from fuzz import mutate
from readings import NOW, decoder, read
from samples import EUI, FORMATS, OTHERS, SAMPLES

from alertd.ingest.patterns.pattern import FEW
from alertd.ingest.settings import Limits
from alertd.model import SECOND
from alertd.seams import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = {**SAMPLES, **{f"format {name}": sample for name, sample in FORMATS.items()}}
OF_ONE_VALUE = {"shelly_gen1", "homeassistant_statestream", "esphome", "format number", "format text"}
"""A number alone needs no pattern."""
NEVER = OF_ONE_VALUE | {"sparkplug_b", "format sparkplug", "format csv", "format json", "format json, rows"}
NEVER |= {"chirpstack_gateways"}  # a few a day, of either encoding
START = 1_795_000_000_000_000
"""When the samples say that they were taken."""


def another(payload: bytes, number: int) -> bytes:
    """Return the payload as another message: its id, or the sequence number of a RuuviTag's advertisement."""
    return payload.replace(b"{n}", b"%d" % number).replace(b"E44715DA77", b"E4%04XDA77" % number)


def both_ways(source: dict[str, Any], messages: Iterable[Raw]) -> None:
    """Let two decoders read the same, one of them without patterns, and compare after each message."""
    quick, whole = decoder(source), decoder(source, patterns=0)
    for number, raw in enumerate(messages):
        trusted = number % 50 > 0
        one, other = quick.decode([raw], clock_trusted=trusted), whole.decode([raw], clock_trusted=trusted)
        assert (quick.to_readings(one), one.rejected) == (whole.to_readings(other), other.rejected), raw
        assert not one.poison
    assert quick.learned.owed() == whole.learned.owed()
    assert not whole.written(raw.topic)


@pytest.mark.parametrize("name", ALL)
def test_both_ways_give_the_same_readings_and_the_same_refusals(name: str) -> None:
    source, topic, payload = ALL[name]
    known = decoder(source)
    others = [other for other in OTHERS if not {"no_source"} & set(read(known, *other)[1])]
    dice = random.Random(name)

    def messages() -> Iterable[Raw]:
        for number in range(400):
            where, body = (topic, payload) if dice.randrange(4) or not others else dice.choice(others)
            body = another(body, number)
            if number % 3:
                body = mutate(body, payload, dice)
            elif number % 2:
                digits = [at for at, sign in enumerate(body) if chr(sign).isdigit()]
                at = dice.choice(digits or [0])
                body = body[:at] + b"%d" % dice.randrange(10) + body[at + 1 :]
            yield Raw(
                where,
                body.decode("utf-8", "ignore").encode() if "sparkplug" not in name else body,
                START + number * 700_000,
                retained=not dice.randrange(9),
                backlog=not dice.randrange(9),
                duplicate=not dice.randrange(9),
            )

    both_ways(source, messages())


@pytest.mark.parametrize("name", sorted(ALL.keys() - NEVER))
def test_the_third_message_of_a_sender_is_read_in_one_go(name: str) -> None:
    source, topic, payload = ALL[name]
    made = decoder(source)
    for number in range(2):
        assert made.written(topic) == []
        assert read(made, topic, another(payload, number), received=START + number)[0]
    assert len(made.written(topic)) == 1
    assert read(made, topic, another(payload, 3), received=START + 3)[0]
    assert len(made.written(topic)) == 1


PLAIN = {"topic": "c/{device}", "format": "json"}
TURNS: dict[str, list[object]] = {
    "a text becomes a number, and a text again": ["idle", "idle", "idle", 5, "idle", 6, "nan", None, "", 7],
    "a probe is plugged in": [327.67, 327.67, 327.67, 21.5, 21.5, 327.67, 21.5, 655.35, -127, -127, -127],
    "a number grows beyond all bounds": [1, 1, 1, 10**30, 10**400, 1e300, -0.0, 1.5, True, False],
    "a switch says it in other words": [True, True, False, "ON", "off", 1, 0, None, True, "stuck"],
    "an object and a list come and go": [{"a": 1}, {"a": 1}, {"value": 3}, {}, {"value": None}, [1], [], 3, {"a": 2}],
    "a number as text": ["21.5", "21.5", "-3", "4,2", "+7", "1e3", "21.5 °C", "70 °F", "٣", "9" * 70, "21.5"],
}


@pytest.mark.parametrize("key", ["temperature", "gate_open", "x", "steps"])
@pytest.mark.parametrize("turns", TURNS.values(), ids=TURNS)
def test_a_value_that_changes_its_kind_is_read_as_before(turns: list[object], key: str) -> None:
    bodies = [json.dumps({"activity": number, key: value}).encode() for number, value in enumerate(turns)]
    mapped = {**PLAIN, "metrics": {key: key, "activity": "activity"}}
    inches = {**PLAIN, "metrics": {key: {"path": key, "unit": "degF" if key == "temperature" else "in"}}}
    counted = {**PLAIN, "metrics": {"n": {"path": key, "kind": "counter", "missing": [5]}, "activity": "activity"}}
    sources = [PLAIN, mapped, counted] + ([inches] if key in ("temperature", "x") else [])
    for source in sources:
        both_ways(source, [Raw("c/cow-1", body, NOW + number * SECOND) for number, body in enumerate(bodies * 3)])


@pytest.mark.parametrize("inside", ['{"a": %s}', '{"b": 1, "a": %s}', "[%s]", "%s"])
def test_what_is_nested_too_deep_is_refused_wherever_it_stands(inside: str) -> None:
    deep = '{"a":' * 9000 + "1" + "}" * 9000
    for source, topic, body in (
        (PLAIN, "c/1", '{"activity": 1, "update": %s}'),
        ({"preset": "chirpstack_v4"}, "application/1/device/1/event/up", '{"rx": %s, "object": {"activity": 1}}'),
    ):
        made = decoder(source)
        for number in range(4):
            assert read(made, topic, body % (inside % "1"), received=NOW + number * SECOND)[1] == []
        assert read(made, topic, body % (inside % deep), received=NOW + 5 * SECOND)[1] == ["too_deep"]


RECORD = {"bn": "urn:dev:1/", "bt": 1_795_000_000, "n": "temperature", "u": "Cel", "v": 21.5}
ODD = [
    {"u": -60},
    {"bn": 7},
    {"n": None},
    {"v": "x"},
    {"v": True},
    {"bt": "soon"},
    {"t": 10**400},
    {"t": -60},
    {"vb": 1},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_record_of_odd_types_is_read_as_before(odd: dict[str, Any]) -> None:
    source, topic, _ = SAMPLES["senml"]
    pack, other = [RECORD, {"n": "humidity", "u": "%RH", "v": 60}], [{**RECORD, **odd}, {"n": "x", "v": 1}]
    turns = [pack, other, other, other, pack, pack, other, [{**RECORD, "bt": 0}], [RECORD, RECORD], pack]
    both_ways(source, [Raw(topic, json.dumps(turn).encode(), START + n * SECOND) for n, turn in enumerate(turns)])


def test_a_device_without_room_for_its_series_is_refused_as_before() -> None:
    few = Limits(series=2)
    quick, whole = decoder(PLAIN, limits=few), decoder(PLAIN, limits=few, patterns=0)
    for number in range(6):
        body = b'{"activity": 1, "temperature": 20, "humidity": 50, "rumination": "12"}'
        assert read(quick, "c/1", body, received=NOW + number * SECOND) == read(
            whole, "c/1", body, received=NOW + number * SECOND
        )


def test_a_sender_with_two_kinds_of_messages_has_a_pattern_for_each_and_one_with_many_has_few() -> None:
    made = decoder(PLAIN)
    for number in range(12):
        read(made, "c/1", json.dumps({"activity": 1, "ab"[number % 2]: 2}), received=NOW + number * SECOND)
    assert len(made.written("c/1")) == 2
    for number in range(12, 300):
        read(made, "c/1", json.dumps({"activity": 1, "abcdefgh"[number % 8]: 2}), received=NOW + number * SECOND)
    assert len(made.written("c/1")) == FEW


def test_a_sender_whose_messages_are_never_alike_is_read_as_before_and_alike_again_in_one_go() -> None:
    dice = random.Random(3)
    keys = [f"k{number}" for number in range(12)]

    def messages() -> Iterable[Raw]:
        for number in range(1500):
            some = dice.sample(keys, 5) if number % 900 > 80 else keys[:5]
            body = json.dumps({key: dice.choice([number, "21.5", "ON", True]) for key in some})
            yield Raw("c/cow-1", body.encode(), NOW + number * SECOND)

    both_ways(PLAIN, messages())


@pytest.mark.parametrize(
    "key", ["", " ", "ü", "a.b", "[0]", "$", "\U0001f404", "at_0", "\u202e", 'q"', "b\\", "x" * 300]
)
def test_a_key_may_be_any_text(key: str) -> None:
    for preset, topic in (
        ("tasmota", "tele/x/SENSOR"),
        ("zigbee2mqtt", "zigbee2mqtt/x"),
        ("alertd", "alertd/v1/a/b/c"),
    ):
        bodies = [
            json.dumps({"temperature": number, key: {key: number, "Humidity": 3}, key + "z": number}).encode()
            for number in range(6)
        ]
        bodies += [b'{"temperature": 1, "x": %s}' % (b"9" * length) for length in (20, 400, 5000, 400, 20)]
        both_ways({"preset": preset}, [Raw(topic, body, NOW + number * SECOND) for number, body in enumerate(bodies)])


def test_whoever_makes_up_new_messages_does_not_keep_us_busy_learning() -> None:
    made = decoder(PLAIN)
    topics = [f"c/{number}" for number in range(50)]
    for turn in range(4):
        raws = [Raw(topic, b'{"k%d": 1}' % number, NOW + turn * SECOND) for number, topic in enumerate(topics)]
        made.decode(raws)
    assert sum(len(made.written(topic)) for topic in topics) == 3


def test_nothing_of_a_payload_is_in_what_is_written() -> None:
    made = decoder(PLAIN)
    evil = "__import__('os').system('true')#"
    for number in range(3):
        read(made, "c/1", json.dumps({evil: 1, "temperature": 2, "note": evil}), received=NOW + number * SECOND)
    (source,) = made.written("c/1")
    assert "import" not in source
    assert "temperature" not in source


def test_broken_bytes_in_a_part_that_nobody_reads_cost_no_reading() -> None:
    source, topic, payload = SAMPLES["chirpstack_v4"]
    made = decoder(source)
    for number in range(2):
        read(made, topic, payload.replace(b"{n}", b"%d" % number), received=NOW + number * SECOND)
    broken = payload.replace(b"{n}", b"2").replace(b"0016c001f153a14c", b"\xff\xfe")
    readings, refused = read(made, topic, broken, received=NOW + 2 * SECOND)
    assert (len(readings), refused) == (4, [])


@pytest.mark.parametrize(
    "inside", [{"installed": 7}, {"installed": 7, "latest": 8}, {"installed": 7, "value": 3}, {}, 7]
)
def test_what_is_mapped_may_stand_inside_an_object_of_a_row(inside: object) -> None:
    made = decoder({"preset": "zigbee2mqtt", "metrics": {"firmware": "update.installed"}})
    body = json.dumps({"temperature": 21.5, "update": inside})
    first, *others = (
        {one.metric: one.value for one in read(made, "zigbee2mqtt/a", body, received=START + n)[0]} for n in range(5)
    )

    assert first["temperature"] == 21.5
    assert first.get("firmware") == (7.0 if isinstance(inside, dict) and inside else None)
    assert others == [first] * 4


def test_a_pattern_can_be_learned_of_a_message_that_came_before() -> None:
    made = decoder({"preset": "chirpstack_v4"})
    power = {"genericModel": "EM2101", "activePowerL1": {"data": 1150, "unit": "W"}}
    for number in range(4):
        body = json.dumps({"deduplicationId": "a" if number < 3 else "b", "object": power})
        found, _ = read(made, f"application/1/device/{EUI}/event/up", body, received=START + number)
    assert [one.value for one in found] == [1150.0]


RH = {"value": 73.3, "unit": "%", "displayName": "Air humidity"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"air_humidity": RH}, {73.3}),
        ({"air_humidity": RH | {"unit": "‰"}}, {7.33}),
        ({"air_humidity": RH | {"value": "73.3"}}, {73.3}),
        ({"air_humidity": RH | {"value": 999}}, set()),
        ({"air_humidity": RH | {"unit": "°C"}}, set()),
    ],
)
def test_a_value_with_its_unit_is_read_in_one_go_and_another_unit_as_it_says(fields: Any, expected: set[float]) -> None:
    made, topic = decoder({"preset": "chirpstack_v4"}), f"application/1/device/{EUI}/event/up"
    for number in range(3):
        assert read(made, topic, json.dumps({"object": {"air_humidity": RH}}), received=START + number)[0]
    assert len(made.written(topic)) == 1
    found, _ = read(made, topic, json.dumps({"object": fields}), received=START + 4)

    assert {round(one.value, 2) for one in found} == expected


@pytest.mark.parametrize("told", ["2026-11-18 12:06:41", "1970-01-01 00:00:00", "", None, 5])
def test_a_row_that_says_when_it_was_is_read_in_one_go_and_an_odd_time_as_before(told: object) -> None:
    made, plain = (decoder({"topic": "rtl_433/{device}", "format": "json"}, patterns=patterns) for patterns in (FEW, 0))
    row = {"time": "2026-11-18 12:06:40", "model": "Nexus-TH", "temperature_C": 4.0}
    for number in range(3):
        assert read(made, "rtl_433/9", json.dumps(row), received=START + number)[0]
        read(plain, "rtl_433/9", json.dumps(row), received=START + number)
    assert len(made.written("rtl_433/9")) == 1
    odd = json.dumps(row | {"time": told})

    assert read(made, "rtl_433/9", odd, received=START + 4) == read(plain, "rtl_433/9", odd, received=START + 4)


@pytest.mark.parametrize(
    "metrics", [{}, {"water_depth": "water_depth"}, {"depth": "water_depth"}, {"raw": "water_depth.value"}]
)
def test_what_is_mapped_may_be_a_value_with_its_unit(metrics: dict[str, str]) -> None:
    made = decoder({"preset": "tts_v3", "metrics": metrics})
    found = []
    for number in range(6):
        depth = {"displayName": "Water depth", "unit": "mm", "value": 4232 + number}
        uplink = {"f_port": 1, "f_cnt": number, "decoded_payload": {"water_depth": depth, "battery": 3.1}}
        body = json.dumps({"end_device_ids": {"device_id": "well-1", "dev_eui": EUI}, "uplink_message": uplink})
        out = made.decode([Raw("v3/app@ttn/devices/well-1/up", body.encode(), NOW + number * SECOND)])
        assert not out.poison
        found.append([round(value - number * (1 if value > 1000 else 0.001), 6) for value in out.value if value != 3.1])
    assert found[0]
    assert all(values == found[0] for values in found)

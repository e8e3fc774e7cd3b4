"""The mapping language: what an operator writes about a payload of his own."""

from __future__ import annotations

import json

import pytest
from readings import NOW, decoder, read, values
from samples import FORMATS, HISTORY, MAPPED

from alertd.ingest.decoder import faults
from alertd.ingest.settings import Source
from alertd.model import HOUR, SECOND, Quality
from alertd.seams import Raw

STAMP = NOW // SECOND


def mapped(**metrics):
    return decoder({"topic": "c/{device}", "format": "json", "time": "ts", "metrics": metrics})


@pytest.mark.parametrize(
    ("mapping", "payload", "expected"),
    [
        ("a.b[1]", {"a": {"b": [1, 2]}}, 2.0),
        ('"temperature:0".tC', {"temperature:0": {"tC": 3}}, 3.0),
        ("list[flag=T1].value", {"list": [{"flag": "T0", "value": 1}, {"flag": "T1", "value": "2,5"}]}, 2.5),
        ("list[id=4097].value", {"list": [{"id": 4097, "value": 21.4}]}, 21.4),
        ({"path": "p[*]", "aggregate": "max"}, {"p": [1, 7.5, None, "x"]}, 7.5),
        ({"path": "p[*]", "aggregate": "mean"}, {"p": [1, 2]}, 1.5),
        ({"path": "p[*]", "aggregate": "min"}, {"p": []}, None),
        ({"path": "v", "map": {"open": 1, "closed": 0}}, {"v": "Open"}, 1.0),
        ({"path": "v", "map": {"open": 1, "closed": 0}}, {"v": "ajar"}, None),
        ({"path": "v", "missing": [255, "n/a"]}, {"v": 255}, None),
        ({"path": "v", "unit": "degF"}, {"v": 50}, 10.0),
        ({"path": "v", "skip_if": "lost"}, {"v": 50, "lost": True}, None),
        ({"path": "v", "skip_if": "lost"}, {"v": 50, "lost": False}, 50.0),
        ("v", {"v": {"value": 12.9, "unit": "mV"}}, 0.0129),
        ("v", {"v": True}, 1.0),
        ("v", {"v": float("nan")}, None),
        ("v", {}, None),
    ],
)
def test_a_value_is_found_where_the_mapping_says(mapping, payload, expected):
    found = values(mapped(x=mapping), "c/a", json.dumps(payload))

    assert found.get("x") == expected


def test_a_unit_that_the_value_brings_is_converted_for_a_metric_that_is_known():
    assert values(mapped(temperature="v"), "c/a", '{"v": {"value": 50, "unit": "°F"}}') == {"temperature": 10.0}
    assert values(mapped(temperature="v"), "c/a", '{"v": {"value": 50, "unit": "bar"}}') == {}


def test_a_position_is_whole_or_not_at_all():
    made = mapped(position={"lat": "gps[1]", "lon": "gps[0]", "error": "acc", "skip_if": "lost"})

    assert values(made, "c/a", '{"gps": [10.5, 50.25], "acc": 3}') == {
        "latitude": 50.25,
        "longitude": 10.5,
        "position_error": 3.0,
    }
    for payload in ('{"gps": [10.5]}', '{"gps": [10.5, 101]}', '{"gps": [0, 0]}', '{"gps": [10.5, 50], "lost": true}'):
        assert values(made, "c/a", payload) == {}


def test_a_counter_goes_on_over_a_wrap_and_a_reset():
    made = mapped(steps={"path": "n", "kind": "counter", "wrap": 65536})
    totals = [
        values(made, "c/a", json.dumps({"ts": STAMP + at, "n": n}), received=NOW + at * SECOND)["steps"]
        for at, n in enumerate((65000, 100, 500, 10))
    ]

    assert totals == [65000.0, 65636.0, 66036.0, 66046.0]


def test_rows_of_a_message_are_read_with_their_own_fields_first():
    rows = [{"ts": STAMP - 7200, "n": 1}, {"ts": STAMP - 3600, "n": 2}]
    readings, _ = read(decoder(HISTORY), "h/a", json.dumps({"temp": 101.3, "history": rows}))

    assert [(one.metric, round(one.value, 2), one.quality) for one in readings if one.metric == "steps"] == [
        ("steps", 1, Quality.LATE),
        ("steps", 2, Quality.LATE),
    ]
    assert [round(one.value, 2) for one in readings if one.metric == "body_temperature"] == [38.5, 38.5]
    assert readings[-1].time - readings[0].time == HOUR


@pytest.mark.parametrize(
    "stamp",
    [STAMP, STAMP * 1000, str(STAMP * 10**6), STAMP * 10**9, "2026-11-23T02:13:20Z", "2026-11-23 03:13:20",
     "2026/11/23 03:13:20", "23.11.2026 03:13:20", {"year": 2026, "month": "November", "day": 23, "hours": 3, "minutes": 13, "seconds": 20}],
)  # fmt: skip
def test_a_time_is_read_however_it_is_written(stamp):
    readings, _ = read(mapped(x="v"), "c/a", json.dumps({"ts": stamp, "v": 1}))

    assert [(one.time, one.quality) for one in readings] == [(NOW, Quality.LIVE)]


@pytest.mark.parametrize(
    "stamp", ["0001-01-01T00:00:00Z", 0, "2000-01-01 00:00:00", 15_852_000_000_000, True, [], {"year": 0}, "noon"]
)
def test_an_impossible_time_is_the_time_of_arrival_and_marked(stamp):
    readings, why = read(mapped(x="v"), "c/a", json.dumps({"ts": stamp, "v": 1}))

    assert [(one.time, one.quality) for one in readings] == [(NOW, Quality.UNKNOWN_TIME)]
    assert why == ["bad_time"]


def test_lines_of_csv_are_rows_with_a_time_of_their_own():
    source, topic, payload = FORMATS["csv"]
    readings, _ = read(decoder(source), topic, payload, received=1_795_000_000 * SECOND + 90 * SECOND)

    assert [(one.metric, one.value) for one in readings] == [
        *(("temperature", 4.2), ("humidity", 81.0), ("temperature", 4.3), ("humidity", 80.0)),
    ]
    assert readings[2].time - readings[0].time == 60 * SECOND


def test_a_csv_may_name_its_columns_itself_and_its_device_in_one():
    source = {
        "topic": "csv",
        "format": "csv",
        "header": True,
        "device": {"path": "cow"},
        "metrics": {"weight": {"path": "kg"}},
    }
    readings, _ = read(decoder(source), "csv", "cow,kg\n0421,512.5\n0422,\n0423,640\n")

    assert [(one.device, one.value) for one in readings] == [("0421", 512.5), ("0423", 640.0)]


def test_text_is_a_state_or_a_number():
    made = decoder(
        {"topic": "t/{device}/{metric}", "format": "text", "metrics": {"silo": {"map": {"full": 1, "empty": 0}}}}
    )

    assert values(made, "t/a/gate_open", "closed") == {"gate_open": 0.0}
    assert values(made, "t/a/silo", "full") == {"silo": 1.0}
    assert values(made, "t/a/temperature", "4,2 °C") == {"temperature": 4.2}


@pytest.mark.parametrize("much", ["bv", "bt", "v", "t"])
def test_numbers_of_senml_that_nothing_can_hold_are_no_measurement_and_no_time(much):
    record = {"n": "dev/temperature", "u": "Cel", "v": 0.5, "t": 0.5, "bv": 0.5, "bt": 0.5} | {much: 10**400}
    made = decoder({"preset": "senml"})
    out = made.decode([Raw("senml/x", json.dumps([record]).encode(), NOW)])
    assert not out.poison
    assert out.value == ([] if much in ("v", "bv") else [1.0])
    assert [why.reason for _, _, why in out.rejected] == ["not_a_measurement" if much in ("v", "bv") else "bad_time"]
    assert out.time == ([] if much in ("v", "bv") else [NOW])


def test_senml_carries_base_values_and_relative_times():
    pack = [
        {"bn": "urn:dev:ow:10e2073a01080063:", "bt": STAMP, "bu": "Cel", "n": "temperature", "v": 20, "t": -600},
        {"n": "temperature", "v": 21},
        {"n": "open", "vb": True},
    ]
    readings, _ = read(decoder({"preset": "senml"}), "senml/x", json.dumps(pack))

    assert {one.device for one in readings} == {"urn:dev:ow:10e2073a01080063"}
    assert [(one.metric, one.value, one.time - NOW) for one in readings if one.metric == "temperature"] == [
        ("temperature", 20, -600 * SECOND),
        ("temperature", 21, 0),
    ]
    ago, _ = read(decoder({"preset": "senml"}), "senml/x", '[{"n": "dev/humidity", "u": "%RH", "v": 60, "t": -60}]')
    assert [(one.device, one.metric, one.time) for one in ago] == [("dev", "humidity", NOW - 60 * SECOND)]


def test_what_cannot_be_compiled_is_named():
    wrong = [
        {"topic": "a/{device}", "format": "json", "metrics": {"x": "p[*]"}},
        {"topic": "a/{device}", "format": "json", "profile": "vega/nb14"},
        {"topic": "a/{device}", "format": "csv", "columns": ["a"], "separator": ";;"},
        {"preset": "tasmotta"},
    ]
    said = [text for _, text in faults([Source.model_validate(one) for one in wrong], "UTC")]

    assert [
        word in text
        for word, text in zip(
            ("aggregate", "did you mean vega/nb-14", "one character", "did you mean tasmota"), said, strict=True
        )
    ] == [True] * 4


def test_every_key_of_the_mapping_can_stand_together():
    source, topic, payload = FORMATS["json"]
    assert source is MAPPED
    found = values(decoder(source), topic, payload, received=1_795_000_000 * SECOND)

    assert found == {
        "body_temperature": 38.6111,
        "steps": 12.0,
        "gate_open": 1.0,
        "latitude": 50.2,
        "longitude": 10.1,
        "grain_temperature_max": 2.5,
        "level": 1.5,
    }


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ('{"temperature_2": 4.2, "power_l1": 12}', {("temperature_2", 4.2, "degC"), ("power_l1", 12.0, "W")}),
        ('{"temperature_2": 327.67}', set()),
        ('{"gate_open_3": "open"}', {("gate_open_3", 1.0, "bool")}),
        ('{"pit_temp": {"value": -327.68, "unit": "°C"}}', set()),
        ('{"pit_temp": {"value": 38.5, "unit": "°C"}}', {("pit_temp", 38.5, "degC")}),
    ],
)
def test_a_second_sensor_of_a_kind_has_its_unit_and_its_range(payload, expected):
    readings, _ = read(decoder({"topic": "j/{device}", "format": "json"}), "j/pen", payload)

    assert {(one.metric, one.value, one.unit) for one in readings} == expected


@pytest.mark.parametrize(
    "told",
    [
        "Mon, 23 Nov 2026 02:13:20 GMT",
        "23 Nov 2026 02:13:20 UTC",
        "2026-11-23 02:13:20 UTC",
        "2026/11/23 02:13:20 UTC",
        "20261123031320",  # the farm's time, one hour ahead
        "20261123T021320Z",
    ],
)
def test_a_time_is_understood_as_trackers_and_mail_write_it(told):
    made = decoder({"topic": "j/{device}", "format": "json", "time": "ts"})
    (found,), refused = read(made, "j/pen", json.dumps({"ts": told, "temperature": 4}), received=NOW + SECOND)

    assert (found.time, refused) == (NOW, [])


@pytest.mark.parametrize("told", ["Mon, 23 Foo 2026 02:13:20 GMT", "20261323031320", "15868685461234", "no time UTC"])
def test_what_is_no_time_is_taken_as_of_its_arrival(told):
    made = decoder({"topic": "j/{device}", "format": "json", "time": "ts"})
    (found,), refused = read(made, "j/pen", json.dumps({"ts": told, "temperature": 4}))

    assert (found.time, found.quality.name, refused) == (NOW, "UNKNOWN_TIME", ["bad_time"])


@pytest.mark.parametrize(
    ("format_", "payload", "value"),
    [
        ("json", b'{"temperature": 4.2}\x00', 4.2),
        ("number", b"4,2 \xb0C", 4.2),
        ("number", b"\xb0\xff\x01", None),
        ("number", b"4.2\xb0\x00\x01garbage", None),
    ],
)
def test_a_controller_of_long_ago_is_read_and_binary_is_not(format_, payload, value):
    source = {"topic": "old/{device}", "format": format_} | ({"metric": "temperature"} if format_ == "number" else {})
    readings, refused = read(decoder(source), "old/plc", payload)

    assert [one.value for one in readings] == ([] if value is None else [value])
    assert refused == ([] if value is not None else ["not_utf8"])

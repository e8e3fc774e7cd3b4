"""Sparkplug B: names told once, numbers afterwards; deaths, history and hostile bytes."""

from __future__ import annotations

import pytest
from readings import decoder, read
from samples import BIRTH, MILLIS, metric, sparkplug

from alertd.model import SECOND, Quality

SOURCE = {"preset": "sparkplug_b"}
TOPIC = "spBv1.0/Farm1/{}/Edge1"
ARRIVAL = MILLIS * 1000 + 5 * SECOND


def told(made, kind, payload, device=""):
    return read(made, TOPIC.format(kind) + device, payload, received=ARRIVAL)


def test_numbers_for_names_are_read_after_a_birth_and_with_its_units():
    made = decoder(SOURCE)
    told(made, "NBIRTH", sparkplug(metric("Tank/Temp", 7, 41.0, unit="°F"), seq=0))
    readings, why = told(made, "NDATA", sparkplug(metric(alias=7, value=50.0), seq=1))

    assert [(one.metric, one.value, one.unit) for one in readings] == [("tank_temp", 10.0, "degC")]
    assert why == []


def test_before_a_birth_they_cannot_be_read_and_that_is_said():
    readings, why = told(decoder(SOURCE), "NDATA", sparkplug(metric(alias=1, value=2.0)))

    assert (readings, why) == ([], ["unknown_alias"])


def test_a_birth_is_online_with_first_values_and_a_death_takes_the_nodes_devices_along():
    made = decoder(SOURCE)
    told(made, "NBIRTH", sparkplug(metric("bdSeq", value=3), seq=0))
    born, _ = told(made, "DBIRTH", sparkplug(metric("Temperature", 1, 20.5), seq=1), "/Barn2")
    dead, _ = told(made, "NDEATH", sparkplug(metric("bdSeq", value=3), seq=None, time=None))

    assert {(one.device, one.metric): one.value for one in born} == {
        ("Farm1/Edge1/Barn2", "online"): 1.0,
        ("Farm1/Edge1/Barn2", "temperature"): 20.5,
    }
    assert [(one.device, one.metric, one.value) for one in dead] == [
        ("Farm1/Edge1", "online", 0.0),
        ("Farm1/Edge1/Barn2", "online", 0.0),
    ]


def test_the_death_of_an_older_session_is_ignored():
    made = decoder(SOURCE)
    told(made, "NBIRTH", sparkplug(metric("bdSeq", value=4)))

    assert told(made, "NDEATH", sparkplug(metric("bdSeq", value=3), seq=None)) == ([], ["stale_death"])


def test_a_missing_message_is_noted_and_the_reading_still_counts():
    made = decoder(SOURCE)
    told(made, "NBIRTH", BIRTH)
    readings, why = told(made, "NDATA", sparkplug(metric("Temperature/Air", value=1.0), seq=5))

    assert ([one.value for one in readings], why) == ([1.0], ["sequence_gap"])


def test_what_the_sender_calls_history_is_late_and_null_is_nothing():
    payload = sparkplug(
        metric("NH3", value=21.0, time=MILLIS, historical=True), metric("CO2"), metric("Temp", value=3.0)
    )
    readings, _ = told(decoder(SOURCE), "DDATA", payload, "/Barn2")

    assert {one.metric: one.quality for one in readings} == {"nh3": Quality.LATE, "temperature": Quality.LIVE}


@pytest.mark.parametrize(
    ("datatype", "raw", "value"), [(1, 255, -1), (2, 65535, -1), (3, 2**32 - 5, -5), (4, 2**64 - 7, -7), (7, 200, 200)]
)
def test_signed_numbers_travel_unsigned(datatype, raw, value):
    readings, _ = told(decoder(SOURCE), "NDATA", sparkplug(metric("Offset", value=raw, datatype=datatype)))

    assert [one.value for one in readings] == [value]


@pytest.mark.parametrize("payload", [b"\x12\x7f", b"\xff" * 20, b"\x00", b"{}", BIRTH[:-3]])
def test_bytes_that_are_no_payload_are_refused(payload):
    assert told(decoder(SOURCE), "NDATA", payload) == ([], ["not_sparkplug"])


def test_commands_and_states_of_hosts_are_no_measurements():
    made = decoder(SOURCE)
    assert told(made, "NCMD", sparkplug(metric("Node Control/Rebirth", value=True))) == ([], [])
    assert read(made, "spBv1.0/STATE/scada", b'{"online": true}') == ([], [])

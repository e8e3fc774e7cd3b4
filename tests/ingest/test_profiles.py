"""Profiles of devices: found by model, by keys or by hand, and each one readable."""

from __future__ import annotations

import json

import pytest
from readings import NOW, decoder, read, values

from alertd.ingest.mapping import routes, with_profile
from alertd.ingest.profiles import PLACES, load_profiles
from alertd.ingest.settings import Device, Source

UP = "application/1/device/24e124136b502345/event/up"


def uplink(model="", **fields):
    return json.dumps({"deviceInfo": {"deviceProfileName": model}, "object": fields})


def test_there_are_profiles_for_the_commonest_devices():
    assert len(load_profiles().known) >= 25
    assert PLACES[1].is_dir()


@pytest.mark.parametrize("name", load_profiles().known)
def test_every_profile_compiles(name):
    route = routes(Source.model_validate({"preset": "chirpstack_v4"}), "UTC")[0]
    profile = load_profiles().known[name]

    assert with_profile(route, profile).fields or profile.history


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("EM500-SWL", "milesight/em500-swl"),
        ("Milesight EM500 SWL (EU868)", "milesight/em500-swl"),
        ("dragino_lht65n", "dragino/lht65"),
        ("WS523", "milesight/ws52x"),
        ("Test device-profile", None),
    ],
)
def test_a_profile_is_found_by_the_model_as_people_write_it(model, name):
    assert load_profiles().by_model(model) == name


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reason": "keepalive", "boxTamper": True, "flood": False, "battery": 3216}, {"water_leak": 0.0, "battery_voltage": 3.216}),
        ({"battery_volt": 3.5, "temperature": -19, "thh_type": 0, "CO2": 0}, {"battery_voltage": 3.5, "temperature": -19.0}),
        ({"water_SOIL": "19.57", "temp_SOIL": "24.59", "conduct_SOIL": 28200, "Bat": "3.384 V", "TempC_DS18B20": "0.00 °C"}, {"soil_moisture": 19.57, "soil_temperature": 24.59, "conductivity": 28200.0, "battery_voltage": 3.384}),
        ({"level": "15 mm", "empty": True, "battery": True, "temperature": "25 ℃"}, {"level": 0.015, "empty": 1.0, "battery_low": 1.0, "temperature": 25.0}),
        ({"ALARM_status": "TRUE", "MD": "Move", "LON": "ON", "latitude": 22.7, "longitude": 114.2, "BatV": 3.36}, {"alarm_button": 1.0, "latitude": 22.7, "longitude": 114.2, "battery_voltage": 3.36}),
        ({"latitudeDeg": -32, "longitudeDeg": 116, "fixFailed": True, "batV": 5.5}, {"battery_voltage": 5.5}),
        ({"valid": False, "messages": [{"measurementId": 4097, "measurementValue": 99}]}, {}),
        ({"valid": True, "messages": [[{"measurementId": "4198", "measurementValue": "50.1"}, {"measurementId": "4197", "measurementValue": "10.2"}, {"type": "upload_battery", "battery": 87}]]}, {"latitude": 50.1, "longitude": 10.2, "battery": 87.0}),
        ({"header": {"batteryLevel": 94, "timestamp": "2026-11-22T21:26:00Z"}, "position": {"gnssFix": {"latitude": 43.6, "longitude": 7.0, "EHPE": 23}}}, {"battery": 94.0, "latitude": 43.6, "longitude": 7.0, "position_error": 23.0}),
        ({"smokeAlarm": "Alarm", "faultAlarm": "Normal", "batteryLevelInPercentage": 95}, {"smoke": 1.0, "battery": 95.0}),
        ({"temperature_1": 21.5, "relative_humidity_2": 60.5, "barometric_pressure_3": 1004.1, "digital_in_4": 1}, {"temperature": 21.5, "humidity": 60.5, "pressure": 1004.1, "input": 1.0}),
        ({"temperature_1": 4.5, "temperature_3": 21.5}, {"temperature": 4.5, "temperature_3": 21.5}),
        ({"gps_1": {"latitude": 50.1, "longitude": 10.2, "altitude": 320}, "temperature_2": 9}, {"latitude": 50.1, "longitude": 10.2, "altitude": 320.0, "temperature": 9.0}),
        ({"gpsLocation": {"1": {"latitude": 50.1, "longitude": 10.2, "altitude": 320}}, "digitalInput": {"3": 1}}, {"latitude": 50.1, "longitude": 10.2, "altitude": 320.0, "input": 1.0}),
        ({"nh3": "polarizing", "h2s": 0.3, "battery": 99}, {"h2s": 0.3, "battery": 99.0}),
    ],
)  # fmt: skip
def test_a_device_is_known_by_the_keys_that_only_its_type_sends(fields, expected):
    assert values(decoder({"preset": "chirpstack_v4"}), UP, uplink(**fields)) == expected


def test_by_hand_a_profile_goes_to_a_source_or_to_one_device():
    text = uplink(pressure=250)
    kpa = Device(id="24E1-2413-6B50-2345", profile="milesight/em500-pp")

    assert values(decoder({"preset": "chirpstack_v4"}), UP, text) == {"pressure": 250.0}
    assert values(decoder({"preset": "chirpstack_v4", "profile": "milesight/em500-pp"}), UP, text) == {
        "pressure": 2500.0
    }
    assert values(decoder({"preset": "chirpstack_v4"}, devices=[kpa]), UP, text) == {"pressure": 2500.0}


def test_a_message_of_nothing_but_history_is_no_message_that_nobody_could_read():
    made = decoder({"preset": "chirpstack_v4"})
    late = {"temperature": 27.2, "leakage_status": "leak", "timestamp": NOW // 10**6 - 3600}

    assert read(made, UP, uplink(history=[late]))[1] == []
    assert read(made, UP, uplink(firmware="1.2"))[1] == ["no_metrics"]


def test_a_pipe_s_pressure_is_told_from_the_air_s_by_what_comes_with_it():
    pipe, air = uplink(battery=99, pressure=250), uplink(battery=99, pressure=1004.7, temperature=21)

    assert values(decoder({"preset": "chirpstack_v4"}), UP, pipe)["pressure"] == 2500.0
    assert values(decoder({"preset": "chirpstack_v4"}), UP, air)["pressure"] == 1004.7


def test_a_backlog_row_of_a_clock_that_was_never_set_gives_nothing():
    row = {"msgType": "SendBackLogMessage", "options": [], "temperature": 107.76}
    never = {"year": 2000, "month": "January", "day": 1, "hours": 0, "minutes": 0, "seconds": 2}
    made = decoder({"preset": "chirpstack_v4"})

    assert read(made, UP, uplink(**row, timestamp=never)) == ([], ["bad_time"])
    assert values(made, UP, uplink(**row), received=NOW + 1) == {"temperature": 107.76}


def test_a_straight_sender_without_a_mapping_is_read_by_its_keys():
    telemetry = {"UTC": NOW // 10**6, "bat": 99, "temp": 28, "onewire": [21.6, 33.2, -11.8], "s_magnet": 0}
    text = json.dumps({"Message": {"IMEI": "8677"}, "Telemetry": telemetry})

    assert values(decoder({"topic": "nb/{device}", "format": "json"}), "nb/8677", text) == {
        "grain_temperature_max": 33.2,
        "temperature": 28.0,
        "battery": 99.0,
        "gate_open": 0.0,
    }

"""One line of configuration reads a whole kind of hub: its measurements, and whether its devices are there."""

from __future__ import annotations

import json

import pytest
from readings import NOW, decoder, read, values
from samples import EUI, EVENT, FORMATS, OTHERS, SAMPLES, SHELLY, TASMOTA, field, metric, sparkplug

from alertd.ingest.presets import PRESETS
from alertd.ingest.settings import Device
from alertd.model import HOUR, SECOND, Quality

ARRIVAL = 1_795_000_000 * SECOND + 30 * SECOND

TYPICAL: dict[str, tuple[str, dict[str, float]]] = {
    "alertd": ("cow-1", {"activity": 17.5, "temperature": 9.0}),
    "chirpstack_v4": (EUI, {"battery": 92.0, "temperature": 30.8, "humidity": 50.5, "gate_open": 1.0}),
    "chirpstack_v3": ("a840410000181234", {"distance": 2.025, "battery_voltage": 3.338}),
    "tts_v3": ("tank-1", {"battery_voltage": 3.06, "temperature": 21.3, "humidity": 60.1}),
    "zigbee2mqtt": ("barn/door", {"battery": 100.0, "gate_open": 1.0, "temperature": 24.0, "battery_voltage": 3.005}),
    "shelly_gen1": ("shellyem3-68C63AFAF952", {"power": 120.11}),
    "shelly_gen2": (
        "shellyhtg3-1",
        {"battery_voltage": 6.13, "battery": 93.0, "humidity": 50.8, "temperature": 21.5, "rssi": -60.0},
    ),
    "ruuvi": (
        "DA:77:B2:94:F8:79",
        {
            "temperature": 8.665,
            "humidity": 67.54,
            "pressure": 970.58,
            "battery_voltage": 2.798,
            "movement_count": 228.0,
        },
    ),
    "victron": ("0123456789ab/battery/256", {"battery": 81.5}),
    "homeassistant_statestream": ("barn_temp", {"temperature": 21.5}),
    "esphome": ("barn-node", {"temperature": 21.5}),
    "sparkplug_b": ("Farm1/Edge1/Barn2", {"temperature": -2.5, "fan_running": 0.0}),
    "senml": ("urn:dev:mac:24e124136b502345", {"temperature": 21.5, "humidity": 60.0}),
    "fiware_ul": ("motion001", {"temperature": 21.5, "humidity": 60.0}),
}


@pytest.mark.parametrize("preset", TYPICAL)
def test_a_typical_message_of_each_preset_is_read(preset):
    source, topic, payload = SAMPLES[preset]
    device, expected = TYPICAL[preset]
    readings, _ = read(decoder(source), topic, payload, received=ARRIVAL)

    assert {one.metric: round(one.value, 4) for one in readings} == expected
    assert {one.device for one in readings} == {device}


def test_every_preset_has_a_sample():
    assert set(SAMPLES) == set(PRESETS)


@pytest.mark.parametrize(
    ("preset", "topic", "payload", "device", "online"),
    [
        ("zigbee2mqtt", "zigbee2mqtt/bridge/state", '{"state":"offline"}', "bridge", 0.0),
        ("zigbee2mqtt", "zigbee2mqtt/barn/door/availability", "online", "barn/door", 1.0),
        ("zigbee2mqtt", "zigbee2mqtt/door/availability", '{"state":"offline"}', "door", 0.0),
        ("tasmota", "tele/barn/LWT", "Offline", "barn", 0.0),
        ("tasmota", "farm/hall/barn/tele/LWT", "Online", "barn", 1.0),
        ("shelly_gen1", "shellies/shellyht-1/online", "false", "shellyht-1", 0.0),
        ("shelly_gen2", "shellyplus1-1/online", "true", "shellyplus1-1", 1.0),
        ("esphome", "barn-node/status", "offline", "barn-node", 0.0),
        ("ruuvi", "ruuvi/CC:82:09:0E:D9:05/gw_status", '{"state":"offline"}', "CC:82:09:0E:D9:05", 0.0),
        ("victron", "N/0123456789ab/pvinverter/20/Ac/Power", "", "0123456789ab/pvinverter/20", 0.0),
        ("victron", "N/0123456789ab/grid/30/Connected", '{"value": 1}', "0123456789ab/grid/30", 1.0),
        ("thingsboard", "v1/gateway/disconnect", '{"device": "Tank"}', "Tank", 0.0),
    ],
)
def test_whether_a_device_is_there_is_a_reading_of_that_device(preset, topic, payload, device, online):
    readings, _ = read(decoder({"preset": preset}), topic, payload)

    assert [(one.device, one.metric, one.value, one.state) for one in readings] == [(device, "online", online, True)]


@pytest.mark.parametrize(
    ("preset", "topic", "payload", "expected"),
    [
        ("shelly_gen1", "shellies/s/emeter/1/power", "7", {"power_1": 7.0}),
        ("shelly_gen1", "shellies/s/emeter/0/total", "1500", {"energy_total": 1.5}),
        ("shelly_gen1", "shellies/s/relay/0/energy", "60000", {"energy_total": 1.0}),
        ("shelly_gen1", "shellies/s/relay/0", "on", {"state": 1.0}),
        ("shelly_gen1", "shellies/s/sensor/flood", "true", {"water_leak": 1.0}),
        ("shelly_gen1", "shellies/s/temperature_f", "124.91", {"temperature": 51.6167}),
        ("shelly_gen1", "shellies/s/announce", '{"id": "s"}', {}),
        ("shelly_gen2", "s/status/temperature:0", '{"id": 0, "tC": 20.1, "tF": 68.2}', {"temperature": 20.1}),
        ("shelly_gen2", "s/status/switch:1", '{"output": true, "apower": 12.1}', {"state_1": 1.0, "power_1": 12.1}),
        ("shelly_gen2", "s/status/temperature:0", '{"id": 0, "tC": null, "errors": ["read"]}', {}),
        ("homeassistant_statestream", "homeassistant/sensor/x_humidity/state", "61", {"humidity": 61.0}),
        ("homeassistant_statestream", "homeassistant/binary_sensor/gate_door/state", '"on"', {"gate_open": 1.0}),
        ("homeassistant_statestream", "homeassistant/sensor/barn_temp/state", '"unavailable"', {}),
        ("homeassistant_statestream", "homeassistant/weather/home/state", '"sunny"', {}),
        ("esphome", "milk/sensor/outside_temperature/state", "3", {"outside_temperature": 3.0}),
        ("esphome", "milk/sensor/temperature/state", "nan", {}),
        ("esphome", "milk/binary_sensor/pump/state", "ON", {"pump": 1.0}),
        ("tasmota", "tele/x/SENSOR", '{"DS18B20-1":{"Temperature":3.1},"DS18B20-2":{"Temperature":4}}', {"temperature": 3.1, "temperature_2": 4.0}),
        ("tasmota", "tele/x/SENSOR", '{"AM2301":{"Temperature":68,"Humidity":55},"TempUnit":"F"}', {"temperature": 20.0, "humidity": 55.0}),
        ("tasmota", "tele/x/SENSOR", '{"ENERGY":{"Power":[10,20,30],"Today":3}}', {"power_l1": 10.0, "power_l2": 20.0, "power_l3": 30.0}),
        ("tasmota", "tele/x/SENSOR", '{"ENERGY":{"Power":10,"Voltage":230}}', {"power": 10.0, "voltage": 230.0}),
        ("shelly_gen1", "shellies/shellyem3-68C63A/emeter/1/power", "7", {"power_l2": 7.0}),
        ("shelly_gen2", "s/status/em:0", '{"a_act_power": 1, "b_act_power": 2, "c_act_power": 3, "total_act_power": 6}', {"power_l1": 1.0, "power_l2": 2.0, "power_l3": 3.0, "power": 6.0}),
        ("tasmota", "tele/x/SENSOR", '{"LMT01":{"Temperature":null}}', {}),
        ("tasmota", "stat/x/STATUS8", '{"StatusSNS":{"BME280":{"Temperature":5,"Pressure":990}}}', {"temperature": 5.0, "pressure": 990.0}),
        ("victron", "N/p/grid/30/Ac/L2/Power", '{"value": -12}', {"power_l2": -12.0}),
        ("victron", "N/p/grid/30/Ac/L2/Power", '{"value": null}', {}),
        ("victron", "N/p/settings/0/Settings/Gui/Brightness", '{"value": 7}', {}),
        ("fiware_ul", "/key/dev/attrs", "t|15.5|s|OPEN", {"temperature": 15.5, "s": 1.0}),
        ("fiware_ul", "/json/key/dev/attrs", '{"t": 7, "TimeInstant": ""}', {"temperature": 7.0}),
        ("fiware_ul", "/key/dev/attrs/h", "81", {"humidity": 81.0}),
        ("thingsboard", "v1/gateway/telemetry", '{"A": [{"temperature": 42}]}', {"temperature": 42.0}),
        ("tts_v3", "v3/a@t/devices/d/join", f'{{"received_at": "{EVENT}", "join_accept": {{}}}}', {"rejoin": 1.0}),
        ("tts_v3", "v3/a/devices/d/up", '{"uplink_message":{"normalized_payload":[{"air":{"temperature":21.5,"relativeHumidity":60}}]}}', {"temperature": 21.5, "humidity": 60.0}),
        ("chirpstack_v4", "application/1/device/d/event/status", '{"margin": 10, "batteryLevel": 0, "externalPowerSource": true}', {"link_margin": 10.0}),
        ("chirpstack_v4", "application/1/device/d/event/location", '{"location": {"latitude": 50.1, "longitude": 10.2}}', {"latitude": 50.1, "longitude": 10.2}),
    ],
)  # fmt: skip
def test_the_quirks_of_each_hub(preset, topic, payload, expected):
    assert values(decoder({"preset": preset}), topic, payload) == expected


def test_each_bluetooth_sensor_in_a_message_is_a_device_of_its_own():
    readings, _ = read(decoder({"preset": "tasmota"}), "tele/barn/SENSOR", json.dumps(TASMOTA))

    assert {one.device for one in readings} == {"barn", "LYWSD03-52680f"}
    assert {one.metric for one in readings if one.device == "barn"} == {
        "temperature",
        "energy_total",
        "power",
        "current",
    }


def test_a_battery_holder_that_is_empty_on_mains_power_is_not_a_flat_battery():
    power = {"devicepower:0": {"battery": {"V": 0, "percent": 0}, "external": {"present": True}}}
    frame = {**SHELLY, "params": power}

    assert values(decoder({"preset": "shelly_gen2"}), "s/events/rpc", json.dumps(frame)) == {}


def test_an_advertisement_that_two_gateways_hear_is_read_once():
    source, topic, payload = SAMPLES["ruuvi"]
    made = decoder(source)
    first, _ = read(made, topic, payload, received=ARRIVAL)
    second, why = read(made, topic.replace("D9:05", "D9:06"), payload, received=ARRIVAL + SECOND)

    assert (len(first), second, why) == (5, [], ["repeated"])


def test_the_same_frame_counter_with_another_payload_is_another_message():
    source, topic, payload = SAMPLES["chirpstack_v3"]
    made = decoder(source)
    assert len(read(made, topic, payload)[0]) == 2
    assert read(made, topic, payload, received=NOW + SECOND)[1] == ["repeated"]
    again = payload.replace(b"DQoH6Q", b"DQoH7Q").replace(b"2025", b"2030")

    assert len(read(made, topic, again, received=NOW + 2 * SECOND)[0]) == 2


def test_an_operators_own_layout_of_topics_and_further_metrics_go_into_a_preset():
    own = {
        "preset": "tasmota",
        "topic": "hall/{device}/out/SENSOR",
        "metrics": {"barn_co2": {"path": "CarbonDioxide", "unit": "ppm"}},
    }

    assert values(decoder(own), "hall/x/out/SENSOR", '{"MHZ19B": {"CarbonDioxide": 800}}') == {"barn_co2": 800.0}
    assert values(decoder({"preset": "zigbee2mqtt", "topic": "barn/z2m"}), "barn/z2m/a", '{"humidity": 5}') == {
        "humidity": 5.0
    }


def test_a_local_time_without_a_zone_is_the_farms():
    readings, _ = read(decoder({"preset": "tasmota"}), "tele/barn/SENSOR", json.dumps(TASMOTA), received=ARRIVAL)

    assert {one.time for one in readings} == {1_795_000_000 * SECOND}
    assert {one.quality for one in readings} == {Quality.LIVE}


def test_history_in_a_message_is_late_and_stands_at_its_own_times():
    rows = [{"timestamp": 1_795_000_000 - 3600 * hour, "temperature": hour} for hour in (2, 1)]
    up = {"time": EVENT, "object": {"temperature": 20, "history": rows}}
    readings, _ = read(
        decoder({"preset": "chirpstack_v4"}), "application/1/device/d/event/up", json.dumps(up), received=ARRIVAL
    )

    assert [(one.value, one.quality) for one in readings] == [(20, Quality.LIVE), (2, Quality.LATE), (1, Quality.LATE)]
    assert readings[2].time - readings[1].time == HOUR


def test_messages_of_no_measurement_are_refused_or_silent_and_never_an_accident():
    made = decoder(*(source for source, _, _ in SAMPLES.values()), *(source for source, _, _ in FORMATS.values()))
    for topic, payload in OTHERS:
        read(made, topic, payload)


def test_a_listed_device_of_a_hub_is_known_in_any_spelling():
    tag = Device(id="da-77-b2-94-f8-79", name="Milk tank", group="tanks")
    source, topic, payload = SAMPLES["ruuvi"]
    readings, _ = read(decoder(source, devices=[tag]), topic, payload)

    assert {(one.device, one.group) for one in readings} == {("da-77-b2-94-f8-79", "tanks")}


@pytest.mark.parametrize(
    ("preset", "heard", "gateway"),
    [
        ("chirpstack_v4", {}, "0016c001f153a14c"),
        ("chirpstack_v3", {"rxInfo": [{"gatewayID": "ABbAAfFToUw=", "rssi": -57}]}, "0016c001f153a14c"),
        ("chirpstack_v3", {"rxInfo": [{"gatewayID": "0016C001F153A14C"}]}, "0016c001f153a14c"),
        ("tts_v3", {"rx_metadata": [{"gateway_ids": {"gateway_id": "roof"}, "rssi": -50}]}, "roof"),
    ],
)
def test_a_lorawan_device_is_labelled_with_the_gateway_that_heard_it(preset, heard, gateway):
    source, topic, payload = SAMPLES[preset]
    message = json.loads(payload)
    message.get("uplink_message", message).update(heard)
    readings, _ = read(decoder(source), topic, json.dumps(message), received=ARRIVAL)
    assert readings[0].labels["gateway"] == gateway


@pytest.mark.parametrize(
    ("topic", "labels"),
    [
        ("spBv1.0/Farm1/DDATA/Edge1/Barn2", {"node": "Edge1", "bridge": "Farm1/Edge1"}),
        ("zigbee2mqtt/barn/door", {"bridge": "bridge"}),
        ("/4jggokgpepnvsb2uv4s40d59ov/motion001/attrs", {}),
        ("N/0123456789ab/battery/256/Soc", {"portal": "0123456789ab", "service": "battery", "instance": "256"}),
        ("tele/barn/SENSOR", {}),
    ],
)
def test_labels_are_what_a_rule_may_want_and_no_key_or_kind_of_message(topic, labels):
    source, payload = next((one, payload) for one, typical, payload in SAMPLES.values() if typical == topic)
    readings, _ = read(decoder(source), topic, payload)

    assert readings[0].labels == labels


@pytest.mark.parametrize(
    ("source", "bridge", "device", "name"),
    [
        ({"preset": "zigbee2mqtt"}, ("zigbee2mqtt/bridge/state", "offline"), "zigbee2mqtt/barn/door", "bridge"),
        ({"preset": "zigbee2mqtt", "topic": "z2"}, ("z2/bridge/state", "offline"), "z2/barn/door", "z2/bridge"),
        ({"preset": "ruuvi"}, ("ruuvi/GW1/gw_status", '{"state": "offline"}'), "ruuvi/GW1/TAG", "GW1"),
    ],
)
def test_a_bridge_and_the_devices_behind_it_share_the_label_by_which_one_mutes_the_others(source, bridge, device, name):
    made = decoder(source)
    (gone,), _ = read(made, *bridge)
    (other,), _ = read(made, device, '{"humidity": 5}')

    assert (gone.device, gone.metric, gone.labels["role"], gone.labels["bridge"]) == (name, "online", "bridge", name)
    assert (other.labels.get("role"), other.labels["bridge"]) == (None, name)


def test_the_death_of_a_node_is_its_own_and_its_devices_are_not_taken_for_bridges():
    made = decoder({"preset": "sparkplug_b"})
    read(made, "spBv1.0/Farm1/DBIRTH/Edge1/Barn2", sparkplug(metric("Temperature", 1, 20.5), seq=1))
    dead, _ = read(made, "spBv1.0/Farm1/NDEATH/Edge1", sparkplug(metric("bdSeq", value=3), seq=None, time=None))

    assert [(one.device, one.labels.get("role"), one.labels["bridge"]) for one in dead] == [
        ("Farm1/Edge1", "bridge", "Farm1/Edge1"),
        ("Farm1/Edge1/Barn2", None, "Farm1/Edge1"),
    ]


def test_of_a_temperature_told_in_two_units_one_is_read():
    made = decoder({"preset": "shelly_gen1"})
    told = [
        values(made, f"shellies/dimmer/{name}", value)
        for name, value in (("temperature", "51.6"), ("temperature_f", "124.9"), ("temperature", "51.7"))
    ]

    assert told == [{"temperature": 51.6}, {}, {"temperature": 51.7}]


@pytest.mark.parametrize(
    ("topic", "payload", "online"),
    [
        ("gateway/0016c001f153a14c/state/conn", b'{"gatewayID": "ABbAAfFToUw=", "state": "OFFLINE"}', 0.0),
        ("eu868/gateway/0016c001f153a14c/state/conn", b'{"gatewayId": "0016c001f153a14c", "state": "ONLINE"}', 1.0),
        # protobuf's JSON and protobuf itself leave 0 out, and 0 is offline
        ("eu868/gateway/0016c001f153a14c/state/conn", b'{"gatewayId": "0016c001f153a14c"}', 0.0),
        ("eu868/gateway/0016c001f153a14c/state/conn", field(3, b"0016c001f153a14c"), 0.0),
        ("eu868/gateway/0016c001f153a14c/state/conn", field(2, 1) + field(3, b"0016c001f153a14c"), 1.0),
    ],
)
def test_a_lorawan_gateway_says_whether_it_is_connected(topic, payload, online):
    base = topic.removesuffix("/0016c001f153a14c/state/conn")
    made = decoder({"preset": "chirpstack_gateways", "topic": base}, {"preset": "chirpstack_v4"})
    (found,), refused = read(made, topic, payload)
    behind, _ = read(made, *SAMPLES["chirpstack_v4"][1:])

    assert (found.device, found.metric, found.value, refused) == ("0016c001f153a14c", "online", online, [])
    assert found.labels == {"role": "gateway", "gateway": found.device}
    assert behind[0].labels["gateway"] == found.device


@pytest.mark.parametrize("payload", [b"", b"offline", b"{", b"\x08\x01", b"[]"])
def test_what_does_not_name_a_gateway_says_nothing_of_one(payload):
    _, refused = read(decoder({"preset": "chirpstack_gateways"}), "gateway/0016c001f153a14c/state/conn", payload)

    assert len(refused) == 1

"""One typical message for every preset and format: what the benchmark times, the fuzz mutates and the tests read.

Field names from the vendors' documentation, values made up. `sparkplug` writes the payloads of Sparkplug B.
"""

from __future__ import annotations

import json
from struct import pack
from typing import Any

EVENT = "2026-11-18T11:06:40.775023242+00:00"
MILLIS = 1_795_000_000_000
EUI = "24e124136b502345"


def varint(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def field(number: int, value: float | bytes) -> bytes:
    """Write one field of a protocol buffer: int as varint, float as double, bytes with their length."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 1) + pack("<d", value)
    return varint(number << 3) + varint(value)


def metric(name: str = "", alias: int | None = None, value: Any = None, **facts: Any) -> bytes:
    """Write one metric; facts: time (ms), historical, unit, datatype."""
    out = field(1, name.encode()) if name else b""
    out += field(2, alias) if alias is not None else b""
    out += field(3, facts["time"]) if "time" in facts else b""
    out += field(4, facts.get("datatype", 10))
    out += field(5, 1) if facts.get("historical") else b""
    if "unit" in facts:
        out += field(9, field(1, b"engUnit") + field(2, field(1, 12) + field(8, facts["unit"].encode())))
    if value is None:
        return field(2, out + field(7, 1))
    if isinstance(value, bool):
        out += field(14, int(value))
    elif isinstance(value, int):
        out += field(11, value & 0xFFFF_FFFF_FFFF_FFFF)
    elif isinstance(value, float):
        out += field(13, value)
    else:
        out += field(15, value.encode())
    return field(2, out)


def sparkplug(*metrics: bytes, seq: int | None = 0, time: int | None = MILLIS) -> bytes:
    out = field(1, time) if time is not None else b""
    return out + b"".join(metrics) + (field(3, seq) if seq is not None else b"")


def text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


UP_V4 = {
    "deduplicationId": "{n}",
    "time": EVENT,
    "deviceInfo": {"deviceName": "Gate", "deviceProfileName": "EM300-MCS", "devEui": EUI, "tags": {"site": "home"}},
    "fPort": 1,
    "rxInfo": [{"gatewayId": "0016c001f153a14c", "uplinkId": 4217106255, "rssi": -36, "snr": 10.5}],
    "object": {"battery": 92, "temperature": 30.8, "humidity": 50.5, "magnet_status": "open"},
}
UP_V3 = {
    "deviceName": "silo-1",
    "devEUI": "qEBBAAAYEjQ=",
    "rxInfo": [{"time": None, "rssi": -57}],
    "fCnt": 10,
    "data": "DQoH6Q{n}",
    "objectJSON": '{"Bat":3.338,"Distance":2025,"Interrupt_flag":0,"TempC_DS18B20":"0.00","Sensor_flag":1}',
}
UP_TTS = {
    "end_device_ids": {"device_id": "tank-1", "dev_eui": EUI.upper()},
    "received_at": EVENT,
    "uplink_message": {
        "session_key_id": "AXA50bHUOs8AAA{n}",
        "f_cnt": 5,
        "frm_payload": "gkHe",
        "received_at": EVENT,
        "decoded_payload": {"BatV": 3.06, "TempC_SHT": 21.3, "Hum_SHT": "60.1", "TempC_DS": 327.67, "Ext_sensor": "T"},
    },
}
RUUVI = {
    "gw_mac": "CC:82:09:0E:D9:05",
    "rssi": -65,
    "ts": "1795000000",
    "data": "0201061BFF99040506C56988B7D2003C0018040495D6E44715DA77B294F879",
}
SHELLY = {
    "src": "shellyhtg3-1",
    "dst": "shellyhtg3-1/events",
    "method": "NotifyFullStatus",
    "params": {
        "ts": 1795000000.91,
        "cloud": {"connected": False},
        "devicepower:0": {"id": 0, "battery": {"V": 6.13, "percent": 93}, "external": {"present": False}},
        "humidity:0": {"id": 0, "rh": 50.8},
        "temperature:0": {"id": 0, "tC": 21.5, "tF": 70.7},
        "wifi": {"rssi": -60},
    },
}
TASMOTA = {
    "Time": "2026-11-18T12:06:40",
    "DS18B20": {"Id": "0000", "Temperature": 20.6},
    "ENERGY": {"Total": 3.1, "Power": 170, "Current": 1.0},
    "LYWSD03-52680f": {"Temperature": 21.1, "Humidity": 58.0, "DewPoint": 12.5, "Battery": 100},
    "TempUnit": "C",
}
SENML = [
    {"bn": "urn:dev:mac:24e124136b502345/", "bt": 1795000000, "n": "temperature", "u": "Cel", "v": 21.5},
    {"n": "humidity", "u": "%RH", "v": 60, "t": -60},
]
THINGSBOARD = [
    {"ts": MILLIS, "values": {"temperature": 22.5, "humidity": 61}},
    {"ts": MILLIS + 1000, "values": {"temperature": 22.6}},
]
BIRTH = sparkplug(
    metric("bdSeq", value=1), metric("Temperature/Air", 1, 20.5, unit="°C"), metric("Fan/Running", 2, True)
)
DATA = sparkplug(metric("Temperature/Air", value=-2.5, time=MILLIS), metric("Fan/Running", value=False), seq=1)

SAMPLES: dict[str, tuple[dict[str, Any], str, bytes]] = {
    "alertd": (
        {"preset": "alertd"},
        "alertd/v1/home/collar/cow-1",
        text({"ts": MILLIS, "activity": 17.5, "temperature": 9}),
    ),
    "chirpstack_v4": ({"preset": "chirpstack_v4"}, f"application/17c8/device/{EUI}/event/up", text(UP_V4)),
    "chirpstack_v3": ({"preset": "chirpstack_v3"}, "application/1/device/a840410000181234/event/up", text(UP_V3)),
    "tts_v3": ({"preset": "tts_v3"}, "v3/app1@ttn/devices/tank-1/up", text(UP_TTS)),
    "chirpstack_gateways": (
        {"preset": "chirpstack_gateways"},
        "gateway/0016c001f153a14c/state/conn",
        text({"gatewayId": "0016c001f153a14c", "state": "ONLINE"}),
    ),
    "zigbee2mqtt": (
        {"preset": "zigbee2mqtt"},
        "zigbee2mqtt/barn/door",
        text({"battery": 100, "contact": False, "linkquality": 90, "temperature": 24, "voltage": 3005}),
    ),
    "tasmota": ({"preset": "tasmota"}, "tele/barn/SENSOR", text(TASMOTA)),
    "shelly_gen1": ({"preset": "shelly_gen1"}, "shellies/shellyem3-68C63AFAF952/emeter/0/power", b"120.11"),
    "shelly_gen2": ({"preset": "shelly_gen2"}, "shellyhtg3-1/events/rpc", text(SHELLY)),
    "ruuvi": ({"preset": "ruuvi"}, "ruuvi/CC:82:09:0E:D9:05/DA:77:B2:94:F8:79", text(RUUVI)),
    "victron": ({"preset": "victron"}, "N/0123456789ab/battery/256/Soc", b'{"value": 81.5}'),
    "homeassistant_statestream": (
        {"preset": "homeassistant_statestream"},
        "homeassistant/sensor/barn_temp/state",
        b'"21.5"',
    ),
    "esphome": ({"preset": "esphome"}, "barn-node/sensor/barn_temperature/state", b"21.5"),
    "sparkplug_b": ({"preset": "sparkplug_b"}, "spBv1.0/Farm1/DDATA/Edge1/Barn2", DATA),
    "senml": ({"preset": "senml"}, "senml/gw1", text(SENML)),
    "thingsboard": ({"preset": "thingsboard"}, "v1/devices/me/telemetry", text(THINGSBOARD)),
    "fiware_ul": ({"preset": "fiware_ul"}, "/4jggokgpepnvsb2uv4s40d59ov/motion001/attrs", b"t|21.5|h|60"),
}
"""Preset to (source, topic, payload)."""

MAPPED = {
    "topic": "c/{device}",
    "format": "json",
    "time": "ts",
    "metrics": {
        "body_temperature": {"path": "temp", "unit": "degF", "missing": [-1]},
        "steps": {"path": "n", "kind": "counter", "wrap": 65536},
        "gate_open": {"path": "door", "map": {"open": 1, "closed": 0}},
        "position": {"lat": "gps[1]", "lon": "gps[0]", "error": "acc", "skip_if": "lost"},
        "grain_temperature_max": {"path": "probes[*]"},
        "level": {"path": "list[flag=T1].value"},
    },
}
HISTORY = {**MAPPED, "topic": "h/{device}", "each": "history[*]"}
FORMATS: dict[str, tuple[dict[str, Any], str, bytes]] = {
    "json": (
        MAPPED,
        "c/cow-1",
        text(
            {
                "ts": EVENT,
                "temp": 101.5,
                "n": 12,
                "door": "open",
                "gps": [10.1, 50.2],
                "probes": [1, 2.5],
                "list": [{"flag": "T1", "value": "1,5 m"}],
            }
        ),
    ),
    "json, rows": (
        HISTORY,
        "h/cow-1",
        text({"temp": 101, "history": [{"ts": MILLIS, "n": 3}, {"ts": MILLIS + 60000, "n": 9}]}),
    ),
    "json, unmapped": (
        {"topic": "j/{device}", "format": "json"},
        "j/cow-1",
        text({"activity": 7, "temperature": 38.5, "ok": True}),
    ),
    "number": ({"topic": "farm/{device}/{metric}", "format": "number"}, "farm/tank/temperature", "4,2 °C".encode()),
    "text": ({"topic": "t/{device}/{metric}", "format": "text"}, "t/barn/gate_open", b"closed"),
    "csv": (
        {"topic": "csv/{device}", "format": "csv", "separator": ";", "columns": ["time", "temperature", "humidity"]},
        "csv/tank",
        b"2026-11-18 12:06:40;4,2;81\n2026-11-18 12:07:40;4,3;80\n",
    ),
    "senml": ({"topic": "s/{device}", "format": "senml"}, "s/gw1", text(SENML)),
    "sparkplug": ({"topic": "p/{group}/{type}/{node}", "format": "sparkplug"}, "p/Farm1/NBIRTH/Edge1", BIRTH),
}
"""Format to (source, topic, payload)."""

OTHERS: list[tuple[str, bytes]] = [
    (f"application/17c8/device/{EUI}/event/status", text({"time": EVENT, "margin": 10, "batteryLevel": 88.3})),
    (f"application/17c8/device/{EUI}/event/join", text({"time": EVENT, "deviceInfo": {"devEui": EUI}})),
    (
        f"application/17c8/device/{EUI}/event/location",
        text({"time": EVENT, "location": {"latitude": 50.1, "longitude": 10.2}}),
    ),
    ("v3/app1@ttn/devices/tank-1/join", text({"received_at": EVENT, "join_accept": {}})),
    (
        "v3/app1@ttn/devices/tank-1/up",
        text({"received_at": EVENT, "uplink_message": {"normalized_payload": [{"air": {"temperature": 21.5}}]}}),
    ),
    ("zigbee2mqtt/bridge/state", b'{"state":"online"}'),
    ("zigbee2mqtt/barn/door/availability", b"offline"),
    (
        "tele/barn/STATE",
        text({"Time": "2026-11-18T12:06:40", "UptimeSec": 14, "POWER": "ON", "Wifi": {"RSSI": 100, "Signal": -50}}),
    ),
    ("tele/barn/LWT", b"Offline"),
    ("shellies/shellyht-1/sensor/temperature", b"21.5"),
    ("shellyhtg3-1/status/switch:0", text({"id": 0, "output": True, "apower": 12.1, "aenergy": {"total": 1.5}})),
    ("shellyhtg3-1/online", b"true"),
    ("ruuvi/CC:82:09:0E:D9:05/gw_status", b'{"state":"online"}'),
    ("N/0123456789ab/pvinverter/20/Ac/Power", b""),
    ("barn-node/binary_sensor/gate/state", b"ON"),
    ("barn-node/status", b"online"),
    ("spBv1.0/Farm1/NBIRTH/Edge1", BIRTH),
    ("spBv1.0/Farm1/DBIRTH/Edge1/Barn2", BIRTH),
    ("spBv1.0/Farm1/NDEATH/Edge1", sparkplug(metric("bdSeq", value=1), seq=None, time=None)),
    ("v1/gateway/telemetry", text({"Device A": [{"ts": MILLIS, "values": {"temperature": 42}}]})),
    ("v1/gateway/connect", b'{"device": "Device A"}'),
    ("/4jgg/motion001/attrs/t", b"21.5"),
]
"""Further messages of the presets: availability, joins, births and deaths."""

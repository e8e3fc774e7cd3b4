# ruff: noqa: T201 (pytest -s shows what was read and told)
"""Recorded payloads and series through a real broker, `alertd run` and a messenger's API: what is read and what fires."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
from collections import defaultdict
from pathlib import Path

import aiohttp
import aiomqtt
import pytest
from daemon import Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto
from ports import free_port

SHARED = Path(__file__).resolve().parents[3] / "shared"
PAYLOADS = SHARED / "contract" / "payloads.jsonl"
COLLARS = SHARED / "data" / "collars" / "readings.csv"
MACHINE = SHARED / "data" / "nab" / "data" / "realKnownCause" / "machine_temperature_system_failure.csv"
UNITS = {"Cel": 1, "%RH": 1, "%": 1, "V": 1, "bool": 1, "dB": 1, "cm": 0.01, "km/h": 1 / 3.6}
"""Factor from the recorded unit to alertd's."""

CONFIG = """
farm: {{name: Hof, timezone: Europe/Berlin, language: en}}
mqtt: {{url: "mqtt://127.0.0.1:{mqtt}", client_id: alertd-real}}
store: {{path: {store}}}
sources:
  - preset: zigbee2mqtt
  - preset: chirpstack_v4
  - {{topic: "farm/{{device}}/{{metric}}", format: number}}
rules:
  - name: tank-warm
    match: {{metric: temperature, device: tank1}}
    detect: {{kind: threshold, above: 4, clear: 3.8}}
    severity: critical
  - name: gate-open
    match: {{metric: gate_open}}
    detect: {{kind: state, equals: 1}}
  - name: freezing
    match: {{metric: temperature}}
    detect: {{kind: threshold, below: -15}}
  - name: machine
    match: {{metric: machine_temperature}}
    detect: {{kind: robust_zscore, window: {{samples: 250}}, above: 8, direction: down}}
    group_by: [device]
  - name: restless
    match: {{metric: activity}}
    detect: {{kind: robust_zscore, window: {{samples: 84}}, above: 6, direction: up}}
    group_by: [device]
messengers:
  telegram: {{token: "{token}", api_base: "{api}"}}
subscribers:
  - {{id: anna, name: Anna, channels: [{{telegram: "4711"}}], consent: 2026-11-01}}
web: {{listen: "127.0.0.1:{web}"}}
"""

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(not PAYLOADS.exists(), reason="recorded data is not here (../shared)"),
]


def payloads() -> list[dict]:
    """The recorded payloads of zigbee2mqtt, ChirpStack v4 and plain numbers that a broker carries."""
    lines = [json.loads(line) for line in PAYLOADS.read_text(encoding="utf-8").splitlines()]
    plain = ("farm/tank1/temperature", "farm/barn1/json")
    return [
        line
        for line in lines
        if line["topic_example"].startswith("zigbee2mqtt/")
        or line["topic_example"] in plain
        or (line["topic_example"].startswith("application/") and "deviceInfo" in line["payload"])
    ]


def wanted(lines: list[dict]) -> dict[tuple[str, str], float]:
    """(device, metric) to the value expected, in alertd's units."""
    return {
        (line["expect"]["device"], one["metric"]): one["value"] * UNITS[one["unit"]]
        for line in lines
        for one in line["expect"]["readings"]
    }


def recorded() -> list[tuple[str, str]]:
    """(topic, payload) of ten cows' four weeks and of a machine that failed, in order of time."""
    with COLLARS.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["device"] <= "cow-010"]
    with MACHINE.open(newline="", encoding="utf-8") as file:
        machine = [("farm/machine/machine_temperature", row["value"]) for row in csv.DictReader(file)]
    return [(f"farm/{row['device']}/activity", row["value"]) for row in rows] + machine[1500:4500]


async def get(http: aiohttp.ClientSession, web: int, path: str) -> dict:
    async with http.get(f"http://127.0.0.1:{web}/api/v1/{path}") as answer:
        return dict(await answer.json())


async def test_what_farms_really_send_is_read_and_told(tmp_path: Path) -> None:
    lines, series, web = payloads(), recorded(), free_port()
    expected = wanted(lines)
    assert len(lines) >= 9
    with Mosquitto(tmp_path / "broker", ["max_queued_messages 0"]) as broker:
        async with FakeTelegram(chats=[4711]) as api, aiohttp.ClientSession() as http:
            config = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            async with Daemon(tmp_path, config, web) as daemon:
                async with aiomqtt.Client("127.0.0.1", broker.port, max_queued_outgoing_messages=0) as client:
                    for line in lines:
                        payload = line["payload"] if isinstance(line["payload"], str) else json.dumps(line["payload"])
                        await client.publish(line["topic_example"], payload, qos=1)
                    for topic, payload in series:
                        await client.publish(topic, payload, qos=1)
                found: dict[tuple[str, str], float] = {}
                async with asyncio.timeout(60):
                    while True:
                        rows = (await get(http, web, "devices?limit=1000"))["devices"]
                        found = {(row["id"], name): value for row in rows for name, value in row["metrics"].items()}
                        last = found.get(("machine", "machine_temperature"))
                        if last is not None and abs(last - float(series[-1][1])) < 1e-3:
                            break
                        await asyncio.sleep(0.1)
                assert {key: pytest.approx(found.get(key)) for key in expected} == expected
                async with asyncio.timeout(60):
                    while not any("machine" in text.lower() for text in api.to(4711)):
                        await asyncio.sleep(0.1)
                alerts = (await get(http, web, "alerts?state=all&limit=1000"))["alerts"]
                fired: dict[str, set[str]] = defaultdict(set)
                for alert in alerts:
                    print(alert["id"], alert["rule"], alert["device"], alert["state"], alert["why"])
                    fired[alert["rule"]].add(alert["device"])
                print(
                    f"{len(lines)} payloads, {len(series)} recorded values, {len(alerts)} alerts, {len(api.sent)} told"
                )
                assert fired["tank-warm"] == {"tank1"}
                assert fired["gate-open"] == {"24e124136b502345", "entrée"}
                assert fired["freezing"] == {"58a0cb0000101abc"}
                assert fired["machine"] == {"machine"}
                assert await daemon.stop(signal.SIGTERM) == 0

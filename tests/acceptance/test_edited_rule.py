"""A rule that is edited while alertd runs knows at once what is usual: from the readings that are kept."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING

import aiohttp
import aiomqtt
import pytest
from daemon import Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto
from ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.acceptance

CONFIG = """
farm: {{name: Hof, timezone: Europe/Berlin, language: en}}
mqtt: {{url: "mqtt://127.0.0.1:{mqtt}", client_id: alertd-test}}
store: {{path: {store}}}
sources:
  - {{topic: "farm/{{device}}", format: json, time: ts, metrics: {{rumination_minutes: min}}}}
rules:
  - name: ruminates-less
    match: {{metric: rumination_minutes}}
    detect: {{kind: baseline, window: 2h, baseline: 2d, ratio_below: 0.5}}
    severity: critical
messengers:
  telegram: {{token: "{token}", api_base: "{api}"}}
subscribers:
  - {{id: anna, name: Anna, channels: [{{telegram: "4711"}}], consent: 2026-11-01}}
web: {{listen: "127.0.0.1:{web}"}}
"""


async def test_a_rule_edited_under_way_judges_the_next_reading_by_days_that_are_kept(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        async with FakeTelegram(chats=[4711]) as api:
            port, now = free_port(), int(time.time())
            facts = {"mqtt": broker.port, "store": tmp_path / "a.db", "token": api.token, "api": api.base, "web": port}
            async with Daemon(tmp_path, CONFIG.format(**facts), port) as daemon:
                async with aiomqtt.Client("127.0.0.1", broker.port) as client:
                    for half_hours in range(5 * 48, 2, -1):
                        body = json.dumps({"ts": now - half_hours * 1800, "min": 10 + half_hours % 3})
                        await client.publish("farm/cow-7", body, qos=1)
                    await until_kept(daemon, 238)
                    written = daemon.path.read_text()
                    daemon.path.write_text(written.replace("window: 2h, baseline: 2d", "window: 1h, baseline: 3d"))
                    daemon.process.send_signal(signal.SIGHUP)
                    await until_logged(daemon, "rules learn anew")
                    for half_hours in (2, 1, 0):
                        body = json.dumps({"ts": now - half_hours * 1800, "min": 1})
                        await client.publish("farm/cow-7", body, qos=1)
                    async with asyncio.timeout(90):
                        while not api.to(4711):
                            await asyncio.sleep(0.05)
                assert await daemon.stop(signal.SIGTERM) == 0
            assert "cow-7" in api.to(4711)[0]


async def until_kept(daemon: Daemon, readings: int) -> None:
    """Wait until so many readings are committed."""
    async with asyncio.timeout(90), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"http://127.0.0.1:{daemon.web}/metrics") as answer:
                lines = [line for line in (await answer.text()).splitlines() if line.startswith("alertd_readings")]
            if sum(float(line.rpartition(" ")[2]) for line in lines) >= readings:
                return
            await asyncio.sleep(0.1)


async def until_logged(daemon: Daemon, words: str) -> None:
    """Wait until the log says so."""
    async with asyncio.timeout(90):
        while words not in daemon.log.read_text():
            await asyncio.sleep(0.1)

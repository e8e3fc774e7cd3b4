"""Who is on duty comes from a calendar on the network: a real daemon follows it, and keeps it while it is away."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import aiomqtt
import pytest
from aiohttp import web
from daemon import Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto, need_mosquitto
from ports import free_port
from serving import serving

from alertd.rota.rota import installed
from alertd.shell.route import LIVE, WRITTEN

pytestmark = [
    pytest.mark.acceptance,
    need_mosquitto,
    pytest.mark.skipif(not installed(), reason="needs pip install 'alertd[ical]'"),
]

CONFIG = """
farm: {{name: Hof, timezone: Europe/Berlin, language: en}}
mqtt: {{url: "mqtt://127.0.0.1:{mqtt}", client_id: alertd-test}}
store: {{path: {folder}/a.db}}
sources: [{{topic: "farm/{{device}}/{{metric}}", format: number}}]
rules:
  - name: barn-hot
    match: {{metric: temperature}}
    detect: {{kind: threshold, above: 30, clear: 28}}
    severity: critical
    group_by: [device]
messengers: {{telegram: {{token: "{token}", api_base: "{api}"}}}}
subscribers:
  - {{id: anna, name: Anna, channels: [{{telegram: "4711"}}], consent: 2026-11-01}}
  - {{id: bob, name: Bob, channels: [{{telegram: "4712"}}], consent: 2026-11-01}}
duty:
  - {{calendar: "{calendar}", who: [anna, bob], every: 1m}}
web: {{listen: "127.0.0.1:{web}"}}
"""


class Feed:
    """A calendar server that can be away, and counts who asks."""

    def __init__(self) -> None:
        self.who: str | None = None
        self.asked = 0

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.who is None:
            return web.Response(status=503)
        now = datetime.now(UTC)
        begin, end = (f"{now + timedelta(days=days):%Y%m%dT%H%M%SZ}" for days in (-1, 1))
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//", "BEGIN:VEVENT", "UID:1", f"DTSTAMP:{begin}"]
        lines += [f"DTSTART:{begin}", f"DTEND:{end}", f"SUMMARY:{self.who}", "END:VEVENT", "END:VCALENDAR", ""]
        return web.Response(text="\r\n".join(lines), content_type="text/calendar")


async def route(config: Path) -> tuple[dict[str, str], str]:
    """Ask the shell who would hear of a hot barn: person to messenger ("" for nobody), and where it knows that from."""
    words = ("route", "rule=barn-hot", "device=barn-3", "-c", str(config))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alertd", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    rows = [line.split("\t") for line in out.decode().splitlines()]
    return {row[1]: row[2] for row in rows}, err.decode().strip()


async def until_told(port: int, who: str) -> None:
    """Wait until the running daemon would tell this person, and nobody else."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        while True:
            body = {"facts": {"rule": "barn-hot", "device": "barn-3"}}
            async with http.post(f"http://127.0.0.1:{port}/api/v1/route", json=body) as answer:
                told = {one["person"] for one in (await answer.json())["told"]}
            if told == {who}:
                return
            await asyncio.sleep(0.05)


async def heard(api: FakeTelegram, chat: int, what: str) -> None:
    async with asyncio.timeout(60):
        while not any(what in text for text in api.to(chat)):
            await asyncio.sleep(0.02)


async def test_the_calendar_says_who_is_told_also_while_it_is_away_and_after_a_kill(tmp_path: Path) -> None:
    feed, port = Feed(), free_port()
    calendar = web.Application()
    calendar.router.add_get("/duty.ics", feed.answer)
    async with serving(calendar, port):
        with Mosquitto(tmp_path / "broker") as broker:
            async with FakeTelegram(chats=[4711, 4712]) as api, aiomqtt.Client("127.0.0.1", broker.port) as farm:
                facts = {"mqtt": broker.port, "folder": tmp_path, "token": api.token, "api": api.base}
                daemon_web = free_port()
                config = CONFIG.format(**facts, calendar=f"http://127.0.0.1:{port}/duty.ics", web=daemon_web)
                daemon = Daemon(tmp_path, config, daemon_web)
                feed.who = "bob"
                async with daemon:
                    await until_told(daemon_web, "bob")
                    assert await route(daemon.path) == ({"bob": "telegram", "anna": ""}, LIVE)
                    await farm.publish("farm/barn-3/temperature", "35", qos=1)
                    await heard(api, 4712, "barn-3")
                    feed.who = None
                    await daemon.stop(signal.SIGKILL)
                    await daemon.start()
                    await farm.publish("farm/barn-4/temperature", "35", qos=1)
                    await heard(api, 4712, "barn-4")
                    assert feed.asked >= 2, "it asked again after the kill, and was refused"
                    assert api.to(4711) == []
                    feed.who = "anna"
                    assert await daemon.stop(signal.SIGTERM) == 0
                    await daemon.start()
                    await until_told(daemon_web, "anna")
                    await farm.publish("farm/barn-5/temperature", "35", qos=1)
                    await heard(api, 4711, "barn-5")
                    assert not any("barn-5" in text for text in api.to(4712))
                    assert await daemon.stop(signal.SIGTERM) == 0
                assert await route(daemon.path) == ({"anna": "telegram", "bob": "telegram"}, WRITTEN)

"""Invited from the console, joined in the messenger, and shown where the cow is that left the pasture: the daemon itself."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import aiohttp
import aiomqtt
from daemon import Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto, need_mosquitto
from ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = need_mosquitto

CONFIG = """
farm: {{name: Hof Lindenau, timezone: Europe/Berlin, language: en}}
mqtt: {{url: "{broker}", client_id: alertd-pasture}}
store: {{path: {folder}/alertd.db}}
sources:
  - topic: farm/collar/{{device}}
    format: json
    metrics: {{position: {{lat: latitude, lon: longitude}}}}
devices: [{{id: cow-1, name: Berta}}]
rules:
  - name: out
    match: {{metric: position}}
    detect: {{kind: geofence, polygon: [[12.0, 53.0], [12.1, 53.0], [12.1, 53.1], [12.0, 53.1]], fixes: 1}}
    severity: critical
    repeat: 1h
messengers: {{telegram: {{token: "{token}", api_base: "{api}"}}}}
subscribers: [{{id: anna, name: Anna}}]
web: {{listen: "127.0.0.1:{web}"}}
"""
ANNA = 4711


async def until(enough) -> None:
    async with asyncio.timeout(30):
        while not enough():
            await asyncio.sleep(0.02)


async def invited(web: int) -> str:
    """What an operator does in a browser; returns the code on the page."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{web}", cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get("/people") as answer:
            people = await answer.text()
        secret = re.search(r'name="csrf" value="([^"]+)"', people)
        assert secret
        async with browser.post("/people/anna/invite", data={"csrf": secret[1]}) as answer:
            page = await answer.text()
    assert "<svg" in page
    link = re.search(r'href="https://t\.me/alertd_fake_bot\?start=([^"]+)"', page)
    assert link
    return link[1]


async def test_who_was_invited_from_the_console_is_shown_where_the_cow_is(tmp_path: Path) -> None:
    web = free_port()
    with Mosquitto(tmp_path / "broker") as broker:
        async with FakeTelegram(chats=[ANNA]) as api:
            config = CONFIG.format(broker=broker.url, folder=tmp_path, token=api.token, api=api.base, web=web)
            async with Daemon(tmp_path, config, web), aiomqtt.Client("127.0.0.1", broker.port) as farm:
                api.say(ANNA, f"/start {await invited(web)}")
                await until(lambda: api.to(ANNA))
                assert api.to(ANNA)[0].startswith("Hello Anna, you have joined.")
                for latitude in (53.05, 53.2):
                    await farm.publish("farm/collar/cow-1", f'{{"latitude": {latitude}, "longitude": 12.05}}', qos=1)
                await until(lambda: api.places)
                alert = next(one for one in api.sent if one.text.startswith("Out"))
                ((chat, *where, name, _when, answers),) = api.places
                assert (chat, where, name, answers) == (ANNA, [53.2, 12.05], "Berta", alert.message_id)
                api.say(ANNA, "STATUS Berta")
                await until(lambda: len(api.places) > 1)
    assert api.unknown == []

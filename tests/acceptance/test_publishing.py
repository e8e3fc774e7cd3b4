"""Other programs see alerts on the broker and acknowledge there; our own topics are never readings."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import suppress
from pathlib import Path

import aiohttp
import aiomqtt
import pytest
from daemon import CONFIG, Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto
from ports import free_port

pytestmark = pytest.mark.acceptance

MORE = """
publish: {topic: farm/alertd, commands: [anna], home_assistant: true}
"""  # below the source's own farm/{device}/{metric}: what we publish must not come back as readings


async def shown(client: aiomqtt.Client, true, wait: float = 15) -> dict[str, str]:
    """Collect retained messages until `true` of them."""
    seen: dict[str, str] = {}
    async with asyncio.timeout(wait):
        async for message in client.messages:
            payload = message.payload
            assert isinstance(payload, bytes)
            if payload:
                seen[message.topic.value] = payload.decode()
            else:
                seen.pop(message.topic.value, None)
            if true(seen):
                return seen
    raise AssertionError


async def test_a_display_shows_the_alert_and_a_command_acknowledges_it_once(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        async with FakeTelegram(chats=[4711]) as api:
            web = free_port()
            text = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            daemon = Daemon(tmp_path, text + MORE, web)
            async with daemon, aiomqtt.Client("127.0.0.1", broker.port) as client:
                await client.subscribe("#", qos=1)
                command = {"ack": "A-1", "by": "anna"}
                await client.publish("farm/alertd/command", json.dumps(command), qos=1, retain=True)  # means nothing
                await client.publish("farm/barn-3/temperature", "35", qos=1)
                seen = await shown(client, lambda seen: "farm/alertd/alerts/A-1" in seen)
                alert = json.loads(seen["farm/alertd/alerts/A-1"])
                assert (alert["state"], alert["acknowledged_by"], alert["value"]) == ("firing", None, 35)
                assert seen["farm/alertd/status"] == "online"
                await client.publish("farm/alertd/command", json.dumps(command | {"by": "mallory"}), qos=1)
                await client.publish("farm/alertd/command", json.dumps(command), qos=1)

                def acknowledged(seen: dict[str, str]) -> bool:
                    return bool(json.loads(seen.get("farm/alertd/alerts/A-1", "{}")).get("acknowledged_by"))

                seen = await shown(client, acknowledged)
                assert json.loads(seen["farm/alertd/alerts/A-1"])["acknowledged_by"] == "anna via MQTT"

                await daemon.stop(signal.SIGKILL)
                with suppress(TimeoutError):
                    await shown(client, lambda seen: seen.get("farm/alertd/status") == "offline", 1)
                await daemon.start()
                await client.publish("farm/barn-3/temperature", "20", qos=1)

                def resolved(seen: dict[str, str]) -> bool:
                    return '"resolved"' in seen.get("farm/alertd/alerts/A-1", "") and any(
                        "sensors" in topic and '"OFF"' in body for topic, body in seen.items()
                    )

                await shown(client, resolved)
                url = f"http://127.0.0.1:{web}/api/v1/devices"
                async with aiohttp.ClientSession() as http, http.get(url) as answer:
                    devices = [one["id"] for one in (await answer.json())["devices"]]
                assert devices == ["barn-3"]
                assert len([text for text in api.to(4711) if not text.startswith("Sent again")]) <= 3
                assert await daemon.stop(signal.SIGTERM) == 0

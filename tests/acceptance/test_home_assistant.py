"""A real Home Assistant shows alertd's problem sensors without any configuration of its own.

`make counterparts` brings one; another is named by ALERTD_HOME_ASSISTANT, the python of its environment. It takes
half a minute to start, so this is not part of the suite that everybody runs.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import aiomqtt
import pytest
from daemon import CONFIG, Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto, need_mosquitto
from ports import free_port

HERE = Path(__file__).parent
PYTHON = os.environ.get("ALERTD_HOME_ASSISTANT") or str(HERE.parents[1] / ".counterparts/homeassistant/bin/python")

pytestmark = [
    pytest.mark.acceptance,
    need_mosquitto,
    pytest.mark.skipif(not Path(PYTHON).exists(), reason="Home Assistant is not here (make counterparts)"),
]

MORE = """
publish: {topic: alertd/hof, home_assistant: true}
"""


class Home:
    """What Home Assistant says of its binary sensors: each state with what came with it, in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.added = ""

    async def until(self, **wanted: object) -> dict[str, object]:
        """Wait until a sensor is as wanted."""
        assert self._process.stdout is not None
        async with asyncio.timeout(120):
            while line := await self._process.stdout.readline():
                said = json.loads(line) if line.startswith(b"{") else {}
                self.added = said.get("added", self.added)
                if said and all(said.get(key) == value for key, value in wanted.items()):
                    return said
        raise AssertionError("Home Assistant ended")


async def test_home_assistant_finds_the_sensor_and_follows_the_alert_and_the_daemon(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with Mosquitto(tmp_path / "broker") as broker:
        async with FakeTelegram(chats=[4711]) as api, aiomqtt.Client("127.0.0.1", broker.port) as farm:
            web = free_port()
            text = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            daemon = Daemon(tmp_path, text + MORE, web)
            with (tmp_path / "home.log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *(PYTHON, str(HERE / "home_assistant_child.py"), str(tmp_path / "home"), str(broker.port)),
                    str(free_port()),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                )
            home = Home(process)
            try:
                async with daemon:
                    await farm.publish("farm/barn-3/temperature", "20", qos=1)
                    well = await home.until(state="off", device_class="problem", count=0)
                    assert home.added == "create_entry"
                    assert str(well["name"]).endswith("Barn hot")
                    await farm.publish("farm/barn-3/temperature", "35", qos=1)
                    bad = await home.until(id=well["id"], state="on")
                    assert (bad["count"], bad["severity"], bad["alerts"]) == (1, "critical", ["A-1"])
                    await farm.publish("farm/barn-3/temperature", "20", qos=1)
                    await home.until(id=well["id"], state="off", count=0)
                    await daemon.stop(signal.SIGKILL)
                    await home.until(id=well["id"], state="unavailable")
                    await daemon.start()
                    await home.until(id=well["id"], state="off")
                    assert await daemon.stop(signal.SIGTERM) == 0
                    await home.until(id=well["id"], state="unavailable")
            finally:
                process.kill()
                await process.wait()

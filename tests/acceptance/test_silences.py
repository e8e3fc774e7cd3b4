"""Planned quiet by the shell at a running daemon: it mutes, outlives kill -9, and what still fires is told after it."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import aiomqtt
import pytest
from daemon import CONFIG, Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto
from ports import free_port

pytestmark = pytest.mark.acceptance


async def alertd(config: Path, *words: str) -> tuple[int, list[str]]:
    """Run a command of the shell; its exit code and the lines it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alertd", *words, "-c", str(config), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode().splitlines()


async def test_a_silence_of_the_shell_mutes_across_kill_9_and_its_end_tells_what_still_fires(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        async with FakeTelegram(chats=[4711]) as api:
            web = free_port()
            config = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            daemon = Daemon(tmp_path, config, web)
            async with daemon, aiomqtt.Client("127.0.0.1", broker.port) as client:
                add = ("silence", "add", "device=barn-3", "rule=barn-hot", "--for", "2h", "--reason", "new fans")
                code, lines = await alertd(daemon.path, *add)
                assert (code, lines[0]) == (0, "S-1")
                await client.publish("farm/barn-3/temperature", "35", qos=1)
                await client.publish("farm/barn-4/temperature", "35", qos=1)
                async with asyncio.timeout(60):
                    while not api.to(4711):
                        await asyncio.sleep(0.02)
                await daemon.stop(signal.SIGKILL)
                await daemon.start()
                code, lines = await alertd(daemon.path, "silence", "list")
                assert code == 0
                assert lines[0].startswith("S-1\t")
                assert lines[0].endswith("\tnew fans\t1")
                texts = [text for text in api.to(4711) if not text.startswith("Sent again")]
                assert len(texts) == 1
                assert "barn-4" in texts[0]
                assert (await alertd(daemon.path, "silence", "end", "S-1"))[0] == 0
                async with asyncio.timeout(60):
                    while not any("Barn 3" in text for text in api.to(4711)):
                        await asyncio.sleep(0.02)
                assert (await alertd(daemon.path, "silence", "list")) == (0, [])
                assert await daemon.stop(signal.SIGTERM) == 0

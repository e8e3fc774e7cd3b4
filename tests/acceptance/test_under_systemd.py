"""What systemd hears of the daemon from its start to its end, and that it does what systemd asks."""

from __future__ import annotations

import asyncio
import signal
import socket

import pytest
from daemon import Daemon
from ports import free_port

pytestmark = pytest.mark.acceptance

CONFIG = """
farm: {{name: Hof}}
mqtt: {{url: "mqtt://127.0.0.1:{mqtt}"}}
store: {{path: {store}}}
sources: [{{preset: zigbee2mqtt}}]
web: {{listen: "127.0.0.1:{web}"}}
"""


@pytest.fixture
def ear(tmp_path, monkeypatch):
    """Return a stand-in for systemd's socket, with a watchdog that wants to hear of us every second."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        yield line


@pytest.fixture
def daemon(tmp_path):
    web = free_port()
    return Daemon(tmp_path, CONFIG.format(mqtt=free_port(), store=tmp_path / "alertd.db", web=web), web)


async def _until(ear: socket.socket, word: str) -> list[str]:
    """Return what systemd hears until `word`, the watchdog's food left out."""
    heard: list[str] = []
    async with asyncio.timeout(90):
        while word not in heard:
            said = (await asyncio.get_running_loop().sock_recv(ear, 4096)).decode().splitlines()[0]
            heard += [said] if said == word or said != "WATCHDOG=1" else []
    return heard


def test_systemd_hears_of_the_start_without_a_broker_of_the_life_and_of_the_end(daemon, ear):
    async def story() -> None:
        async with asyncio.timeout(120):
            await daemon.launch()
            assert await _until(ear, "READY=1") == ["READY=1"]
            assert await _until(ear, "WATCHDOG=1") == ["WATCHDOG=1"]
            assert await daemon.stop(signal.SIGTERM) == 0
            assert await _until(ear, "STOPPING=1") == ["STOPPING=1"]

    asyncio.run(_ended(daemon, story()))


def test_a_reload_is_no_end_for_systemd_whether_the_file_is_good_or_bad(daemon, ear):
    async def story() -> None:
        await daemon.launch()
        await _until(ear, "READY=1")
        good = daemon.path.read_text()
        for text in (good, good + "nonsense: 1\n"):
            daemon.path.write_text(text)
            daemon.process.send_signal(signal.SIGHUP)
            assert (await _until(ear, "READY=1"))[1:] == ["READY=1"]  # the first is RELOADING=1

    asyncio.run(_ended(daemon, story()))


def test_a_stop_that_comes_during_a_reload_ends_it(daemon, ear):
    async def story() -> None:
        await daemon.launch()
        await _until(ear, "READY=1")
        daemon.process.send_signal(signal.SIGHUP)
        await _until(ear, "RELOADING=1")
        assert await daemon.stop(signal.SIGTERM) == 0

    asyncio.run(_ended(daemon, story()))


async def _ended(daemon: Daemon, story) -> None:
    try:
        await story
    finally:
        await daemon.__aexit__()

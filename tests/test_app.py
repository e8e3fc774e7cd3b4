"""The process around the daemon: what the system asks of it, at whatever moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ports import free_port

from alertd.app import Process
from alertd.config.load import load

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.config.config import Config

FILE = """
farm: {{timezone: Europe/Berlin}}
mqtt: {{url: "mqtt://127.0.0.1:{port}"}}
store: {{path: {folder}/alertd.db}}
web: {{listen: "off"}}
sources: [{{preset: zigbee2mqtt}}]
"""


def process(folder: Path) -> Process:
    path = folder / "alertd.yaml"
    path.write_text(FILE.format(port=free_port(), folder=folder))
    return Process(read(path), path)


def read(path: Path) -> Config:
    config = load(path).config
    assert config is not None
    return config


def test_a_reload_with_a_bad_file_that_comes_during_the_start_is_told_once_it_runs(tmp_path: Path) -> None:
    async def story() -> dict[str, int]:
        one = process(tmp_path)
        one.path.write_text("rulez: []\n")
        one.reload()
        running = asyncio.create_task(one.run())
        async with asyncio.timeout(60):
            while not (hasattr(one.daemon, "engine") and one.daemon.engine.book.troubles):
                await asyncio.sleep(0.01)
                assert not running.done()
        one.end()
        await running
        return one.daemon.engine.book.troubles

    told = asyncio.run(story())
    assert [key.split()[0] for key in told] == ["reload"]


def test_a_stop_while_a_reload_ends_the_parts_is_a_stop(tmp_path: Path) -> None:
    async def story() -> None:
        one = process(tmp_path)
        first = one.daemon
        running = asyncio.create_task(one.run())
        one.reload()
        one.end()
        one.reload()
        await running
        assert one.daemon is first

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_reload_starts_a_daemon_with_the_new_file(tmp_path: Path) -> None:
    async def story() -> str:
        one = process(tmp_path)
        first = one.daemon
        running = asyncio.create_task(one.run())
        one.path.write_text(one.path.read_text().replace("Europe/Berlin", "Europe/Paris"))
        one.reload()
        while one.daemon is first:
            await asyncio.sleep(0.01)
        one.end()
        await running
        return one.daemon.config.farm.timezone

    assert asyncio.run(asyncio.wait_for(story(), 60)) == "Europe/Paris"

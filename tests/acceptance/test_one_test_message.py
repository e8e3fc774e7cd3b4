"""`alertd send-test` with the daemon running: what the provider said about it, in one line."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest
from daemon import CONFIG, Daemon
from fake_telegram import FakeTelegram
from mosquitto import PROGRAM, Mosquitto
from ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed"),
]


async def test_the_provider_id_and_a_refusal_reach_the_shell_through_the_daemon(tmp_path: Path) -> None:
    async def send_test() -> tuple[int | None, str]:
        words = ("send-test", "-c", str(daemon.path), "--to", "anna")
        shell = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "alertd", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await shell.communicate()
        return shell.returncode, said.decode()

    async with FakeTelegram() as api:
        with Mosquitto(tmp_path / "broker") as broker:
            port = free_port()
            config = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=port)
            async with Daemon(tmp_path, config, port) as daemon:
                sent = await send_test()
                api.fail("403")
                code, refused = await send_test()
    assert sent == (0, f"sent by telegram, id {api.sent[0].message_id}\n")
    assert code == 1
    assert refused.startswith("reject by telegram, ")

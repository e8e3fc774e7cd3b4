"""The doctor through a real daemon's socket: it examines itself, and adds what only it knows."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import aiomqtt
import pytest
from daemon import Daemon
from mosquitto import Mosquitto, need_mosquitto
from ports import free_port

pytestmark = [need_mosquitto, pytest.mark.acceptance]

CONFIG = """
mqtt: {{url: "{url}"}}
store: {{path: {folder}/alertd.db}}
sources:
  - {{name: barn, topic: "b/{{device}}/{{metric}}", format: number}}
rules:
  - {{name: hot, match: {{metric: temperature}}, detect: {{kind: threshold, above: 60}}, severity: critical, repeat: 1h}}
subscribers:
  - {{id: anna, channels: [{{console: terminal}}], consent: 2026-11-01}}
web: {{listen: "127.0.0.1:{web}"}}
"""


async def test_where_a_daemon_runs_it_examines_itself_and_adds_what_only_it_knows(tmp_path: Path):
    web = free_port()
    with Mosquitto(tmp_path / "broker", ["max_queued_messages 300"]) as broker:
        text = CONFIG.format(url=broker.url, folder=tmp_path, web=web)
        async with Daemon(tmp_path, text, web), aiomqtt.Client("127.0.0.1", broker.port) as client:
            await client.publish("b/barn-3/temperature", b"hello", qos=1)
            process = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    "-m",
                    "alertd",
                    "doctor",
                    "-c",
                    str(tmp_path / "alertd.yaml"),
                    "--seconds",
                    "1",
                    "--json",
                ),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=os.environ,
            )
            async with asyncio.timeout(90):
                out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    rows = json.loads(out)
    said = "\n".join(f"{row['level']} {row['part']}: {row['text']}" for row in rows)
    assert "ok daemon: runs" in said
    assert "warn source barn: nothing of it was read since the start: 1 not_a_measurement" in said
    assert "ok store:" in said
    assert "keeps 300 messages" in said

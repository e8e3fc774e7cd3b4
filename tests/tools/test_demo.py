"""The demo does the main job, and the simulator tells the truth."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

import aiomqtt
import pytest
from mosquitto import Mosquitto
from ports import free_port

from alertd.config.load import load
from alertd.tools import broker, demo


async def ended(process: asyncio.subprocess.Process) -> None:
    """Leave no process behind that a test gave up."""
    if process.returncode is None:
        process.kill()
        await process.communicate()


def test_the_demo_s_configuration_is_in_order(tmp_path: Path) -> None:
    path = tmp_path / "demo.yaml"
    path.write_text(demo.CONFIG.format(url="mqtt://127.0.0.1:1", folder=tmp_path, port=8080), encoding="utf-8")
    loaded = load(path)
    assert loaded.errors == []
    assert loaded.warnings == []


@pytest.mark.acceptance
async def test_the_demo_tells_of_its_incidents_and_of_nothing_else() -> None:
    port = str(free_port())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alertd", "demo", "--seconds", "28", "--port", port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(180):  # 28 of its own, the rest for a busy machine
            out, err = await process.communicate()
    finally:
        await ended(process)
    assert (process.returncode, err) == (0, b"")
    text = out.decode()
    for told in ("Barn hot – Barn 1", "Berta: ", "Collar silent – Frieda"):
        assert text.count(told) == 1, text
    assert text.count("firing ──") == 3, text


def test_without_mosquitto_the_demo_takes_nats_and_without_either_says_what_to_install(tmp_path, monkeypatch) -> None:
    found = {"nats-server": "/opt/nats-server"}
    monkeypatch.setattr(shutil, "which", lambda name, path=None: found.get(name))
    assert broker.command(tmp_path, 1)[0] == "/opt/nats-server"
    found.clear()
    with pytest.raises(broker.NoBrokerError, match="install mosquitto"):
        broker.command(tmp_path, 1)


async def test_simulate_publishes_at_the_asked_rate_and_writes_the_truth(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    with Mosquitto(tmp_path / "broker") as server:
        async with aiomqtt.Client("127.0.0.1", server.port) as client:
            await client.subscribe("alertd/v1/#", qos=1)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "alertd", "simulate", "--mqtt", server.url, "--animals", "8"),
                *("--rate", "20", "--seconds", "1", "--seed", "5", "--truth", str(truth)),
            )
            received = []
            try:
                async with asyncio.timeout(120):
                    assert await process.wait() == 0
                    async for message in client.messages:
                        received.append((str(message.topic), json.loads(message.payload)))
                        if len(received) >= 18:
                            break
            finally:
                await ended(process)
    assert {topic.split("/")[3] for topic, _ in received} == {"collar", "climate", "water", "tank", "fence"}
    assert all("ts" in body for _, body in received)
    kinds = [json.loads(line)["kind"] for line in truth.read_text(encoding="utf-8").splitlines()]
    assert "hot_barn" in kinds

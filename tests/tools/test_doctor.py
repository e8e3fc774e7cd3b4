"""The doctor at a real broker, alone; nobody is sent anything (tests/acceptance asks a running daemon)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiomqtt
import pytest
from mosquitto import Mosquitto, need_mosquitto

from alertd.config.load import load
from alertd.tools.doctor import examine, main
from alertd.tools.finding import Finding
from alertd.tools.listening import Door
from alertd.tools.probing import MOST, measure

pytestmark = need_mosquitto

CONFIG = """
mqtt: {{url: "{url}"}}
store: {{path: {folder}/alertd.db}}
sources:
  - {{name: barn, topic: "b/{{device}}/{{metric}}", format: number}}
rules:
  - {{name: hot, match: {{metric: temperature}}, detect: {{kind: threshold, above: 60}}, severity: critical, repeat: 1h}}
subscribers:
  - {{id: anna, channels: [{{console: terminal}}], consent: 2026-11-01}}
  - {{id: bob, channels: [{{console: terminal}}]}}
web: {{listen: "127.0.0.1:{web}"}}
"""


@pytest.fixture
def broker(tmp_path: Path):
    with Mosquitto(tmp_path / "broker", ["max_queued_messages 300", "max_inflight_messages 20"]) as running:
        yield running


def written(folder: Path, url: str, web: int = 1) -> Path:
    path = folder / "alertd.yaml"
    path.write_text(CONFIG.format(url=url, folder=folder, web=web), encoding="utf-8")
    return path


async def rounds(path: Path, seconds: float = 1.0) -> list[Finding]:
    config = load(path).config
    assert config is not None
    return await examine(config, path, seconds)


async def test_window_and_queue_are_measured_not_believed(broker: Mosquitto):
    five = await asyncio.to_thread(measure, Door.parse(broker.url), five=True)
    assert (five.protocol, five.window) == ("MQTT 5", 1000)  # our Receive Maximum, although the broker's own is 20
    assert five.queue == 300
    old = await asyncio.to_thread(measure, Door.parse(broker.url), five=False)
    assert (old.window, old.queue) == (20, 300)


async def test_a_broker_that_keeps_much_is_said_to_keep_at_least_what_was_tried(tmp_path: Path):
    with Mosquitto(tmp_path / "broker", ["max_queued_messages 100000"]) as broker:
        measured = await asyncio.to_thread(measure, Door.parse(broker.url), five=True)
    assert measured.queue == MOST


async def test_alone_he_sees_broker_sources_people_and_machine_and_leaves_no_trace(broker: Mosquitto, tmp_path: Path):
    stop = asyncio.Event()

    async def speak() -> None:
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            while not stop.is_set():
                await client.publish("b/barn-3/temperature", b"71.6", qos=0)
                await asyncio.sleep(0.1)

    speaker = asyncio.create_task(speak())
    path = written(tmp_path, broker.url)
    found = await rounds(path)
    stop.set()
    await speaker
    text = "\n".join(str(one) for one in found)
    assert "ok   broker: 127.0.0.1" in text
    assert "keeps 300 messages while alertd is away" in text
    assert "source barn: 1 of 1 topics come at QoS 0" in text
    assert "in °F that is 22 °C" in text
    assert "ok   console: stdout" in text
    assert "warn subscriber bob: has no channel with consent" in text
    assert "does not exist yet" in text
    assert not (tmp_path / "alertd.db").exists()
    assert not any(line.endswith("fail") for line in text.split("\n"))
    # no session of his is left at the broker: what comes now is kept for nobody
    broker.stop()
    assert not any("alertd-" in line and "session" in line.lower() for line in broker.log)


async def test_a_broker_that_is_not_there_is_a_failure_and_exit_code_1(tmp_path: Path, capsys):
    path = written(tmp_path, "mqtt://127.0.0.1:1")
    assert await asyncio.to_thread(main, path, 0.2) == 1
    out = capsys.readouterr().out
    assert "fail broker: 127.0.0.1:1 refused the connection" in out
    assert "ok   console: stdout" in out  # the rounds go on


def test_a_secret_that_cannot_be_read_is_exit_code_2_and_named(tmp_path: Path, capsys):
    path = written(tmp_path, "mqtt://127.0.0.1:1")
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "messengers: {telegram: {token: {env: ALERTD_TEST_NO_SUCH}}}\n", encoding="utf-8")
    assert main(path, 0.2) == 2
    err = capsys.readouterr().err
    assert "messengers.telegram.token: " in err
    assert "ALERTD_TEST_NO_SUCH" in err


def test_a_configuration_with_errors_is_exit_code_2_with_all_of_them(tmp_path: Path, capsys):
    path = tmp_path / "alertd.yaml"
    path.write_text("mqtt: {url: mqtt://127.0.0.1, port: 1}\nsources: [{preset: zigbee2mqt}]\n", encoding="utf-8")
    assert main(path, 0.2) == 2
    assert capsys.readouterr().err.count(f"{path}:") == 2

"""Kill -9 under load, a Telegram that answers slowly and with errors, lines that are down: nothing lost, nothing twice.

The number of kills is short in the suite; `make kill-loop` sets ALERTD_KILLS to 20.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path

import aiomqtt
import pytest
from daemon import CONFIG, Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto
from ports import free_port

pytestmark = pytest.mark.acceptance

KILLS = int(os.environ.get("ALERTD_KILLS", "3"))
FAULTS = {"429": 0.05, "500": 0.05, "cut": 0.04, "502": 0.04, "abort": 0.05, "slow": 0.1, "400-unreadable": 0.0}
MARK = "Sent again: "


def alerts(api: FakeTelegram) -> list[str]:
    """What Anna got, without what alertd says of itself and of messages it could not deliver in time."""
    own = ("alertd itself", "Nobody could be reached")
    return [text for text in api.to(4711) if not text.startswith(own)]


def device(text: str) -> str:
    """The device a message tells of."""
    return text.removeprefix(MARK).splitlines()[0].rpartition("– ")[2]


async def farm(port: int, planned: list[str], stop: asyncio.Event, seed: int) -> None:
    """Publish ordinary readings all the time, and now and then one that must wake somebody."""
    dice = random.Random(seed)
    async with aiomqtt.Client("127.0.0.1", port, identifier="farm") as client:
        while not stop.is_set():
            for number in range(5):
                await client.publish(f"farm/calm-{number}/temperature", f"{20 + dice.random():.3f}", qos=1)
            if dice.random() < 0.1 and len(planned) < 6 * KILLS:
                planned.append(f"cow-{len(planned)}")
                await client.publish(f"farm/{planned[-1]}/temperature", "35", qos=1)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("seed", [1])
async def test_kill_9_at_random_moments_loses_nothing_and_repeats_only_what_is_marked(tmp_path: Path, seed) -> None:
    dice, planned, stop = random.Random(seed), [], asyncio.Event()
    with Mosquitto(tmp_path / "broker", ["max_queued_messages 100000"]) as broker:
        async with FakeTelegram(chats=[4711]) as api:
            api.chaos(seed, FAULTS)
            web = free_port()
            text = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            daemon = Daemon(tmp_path, text, web)
            async with daemon:  # healthy once: from here on the broker keeps a session for it
                publishing = asyncio.create_task(farm(broker.port, planned, stop, seed))
                for _ in range(KILLS):
                    await asyncio.sleep(dice.uniform(0.1, 2.5))
                    await daemon.stop(signal.SIGKILL)
                    await daemon.launch()
                stop.set()
                await publishing
                api.chaos(seed, {})
                async with asyncio.timeout(60 + 5 * KILLS):
                    while {device(told) for told in api.to(4711)} != set(planned):
                        await asyncio.sleep(0.1)
                assert await daemon.stop(signal.SIGTERM) == 0
            told = api.to(4711)
            assert planned
            unmarked = Counter(device(one) for one in told if not one.startswith(MARK))
            marked = Counter(device(one) for one in told if one.startswith(MARK))
            assert max(unmarked.values()) == 1
            assert not marked or max(marked.values()) == 1


async def test_telegram_down_then_busy_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        async with FakeTelegram(chats=[4711]) as api:
            web = free_port()
            text = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            async with Daemon(tmp_path, text, web), aiomqtt.Client("127.0.0.1", broker.port) as client:
                await api.down()
                for number in range(4):
                    await client.publish(f"farm/cow-{number}/temperature", "35", qos=1)
                await asyncio.sleep(float(os.environ.get("ALERTD_OUTAGE", "3")))
                api.fail("429", 2, seconds=1)
                await api.up()
                async with asyncio.timeout(60):
                    while len(alerts(api)) < 4:
                        await asyncio.sleep(0.05)
                await client.publish("farm/cow-9/temperature", "35", qos=1)
                async with asyncio.timeout(60):
                    while len(alerts(api)) < 5:
                        await asyncio.sleep(0.05)
                assert Counter(device(one) for one in alerts(api)) == {f"cow-{n}": 1 for n in (0, 1, 2, 3, 9)}
                assert not [one for one in alerts(api) if one.startswith(MARK)]


async def test_a_broker_that_is_down_for_a_while_costs_nothing_it_accepted(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        async with FakeTelegram(chats=[4711]) as api:
            web = free_port()
            text = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            daemon = Daemon(tmp_path, text, web)
            async with daemon:
                async with aiomqtt.Client("127.0.0.1", broker.port) as client:
                    await client.publish("farm/cow-1/temperature", "35", qos=1)
                    async with asyncio.timeout(60):
                        while len(alerts(api)) < 1:
                            await asyncio.sleep(0.02)
                broker.stop()
                await asyncio.sleep(float(os.environ.get("ALERTD_OUTAGE", "3")))
                broker.start()
                async with aiomqtt.Client("127.0.0.1", broker.port) as client:
                    await client.publish("farm/cow-2/temperature", "35", qos=1)
                    await client.publish("farm/cow-1/temperature", "36", qos=1)
                    async with asyncio.timeout(90):
                        while len(alerts(api)) < 2:
                            await asyncio.sleep(0.05)
                assert await daemon.stop(signal.SIGTERM) == 0
            assert [device(one) for one in alerts(api)] == ["cow-1", "cow-2"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_stop_in_order_waits_for_the_answer_to_what_is_being_sent(tmp_path: Path, number) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        async with FakeTelegram(chats=[4711]) as api:
            web = free_port()
            text = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            daemon = Daemon(tmp_path, text, web)
            async with daemon, aiomqtt.Client("127.0.0.1", broker.port) as client:
                api.fail("slow", seconds=2)
                await client.publish("farm/cow-1/temperature", "35", qos=1)
                async with asyncio.timeout(60):
                    while not api.to(4711):
                        await asyncio.sleep(0.02)
                assert daemon.process is not None
                if number == signal.SIGTERM:
                    assert await daemon.stop(number) == 0
                    await daemon.start()
                else:
                    daemon.process.send_signal(number)
                await client.publish("farm/cow-2/temperature", "35", qos=1)
                async with asyncio.timeout(90):
                    while "cow-2" not in {device(one) for one in api.to(4711)}:
                        await asyncio.sleep(0.05)
                assert await daemon.stop(signal.SIGTERM) == 0
            assert [device(one) for one in alerts(api)] == ["cow-1", "cow-2"], "neither again nor unsure"

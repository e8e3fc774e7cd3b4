"""A daemon that is never left alone: traffic, alarms, presses, reloads, a broker and a messenger that come and go.

Whatever it holds open or in memory must not grow with the rounds, and of the alarms nothing is lost and nothing is
told twice. Four rounds in the suite; `make soak` sets ALERTD_SOAK to 300, about an hour.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiomqtt
import pytest
from daemon import CONFIG, Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto
from ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process holds is read from /proc"),
]

ROUNDS = int(os.environ.get("ALERTD_SOAK", "2"))
WARM = 2
"""Rounds after which what a daemon opens once is open, and its allocator has its pools."""
MORE_MEMORY = 24 << 20
"""Bytes that may come to the memory of the warm daemon over all rounds: new series, and what fragments."""
HOT = "Barn hot – "
QUIET = logging.getLogger("soak")
QUIET.setLevel(logging.ERROR)


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    files: int
    threads: int
    memory: int

    @classmethod
    def by(cls, pid: int) -> Held:
        """Look at a process."""
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = {name: rest.split()[0] for name, _, rest in (line.partition(":") for line in lines) if rest.strip()}
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return cls(files, int(status["Threads"]), int(status["VmRSS"]) << 10)


async def flow(client: aiomqtt.Client, seed: int, count: int) -> None:
    """Publish ordinary readings of forty devices, fifty at a time."""
    dice = random.Random(seed)
    for _ in range(count // 50):
        await asyncio.gather(
            *(
                client.publish(f"farm/calm-{dice.randrange(40)}/temperature", f"{20 + dice.random():.3f}", qos=1)
                for _ in range(50)
            )
        )


async def until(true: Callable[[], bool], told: Callable[[], object]) -> None:
    """Wait for something; `told` shows what came instead."""
    try:
        async with asyncio.timeout(60):
            while not true():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(told()) from None


def woken(api: FakeTelegram) -> Counter[str]:
    """Devices of which Anna was told that they are too hot, and how often; not what was sent again and is marked so."""
    heads = [text.splitlines()[0] for text in api.to(4711)]
    return Counter(head.removeprefix(HOT) for head in heads if head.startswith(HOT))


async def test_rounds_of_everything_leave_nothing_behind(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", ["max_queued_messages 100000"]) as broker:
        async with FakeTelegram(chats=[4711]) as api:
            web = free_port()
            text = CONFIG.format(mqtt=broker.port, store=tmp_path / "a.db", token=api.token, api=api.base, web=web)
            held: list[Held] = []
            async with Daemon(tmp_path, text, web) as daemon:
                assert daemon.process is not None
                for number in range(ROUNDS + WARM):
                    await one_round(number, broker, api, daemon)
                    held.append(Held.by(daemon.process.pid))
                assert await daemon.stop(signal.SIGTERM) == 0
            assert woken(api) == {f"cow-{n}-{which}": 1 for n in range(ROUNDS + WARM) for which in "ab"}
            warm, after = held[WARM - 1 :], max(held[WARM:], key=lambda one: one.memory)
            print("\n".join(map(str, held)))  # noqa: T201 (`make soak` shows it)
            assert max(one.files for one in held[WARM:]) <= warm[0].files + 4  # a request or a long poll under way
            assert max(one.threads for one in held[WARM:]) <= warm[0].threads + 1
            assert after.memory <= warm[0].memory + MORE_MEMORY


async def one_round(number: int, broker: Mosquitto, api: FakeTelegram, daemon: Daemon) -> None:
    """A messenger that is down, an alarm and its end, a press, a reload, a broker that starts again."""
    assert daemon.process is not None

    def told(device: str) -> bool:
        return woken(api)[device] == 1

    def texts() -> list[str]:
        return api.to(4711)

    async with aiomqtt.Client("127.0.0.1", broker.port, logger=QUIET) as client:
        await flow(client, number, 2_000)
        await api.down()
        await client.publish(f"farm/cow-{number}-a/temperature", "35", qos=1)
        await flow(client, number, 500)
        await api.up()
        await until(lambda: told(f"cow-{number}-a"), texts)
        ready = daemon.log.read_text().count("ready to judge")
        daemon.process.send_signal(signal.SIGHUP)
        await flow(client, number, 500)
        await until(lambda: daemon.log.read_text().count("ready to judge") > ready, daemon.log.read_text)
    broker.stop()
    broker.start()
    async with aiomqtt.Client("127.0.0.1", broker.port, logger=QUIET) as client:
        await client.publish(f"farm/cow-{number}-b/temperature", "36", qos=1)
        await until(lambda: told(f"cow-{number}-b"), texts)
        for which in "ab":
            await client.publish(f"farm/cow-{number}-{which}/temperature", "20", qos=1)
        await flow(client, number, 500)

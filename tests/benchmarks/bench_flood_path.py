"""Ten thousand alerts at once over ten groups, all the way: broker, daemon, store, and a Telegram of our own.

    python tests/benchmarks/bench_flood_path.py [ALERTS] [critical|warning]

A power cut as the herd sees it: every collar was well, and says something bad within the same second. Prints what each
subscriber got by kind, how long the texts are, when the first and the last came (seconds after the first
publish, and after the last), the daemon's CPU and its memory. Telegram's pace is one message a second and
chat after a burst of five, so ten messages to one person take at least five seconds.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from multiprocessing import Process
from pathlib import Path

from ports import free_port

sys.path.append(str(Path(__file__).parents[1]))
import aiohttp
from daemon import Daemon
from fake_telegram import FakeTelegram
from mosquitto import Mosquitto

GROUPS = 10
PEOPLE = {"anna": 4711, "bob": 4712}
CONFIG = """
mqtt: {{url: "mqtt://127.0.0.1:{mqtt}", client_id: flood}}
store: {{path: {folder}/alertd.db}}
sources: [{{topic: "herd/{{group}}/{{device}}/{{metric}}", format: number}}]
rules:
  - {{name: hot, match: {{metric: temperature}}, detect: {{kind: threshold, above: 30, clear: 28}}, severity: {severity}, group_interval: 15s}}
messengers: {{telegram: {{token: "{token}", api_base: "{api}"}}}}
subscribers:
  - {{id: anna, channels: [{{telegram: "4711"}}], consent: 2026-11-01}}
  - {{id: bob, channels: [{{telegram: "4712"}}], consent: 2026-11-01}}
limits: {{series: 20000}}
web: {{listen: "127.0.0.1:{web}"}}
"""


async def main(count: int, severity: str) -> None:
    """Flood and print."""
    web = free_port()
    # A broker that queues 1000, as mosquitto does by itself, drops eight of ten before alertd could see them.
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder), ["max_queued_messages 0"]) as broker:
        async with FakeTelegram() as telegram:
            facts = {"mqtt": broker.port, "folder": folder, "severity": severity, "token": telegram.token}
            config = CONFIG.format(**facts, api=telegram.base, web=web)
            async with Daemon(Path(folder), config, web) as daemon:
                assert daemon.process is not None
                await herd(broker.port, count, "20.0")
                await asyncio.sleep(20)  # all are known and well
                before = cpu(daemon.process.pid)
                start = time.monotonic()
                watching = asyncio.create_task(watch(telegram, start))
                await herd(broker.port, count, "40.0")
                published = time.monotonic() - start
                arrived = await watching
                firing = await firing_alerts(web)
                used, memory = cpu(daemon.process.pid) - before, resident(daemon.process.pid)
    say(f"{count} {severity} alerts over {GROUPS} groups, published in {published:.1f} s; {firing} of them fire")
    assert firing == count
    for name, chat in PEOPLE.items():
        texts = [text for _, to, text in arrived if to == chat]
        times = [at for at, to, _ in arrived if to == chat]
        kinds = Counter("delta" if "in all" in text else "firing" for text in texts)
        named = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        say(f"  {name}: {len(texts)} messages ({named}), longest {max(map(len, texts))} characters,")
        say(f"    first after {times[0]:.1f} s ({times[0] - published:+.1f} s), last after {times[-1]:.1f} s")
    say(f"  daemon: {used:.1f} s of CPU, {memory:.0f} MB")


async def firing_alerts(web: int) -> int:
    """How many alerts fire, as /metrics says."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{web}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(int(float(line.split()[1])) for line in lines if re.match(r'alertd_alerts{.*state="firing"', line))


async def herd(port: int, count: int, value: str) -> None:
    """Let every animal say this value, in a process of its own."""
    speaking = Process(target=publish, args=(port, count, value))
    speaking.start()
    await asyncio.to_thread(speaking.join)


def publish(port: int, count: int, value: str) -> None:
    """One reading of every animal at QoS 1, as bytes made beforehand: a client library would be the slower half."""
    packets = b"".join(packet(number, value.encode()) for number in range(count))
    with socket.create_connection(("127.0.0.1", port)) as broker:
        broker.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04herd")  # CONNECT, 3.1.1, clean session
        sender = threading.Thread(target=broker.sendall, args=(packets,))
        sender.start()
        left = 4 + 4 * count  # CONNACK, and a PUBACK each
        while left > 0:
            left -= len(broker.recv(65536))
        sender.join()


def packet(number: int, value: bytes) -> bytes:
    """A PUBLISH at QoS 1 (MQTT 3.1.1 section 3.3); shorter than 128 bytes, so its length is one byte."""
    topic = f"herd/group-{number % GROUPS}/cow-{number}/temperature".encode()
    body = len(topic).to_bytes(2, "big") + topic + (number + 1).to_bytes(2, "big") + value
    return bytes([0x32, len(body)]) + body


async def watch(telegram: FakeTelegram, start: float) -> list[tuple[float, int, str]]:
    """Note when each message comes, until none has come for twice `group_interval`."""
    found: list[tuple[float, int, str]] = []
    quiet = time.monotonic()
    while time.monotonic() - quiet < 30:
        for told in telegram.sent[len(found) :]:
            found.append((time.monotonic() - start, told.chat, told.text))
            quiet = time.monotonic()
        await asyncio.sleep(0.02)
    return found


def cpu(process: int) -> float:
    """Seconds of CPU a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def resident(process: int) -> float:
    """Megabytes of memory a process has."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 / 1e6


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    asyncio.run(
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2] if len(sys.argv) > 2 else "critical")
    )

"""CPU to receive and acknowledge 100,000 QoS 1 messages: the source against bare clients.

    python tests/benchmarks/bench_mqtt.py [MESSAGES]

Each subscriber is a child process of its own on the same mosquitto; another process
publishes. Printed is the child's CPU time (getrusage, user + system) from subscribed to
the last message, so start-up does not count. "bare paho" throws the messages away.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import aiomqtt
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from alertd.clock import SystemClock
from alertd.ingest.ledger import Ledger
from alertd.ingest.mqtt import MqttSource
from alertd.ingest.settings import Mqtt
from alertd.model import Link

TOPIC: Final = "farm/collar/cow-0421"
PAYLOAD: Final = b'{"ts":1796000000,"temp":38.7,"act":412}'


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def bare_paho(port: int, count: int) -> None:
    client = Client(CallbackAPIVersion.VERSION2, "bench-paho", clean_session=True)
    seen = 0
    start = 0.0

    def on_message(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            client.disconnect()

    def on_subscribe(*_: object) -> None:
        nonlocal start
        start = cpu()
        say("ready")

    client.on_message = on_message
    client.on_subscribe = on_subscribe
    client.on_connect = lambda *_: client.subscribe(TOPIC, 1)
    client.connect("127.0.0.1", port)
    client.loop_forever()
    say(cpu() - start)


async def source(port: int, count: int, protocol: str) -> None:
    settings = Mqtt.model_validate(
        {"url": f"mqtt://127.0.0.1:{port}", "client_id": f"bench-{protocol}", "protocol": protocol}
    )
    mqtt = MqttSource(settings, [(TOPIC, 1)], SystemClock(), Ledger())
    start = cpu()
    seen = 0
    async for event in mqtt.events():
        if isinstance(event, Link):
            # The answer to a publish comes after that to the subscription before it.
            await mqtt.publish("bench/ready", b"", qos=1, retain=False)
            say("ready")
            continue
        if not seen:
            start = cpu()
        seen += len(event.messages)
        mqtt.acknowledge(event.position)
        if seen >= count:
            break
    say(cpu() - start)
    await mqtt.close()


async def aio(port: int, count: int) -> None:
    seen = 0
    async with aiomqtt.Client("127.0.0.1", port, identifier="bench-aiomqtt") as client:
        await client.subscribe(TOPIC, 1)
        start = cpu()
        say("ready")
        async for _ in client.messages:
            seen += 1
            if seen == count:
                break
        say(cpu() - start)


def publish(port: int, count: int) -> None:
    client = Client(CallbackAPIVersion.VERSION2, "bench-publisher")
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(1, count + 1):
        sent = client.publish(TOPIC, PAYLOAD, 1)
        if number % 10_000 == 0 or number == count:  # paho queues 65,535 at most
            sent.wait_for_publish(600)
    client.disconnect()
    client.loop_stop()


def child(port: int, count: int, what: str) -> None:
    match what:
        case "bare paho":
            bare_paho(port, count)
        case "paho source":
            asyncio.run(source(port, count, "3.1.1"))
        case "codec source":
            asyncio.run(source(port, count, "5"))
        case "aiomqtt":
            asyncio.run(aio(port, count))
        case "publish":
            publish(port, count)


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from mosquitto import Mosquitto  # noqa: PLC0415 (found only from here on)

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seconds: dict[str, float] = {}
    # The queue is unlimited: a slow client must not be spared messages that the broker dropped.
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder), ["max_queued_messages 0"]) as broker:
        for what in ("bare paho", "paho source", "codec source", "aiomqtt"):
            run = [sys.executable, __file__, "child", str(broker.port), str(count)]
            with subprocess.Popen([*run, what], stdout=subprocess.PIPE, text=True) as subscriber:
                assert subscriber.stdout is not None
                subscriber.stdout.readline()
                subprocess.run([*run, "publish"], check=True)
                seconds[what] = float(subscriber.stdout.readline())
            share = seconds[what] / seconds["bare paho"]
            say(f"{what:14} {seconds[what]:6.2f} s CPU for {count} messages, {share:5.2f} of bare paho")
    say(json.dumps(seconds))


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        main()

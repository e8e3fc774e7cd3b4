"""`alertd simulate`: publishes a herd with known incidents to a broker, at QoS 1, with its own times."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import aiomqtt

from alertd.model import SECOND
from alertd.tools.herd import Herd, Incident, drawn
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

EVERY: Final = 60.0
"""Seconds between two messages of one device, when no rate is asked for."""
HORIZON: Final = 3600.0
"""Without an end, incidents are drawn for the first hour."""


def main(mqtt: str, animals: int, rate: float | None, seed: int, seconds: float | None, truth: Path | None) -> int:
    """Publish until `seconds` are over or SIGINT; `truth` gets one JSON line per incident. Returns the exit code."""
    incidents = drawn(animals, seed, seconds or HORIZON)
    begin = time.time()
    if truth is not None:
        lines = [json.dumps(_true(one, begin)) for one in incidents]
        truth.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    herd = Herd(animals, seed, incidents)
    every = EVERY if not rate else len(herd.devices) / rate
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(publish(mqtt, herd, every, seconds))
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        print(f"alertd: {mqtt.rpartition('@')[2]}: {error}", file=sys.stderr)
        return 1
    return 0


async def publish(url: str, herd: Herd, every: float, seconds: float | None) -> None:
    """Let each device send every `every` seconds, spread evenly, until `seconds` are over.

    Raises:
        aiomqtt.MqttError: the broker is not there, or refuses us.
        ValueError: the URL is none of MQTT's.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError("the URL must be mqtt://HOST:PORT or mqtts://HOST:PORT")
    secure = parts.scheme == "mqtts"
    count = len(herd.devices)
    start, sent = time.monotonic(), 0
    async with aiomqtt.Client(
        parts.hostname,
        parts.port or (8883 if secure else 1883),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls_context=ssl.create_default_context() if secure else None,
    ) as client:
        while seconds is None or sent * every / count < seconds:
            due = sent * every / count
            await asyncio.sleep(max(0.0, start + due - time.monotonic()))
            message = herd.message(sent % count, due)
            sent += 1
            if message is not None:
                topic, values = message
                await client.publish(topic, json.dumps({"ts": round(time.time(), 3)} | values), qos=1)


def _true(one: Incident, begin: float) -> dict[str, str | None]:
    start, end = (rfc3339(round((begin + second) * SECOND)) for second in (one.start, one.end))
    return {"device": one.device, "metric": one.metric, "kind": one.kind, "start": start, "end": end}

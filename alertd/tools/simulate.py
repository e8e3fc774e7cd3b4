"""`alertd simulate`: publishes a herd with known incidents to a broker, at QoS 1, with its own times."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
import re
import ssl
import sys
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import aiomqtt
import numpy as np

from alertd.model import SECOND
from alertd.tools.herd import PLACES, Herd, cow_names
from alertd.tools.herd_incidents import Incident, packed
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Told = tuple[float, str, float, dict[str, float]]
    """When it arrives, topic, when it was measured, values; seconds since the herd's start."""

SITE: Final = "demo"
EVERY: Final = 60.0
"""Seconds between two messages of one device, when no rate is asked for."""
HORIZON: Final = 3600.0
"""Without an end, incidents are drawn for the first hour."""


def main(mqtt: str, animals: int, rate: float | None, seed: int, seconds: float | None, truth: Path | None) -> int:
    """Publish until `seconds` are over or SIGINT; `truth` gets one JSON line per incident. Returns the exit code."""
    incidents = packed(cow_names(animals), seed, seconds or HORIZON)
    begin = time.time()
    if truth is not None:
        lines = [json.dumps(true(one, begin)) for one in incidents]
        truth.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    herd = Herd(animals, seed, incidents)
    every = EVERY if not rate else len(herd.devices) / rate
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(publish(mqtt, herd, every, seconds, begin))
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        why = re.sub(r"\[Errno -?\d+\] ", "", str(error))
        print(f"alertd: {mqtt.rpartition('@')[2]}: {why}", file=sys.stderr)
        return 1
    return 0


async def publish(url: str, herd: Herd, every: float, seconds: float | None, begin: float | None = None) -> None:
    """Let each device send every `every` seconds, spread evenly, until `seconds` are over.

    `begin` is the wall time at which the herd's own begins, in seconds since 1970; default now.

    Raises:
        aiomqtt.MqttError: the broker is not there, or refuses us.
        ValueError: the URL is none of MQTT's.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError("the URL must be mqtt://HOST:PORT or mqtts://HOST:PORT")
    secure = parts.scheme == "mqtts"
    wall = time.time() if begin is None else begin
    start = time.monotonic() - (time.time() - wall)
    async with aiomqtt.Client(
        parts.hostname,
        parts.port or (8883 if secure else 1883),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls_context=ssl.create_default_context() if secure else None,
    ) as client:
        for due, topic, measured, values in messages(herd, every, seconds):
            wait = start + due - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            await client.publish(topic, json.dumps({"ts": round(wall + measured, 3)} | values), qos=1)


def messages(herd: Herd, every: float, seconds: float | None) -> Iterator[Told]:
    """Yield each message, in order of arrival."""
    devices, animals = herd.devices, len(herd.cows)
    waiting: list[Told] = []
    for block in herd.blocks(every, seconds):
        found = []
        for due, measured, device, step in zip(
            block.arrives.tolist(), block.time.tolist(), block.device.tolist(), block.step.tolist(), strict=True
        ):
            row = device if device < animals else device - animals
            kind, table = ("collar", block.cows) if device < animals else (PLACES[devices[device]][0], block.places)
            values = {name: float(array[row, step]) for name, array in table.items() if array[row, step] > -np.inf}
            found.append((due, f"alertd/v1/{SITE}/{kind}/{devices[device]}", measured, values))
        found = list(heapq.merge(waiting, found, key=lambda one: one[0]))
        waiting = [one for one in found if one[0] >= block.end]  # what is late arrives among those of later blocks
        yield from (one for one in found if one[0] < block.end and (seconds is None or one[0] < seconds))


def true(one: Incident, begin: float) -> dict[str, str | float | None]:
    """Return one incident as a line of ground truth."""
    start, end = (rfc3339(round((begin + second) * SECOND)) for second in (one.start, one.end))
    other = {"other": one.other} if one.other else {}
    return other | {
        "device": one.device,
        "metric": one.metric or None,
        "kind": one.kind,
        "start": start,
        "end": end,
        "size": round(one.size, 3),
    }

"""Reads an MQTT source the way the engine does: holds, commits, tells the ledger, acknowledges."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import paho.mqtt.publish

from alertd.clock import SystemClock
from alertd.ingest.ledger import Ledger
from alertd.ingest.mqtt import MqttSource
from alertd.ingest.settings import Mqtt
from alertd.model import SECOND, Link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from paho.mqtt.client import PayloadType
    from paho.mqtt.publish import MessageDict

    from alertd.model import Micros
    from alertd.seams import Raw, RawBatch

PATIENCE = 15.0


class HastyClock(SystemClock):
    """The system's clock, but a back-off of a minute takes 20 ms."""

    async def sleep_until(self, when: Micros) -> None:
        await super().sleep_until(min(when, self.now() + SECOND // 50))


class Reader:
    """One life of a daemon. `autocommit` commits and acknowledges each batch as it comes."""

    def __init__(self, source: MqttSource, ledger: Ledger, *, autocommit: bool = True) -> None:
        self.source = source
        self.ledger = ledger
        self.autocommit = autocommit
        self.raws: list[Raw] = []
        self.links: list[Link] = []
        self.held: list[RawBatch] = []
        self.committed: list[tuple[int, int]] = []
        self._came = asyncio.Event()
        self._task = asyncio.create_task(self._read(), name="reader")

    async def _read(self) -> None:
        async for event in self.source.events():
            if isinstance(event, Link):
                self.links.append(event)
            else:
                self.raws.extend(event.messages)
                self.held.append(event)
                if self.autocommit:
                    self.commit()
            self._came.set()

    def commit(self, *, acknowledge: bool = True) -> None:
        """Commit what is held; without `acknowledge` as if killed between commit and PUBACK."""
        entries = [self.ledger.entry(raw) for batch in self.held for raw in batch.messages if raw.packet]
        self.ledger.committed(entries)
        self.committed.extend(entries)
        if acknowledge and self.held:
            self.source.acknowledge(self.held[-1].position)
        self.held.clear()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to become true as events come in."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._came.clear()
                waiting = asyncio.ensure_future(self._came.wait())
                # `ready` and answers change without an event of the source
                await asyncio.wait([waiting], timeout=0.02)
                waiting.cancel()

    async def until_ready(self) -> None:
        await self.until(lambda: self.source.ready)

    async def until_read(self, count: int) -> None:
        await self.until(lambda: len(self.raws) >= count)

    @property
    def payloads(self) -> list[str]:
        return [raw.payload.decode() for raw in self.raws]

    @property
    def whys(self) -> list[str]:
        return [link.why for link in self.links if not link.up]

    async def die(self) -> None:
        """Vanish as kill -9 would: no acknowledgement, no DISCONNECT."""
        self._task.cancel()
        await asyncio.wait([self._task])
        line = self.source._line
        if line is not None:
            line.abort()  # type: ignore[attr-defined] # both kinds of line have it

    async def stop(self) -> None:
        """End in order."""
        await self.source.close()
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()


def reader(
    url: str,
    protocol: str = "auto",
    *,
    autocommit: bool = True,
    ledger: Ledger | None = None,
    filters: Iterable[tuple[str, int]] = (("farm/#", 1),),
    status_topic: str | None = None,
    **settings: object,
) -> Reader:
    """Start reading a broker."""
    ledger = ledger or Ledger()
    options = {"url": url, "client_id": "alertd-test", "protocol": protocol, **settings}
    source = MqttSource(Mqtt.model_validate(options), list(filters), HastyClock(), ledger, status_topic=status_topic)
    return Reader(source, ledger, autocommit=autocommit)


async def publish(
    port: int, payloads: Iterable[str], *, topic: str = "farm/cow/t", qos: int = 1, retain: bool = False
) -> None:
    """Publish as a sensor would, one after the other, and return when the broker has them all."""
    messages: list[MessageDict | tuple[str, PayloadType, int, bool]] = [
        (topic, payload, qos, retain) for payload in payloads
    ]
    await asyncio.to_thread(paho.mqtt.publish.multiple, messages, hostname="127.0.0.1", port=port)


async def watch(port: int, topic: str) -> AsyncIterator[str]:
    """Yield what is published (and retained) on a topic, to a client of its own."""
    watcher = reader(f"mqtt://127.0.0.1:{port}", client_id="watcher", filters=[(topic, 1)])
    seen = 0
    try:
        while True:
            await watcher.until_read(seen + 1)
            yield watcher.payloads[seen]
            seen += 1
    finally:
        await watcher.stop()

"""The MQTT source: every message the broker keeps for us, once, and acknowledged only after its commit.

The broker's queue is our position: what is not acknowledged comes again. So nothing here
acknowledges by itself, except what the ledger knows to be committed.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING, Final, Literal

from alertd.ingest.mqtt_address import Address, explain, tls_context
from alertd.ingest.mqtt_dial import open_codec
from alertd.ingest.mqtt_intake import Intake
from alertd.ingest.mqtt_line import OFFLINE, ONLINE, PATIENCE, REFUSED, WINDOW, Hello, RefusedError
from alertd.ingest.mqtt_overlap import needed
from alertd.ingest.mqtt_paho import open_paho
from alertd.ingest.mqtt_window import QUIET, Window
from alertd.model import SECOND, Link
from alertd.seams import RawBatch
from alertd.settings import SecretMissingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from alertd.ingest.ledger import Ledger
    from alertd.ingest.mqtt_line import Line
    from alertd.ingest.settings import Mqtt
    from alertd.model import Micros
    from alertd.seams import Clock, Raw

Version = Literal["5", "3.1.1"]

QUEUED_MESSAGES: Final = 4000
QUEUED_BYTES: Final = 16 << 20
"""Bounds between the socket and `events()`. Beyond either, reading stops and TCP makes the broker
wait, until half is taken. QoS 1 stays below (the in-flight window is smaller); a flood of
QoS 0 does not, and what the broker then drops of it is what QoS 0 means."""

BACKOFF_MAX: Final = 60 * SECOND
SETTLED: Final = 30 * SECOND
"""A connection that lived so long was a good one: the next back-off starts at a second again."""

PUBLISHES: Final = 10
"""Publishes that wait for their answer at a time: the smallest Receive Maximum among common brokers."""


class MqttSource:
    """One persistent session on one broker; implements `seams.Source`.

    `filters` and `extra_filters` (device results, commands) are (topic filter, QoS). Set
    `high_water` to the newest `received` the store knows, so that arrival times stay unique
    over a restart. `granted` is what the broker answered: QoS by filter, or a reason code from
    128 where it refused.

    Backlog: after a reconnect with a kept session the broker first sends what it had queued, and
    nothing marks where that ends. Here it ends when the socket was quiet for 200 ms although the
    broker was free to send: less than half its in-flight window unacknowledged, reading not paused.
    A farm whose stream never pauses so long stays in backlog, which only costs what arrival times
    are trusted for; ending too early would date old readings to now. A DUP is old in any case, and
    a new session has no backlog.
    """

    def __init__(
        self,
        settings: Mqtt,
        filters: Sequence[tuple[str, int]],
        clock: Clock,
        ledger: Ledger,
        *,
        status_topic: str | None = None,
        extra_filters: Sequence[tuple[str, int]] = (),
    ) -> None:
        self.granted: dict[str, int] = {}
        self._settings = settings
        self._address = Address.parse(settings.url)
        self._clock = clock
        self._ledger = ledger
        self._status_topic = status_topic or settings.status_topic
        asked: dict[str, int] = {}
        for topic_filter, qos in (*filters, *extra_filters):
            asked[topic_filter] = max(qos, asked.get(topic_filter, 0))
        self._filters = needed(asked)
        self._version: Version = "3.1.1" if settings.protocol == "3.1.1" else "5"
        self._windows: dict[Version, Window] = {"5": Window(WINDOW), "3.1.1": Window(settings.inflight)}
        self._intake = Intake(ledger)
        self._line: Line | None = None
        self._queue: deque[RawBatch | Link] = deque()
        self._queued = self._queued_bytes = 0
        self._paused = False
        self._stir = asyncio.Event()
        self._closing = asyncio.Event()
        self._backlog = False
        self._quiet_since: Micros = 0
        self._drain: asyncio.TimerHandle | None = None
        self._failures = 0
        self._up_at: Micros = 0
        self._publishing = asyncio.Semaphore(PUBLISHES)

    @property
    def high_water(self) -> Micros:
        """Newest arrival time given out: every later one is greater."""
        return self._intake.high_water

    @high_water.setter
    def high_water(self, received: Micros) -> None:
        self._intake.high_water = received

    @property
    def ready(self) -> bool:
        """Return whether it is connected and every subscription was granted."""
        return self._line is not None and all(self.granted.get(name, REFUSED) < REFUSED for name in self._filters)

    @property
    def protocol(self) -> str:
        """Return the version of MQTT in use: `5` or `3.1.1`."""
        return self._version

    # --- Source -----------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[RawBatch | Link]:
        """Yield batches and the coming and going of the connection, in order, until `close`."""
        told = ""
        while not self._closing.is_set():
            try:
                await self._connect()
            except RefusedError as error:
                if str(error) != told:  # said once per change
                    told = str(error)
                    yield Link(self._clock.now(), up=False, why=told)
            else:
                told = ""
                while not self._closing.is_set() and (self._queue or self._line is not None):
                    if self._queue:
                        yield self._next()
                    else:
                        self._stir.clear()
                        await self._stir.wait()
            await self._back_off()
        await self._leave()  # connected while it was closing

    def acknowledge(self, position: int) -> None:
        """Acknowledge every batch up to `position`, in order and in one write.

        Tell `Ledger.committed` first. What came over a connection that is gone cannot be
        acknowledged any more: it comes again, and is then known.
        """
        before = self._in_flight
        packets = self._intake.acknowledge(position)
        if packets and self._line is not None:
            self._quiet_since = self._clock.now()
            self._window.acknowledged(before, self._quiet_since)
            self._line.acknowledge(packets)

    def pressing(self, held: int) -> bool:
        """Return whether `held` unacknowledged messages fill half of the broker's in-flight window."""
        return self._window.pressing(max(held, self._in_flight))

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Publish on this connection and, from QoS 1 on, wait until the broker has it (10 s at most).

        Raises:
            ConnectionError: not connected, refused, or unanswered.
        """
        try:
            async with asyncio.timeout(PATIENCE), self._publishing:
                if self._line is None:
                    raise ConnectionError(f"not connected to {self._address}")
                why = await self._line.post(topic, payload, qos=qos, retain=retain)
        except TimeoutError:
            why = f"{self._address} did not confirm a publish to {topic} within {PATIENCE:g} s"
        if why:
            raise ConnectionError(why)

    def post(self, topic: str, payload: bytes, *, qos: int, seconds: int) -> asyncio.Future[str] | None:
        """Publish at this very moment or not at all; None: there is no connection and nothing was sent.

        A connection that ends does not take it along to the next: each line starts without a memory.
        """
        if self._line is None:
            return None
        return self._line.post(topic, payload, qos=qos, retain=False, seconds=seconds)

    async def close(self) -> None:
        """Say offline, disconnect without the will, keep the session; takes 2 s at most."""
        self._closing.set()
        self._stir.set()
        await self._leave()

    # --- Ear: what the line says --------------------------------------------------------------------

    def connected(self, line: Line, *, session_present: bool) -> None:
        """Subscribe; a session new to the broker starts a new ledger and has no backlog."""
        now = self._clock.now()
        self._line = line
        self._up_at = self._quiet_since = now
        self.granted = {}
        if not session_present:
            self._intake.new_session()
            self._ledger.new_session(f"{self._settings.client_id}/{now}")
        self._backlog = session_present
        if session_present:
            self._drain = asyncio.get_running_loop().call_later(QUIET / SECOND, self._look_for_end_of_backlog)
        self._put(Link(now, up=True))
        line.subscribe(list(self._filters.items()))
        self._say_online()

    def heard(self, messages: list[Raw]) -> None:
        """Queue one read as one batch, without what was committed before: that is acknowledged again."""
        now = self._quiet_since = self._clock.now()
        batch, repeated = self._intake.take(messages, now, backlog=self._backlog)
        self._window.heard(self._in_flight, now)
        if repeated and self._line is not None:
            self._line.acknowledge(repeated)
        if batch is not None:
            self._queued += len(batch.messages)
            self._queued_bytes += sum(len(raw.payload) for raw in batch.messages)
            self._put(batch)
            self._pause_or_resume()

    def subscribed(self, topic_filter: str, code: int) -> None:
        """Remember what was granted; name a filter that was refused."""
        self.granted[topic_filter] = code
        if code >= REFUSED:
            why = f"{self._address} refused the subscription to {topic_filter} (code {code}): check its access rules"
            self._put(Link(self._clock.now(), up=True, why=why))
        self._say_online()

    def lost(self, why: str) -> None:
        """Forget the connection; what the engine holds of it is recognised when it comes again."""
        now = self._clock.now()
        if now - self._up_at >= SETTLED:
            self._failures = 0
        self._hang_up()
        self._put(Link(now, up=False, why=why))

    # --- inside -------------------------------------------------------------------------------------

    @property
    def _window(self) -> Window:
        return self._windows[self._version]

    @property
    def _in_flight(self) -> int:
        return self._intake.unacknowledged + (0 if self._line is None else self._line.copies)

    async def _connect(self) -> None:
        try:
            hello = self._hello()
        except SecretMissingError as error:
            raise RefusedError(f"mqtt.password: {error}") from error
        except OSError as error:
            raise RefusedError(explain(error, self._address)) from error
        first = self._version
        try:
            await self._open(hello)
        except RefusedError as error:
            if self._settings.protocol != "auto" or not error.other_protocol:
                raise
            self._version = "3.1.1" if first == "5" else "5"
            try:
                await self._open(hello)
            except RefusedError:
                self._version = first
                raise

    def _hello(self) -> Hello:
        settings = self._settings
        return Hello(
            address=self._address,
            client_id=settings.client_id,
            username=settings.username,
            password=None if settings.password is None else settings.password.read(),
            keepalive=min(max(settings.keepalive // SECOND, 1), 65535),
            status_topic=self._status_topic,
            tls=tls_context(settings.tls) if self._address.secure else None,
        )

    async def _open(self, hello: Hello) -> None:
        if self._version == "5" and not self._address.websocket:
            await open_codec(hello, self)
        else:
            await open_paho(hello, self, self._version)

    async def _back_off(self) -> None:
        """Wait between 0 and 1, 2, 4 … 60 s (full jitter: farms on one broker must not return at once)."""
        longest = min(SECOND << min(self._failures, 6), BACKOFF_MAX)
        self._failures += 1
        until = self._clock.now() + int(random.uniform(0, longest))  # noqa: S311 (not a secret)
        ends = [asyncio.ensure_future(self._clock.sleep_until(until)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _leave(self) -> None:
        line = self._line
        if line is None:
            return
        if self._status_topic is not None:
            await asyncio.wait([line.post(self._status_topic, OFFLINE, qos=1, retain=True)], timeout=1.0)
        self._hang_up()
        await line.close()

    def _hang_up(self) -> None:
        self._line = None
        self._paused = False
        self._intake.lost()
        if self._drain is not None:
            self._drain.cancel()
        self._stir.set()

    def _say_online(self) -> None:
        if self._line is not None and self._status_topic is not None and len(self.granted) == len(self._filters):
            self._line.post(self._status_topic, ONLINE, qos=1, retain=True)

    def _look_for_end_of_backlog(self) -> None:
        quiet = self._clock.now() - self._quiet_since >= QUIET
        if quiet and not self._paused and not self.pressing(0):
            self._backlog = False
        else:
            self._drain = asyncio.get_running_loop().call_later(QUIET / SECOND, self._look_for_end_of_backlog)

    def _put(self, event: RawBatch | Link) -> None:
        self._queue.append(event)
        self._stir.set()

    def _next(self) -> RawBatch | Link:
        event = self._queue.popleft()
        if isinstance(event, RawBatch):
            self._queued -= len(event.messages)
            self._queued_bytes -= sum(len(raw.payload) for raw in event.messages)
            self._pause_or_resume()
        return event

    def _pause_or_resume(self) -> None:
        if self._line is None:
            return
        if self._paused:
            if 2 * self._queued <= QUEUED_MESSAGES and 2 * self._queued_bytes <= QUEUED_BYTES:
                self._paused = False
                self._quiet_since = self._clock.now()
                self._line.resume()
        elif self._queued > QUEUED_MESSAGES or self._queued_bytes > QUEUED_BYTES:
            self._paused = True
            self._line.pause()

"""Keeps the broker's retained copies of alerts in step with what is committed.

What is to stand on a topic waits in `_wanted` until the broker has confirmed it: an
outage costs time, not state. Copies are rendered when their commit is done and
repeated after every reconnect (a broker may have lost its retained messages), so a
restart needs nothing but the book. What was published under another configuration,
and copies whose hour ended while the broker was away, are remembered in the store
(`POSITION`) and cleared at the next chance.
"""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from alertd.model import HOUR, SECOND, Rejected, State
from alertd.publishing.orders import order
from alertd.publishing.sensors import Sensors, discovery, discovery_topic, node, pairs, sensor_name
from alertd.wording.alert_json import alert_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alertd.alerting.book import Book
    from alertd.ingest.settings import Publish
    from alertd.model import Alert, Changes, Command, Micros
    from alertd.publishing.sensors import Pair
    from alertd.seams import Clock, Raw, Source

log = structlog.get_logger("alertd.publishing")

POSITION: Final = "publish"
"""Name of our cursor in the store, beside those of the messengers."""
KEPT: Final = HOUR
"""How long a resolved alert stays readable (CONTRACT.md section 2, publish)."""
AT_ONCE: Final = 10
"""Publishes that wait for the broker's answer at a time (`mqtt.PUBLISHES`)."""
TRY_AGAIN: Final = 30 * SECOND
"""How long a broker that refuses is left alone; a reconnect ends the wait."""
GONE: Final = b""
"""An empty retained message takes a retained one away (MQTT 5.0, 3.3.1.3)."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the store remembers of our topics: where they stand, which sensors, which alerts' clears are owed."""

    topic: str = ""
    sensors: tuple[str, ...] = ()
    owed: tuple[int, ...] = ()

    def text(self) -> str:
        """Return it as a cursor of the store, "" where there is nothing to remember."""
        if not self.topic:
            return ""
        return msgspec.json.encode({"topic": self.topic, "sensors": self.sensors, "owed": self.owed}).decode()

    @classmethod
    def read(cls, text: str) -> Trace:
        """Read what `text` wrote; "" is no trace."""
        if not text:
            return cls()
        found: dict[str, Any] = msgspec.json.decode(text)
        return cls(found["topic"], tuple(found["sensors"]), tuple(found["owed"]))


@dataclass(slots=True)
class Publisher:
    """One farm's topics below `publish.topic`; `settings` None: only what stands there from before is taken away.

    Args:
        book: the engine's; looked at between steps only.
        source: the connection.
        kept: our cursor from the store (`Trace.text`).
    """

    settings: Publish | None
    book: Book
    source: Source
    clock: Clock
    farm: str = ""
    kept: str = ""
    _wanted: dict[str, bytes] = field(default_factory=dict)
    _ends: list[tuple[Micros, int]] = field(default_factory=list)
    """(when a resolved alert's copy goes, its number), earliest first."""
    _standing: dict[str, bytes] = field(default_factory=dict)
    """What stands on our topics, confirmed or not: repeated after a reconnect."""
    _owed: dict[str, int] = field(default_factory=dict)
    """Topics of clears the broker has not confirmed yet, and the numbers of their alerts."""
    _leaving: set[str] = field(default_factory=set)
    """Topics of an earlier configuration that are still to be cleared."""
    _sensors: Sensors = field(default_factory=Sensors)
    _announced: dict[Pair, str] = field(default_factory=dict)
    _looked_at: int = -1
    _stir: asyncio.Event = field(default_factory=asyncio.Event)
    _up: asyncio.Event = field(default_factory=asyncio.Event)
    _told: str = ""

    # --- what the daemon tells ----------------------------------------------------------------

    def start(self) -> None:
        """Want what the book holds, and take away what an earlier configuration left."""
        before = Trace.read(self.kept)
        topic = self.settings.topic if self.settings else ""
        if self.settings is not None:
            for alert in self.book.alerts.values():
                self._alert(alert)
            self._announce()
        numbers = set(before.owed)
        if before.topic != topic:
            numbers |= {alert.number for alert in self.book.alerts.values()}
        sensors = set(before.sensors) - (set(self._announced.values()) if before.topic == topic else set())
        if before.topic:
            self._leave(f"{before.topic}/alerts/A-{number}" for number in sorted(numbers))
            self._leave(discovery_topic(before.topic, name) for name in sorted(sensors))
            self._leave(f"{before.topic}/sensors/{name}" for name in sorted(sensors))

    def committed(self, changes: Changes) -> None:
        """Want the new state of what a commit changed: rendered now, before the next step changes it again."""
        if self.settings is None:
            return
        for alert in changes.alerts.values():
            self._alert(alert)
        self._announce()

    def link(self, *, up: bool) -> None:
        """The connection came or went; a new one is told everything that stands."""
        if up and not self._up.is_set():
            self._up.set()
            self._wanted = self._standing | self._wanted
        elif not up:
            self._up.clear()
        self._stir.set()

    def own(self, topic: str) -> bool:
        """Return whether a topic is one of ours: never read as a source."""
        if self.settings is None:
            return False
        name = self.settings.topic
        return topic.startswith((f"{name}/", f"homeassistant/binary_sensor/{node(name)}/"))

    def asked(self, raw: Raw) -> Sequence[Command]:
        """Return what a message on the command topic comes to."""
        assert self.settings is not None  # nobody listens there otherwise
        found = order(raw, self.settings.commands)
        if isinstance(found, Rejected):
            log.warning("command refused", topic=raw.topic, reason=found.reason, detail=found.detail)
            return ()
        return (found,)

    def trace(self) -> str:
        """Return what the store is to remember of our topics; changes seldom."""
        if self._leaving:
            return self.kept
        topic = self.settings.topic if self.settings else ""
        return Trace(topic, tuple(sorted(self._announced.values())), tuple(sorted(self._owed.values()))).text()

    # --- the task -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Publish what is wanted and not confirmed, for ever; an absent broker is waited for."""
        while True:
            self._stir.clear()
            self._end_hours(self.clock.now())
            if self._wanted and self._up.is_set():
                await self._publish()
            else:
                await self._wait(self._ends[0][0] if self._ends else None)

    async def _publish(self) -> None:
        """Hand the oldest few to the broker; what it does not confirm stays wanted."""
        batch = list(self._wanted.items())[:AT_ONCE]
        posts = (self.source.publish(topic, payload, qos=1, retain=True) for topic, payload in batch)
        answers = await asyncio.gather(*posts, return_exceptions=True)
        trouble = ""
        for (topic, payload), answer in zip(batch, answers, strict=True):
            if isinstance(answer, ConnectionError):
                trouble = str(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                self._confirmed(topic, payload)
        if trouble and trouble != self._told:
            log.warning("not published", why=trouble, waiting=len(self._wanted))
        elif self._told and not trouble:
            log.info("published again", waiting=len(self._wanted))
        self._told = trouble
        if trouble:
            await self._wait(self.clock.now() + TRY_AGAIN)

    async def _wait(self, until: Micros | None) -> None:
        """Return when something stirs, or at `until`."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._stir.wait())]
        if until is not None:
            waits.append(asyncio.ensure_future(self.clock.sleep_until(until)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    # --- inside -------------------------------------------------------------------------------

    def _want(self, topic: str, payload: bytes) -> None:
        if payload and self._standing.get(topic) == payload:
            return  # it stands there, or waits already
        self._wanted[topic] = payload
        if payload:
            self._standing[topic] = payload
        else:
            self._standing.pop(topic, None)
        self._stir.set()

    def _leave(self, topics: Iterable[str]) -> None:
        for topic in topics:
            if topic not in self._standing:
                self._leaving.add(topic)
                self._want(topic, GONE)

    def _confirmed(self, topic: str, payload: bytes) -> None:
        if self._wanted.get(topic) is payload:  # else it has changed meanwhile and goes again
            del self._wanted[topic]
            self._owed.pop(topic, None)
            self._leaving.discard(topic)

    def _topic(self, number: int) -> str:
        assert self.settings is not None
        return f"{self.settings.topic}/alerts/A-{number}"

    def _alert(self, alert: Alert) -> None:
        """Want an alert's copy, or that it is gone; what is told to nobody (shadow) has none."""
        if alert.shadow or not alert.number:
            return
        if self.settings is not None and self.settings.home_assistant:
            self._state(self._sensors.note(alert))
        if alert.state is State.RESOLVED and alert.resolved is not None:
            if alert.resolved + KEPT <= self.clock.now():
                self._clear(alert.number)
                return
            heapq.heappush(self._ends, (alert.resolved + KEPT, alert.number))
        topic = self._topic(alert.number)
        self._owed.pop(topic, None)
        self._want(topic, msgspec.json.encode(alert_json(alert)))

    def _clear(self, number: int) -> None:
        topic = self._topic(number)
        self._owed[topic] = number
        self._want(topic, GONE)

    def _end_hours(self, now: Micros) -> None:
        """Clear the copies of alerts that resolved an hour ago and did not fire again since."""
        while self._ends and self._ends[0][0] <= now:
            _, number = heapq.heappop(self._ends)
            alert = self.book.numbered(number)
            if alert is None or (alert.state is State.RESOLVED and (alert.resolved or 0) + KEPT <= now):
                self._clear(number)

    # --- Home Assistant -----------------------------------------------------------------------

    def _announce(self) -> None:
        """Announce sensors of rules and groups that are new: the book has more series than when we last looked."""
        if self.settings is None or not self.settings.home_assistant or len(self.book.series) == self._looked_at:
            return
        self._looked_at = len(self.book.series)
        for pair in dict.fromkeys(pairs(self.book)):
            if pair not in self._announced:
                self._announce_one(pair)

    def _announce_one(self, pair: Pair) -> None:
        assert self.settings is not None
        name = self._announced[pair] = sensor_name(pair)
        payload = msgspec.json.encode(discovery(self.settings.topic, pair, self.farm))
        self._want(discovery_topic(self.settings.topic, name), payload)
        self._state(pair)

    def _state(self, pair: Pair) -> None:
        assert self.settings is not None
        if pair not in self._announced:
            self._announce_one(pair)
            return
        topic = f"{self.settings.topic}/sensors/{self._announced[pair]}"
        self._want(topic, msgspec.json.encode(self._sensors.state(pair)))

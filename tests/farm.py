"""A farm on a table: readings in at a second, what is told out. Real book, engine, people and words; no I/O."""

from __future__ import annotations

from typing import Any

import numpy as np

from alertd.alerting.book import Book
from alertd.alerting.settings import Inhibit, QuietTime, Rule
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.engine import Engine
from alertd.ingest.settings import Device
from alertd.model import (
    SECOND,
    Batch,
    Changes,
    Command,
    Kind,
    Link,
    Message,
    Quality,
    Series,
    Settled,
    Silencing,
    Trouble,
)
from alertd.recovery import ready
from alertd.seams import Kept
from alertd.wording import Words

START = 1_795_400_000 * SECOND
ANNA: dict[str, Any] = {"id": "anna", "name": "Anna", "channels": [{"console": "anna"}], "consent": "2026-01-01"}
BOB: dict[str, Any] = {"id": "bob", "name": "Bob", "channels": [{"console": "bob"}], "consent": "2026-01-01"}


def hot(**more: Any) -> dict[str, Any]:
    """A threshold on temperature: bad above 30, good below 28."""
    detect = {"kind": "threshold", "above": 30, "clear": 28} | more.pop("detect", {})
    rule = {"name": "hot", "match": {"metric": "temperature"}, "detect": detect, "severity": "critical"}
    return rule | more


class Farm:
    """Seconds since the start in, messages out. `connected`: the broker is there from second 0;
    `delivers`: every message reaches its person at once."""

    def __init__(
        self,
        *rules: dict[str, Any],
        people: tuple[dict[str, Any], ...] = (ANNA,),
        devices: tuple[dict[str, Any], ...] = (),
        connected: bool = True,
        delivers: bool = True,
        inhibit: tuple[dict[str, Any], ...] = (),
        quiet_times: tuple[dict[str, Any], ...] = (),
    ) -> None:
        self.quiet_times = [QuietTime.model_validate(one) for one in quiet_times]
        self.inhibit = [Inhibit.model_validate(one) for one in inhibit]
        self.rules = [Rule.model_validate(rule) for rule in rules]
        self.listed = [Device.model_validate(device) for device in devices]
        self.subscribers = [Subscriber.model_validate(person) for person in people]
        self.engine = self.made()
        self.changes: list[Changes] = []
        self.told: list[Message] = []
        self._received = 0
        self.delivers = delivers
        if connected:
            self.step(-1, events=[Link(START - SECOND, up=True)])

    def made(self) -> Engine:
        """An engine of this configuration that knows nothing yet."""
        book = Book(self.rules, self.listed, cap=20_000, now=START, inhibit=self.inhibit, quiet_times=self.quiet_times)
        people = People(self.subscribers, {}, operator=None, language="en", timezone="UTC", invites={})
        return Engine(book, people, Words(self.rules, self.listed))

    @property
    def book(self) -> Book:
        return self.engine.book

    def batch(self, readings: list[tuple], *, state: bool = False) -> Batch:
        """Readings as (second, device, value[, quality[, own second]]) of the metric temperature."""
        rows, times, received, values, qualities = [], [], [], [], []
        for second, device, value, *rest in readings:
            quality = rest[0] if rest else Quality.LIVE
            metric = "online" if state else "temperature"
            rows.append(self.book.row(Series(device, metric, unit="bool" if state else "degC", state=state)))
            self._received = max(self._received + 1, START + round(second * SECOND))
            received.append(self._received)
            times.append(START + round(rest[1] * SECOND) if len(rest) > 1 else self._received)
            values.append(value)
            qualities.append(int(quality))
        return Batch(
            np.array(rows, np.int32),
            np.array(times, np.int64),
            np.array(received, np.int64),
            np.array(values, np.float64),
            np.array(qualities, np.int8),
        )

    @property
    def second(self) -> float:
        """The latest second that was."""
        return (self._received - START) / SECOND

    def ready(self) -> None:
        """What a start does before the first step: timers that follow from what is known."""
        ready(self.engine, Kept(), max(START, self._received))

    def trouble(self, second: float, key: str, text: str = "it broke") -> list[Message]:
        """Something is wrong with alertd itself."""
        return self.step(second, events=[Trouble(key, START + round(second * SECOND), text)])

    def step(self, second: float, batch: Batch | None = None, events=()) -> list[Message]:
        """One step a millisecond after a second; returns the messages it made."""
        self._received = max(self._received + 1, START + round(second * SECOND) + 1000)
        changes = self.engine.step(batch if batch is not None else Batch.empty(), self._received, events)
        self.changes.append(changes)
        self.told += changes.messages
        for message in changes.messages if self.delivers else ():
            self.engine.know(self.report(message, self._received, "sent"))
        return changes.messages

    def say(self, *readings: tuple, state: bool = False) -> list[Message]:
        """Readings, one step each, in order of arrival; returns all messages they made."""
        return [message for one in readings for message in self.step(one[0], self.batch([one], state=state))]

    def tick(self, second: float) -> list[Message]:
        """The clock moves to a second."""
        return self.step(second)

    def do(self, second: float, action: str, *numbers: int, by: str | None = "anna", **more: Any) -> list[Message]:
        """A person's command."""
        at = START + round(second * SECOND)
        return self.step(second, events=[Command(f"{action}{at}{numbers}{by}", at, action, numbers, by, **more)])

    def silence(self, second: float, until: float, by: str | None = "anna", **match: Any) -> list[Message]:
        """Planned quiet for what fits, from one second to another."""
        at = START + round(second * SECOND)
        wish = Silencing(f"silence {at} {match}", at, match, START + round(until * SECOND), "new fans", by=by)
        return self.step(second, events=[wish])

    def end_silence(self, second: float, number: int) -> list[Message]:
        """A silence is ended before its time."""
        at = START + round(second * SECOND)
        return self.step(second, events=[Silencing(f"end {at}", at, ends=number, by="anna")])

    def deliver(self, second: float, message: Message, state: str = "sent", why: str = "") -> list[Message]:
        """The courier's report on a message."""
        return self.step(second, events=[self.report(message, START + round(second * SECOND), state, why)])

    @staticmethod
    def report(message: Message, at: int, state: str, why: str = "") -> Settled:
        """What the courier would say of a message."""
        return Settled(message.id, message.incident, message.subscriber, message.kind, message.alerts, state, at, why)

    def link(self, second: float, *, up: bool) -> list[Message]:
        """The connection to the broker."""
        return self.step(second, events=[Link(START + round(second * SECOND), up=up)])


def kinds(messages: list[Message]) -> list[Kind]:
    """What kinds of messages these are."""
    return [message.kind for message in messages]

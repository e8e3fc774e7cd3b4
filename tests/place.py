"""A farm whose devices tell several metrics and stand in groups: for what is computed or judged over several series."""

from __future__ import annotations

from typing import Any

import numpy as np
from farm import START, Farm

from alertd.alerting.book import Book
from alertd.audience.people import People
from alertd.detect.derived import Derived
from alertd.engine import Engine
from alertd.model import SECOND, Batch, Message, Quality, Series
from alertd.wording import Words

UNITS = {"temperature": "degC", "humidity": "%", "silo_level": "%", "steps": "count", "activity": ""}


class Place(Farm):
    """Readings are (second, device, metric, value[, own second[, quality]]); `groups` says where devices stand."""

    def __init__(
        self,
        *rules: dict[str, Any],
        derived: tuple[dict[str, Any], ...] = (),
        groups: dict[str, str] | None = None,
        **more,
    ) -> None:
        self.derived = [Derived.model_validate(one) for one in derived]
        self.groups = groups or {}
        self.kept: list[Batch] = []
        super().__init__(*rules, **more)

    def made(self) -> Engine:
        book = Book(self.rules, self.listed, cap=20_000, now=START, derived=self.derived, inhibit=self.inhibit)
        people = People(self.subscribers, {}, operator=None, language="en", timezone="UTC", invites={})
        return Engine(book, people, Words(self.rules, self.listed))

    def of(self, readings) -> Batch:
        columns: list[tuple] = []
        for second, device, metric, value, *rest in readings:
            row = self.book.row(Series(device, metric, UNITS.get(metric, ""), group=self.groups.get(device)))
            self._received = max(self._received + 1, START + round(second * SECOND))
            time = START + round(rest[0] * SECOND) if rest else START + round(second * SECOND)
            columns.append((row, time, self._received, value, int(rest[1] if len(rest) > 1 else Quality.LIVE)))
        kinds = (np.int32, np.int64, np.int64, np.float64, np.int8)
        return Batch(*(np.array(column, kind) for column, kind in zip(zip(*columns, strict=True), kinds, strict=True)))

    def step(self, second, batch=None, events=()) -> list[Message]:
        told = super().step(second, batch, events)
        self.kept.append(self.changes[-1].readings)
        return told

    def take(self, batch: Batch) -> None:
        """A step at the very arrival of a batch's last reading."""
        self.kept.append(self.engine.step(batch, int(batch.received[-1])).readings)

    def hear(self, *readings: tuple) -> list[Message]:
        """Readings, one step each."""
        return [message for one in readings for message in self.step(one[0], self.of([one]))]

    def hear_at_once(self, *readings: tuple) -> list[Message]:
        """Readings in one batch."""
        return self.step(readings[-1][0], self.of(readings))

    def readings(self, metric: str, device: str | None = None) -> list[tuple]:
        """What was kept of a metric, as (second, device, value)."""
        found = []
        for batch in self.kept:
            for row, time, value in zip(batch.series.tolist(), batch.time.tolist(), batch.value.tolist(), strict=True):
                series = self.book.series[row]
                if series.metric == metric and device in (None, series.device):
                    found.append(((time - START) / SECOND, series.device, value))
        return found

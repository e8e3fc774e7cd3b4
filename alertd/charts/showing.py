"""After the text the picture: what was sent is looked at, and where a curve says more, it follows.

A picture is an extra. It is made from what the store holds, sent once, silently, as a reply to its text;
if it cannot be drawn or taken, the text has said what matters. So there is no queue on the disk for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from alertd.charts.figure import SPAN, chart_of
from alertd.model import DAY, Kind, Sent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from alertd.charts.drawing import Drawing
    from alertd.charts.figure import Chart
    from alertd.engine import Engine
    from alertd.model import Alert, Delivery, Message
    from alertd.seams import Clock, Messenger

log = structlog.get_logger("alertd.charts")

WAITING: Final = 8
"""Pictures that wait to be drawn; in a storm of alerts the rest go without, their texts went out."""
PACE: Final = 1_000_000
"""Microseconds between two pictures: no chat gets more than one a second."""
NO_CURVE: Final = frozenset({"absence", "state", "geofence", "fraction"})
"""Detector kinds of whose series a curve says nothing."""


class Showing:
    """Draws and sends pictures, one after the other.

    Args:
        engine: its book and words; looked at between steps.
        messengers: those with `abilities.pictures` are shown something.
        store: the file the child reads the curve from.
    """

    def __init__(
        self, engine: Engine, messengers: Mapping[str, Messenger], clock: Clock, store: Path, drawing: Drawing | None
    ) -> None:
        self._engine = engine
        self._messengers = messengers
        self._clock = clock
        self._store = store
        self._drawing = drawing
        self._waiting: asyncio.Queue[tuple[Delivery, str]] = asyncio.Queue(WAITING)

    def sent(self, delivery: Delivery, ref: str) -> None:
        """Note that a message was sent; a picture of it follows if there is one to be had."""
        messenger = self._messengers.get(delivery.channel.messenger)
        if self._drawing is None or messenger is None or not messenger.abilities.pictures:
            return
        if self._series(delivery.message) is not None and not self._waiting.full():
            self._waiting.put_nowait((delivery, ref))

    async def run(self) -> None:
        """Show what waits, for ever."""
        while True:
            delivery, ref = await self._waiting.get()
            chart = self._chart(delivery.message)
            picture = None if chart is None or self._drawing is None else await self._drawing.png(chart)
            if picture is None:
                continue
            messenger = self._messengers[delivery.channel.messenger]
            outcome = await messenger.show(delivery.channel, picture, ref)
            if not isinstance(outcome, Sent):
                log.info("chart not taken", messenger=delivery.channel.messenger, why=outcome.why)
            await self._clock.sleep_until(self._clock.now() + PACE)

    def _series(self, message: Message) -> tuple[str, str] | None:
        """Return the (device, metric) whose curve belongs to a message, None if none does."""
        asked = message.data.get("chart")
        if asked:
            return asked["device"], asked["metric"]
        if message.kind not in (Kind.FIRING, Kind.ESCALATE) or len(message.alerts) != 1:
            return None
        alert = self._engine.book.numbered(int(message.alerts[0].removeprefix("A-")))
        if alert is None or alert.device is None or alert.metric is None:
            return None
        rule = next((rule for rule in self._engine.book.rules if rule.name == alert.rule), None)
        return None if rule is None or rule.detect.kind in NO_CURVE else (alert.device, alert.metric)

    def _chart(self, message: Message) -> Chart | None:
        found = self._series(message)
        person = self._engine.people.get(message.subscriber)
        if found is None or person is None:
            return None
        book, now = self._engine.book, self._clock.now()
        row = book.rows.get(found)
        latest = next((one for one in book.latest(found[0]) if one[0].metric == found[1]), None)
        if row is None or latest is None or now - latest[2] > DAY:
            return None
        rules = [rule for number, rule in enumerate(book.rules) if book.panel.applies[number, row]]
        own = (alert for alert in book.alerts.values() if (alert.device, alert.metric) == found)
        alerts = [alert for alert in own if _shown(alert, now)]
        return chart_of(latest, alerts, rules, self._engine.words, person, now, str(self._store))


def _shown(alert: Alert, now: int) -> bool:
    return not alert.shadow and (alert.open or (alert.resolved or 0) > now - SPAN)

"""After the text the picture: what was sent is looked at, and where a curve says more, it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.charts.figure import SPAN, chart_of
from alertd.charts.following import Following
from alertd.model import DAY, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.charts.drawing import Drawing
    from alertd.charts.figure import Chart
    from alertd.model import Alert, Delivery, Message, Outcome
    from alertd.seams import Messenger

NO_CURVE: Final = frozenset({"absence", "state", "geofence", "fraction"})
"""Detector kinds of whose series a curve says nothing."""


class Showing(Following):
    """Draws curves, where something is installed to draw with, and sends them to who can be shown one."""

    what = "chart"

    def __init__(self, *parts: Any, path: Path, drawing: Drawing | None, **more: Any) -> None:
        """Take what `Following` takes; `path`: the file the child reads the curve from."""
        super().__init__(*parts, **more)
        self._path = path
        self._drawing = drawing

    def wanted(self, messenger: Messenger, delivery: Delivery) -> bool:
        """Tell whether a curve says more than this text."""
        return self._drawing is not None and messenger.abilities.pictures and self._series(delivery.message) is not None

    async def follow(self, messenger: Messenger, delivery: Delivery, ref: str) -> Outcome | None:
        """Draw it and send it."""
        chart = self._chart(delivery.message)
        picture = None if chart is None or self._drawing is None else await self._drawing.png(chart)
        return await messenger.show(delivery, picture, ref) if picture and self.allowed(delivery) else None

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
        return chart_of(latest, alerts, rules, self._engine.words, person, now, str(self._path))


def _shown(alert: Alert, now: int) -> bool:
    return not alert.shadow and (alert.open or (alert.resolved or 0) > now - SPAN)

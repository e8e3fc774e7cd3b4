"""After the text the place: where the animal that left its area is now, as a point on a map of the messenger's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.charts.following import Following
from alertd.model import DAY, Kind
from alertd.seams import Place

if TYPE_CHECKING:
    from alertd.model import Delivery, Message, Outcome
    from alertd.seams import Messenger


class Placing(Following):
    """Looks up where an animal is when its text has gone out, and sends that."""

    what = "place"

    def wanted(self, messenger: Messenger, delivery: Delivery) -> bool:
        """Tell whether somebody has to go and look, or asked."""
        return messenger.abilities.places and self._device(delivery.message) is not None

    async def follow(self, messenger: Messenger, delivery: Delivery, ref: str) -> Outcome | None:
        """Send the newest place."""
        place = self._place(delivery.message)
        return await messenger.locate(delivery, place, ref) if place and self.allowed(delivery) else None

    def _device(self, message: Message) -> str | None:
        """Return whose place belongs to a message: who left an area (of several the first), or who was asked for."""
        asked = message.data.get("place")
        if asked:
            return str(asked)
        if message.kind not in (Kind.FIRING, Kind.ESCALATE, Kind.REPEAT, Kind.AGAIN) or not message.alerts:
            return None
        book = self._engine.book
        alert = book.numbered(int(message.alerts[0].removeprefix("A-")))
        rule = next((rule for rule in book.rules if alert is not None and rule.name == alert.rule), None)
        return alert.device if alert is not None and rule is not None and rule.detect.kind == "geofence" else None

    def _place(self, message: Message) -> Place | None:
        """Return the place, None where nobody knows it: both halves are of one message, and not of another day."""
        device, person = self._device(message), self._engine.people.get(message.subscriber)
        if device is None or person is None:
            return None
        now, words = self._clock.now(), self._engine.words
        known = {series.metric: (value, at) for series, value, at in self._engine.book.latest(device)}
        (latitude, at), (longitude, with_it) = known.get("latitude", (0.0, 0)), known.get("longitude", (0.0, 0))
        if not at or at != with_it or now - at > DAY:
            return None
        return Place(latitude, longitude, words.facts.device(device), words.clock(at, person, now))

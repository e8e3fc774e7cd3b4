"""What sources must be asked, or they say nothing that can be read: the wishes of the decoder, for the edge to publish.

A Sparkplug node announces its names once; who missed that asks for a rebirth (Sparkplug 3.0,
section 6.4.18 and "Node Control/Rebirth"). A Victron GX falls silent a minute after the last
`R/<portal>/keepalive` (dbus-flashmq, README). Both go to topics of the source's own
namespace only, and `requests: false` on the source switches them off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alertd.ingest.dialects.sparkplug import rebirth
from alertd.model import MINUTE, SECOND

if TYPE_CHECKING:
    from alertd.model import Micros

KEEPALIVE: Final = 45 * SECOND
"""A GX waits for 60; it repeats all values at each, which keeps absence rules quiet and holds exact."""

AGAIN: Final = 10 * MINUTE
"""A node that did not answer is asked again after this long."""

MOST: Final = 1024
"""Nodes, and portals, that are asked; a farm has a handful."""

AT_ONCE: Final = 10
"""Requests given out at a time."""


@dataclass(frozen=True, slots=True)
class Request:
    """One message to publish with QoS 0, not retained."""

    topic: str
    payload: bytes = b""


class Requests:
    """Wishes since the start. `portals` are the GX devices that were heard, by the topic of their keepalive."""

    def __init__(self) -> None:
        self._asked: dict[str, Micros] = {}
        self._waiting: dict[str, Request] = {}
        self._sent: dict[str, Micros] = {}

    def rebirth(self, topic: str, now: Micros) -> None:
        """Ask the node of this command topic for its names, unless that was done within the last 10 minutes."""
        last = self._asked.get(topic)
        if (last is None or now - last >= AGAIN) and (last is not None or len(self._asked) < MOST):
            self._asked[topic] = now
            self._waiting[topic] = Request(topic, rebirth(now))

    def keep_alive(self, topic: str) -> None:
        """From now on have this topic published before the GX falls silent."""
        if len(self._sent) < MOST:
            self._sent.setdefault(topic, 0)

    def due(self, now: Micros) -> list[Request]:
        """Return what is to be published now, a few at a time."""
        found = [self._waiting.pop(topic) for topic in list(self._waiting)[:AT_ONCE]]
        for topic, last in self._sent.items():
            if len(found) < AT_ONCE and now - last >= KEEPALIVE:
                self._sent[topic] = now
                found.append(Request(topic))
        return found

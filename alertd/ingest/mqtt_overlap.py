"""One message matched by several subscriptions comes once to the engine.

A broker may send one copy for each matching subscription (MQTT 5.0, 3.3.4; mosquitto does so
for MQTT 5, EMQX always). Readings without a time of their own would count several times. So
filters that another covers are not subscribed, and of the copies that remain (filters that
overlap in part, old subscriptions of the kept session) the first is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.ingest.topics import covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def needed(filters: Mapping[str, int]) -> dict[str, int]:
    """Return the filters (to their QoS) without those that another one covers at the same QoS or above."""
    return {
        name: qos
        for name, qos in filters.items()
        if not any(other != name and above >= qos and covers(other, name) for other, above in filters.items())
    }


class Copies:
    """Recognises the copies of one message, and acknowledges them with it.

    A copy follows directly, says the same, and names subscriptions the message has not
    come for yet; a second message that says the same comes for the same ones again. `waiting`
    counts the copies not acknowledged yet, `due` holds those whose message already is.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self.due: list[int] = []
        self._first: tuple[str, bytes] | None = None
        self._packet = 0
        self._released = False
        self._seen: set[int] = set()
        self._copies: dict[int, list[int]] = {}

    def is_copy(self, packet: int, topic: str, payload: bytes, subscriptions: list[int]) -> bool:
        """Return whether this is a copy of the message before it (packet id 0: QoS 0)."""
        if not subscriptions:
            self._first = None
            return False
        # A message at QoS 0 cannot stand for its copy at QoS 1: only that one survives a crash.
        stands = self._packet or not packet
        if self._first == (topic, payload) and stands and self._seen.isdisjoint(subscriptions):
            self._seen.update(subscriptions)
            if packet and self._released:
                self.due.append(packet)
            elif packet:
                self._copies.setdefault(self._packet, []).append(packet)
                self.waiting += 1
            return True
        self._first, self._packet, self._released = (topic, payload), packet, False
        self._seen = set(subscriptions)
        return False

    def with_copies(self, packets: Iterable[int]) -> Iterator[int]:
        """Yield packet ids to acknowledge, each with its copies."""
        for packet in packets:
            yield packet
            if packet == self._packet:
                self._released = True
            if self._copies:
                copies = self._copies.pop(packet, ())
                self.waiting -= len(copies)
                yield from copies

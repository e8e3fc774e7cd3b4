"""Recognise what MQTT brings a second time after a kill between commit and acknowledgement.

MQTT has no position in a stream. A broker that did not hear our acknowledgement sends
the message again with the same packet id and the DUP flag set (mosquitto: in the same
order). So every commit also keeps (packet id, hash of topic and payload) of what it
covers, and a DUP that matches has been committed: it is acknowledged and dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alertd.seams import Raw

KEPT: Final = 2000
"""Newest entries remembered: twice the window of 1000 that alertd announces (`mqtt_line.WINDOW`)."""


class Ledger:
    """Which messages of the running MQTT session are committed but perhaps not yet acknowledged.

    `entries` are what the store kept, oldest first, `session` the session they belong to.
    An entry lives until its packet id returns without DUP (the broker has given the id to
    another message, so it has our acknowledgement), the session is new, or `KEPT` newer
    ones came.
    """

    def __init__(self, entries: Iterable[tuple[int, int]] = (), session: str = "") -> None:
        self.session = session
        self._hashes: dict[int, int] = {}
        self.committed(entries)

    def repeats(self, raw: Raw) -> bool:
        """Return whether `raw` is already committed; a packet id without DUP forgets its entry."""
        known = self._hashes.get(raw.packet)
        if known is None:
            return False
        if not raw.duplicate:
            del self._hashes[raw.packet]
            return False
        return known == self.entry(raw)[1]

    def entry(self, raw: Raw) -> tuple[int, int]:
        """Return (packet id, hash): 32 bits of CRC over topic and payload below the payload's length.

        Two messages would have to share packet id, length and CRC within one session to be
        taken for each other; 1 in 4e9 for messages of one length. Packet id 0 is QoS 0: such a
        message never comes again.
        """
        payload = raw.payload
        return raw.packet, len(payload) << 32 | crc32(payload, crc32(raw.topic.encode("utf-8", "surrogatepass")))

    def committed(self, entries: Iterable[tuple[int, int]]) -> None:
        """Remember what a commit covered; call it before `Source.acknowledge`."""
        hashes = self._hashes
        for packet, known in entries:
            if packet:
                hashes.pop(packet, None)  # so that the dict stays in order of commit
                hashes[packet] = known
        while len(hashes) > KEPT:
            del hashes[next(iter(hashes))]

    def new_session(self, session: str) -> None:
        """Forget everything: the broker starts its packet ids afresh."""
        self.session = session
        self._hashes.clear()

"""What came in and is not acknowledged yet: numbers, times, and what came a second time.

Pure: the source hands in what a connection read and sends what it is told to acknowledge.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alertd.seams import RawBatch

if TYPE_CHECKING:
    from alertd.ingest.ledger import Ledger
    from alertd.model import Micros
    from alertd.seams import Raw


@dataclass(slots=True)
class _Owed:
    """A batch in the engine's hands: (packet id, hash) of what the live connection waits for."""

    position: int
    entries: list[tuple[int, int]]
    done: bool = False


class Intake:
    """Positions and arrival times of all batches, and the acknowledgements owed for them.

    `high_water` is the newest arrival time given out, in microseconds; `unacknowledged` how
    many messages the live connection waits for.

    A lost connection takes its acknowledgements with it, but the engine still holds what came
    over it and will commit that. When the broker sends it again (DUP), it is not given to the
    engine a second time: it joins its old batch, and is acknowledged with that.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.high_water: Micros = 0
        self.unacknowledged = 0
        self._ledger = ledger
        self._position = 0
        self._owed: deque[_Owed] = deque()
        self._held: dict[int, tuple[int, _Owed]] = {}

    def take(self, messages: list[Raw], now: Micros, *, backlog: bool) -> tuple[RawBatch | None, list[int]]:
        """Return the batch to be judged, if any, and packet ids to acknowledge at once: committed before."""
        received = max(now, self.high_water + 1)
        fresh: list[Raw] = []
        entries: list[tuple[int, int]] = []
        repeated: list[int] = []
        ledger = self._ledger
        for raw in messages:
            if raw.packet:
                if ledger.repeats(raw):
                    repeated.append(raw.packet)
                    continue
                entry = ledger.entry(raw)
                if self._held and self._rejoins(raw, entry, repeated):
                    continue
                entries.append(entry)
            raw.received = received
            raw.backlog = backlog or raw.duplicate
            received += 1
            fresh.append(raw)
        self.unacknowledged += len(entries)
        if not fresh:
            return None, repeated
        self.high_water = received - 1
        self._position += 1
        if entries:
            self._owed.append(_Owed(self._position, entries))
        return RawBatch(fresh, self._position), repeated

    def acknowledge(self, position: int) -> list[int]:
        """Return the packet ids to acknowledge for every batch up to `position`, in order of arrival."""
        packets: list[int] = []
        while self._owed and self._owed[0].position <= position:
            owed = self._owed.popleft()
            owed.done = True
            packets.extend(packet for packet, _ in owed.entries)
        self.unacknowledged -= len(packets)
        return packets

    def lost(self) -> None:
        """Note that the connection is gone: nothing can be acknowledged until it comes again."""
        for owed in self._owed:
            self._held.update((packet, (known, owed)) for packet, known in owed.entries)
            owed.entries = []
        self.unacknowledged = 0

    def new_session(self) -> None:
        """Note that the broker knows nothing of us: what the engine holds never comes again."""
        self._held.clear()

    def _rejoins(self, raw: Raw, entry: tuple[int, int], repeated: list[int]) -> bool:
        known, owed = self._held.pop(raw.packet, (0, None))
        if owed is None or not raw.duplicate or known != entry[1]:
            return False  # the broker has given the packet id to another message
        if owed.done:
            repeated.append(raw.packet)
        else:
            owed.entries.append(entry)
            self.unacknowledged += 1
        return True

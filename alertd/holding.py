"""What is judged but not committed: held, then written in one transaction, then acknowledged.

Readings that change no alert wait together for their journal row; whatever changes an
alert is committed at once, with all readings before it. On a full disk alerts still
commit (`Store.release_ballast`), readings stay unacknowledged at the broker, and
nothing is taken as done that was not written.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import structlog

from alertd import recovery
from alertd.model import DAY, MINUTE, SECOND, Batch, Changes, Trouble
from alertd.seams import Flush, Quarantined, StoreFullError

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.clock import SystemClock
    from alertd.engine import Engine
    from alertd.ingest.learned import Learned
    from alertd.ingest.ledger import Ledger
    from alertd.ingest.traffic import Traffic
    from alertd.model import Micros
    from alertd.seams import Source, Store

log = structlog.get_logger("alertd.holding")

FLUSH_AFTER: Final = 30 * SECOND
"""Readings wait at most this long for their journal row (and the broker for its acknowledgement)."""
FLUSH_READINGS: Final = 20_000
"""Readings held in memory at most: about 1 MB."""
SNAPSHOT_READINGS: Final = 500_000
"""A journal tail longer than this would take over 2 s to replay."""
ALIVE_AFTER: Final = 10 * MINUTE
"""A quiet farm commits its time this often, so that a restart knows how long it was away."""
TRY_FULL: Final = 5 * SECOND
"""How often a full disk is tried again."""
SINGLY: Final = 20
"""Changes of one commit with a log line each; more are a flood: its lines would cost more than its judging."""
A_LINE: Final = 50
"""Changes of a flood in one line: journald cuts lines at 48 KB."""


@dataclass(slots=True)
class Held:
    """Readings and messages in order of arrival, up to `position`."""

    batches: list[Batch] = field(default_factory=list)
    readings: int = 0
    messages: int = 0
    """Messages the broker waits to see acknowledged (QoS 1 and 2)."""
    ledger: list[tuple[int, int]] = field(default_factory=list)
    position: int | None = None
    since: Micros | None = None

    def batch(self) -> Batch:
        """Return all held readings as one batch."""
        return concatenated(self.batches)


class Holding:
    """Decides when to commit, commits, and acknowledges what is on the disk.

    `committed` is called after each commit that changed something. `troubles` are for the
    operator: whoever drives this takes them along in the next step.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        source: Source | None,
        ledger: Ledger,
        clock: SystemClock,
        committed: Callable[[Changes], None],
    ) -> None:
        self._engine = engine
        self._store = store
        self._source = source
        self._ledger = ledger
        self._clock = clock
        self._committed = committed
        self.held = Held()
        self.owed = Changes()
        """Changes of earlier steps that are still to be written."""
        self.quarantine: list[Quarantined] = []
        self.troubles: list[Trouble] = []
        self.journalled = 0
        """Readings in the journal behind the last snapshot."""
        self.newest: Micros = 0
        """The newest arrival time that was given out."""
        self.last_commit: Micros = clock.now()
        self.last_snapshot: Micros = clock.now()
        self.full_since: Micros | None = None
        self._tried_full: Micros = 0
        self._lent = False
        """Whether the room that was kept for alerts is in use: readings wait until it can be set aside again."""
        self.traffic: Traffic | None = None
        """What each source brought: its times survive a restart with every commit."""
        self.learned: Learned | None = None
        """What the decoder learned of senders: committed with the readings that it explains."""
        self._session = ledger.session

    def due(self, now: Micros) -> bool:
        """Return whether what is held must be written now, although no alert changed."""
        held = self.held
        if self.quarantine or self._ledger.session != self._session:
            return True
        if self.full_since is not None:
            return now - self._tried_full >= TRY_FULL
        if self.owed.any:
            return True  # what a start decided (when the next daily digest is due) must not be decided anew by the next
        if held.since is None:
            return self._engine.book.down_since is None and now - self.last_commit >= ALIVE_AFTER
        pressing = self._source is not None and self._source.pressing(held.messages)
        return pressing or held.readings >= FLUSH_READINGS or now - held.since >= FLUSH_AFTER

    def wake_at(self) -> Micros | None:
        """Return when `due` will be true by the clock alone; None: not by the clock."""
        if self.full_since is not None:
            return self._tried_full + TRY_FULL
        return None if self.held.since is None else self.held.since + FLUSH_AFTER

    async def commit(self, changes: Changes, *, snapshot: bool = False) -> bool:
        """Write the changes and everything held, then acknowledge; return whether it is on the disk.

        On a full disk the changes alone are written if there is any room; else they are owed.
        """
        book, held, now = self._engine.book, self.held, self._clock.now()
        changes = joined(self.owed, changes)
        snapshot = snapshot or self._snapshot_due(now)
        flush = Flush(
            now=now,
            batch=held.batch(),
            new_series=[(row, book.series[row]) for row in self._undescribed()],
            changes=replace(changes, positions=changes.positions | self._learned()),
            ledger=held.ledger,
            session=self._ledger.session,
            marks=self._marks(now),
            quarantine=self.quarantine,
            snapshot=recovery.snapshot(book, self.learned) if snapshot else None,
        )
        if not await self._written(flush, changes):
            return False
        if self.learned is not None:
            self.learned.committed()
        book.unsaved = max(book.unsaved, len(book.series))
        book.described.changed.clear()
        self.journalled = 0 if snapshot else self.journalled + len(flush.batch)
        self.last_commit, self._session = now, flush.session
        self.last_snapshot = now if snapshot else self.last_snapshot
        self._ledger.committed(held.ledger)
        if self._source is not None and held.position is not None:
            self._source.acknowledge(held.position)
        self.held, self.quarantine = Held(), []
        self._told(changes)
        return True

    def _undescribed(self) -> list[int]:
        """Return the rows whose series the store does not know as they are now."""
        book = self._engine.book
        return [
            *sorted(row for row in book.described.changed if row < book.unsaved),
            *range(book.unsaved, len(book.series)),
        ]

    def _told(self, changes: Changes) -> None:
        self.owed = Changes()
        size = 1 if len(changes.why) <= SINGLY else A_LINE
        for start in range(0, len(changes.why), size):
            log.info("changed", why="; ".join(changes.why[start : start + size]))
        if changes.any:
            self._committed(changes)

    def _snapshot_due(self, now: Micros) -> bool:
        """Return whether the journal's tail has become long, or old: retention keeps all behind a snapshot."""
        return self.journalled >= SNAPSHOT_READINGS or now - self.last_snapshot >= DAY

    def _marks(self, now: Micros) -> dict[str, object]:
        book = self._engine.book
        return {
            "alive": now if book.down_since is None else book.down_since,
            "outages": book.outages[-8:],
            "troubles": book.troubles,
            "newest": self.newest,
            "clock": self._clock.mark(),
            "traffic": self.traffic.marks() if self.traffic is not None else {},
        }

    def _learned(self) -> dict[str, str]:
        return self.learned.owed() if self.learned is not None else {}

    async def _written(self, flush: Flush, changes: Changes) -> bool:
        try:
            written = not self._lent or await self._store.lay_ballast()
            if written:
                await self._store.commit(flush)
        except StoreFullError:
            written = False
        if not written:
            await self._make_do(flush, changes)  # without what explains readings that are not kept
            return False
        self._lent = False
        told = "disk" in self._engine.book.troubles and not any(one.key == "disk" for one in self.troubles)
        if self.full_since is not None or told:  # told by a life before this one
            self.full_since = None
            log.info("disk has room again")
            self.troubles.append(Trouble("disk", flush.now, "the disk has room again", over=True))
        return True

    async def _make_do(self, flush: Flush, changes: Changes) -> None:
        """The disk is full: readings wait, alerts go out from the room that was kept for them."""
        self._tried_full = flush.now
        if self.full_since is None:
            self.full_since = flush.now
            log.error("disk full", remedy="free some space", effect="readings wait at the broker")
            self.troubles.append(Trouble("disk", flush.now, "the disk is full: readings wait at the broker"))
        self.owed = changes
        self._lent = self._store.release_ballast() or self._lent
        try:
            await self._store.retain(flush.now, DAY)
            if changes.any:
                alone = Flush(flush.now, new_series=flush.new_series, changes=changes, marks=flush.marks)
                await self._store.commit(alone)
                self._told(changes)
        except StoreFullError:
            return  # not even that: everything stays owed and is tried again


def concatenated(batches: list[Batch]) -> Batch:
    """Return batches as one, in order."""
    if not batches:
        return Batch.empty()
    if len(batches) == 1:
        return batches[0]
    columns = zip(*((b.series, b.time, b.received, b.value, b.quality) for b in batches), strict=True)
    return Batch(*(np.concatenate(column) for column in columns))


def joined(first: Changes, rest: Changes) -> Changes:
    """Return two changes of consecutive steps as one."""
    return Changes(
        alerts=first.alerts | rest.alerts,
        incidents=first.incidents | rest.incidents,
        silences=first.silences | rest.silences,
        messages=first.messages + rest.messages,
        people=first.people | rest.people,
        consents=first.consents + rest.consents,
        invites=first.invites | rest.invites,
        switchings=first.switchings | rest.switchings,
        commands=first.commands + rest.commands,
        positions=first.positions | rest.positions,
        counters=first.counters | rest.counters,
        readings=concatenated([one for one in (first.readings, rest.readings) if len(one)]),
        conflicts=first.conflicts + rest.conflicts,
        repeats=first.repeats + rest.repeats,
        moves=first.moves + rest.moves,
        why=first.why + rest.why,
    )

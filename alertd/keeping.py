"""The engine task: what comes in is judged, committed, and only then acknowledged.

One task takes everything that can change an alert from one inbox, in order: batches
of messages, commands, what people say, reports of the couriers. Nothing else
touches the book. Readings that change no alert are held and journalled together;
whatever changes an alert is committed at once, with all readings before it.
"""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import structlog

from alertd import recovery
from alertd.model import DAY, HOUR, MINUTE, SECOND, Batch, Changes, Inbound, Trouble
from alertd.seams import Flush, Quarantined, RawBatch, StoreFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alertd.clock import SystemClock
    from alertd.engine import Engine
    from alertd.ingest.decoder import Decoded, Decoder
    from alertd.ingest.ledger import Ledger
    from alertd.model import Event, Micros
    from alertd.seams import Raw, Source, Store

if TYPE_CHECKING:
    Item = RawBatch | Inbound | Event | tuple[Event, asyncio.Future[None]]

log = structlog.get_logger("alertd.keeping")

FLUSH_AFTER: Final = 30 * SECOND
"""Readings wait at most this long for their journal row (and the broker for its acknowledgement)."""
FLUSH_READINGS: Final = 20_000
"""Readings held in memory at most: about 1 MB."""
INBOX: Final = 256
"""Items (batches, events) waiting for the engine; when full, whoever brings the next one waits."""
AT_ONCE: Final = 4096
"""Messages taken into one step at most: about 50 ms of work on a Pi."""
SNAPSHOT_READINGS: Final = 500_000
"""A journal tail longer than this would take over 2 s to replay."""
ALIVE_AFTER: Final = 10 * MINUTE
"""A quiet farm commits its time this often, so that a restart knows how long it was away."""


class Observer(Protocol):
    """What the keeper reports for /metrics."""

    def judged(self, decoded: Decoded, labels: Sequence[str], done: Micros, received: list[int]) -> None:
        """A batch was judged at `done`; `received` are the arrival times of its readings."""

    def refused(self, source: str, reason: str, count: int) -> None:
        """Something that came in gave no reading."""


@dataclass(slots=True)
class Held:
    """What is judged but not committed yet."""

    batches: list[Batch] = field(default_factory=list)
    readings: int = 0
    messages: int = 0
    """Messages the broker waits to see acknowledged (QoS 1 and 2)."""
    ledger: list[tuple[int, int]] = field(default_factory=list)
    position: int | None = None
    since: Micros | None = None
    quarantine: list[Quarantined] = field(default_factory=list)

    def batch(self) -> Batch:
        """Return all held readings in order of arrival."""
        if not self.batches:
            return Batch.empty()
        if len(self.batches) == 1:
            return self.batches[0]
        columns = zip(*((b.series, b.time, b.received, b.value, b.quality) for b in self.batches), strict=True)
        return Batch(*(np.concatenate(column) for column in columns))


class Keeper:
    """Takes from the inbox, steps the engine, commits, acknowledges.

    Args:
        engine: the book and what judges.
        decoder: messages to readings.
        store: where it survives.
        source: acknowledged after commit; None when nothing is subscribed (tests, tools).
        ledger: which messages are committed but perhaps not acknowledged.
        clock: time.
        answer: what a person's words come to, as events; pure, may raise for a poison update.
        committed: called after each commit that has messages to send.
        observer: counts for /metrics.
    """

    def __init__(
        self,
        engine: Engine,
        decoder: Decoder,
        store: Store,
        source: Source | None,
        ledger: Ledger,
        clock: SystemClock,
        *,
        answer: Callable[[Inbound, Micros], Sequence[Event]],
        committed: Callable[[], None],
        observer: Observer,
    ) -> None:
        self.engine = engine
        self.decoder = decoder
        self.store = store
        self.source = source
        self.ledger = ledger
        self.clock = clock
        self.answer = answer
        self.committed = committed
        self.observer = observer
        self.inbox: asyncio.Queue[Item] = asyncio.Queue(INBOX)
        self.held = Held()
        self.journalled = 0
        """Readings in the journal behind the last snapshot."""
        self.last_commit: Micros = clock.now()
        self.last_snapshot: Micros = clock.now()
        self.turned: Micros = clock.now()
        self.newest: Micros = 0
        self.full_since: Micros | None = None
        self.stopping = False

    # --- what others bring --------------------------------------------------------------------

    async def put(self, event: RawBatch | Inbound | Event) -> None:
        """Leave something for the engine; waits while the inbox is full."""
        await self.inbox.put(event)

    async def done(self, event: Event) -> None:
        """Leave an event and return when what it changed is committed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.inbox.put((event, waiter))
        await waiter

    # --- the task -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Take what comes, for ever."""
        while True:
            await self.turn(await self._next())

    async def turn(self, items: Sequence[Item]) -> None:
        """Take these items as one step and commit if that is due."""
        now = self.clock.now()
        raws: list[Raw] = []
        events: list[Event] = []
        waiters: list[asyncio.Future[None]] = []
        for item in items:
            if isinstance(item, RawBatch):
                raws += item.messages
                self.held.position = item.position
            elif isinstance(item, Inbound):
                events += self._understood(item, now)
            elif isinstance(item, tuple):
                events.append(item[0])
                waiters.append(item[1])
            else:
                events.append(item)
        changes = self._step(raws, events, now)
        self.turned = self.clock.now()
        if changes.any or self.held.quarantine or waiters or self._flush_due(now):
            await self.commit(changes)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def commit(self, changes: Changes, snapshot: bytes | None = None) -> None:
        """Commit the changes and everything held, then acknowledge. Returns when it is on the disk."""
        held, book = self.held, self.engine.book
        if snapshot is None and self._snapshot_due():
            snapshot = recovery.snapshot(book)
        flush = Flush(
            now=self.clock.now(),
            batch=held.batch(),
            new_series=list(enumerate(book.series))[book.unsaved :],
            changes=changes,
            ledger=held.ledger,
            session=self.ledger.session,
            marks=self._marks(),
            quarantine=held.quarantine,
            snapshot=snapshot,
        )
        if not await self._written(flush):
            return
        book.unsaved = max(book.unsaved, len(book.series))
        self.journalled = 0 if snapshot is not None else self.journalled + len(flush.batch)
        self.last_commit = flush.now
        if snapshot is not None:
            self.last_snapshot = flush.now
        self.ledger.committed(held.ledger)
        if self.source is not None and held.position is not None:
            self.source.acknowledge(held.position)
        self.held = Held()
        for why in changes.why:
            log.info("changed", why=why)
        if changes.messages:
            self.committed()

    async def drain(self) -> None:
        """Take what is in the inbox, commit everything with a snapshot: before stopping."""
        items = []
        while not self.inbox.empty():
            items.append(self.inbox.get_nowait())
        await self.turn(items)
        await self.commit(Changes(), snapshot=recovery.snapshot(self.engine.book))

    # --- one step -----------------------------------------------------------------------------

    def _step(self, raws: list[Raw], events: list[Event], now: Micros) -> Changes:
        batch, decoded = Batch.empty(), None
        if raws:
            decoded = self.decoder.decode(raws, clock_trusted=self.clock.trusted(self.newest))
            batch = Batch(
                np.array(decoded.row, np.int32),
                np.array(decoded.time, np.int64),
                np.array(decoded.received, np.int64),
                np.array(decoded.value, np.float64),
                np.array(decoded.quality, np.int8),
            )
            self._hold_messages(raws, decoded, now)
        changes = self._judge(batch, events, now, raws, decoded)
        if decoded is not None:
            self.observer.judged(decoded, self.decoder.labels, self.clock.now(), decoded.received)
        if len(changes.readings):
            self.held.batches.append(changes.readings)
            self.held.readings += len(changes.readings)
        if changes.conflicts:
            self.observer.refused("", "conflict", changes.conflicts)
        return changes

    def _judge(
        self, batch: Batch, events: list[Event], now: Micros, raws: list[Raw], decoded: Decoded | None
    ) -> Changes:
        """Step the engine; a reading or event that makes it raise is found by halving and set aside."""
        try:
            return self.engine.step(batch, now, events)
        except Exception:  # noqa: BLE001 (the quarantine: whatever it raises must not come back for ever)
            self.engine.rollback()
            if len(batch) + len(events) <= 1:
                self._set_aside(batch, events, raws, decoded)
                return Changes()
        if len(batch) > 1 or (len(batch) == 1 and events):
            half = max(1, len(batch) // 2)
            first = self._judge(batch.take(np.arange(half)), [], now, raws, decoded)
            rest = self._judge(batch.take(np.arange(half, len(batch))), events, now, raws, decoded)
        else:
            half = len(events) // 2
            first = self._judge(Batch.empty(), events[:half], now, raws, None)
            rest = self._judge(batch, events[half:], now, raws, decoded)
        return joined(first, rest)

    def _set_aside(self, batch: Batch, events: list[Event], raws: list[Raw], decoded: Decoded | None) -> None:
        now = self.clock.now()
        if len(batch) and decoded is not None:
            arrived = int(batch.received[0])
            raw = next(raw for raw in raws if raw.received == arrived)
            poison = Quarantined("message", raw.topic, raw.payload, traceback.format_exc(), now)
        else:
            name = type(events[0]).__name__
            poison = Quarantined("event", name, repr(events[0]).encode(), traceback.format_exc(), now)
        self.quarantine(poison)

    def quarantine(self, poison: Quarantined) -> None:
        """Set something aside that made the code raise; it is committed, counted, and the operator is told once."""
        self.held.quarantine.append(poison)
        self.observer.refused("", "quarantine", 1)
        log.error("set aside", kind=poison.kind, topic=poison.topic, fault=poison.traceback.strip().splitlines()[-1])
        what = f"a {poison.kind} made alertd stumble and was set aside: {poison.topic}"
        trouble = Trouble("quarantine", poison.at, what)
        if not self.inbox.full():
            self.inbox.put_nowait(trouble)

    def _understood(self, update: Inbound, now: Micros) -> Sequence[Event]:
        try:
            return self.answer(update, now)
        except Exception:  # noqa: BLE001 (the quarantine, for chat updates)
            self.quarantine(Quarantined("update", update.messenger, repr(update).encode(), traceback.format_exc(), now))
            return ()

    def _hold_messages(self, raws: list[Raw], decoded: Decoded, now: Micros) -> None:
        held = self.held
        if held.since is None:
            held.since = now
        for raw in raws:
            if raw.packet:
                held.messages += 1
                held.ledger.append(self.ledger.entry(raw))
        self.newest = max(self.newest, raws[-1].received)
        for source, topic, rejected in decoded.rejected:
            self.observer.refused(source, rejected.reason, 1)
            log.debug("rejected", source=source, topic=topic, reason=rejected.reason, detail=rejected.detail)
        for raw, fault in decoded.poison:
            self.quarantine(Quarantined("message", raw.topic, raw.payload, fault, now))

    # --- when ---------------------------------------------------------------------------------

    async def _next(self) -> list[Item]:
        """Wait for the first item, or until a timer or a flush is due; then take what is there."""
        items = []
        if self.inbox.empty():
            wait = max(0, self.wake_at() - self.clock.now()) / SECOND
            try:
                async with asyncio.timeout(wait):
                    items.append(await self.inbox.get())
            except TimeoutError:
                return []
        messages = 0
        while not self.inbox.empty() and messages < AT_ONCE:
            item = self.inbox.get_nowait()
            messages += len(item.messages) if isinstance(item, RawBatch) else 1
            items.append(item)
        return items

    def wake_at(self) -> Micros:
        """Return when there is something to do even if nothing comes in.

        Only what the next turn will really do may be in the past here: anything else would
        have the engine turn without end.
        """
        now = self.clock.now()
        due = [now + 5 * SECOND]
        timer = self.engine.next_due()
        if timer is not None:
            due.append(timer)
        if self.full_since is not None:
            due.append(now + SECOND)  # try the full disk again
        elif self.held.since is not None:
            due.append(self.held.since + FLUSH_AFTER)
        return min(due)

    def _flush_due(self, now: Micros) -> bool:
        held = self.held
        if self.full_since is not None and held.messages:
            return True
        if held.since is None:
            return self.engine.book.down_since is None and now - self.last_commit >= ALIVE_AFTER
        pressing = self.source is not None and self.source.pressing(held.messages)
        return pressing or held.readings >= FLUSH_READINGS or now - held.since >= FLUSH_AFTER

    def _snapshot_due(self) -> bool:
        """Return whether the journal's tail has become long, or old: retention keeps all behind a snapshot."""
        return self.journalled >= SNAPSHOT_READINGS or self.clock.now() - self.last_snapshot >= DAY

    def _marks(self) -> dict[str, object]:
        book = self.engine.book
        return {
            "alive": self.clock.now() if book.down_since is None else book.down_since,
            "outages": book.outages[-8:],
            "troubles": book.troubles,
            "newest": self.newest,
        }

    async def _written(self, flush: Flush) -> bool:
        """Commit, with room made on a full disk; False: the readings stay held and unacknowledged."""
        try:
            await self.store.commit(flush)
        except StoreFullError:
            if self.full_since is None:
                self.full_since = flush.now
                log.error("disk full", remedy="free space; alarms go out, readings wait")  # noqa: TRY400 (a fact, no traceback)
                self.inbox.put_nowait(Trouble("disk", flush.now, "the disk is full: readings wait at the broker"))
            self.store.release_ballast()
            await self.store.retain(flush.now, DAY)
            if not flush.changes.any:
                return False
            alone = Flush(flush.now, new_series=flush.new_series, changes=flush.changes, marks=flush.marks)
            await self.store.commit(alone)
            self.committed()
            flush.changes = Changes()
            return False
        if self.full_since is not None:
            self.full_since = None
            log.info("disk has room again")
            self.inbox.put_nowait(Trouble("disk", flush.now, "the disk has room again", over=True))
        return True


async def housekeeping(keeper: Keeper, keep: Micros) -> None:
    """Once an hour: forget what nobody can ask for any more, and take a snapshot when the tail is long."""
    while True:
        await keeper.clock.sleep_until(keeper.clock.now() + HOUR)
        await keeper.store.retain(keeper.clock.now(), keep)


def joined(first: Changes, rest: Changes) -> Changes:
    """Return two changes of consecutive steps as one."""
    batches = Held([batch for batch in (first.readings, rest.readings) if len(batch)])
    return Changes(
        alerts=first.alerts | rest.alerts,
        incidents=first.incidents | rest.incidents,
        messages=first.messages + rest.messages,
        people=first.people | rest.people,
        consents=first.consents + rest.consents,
        invites=first.invites | rest.invites,
        commands=first.commands + rest.commands,
        positions=first.positions | rest.positions,
        counters=first.counters | rest.counters,
        readings=batches.batch(),
        conflicts=first.conflicts + rest.conflicts,
        why=first.why + rest.why,
    )

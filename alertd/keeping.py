"""The engine task: takes everything that can change an alert from one inbox, in order.

Batches of messages, commands, what people say, reports of the couriers: nothing else
touches the book. Each turn is one step of the engine and, where that is due, one commit
(`alertd.holding`). What makes the code raise is found by halving, set aside with its
traceback and committed like the rest, so that it cannot come back for ever.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import structlog

from alertd.holding import joined
from alertd.ingest.traffic import Traffic
from alertd.model import SECOND, Batch, Changes, Inbound, Said, Trouble
from alertd.seams import Quarantined, RawBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alertd.clock import SystemClock
    from alertd.engine import Engine
    from alertd.holding import Holding
    from alertd.ingest.decoder import Decoded, Decoder
    from alertd.ingest.ledger import Ledger
    from alertd.model import Event, Micros
    from alertd.seams import Raw

    Item = RawBatch | Inbound | Event

log = structlog.get_logger("alertd.keeping")

INBOX: Final = 256
"""Items (batches, events) waiting for the engine; when full, whoever brings the next one waits."""
AT_ONCE: Final = 1024
"""Messages taken into one step at most: about 15 ms of work on a Pi, a second if every one of them is an alarm."""
FEWEST: Final = 64
"""Messages in one step as long as there are so many: numpy wants some."""
LONG: Final = SECOND // 20
"""A step that takes longer keeps the couriers waiting: the next one takes as many as would have fitted."""
IDLE: Final = 5 * SECOND
"""The engine turns at least this often; the watchdog wants to see it."""


class Observer(Protocol):
    """What the keeper reports for /metrics."""

    def judged(self, counts: Mapping[int, int], labels: Sequence[str], done: Micros, received: list[int]) -> None:
        """A batch was judged at `done`; `received` are the arrival times of its readings."""

    def refused(self, source: str, reason: str, count: int) -> None:
        """Something that came in gave no reading."""


class Keeper:
    """Takes from the inbox, steps the engine, has it committed.

    Args:
        engine: the book and what judges.
        decoder: messages to readings.
        holding: what is not committed yet, and its commits.
        ledger: which messages are committed but perhaps not acknowledged.
        clock: time.
        answer: what a person's words come to, as events; pure, may raise for a poison update.
        observer: counts for /metrics.
        ears: what a message on one of these topics comes to, as events; it gives no reading.
        traffic: what each source brought, and what of it could not be read.
    """

    def __init__(
        self,
        engine: Engine,
        decoder: Decoder,
        holding: Holding,
        ledger: Ledger,
        clock: SystemClock,
        *,
        answer: Callable[[Inbound, Micros], Sequence[Event]],
        observer: Observer,
        ears: Mapping[str, Callable[[Raw], Sequence[Event]]] | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self.engine = engine
        self.decoder = decoder
        self.holding = holding
        self.ledger = ledger
        self.clock = clock
        self.answer = answer
        self.observer = observer
        self.ears = ears or {}
        self.traffic = traffic or Traffic(decoder.labels, clock.now())
        holding.traffic, holding.learned = self.traffic, decoder.learned
        self.inbox: asyncio.Queue[tuple[Item, asyncio.Future[None] | None]] = asyncio.Queue(INBOX)
        self.turned: Micros = clock.now()
        """When the engine last finished a step."""
        self._at_once = AT_ONCE
        self._rest: list[tuple[Item, asyncio.Future[None] | None]] = []
        """What is left of a batch that was too large for one step."""
        self._stopping = asyncio.Event()
        self._snapshot = True

    # --- what others bring --------------------------------------------------------------------

    async def put(self, item: Item) -> None:
        """Leave something for the engine; waits while the inbox is full."""
        await self.inbox.put((item, None))

    async def done(self, item: Item) -> None:
        """Leave something and return when what it changed is committed.

        Raises:
            ConnectionError: not committed, because alertd is stopping.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.inbox.put((item, waiter))
        await waiter

    # --- the task -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Take what comes until `stop`; then take what is there, commit all of it (with a snapshot), and return.

        Never cancelled: a commit that is under way must be known to have happened or not.
        """
        while not self._stopping.is_set():
            await self.turn(await self._next())
        while self._rest or not self.inbox.empty():
            await self.turn(self._taken([]))
        await self.holding.commit(Changes(), snapshot=self._snapshot)

    def stop(self, *, snapshot: bool = True) -> None:
        """Have `run` finish its turn, drain the inbox and return, with a snapshot or without."""
        self._snapshot = snapshot
        self._stopping.set()

    async def turn(self, items: Sequence[tuple[Item, asyncio.Future[None] | None]]) -> None:
        """Take these items as one step and commit if that is due."""
        now = self.clock.now()
        raws: list[Raw] = []
        events: list[Event] = list(self.holding.troubles)
        self.holding.troubles.clear()
        for item, _ in items:
            if isinstance(item, RawBatch):
                raws += item.messages
                self.holding.held.position = item.position
            elif isinstance(item, Inbound):
                events += self._understood(item, now)
            else:
                events.append(item)
        if self.ears:
            events += [event for raw in raws if raw.topic in self.ears for event in self._overheard(raw, now)]
        self.engine.book.clock_trusted = self.clock.trusted(self.holding.newest)
        changes = self._step(raws, events, now)
        self.turned = self.clock.now()
        # Ten thousand alerts at once are many steps, each committed: the first are told while the last are judged.
        took = self.turned - now
        fitting = max(1, len(raws)) * LONG // took if took > LONG else 2 * self._at_once
        self._at_once = min(AT_ONCE, max(FEWEST, fitting))
        waiters = [waiter for _, waiter in items if waiter is not None]
        written = True
        if changes.any or waiters or self.holding.due(now):
            written = await self.holding.commit(changes)
        for waiter in waiters:
            if not waiter.done():
                if written or not self.holding.owed.any:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(ConnectionError("the disk is full: it was not kept"))

    # --- one step -----------------------------------------------------------------------------

    def _step(self, raws: list[Raw], events: list[Event], now: Micros) -> Changes:
        batch, held = Batch.empty(), self.holding.held
        if raws:
            told = [raw for raw in raws if raw.topic not in self.ears] if self.ears else raws
            decoded = self.decoder.decode(told, clock_trusted=self.clock.trusted(self.holding.newest))
            batch = Batch(
                np.array(decoded.row, np.int32),
                np.array(decoded.time, np.int64),
                np.array(decoded.received, np.int64),
                np.array(decoded.value, np.float64),
                np.array(decoded.quality, np.int8),
            )
            self._hold_messages(raws, decoded, now)
        changes = self._judge(batch, events, now, raws)
        if raws:
            self._count(decoded, changes)
        if len(changes.readings):
            held.batches.append(changes.readings)
            held.readings += len(changes.readings)
            held.since = now if held.since is None else held.since  # the clock alone makes derived ones
        return changes

    def _count(self, decoded: Decoded, changes: Changes) -> None:
        """Count what was judged, by its source: neither what was known nor what contradicts it."""
        known, conflicts = Counter[int](), Counter[int]()
        if changes.repeats or changes.conflicts:
            source = dict(zip(decoded.row, decoded.source, strict=True))
            known.update(source[row] for row in changes.repeats if row in source)
            conflicts.update(source[row] for row in changes.conflicts if row in source)
        judged = Counter(decoded.source)
        judged.subtract(known + conflicts)
        self.observer.judged(judged, self.decoder.labels, self.clock.now(), decoded.received)
        for number, count in conflicts.items():
            self.observer.refused(self.decoder.labels[number], "conflict", count)

    def _judge(self, batch: Batch, events: list[Event], now: Micros, raws: list[Raw]) -> Changes:
        """Step the engine; a reading or event that makes it raise is found by halving and set aside.

        What was due by the clock and raises is no reading's fault: it alone rests.
        """
        try:
            return self.engine.step(batch, now, events)
        except Exception:  # noqa: BLE001 (the quarantine: whatever it raises must not come back for ever)
            self.engine.rollback()
            resting = self.engine.give_up()
            if resting is not None:
                self._quarantine(Quarantined("timer", resting, b"", traceback.format_exc(), self.clock.now()))
                return self._judge(batch, events, now, raws)
            if len(batch) + len(events) <= 1:
                self._set_aside(batch, events, raws)
                return Changes()
        if len(batch) > 1 or (len(batch) == 1 and events):
            half = max(1, len(batch) // 2)
            first = self._judge(batch.take(np.arange(half)), [], now, raws)
            rest = self._judge(batch.take(np.arange(half, len(batch))), events, now, raws)
        else:
            half = len(events) // 2
            first = self._judge(batch, events[:half], now, raws)
            rest = self._judge(Batch.empty(), events[half:], now, raws)
        return joined(first, rest)

    def _set_aside(self, batch: Batch, events: list[Event], raws: list[Raw]) -> None:
        now, fault = self.clock.now(), traceback.format_exc()
        if len(batch):
            arrived = int(batch.received[0])
            raw = max((raw for raw in raws if raw.received <= arrived), key=lambda raw: raw.received)
            self._quarantine(Quarantined("message", raw.topic, raw.payload, fault, now))
        elif events:
            self._quarantine(Quarantined("event", type(events[0]).__name__, repr(events[0]).encode(), fault, now))
        else:
            raise  # noqa: PLE0704 (called while the exception is handled: nothing was asked for, a broken invariant)

    def _quarantine(self, poison: Quarantined) -> None:
        """Set something aside; it is committed, counted, and the operator is told once."""
        self.holding.quarantine.append(poison)
        self.observer.refused("", "quarantine", 1)
        log.error("set aside", kind=poison.kind, topic=poison.topic, fault=poison.traceback.strip().splitlines()[-1])
        what = f"a {poison.kind} made alertd stumble and was set aside: {poison.topic}"
        self.holding.troubles.append(Trouble("quarantine", poison.at, what))

    def _understood(self, update: Inbound, now: Micros) -> Sequence[Event]:
        try:
            return self.answer(update, now)
        except Exception:  # noqa: BLE001 (the quarantine, for chat updates)
            fault = traceback.format_exc()
            self._quarantine(Quarantined("update", update.messenger, repr(update).encode(), fault, now))
            # Its position is committed all the same, or it would come again after every start.
            return [Said(update.id, now, (update.messenger, update.position) if update.position else None)]

    def _overheard(self, raw: Raw, now: Micros) -> Sequence[Event]:
        try:
            return self.ears[raw.topic](raw)
        except Exception:  # noqa: BLE001 (the quarantine, for what other programs ask)
            self._quarantine(Quarantined("message", raw.topic, raw.payload, traceback.format_exc(), now))
            return ()

    def _hold_messages(self, raws: list[Raw], decoded: Decoded, now: Micros) -> None:
        held = self.holding.held
        if held.since is None:
            held.since = now
        for raw in raws:
            if raw.packet:
                held.messages += 1
                held.ledger.append(self.ledger.entry(raw))
        self.holding.newest = max(self.holding.newest, raws[-1].received)
        self.traffic.took(decoded, self.decoder.labels, now)
        for source, raw, rejected in decoded.rejected:
            self.observer.refused(source, rejected.reason, 1)
            log.debug("rejected", source=source, topic=raw.topic, reason=rejected.reason, detail=rejected.detail)
        for raw, fault in decoded.poison:
            self._quarantine(Quarantined("message", raw.topic, raw.payload, fault, now))

    # --- when ---------------------------------------------------------------------------------

    async def _next(self) -> list[tuple[Item, asyncio.Future[None] | None]]:
        """Wait for the first item, or until a timer or a commit is due; then take what is there."""
        if self._rest or not self.inbox.empty():
            await asyncio.sleep(0)  # the couriers look at what was committed before the next step keeps them waiting
            return self._taken([])
        stop = asyncio.ensure_future(self._stopping.wait())
        first = asyncio.ensure_future(self.inbox.get())
        wait = max(0, self.wake_at() - self.clock.now()) / SECOND
        await asyncio.wait({stop, first}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if first.done():
            return self._taken([first.result()])
        first.cancel()
        return []

    def _taken(
        self, items: list[tuple[Item, asyncio.Future[None] | None]]
    ) -> list[tuple[Item, asyncio.Future[None] | None]]:
        """Take what is there, but what one person says alone: the next answer must see what it changed."""
        items = [*self._rest, *items]
        self._rest = []
        messages = sum(_weight(item) for item, _ in items)
        while not self.inbox.empty() and messages < self._at_once and not (items and isinstance(items[-1][0], Inbound)):
            items.append(self.inbox.get_nowait())
            messages += _weight(items[-1][0])
        last = items[-1][0] if items else None
        if isinstance(last, RawBatch) and messages > self._at_once:
            # Its end alone carries its position: what is acknowledged is what is judged and committed.
            first = max(1, len(last.messages) - (messages - self._at_once))
            self._rest = [(RawBatch(last.messages[first:], last.position), items[-1][1])]
            items[-1] = (RawBatch(last.messages[:first], last.position - 1), None)
        return items

    def wake_at(self) -> Micros:
        """Return when there is something to do even if nothing comes in.

        Only what the next turn will really do may be in the past here: anything else would
        have the engine turn without end.
        """
        due = [self.clock.now() + IDLE, self.engine.next_due(), self.holding.wake_at()]
        return min(one for one in due if one is not None)


def _weight(item: Item) -> int:
    return len(item.messages) if isinstance(item, RawBatch) else 1

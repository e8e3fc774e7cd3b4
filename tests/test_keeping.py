"""When the engine wakes: never for something that the next turn will not do."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from manual_clock import ManualClock

from alertd.alerting.book import Book
from alertd.audience.people import People
from alertd.engine import Engine
from alertd.holding import Holding
from alertd.ingest.decoder import Decoder
from alertd.ingest.ledger import Ledger
from alertd.ingest.settings import Limits, Source
from alertd.keeping import AT_ONCE, Keeper
from alertd.model import HOUR, MINUTE, SECOND, Link
from alertd.seams import Raw, RawBatch, StoreFullError
from alertd.store.memory import MemoryStore
from alertd.undo import Undo
from alertd.wording import Words


class Trusting(ManualClock):
    def trusted(self, newest_known: int) -> bool:
        return True


class FullDisk(MemoryStore):
    """A disk without room as long as `full`."""

    full = False

    async def commit(self, flush) -> None:
        if self.full:
            raise StoreFullError
        await super().commit(flush)


class Tally:
    """What /metrics would show: (source, reason or "judged") to how many."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()

    def judged(self, counts, labels, done, received) -> None:
        self.seen.update({(labels[number], "judged"): count for number, count in counts.items()})

    def refused(self, source, reason, count) -> None:
        self.seen[source, reason] += count


@pytest.fixture
async def keeper():
    clock = Trusting()
    store = FullDisk()
    await store.open()
    book = Book([], [], cap=100, now=clock.now())
    people = People([], {}, operator=None, language="en", timezone="UTC", invites={})
    engine = Engine(book, people, Words([], []))
    source = Source(topic="farm/{device}/{metric}", format="number")
    rows = Source(name="rows", topic="rows/{device}", format="json", time={"path": "ts"}, metrics={"temperature": "t"})
    decoder = Decoder([source, rows], [], Limits(), timezone="UTC", register=book.row)
    ledger = Ledger()
    holding = Holding(engine, store, None, ledger, clock, lambda changes: None)
    made = Keeper(engine, decoder, holding, ledger, clock, answer=lambda update, now: (), observer=Tally())
    made.store = store
    yield made
    await store.close()


def reading(keeper: Keeper, position: int) -> tuple[RawBatch, None]:
    return RawBatch([Raw("farm/barn/temperature", b"21", keeper.clock.now(), packet=position)], position), None


async def test_an_absent_broker_does_not_keep_the_engine_busy(keeper):
    await keeper.turn([])
    keeper.clock.advance(HOUR)
    await keeper.turn([])
    assert keeper.wake_at() > keeper.clock.now()


async def test_what_is_known_is_not_counted_again_and_what_contradicts_it_counts_for_its_source(keeper):
    now = keeper.clock.now()
    for value in (20, 21, 20):
        body = f'{{"ts": {now // SECOND}, "t": {value}}}'.encode()
        await keeper.turn([(RawBatch([Raw("rows/yard", body, now)], None), None), reading(keeper, 1)])
    assert keeper.observer.seen["rows", "judged"] == 1
    assert keeper.observer.seen["rows", "conflict"] == 1


async def test_a_quiet_farm_commits_its_time_now_and_then_and_sleeps_between(keeper):
    await keeper.turn([(Link(keeper.clock.now(), up=True), None)])
    keeper.clock.advance(11 * MINUTE)
    await keeper.turn([])
    assert keeper.holding.last_commit == keeper.clock.now()
    assert keeper.wake_at() > keeper.clock.now()


async def test_readings_that_find_no_room_stay_unacknowledged_and_are_kept_when_there_is_room_again(keeper):
    await keeper.turn([(Link(keeper.clock.now(), up=True), None), reading(keeper, 1)])
    keeper.store.full = True
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    assert keeper.holding.held.messages == 1
    assert keeper.holding.full_since is not None
    assert keeper.wake_at() > keeper.clock.now()
    keeper.store.full = False
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    assert keeper.holding.held.messages == 0
    assert keeper.holding.full_since is None


async def test_a_full_disk_that_a_life_before_told_of_is_over_once_something_is_written(keeper):
    keeper.engine.book.troubles["disk"] = keeper.clock.now()
    await keeper.turn([(Link(keeper.clock.now(), up=True), None), reading(keeper, 1)])
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    assert "disk" not in keeper.engine.book.troubles


class LentRoom(MemoryStore):
    """A disk that is full (`full`) but for the room that was set aside; that has come back once there is `room`."""

    full = room = lent = False

    async def commit(self, flush) -> None:
        if self.full and not self.lent:
            raise StoreFullError
        await super().commit(flush)

    def release_ballast(self) -> bool:
        self.lent, before = self.full, self.lent
        return self.lent and not before

    async def lay_ballast(self) -> bool:
        self.lent = self.lent and not self.room
        return self.room


async def test_the_room_kept_for_alerts_is_not_taken_for_readings_and_the_disk_stays_full_until_it_is_back(keeper):
    store = LentRoom(keeper.store.disk)
    await store.open()
    keeper.store = keeper.holding._store = store
    await keeper.turn([(Link(keeper.clock.now(), up=True), None), reading(keeper, 1)])
    store.full = True
    for number in (2, 3, 4):
        keeper.clock.advance(MINUTE)
        await keeper.turn([reading(keeper, number)])
    assert keeper.holding.full_since is not None
    assert keeper.holding.held.messages == 4
    assert not store.disk.journal
    assert "disk" in keeper.engine.book.troubles, "the operator is not told that it is over"
    store.full, store.room = False, True
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    assert (keeper.holding.full_since, keeper.holding.held.messages) == (None, 0)
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    assert "disk" not in keeper.engine.book.troubles


async def test_a_daemon_that_never_stops_takes_a_snapshot_a_day_so_that_old_readings_can_go(keeper):
    await keeper.turn([(Link(keeper.clock.now(), up=True), None), reading(keeper, 1)])
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    assert (await keeper.store.load()).snapshot is None
    keeper.clock.advance(24 * HOUR)
    await keeper.turn([reading(keeper, 2)])
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    assert (await keeper.store.load()).snapshot is not None


async def test_what_is_due_and_makes_the_engine_stumble_rests_and_costs_no_reading(keeper):
    await keeper.turn([(Link(keeper.clock.now(), up=True), None)])
    book = keeper.engine.book
    for broken in (("digest",), ("silence",)):  # neither says whose
        book.timers.set(broken, keeper.clock.now() + 1, Undo())
    keeper.clock.advance(MINUTE)
    await keeper.turn([reading(keeper, 1)])
    assert book.timers.next_due() is None
    assert [(one.kind, one.topic) for one in keeper.store.disk.quarantine] == [
        ("timer", "digest"),
        ("timer", "silence"),
    ]
    assert [len(page.batch) for page in keeper.store.disk.journal] == [1]
    keeper.clock.advance(MINUTE)
    await keeper.turn([])
    assert "quarantine" in book.troubles


async def test_a_step_by_the_clock_alone_that_raises_does_not_end_alertd(keeper):
    keeper.engine.book.timers.set(("digest",), keeper.clock.now(), Undo())
    await keeper.turn([])
    assert [one.kind for one in keeper.store.disk.quarantine] == ["timer"]
    assert keeper.wake_at() > keeper.clock.now()


async def test_a_batch_too_large_for_one_step_is_taken_in_parts_and_acknowledged_at_its_end(keeper):
    received = keeper.clock.now()
    raws = [Raw(f"farm/cow-{n}/temperature", b"21", received + n, packet=n + 1) for n in range(10_000)]
    await keeper.put(RawBatch(raws, 7))
    taken = []
    while items := keeper._taken([]):
        batch = items[-1][0]
        assert isinstance(batch, RawBatch)
        taken += batch.messages
        assert len(batch.messages) <= AT_ONCE
        assert (batch.position == 7) == (len(taken) == len(raws)), "what is not judged is not acknowledged"
    assert taken == raws


class Slow(Trusting):
    """A gateway on which every look at the clock is later by `step`."""

    step = SECOND // 10

    def now(self) -> int:
        self._now += self.step
        return self._now


def herd(keeper: Keeper, count: int) -> RawBatch:
    received = keeper.clock.now()
    return RawBatch([Raw(f"farm/cow-{n % 50}/temperature", b"21", received + n, packet=n + 1) for n in range(count)], 7)


async def test_in_a_flood_the_couriers_have_their_turn_after_every_commit(keeper):
    keeper.clock = Slow()
    keeper.clock.step = MINUTE  # so that every other turn commits
    await keeper.put(herd(keeper, 3 * AT_ONCE))
    seen = set()

    async def courier():
        while keeper._rest or not keeper.inbox.empty():
            seen.add(len(keeper.store.disk.journal))
            await asyncio.sleep(0)
        keeper.stop()

    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.run())
        group.create_task(courier())
    commits = len(keeper.store.disk.journal)
    assert commits > 3
    assert set(range(1, commits)) <= seen


async def test_steps_that_take_long_become_small_at_once(keeper):
    keeper.clock = Slow()
    await keeper.put(herd(keeper, 2 * AT_ONCE))
    await keeper.turn(keeper._taken([]))
    assert len(keeper._taken([])[-1][0].messages) <= AT_ONCE // 2

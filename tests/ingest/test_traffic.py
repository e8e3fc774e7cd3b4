"""What could not be read is counted and sampled, and a source that is never read is told, once."""

from __future__ import annotations

from farm import ANNA
from manual_clock import ManualClock

from alertd import recovery
from alertd.alerting.book import Book
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.engine import Engine
from alertd.holding import Holding
from alertd.ingest.decoder import Decoder
from alertd.ingest.ledger import Ledger
from alertd.ingest.settings import Limits, Source
from alertd.ingest.traffic import SAMPLE_BYTES, SAMPLES, Traffic
from alertd.keeping import Keeper
from alertd.model import DAY, HOUR, SECOND, Link, Message, Severity
from alertd.seams import Raw, RawBatch
from alertd.store.memory import MemoryStore
from alertd.store.memory_disk import Disk
from alertd.wording import Words

COLLARS = Source.model_validate(
    {"name": "collars", "topic": "c/{device}", "format": "json", "metrics": {"activity": "act"}}
)
BARN = Source.model_validate({"name": "barn", "topic": "b/{device}/{metric}", "format": "number"})


class Clock(ManualClock):
    def trusted(self, newest_known: int) -> bool:
        return True


class Silent:
    def judged(self, decoded, labels, done, received) -> None: ...

    def refused(self, source, reason, count) -> None: ...


class Life:
    """One life of a daemon with two sources; its operator is Anna."""

    def __init__(self, disk: Disk, clock: Clock, sources=(COLLARS, BARN)) -> None:
        self.store, self.clock, self.sources = MemoryStore(disk), clock, sources
        self.told: list[Message] = []
        self.position = 0

    async def start(self) -> Life:
        await self.store.open()
        kept = await self.store.load()
        book = Book([], [], cap=100, now=self.clock.now())
        people = People(
            [Subscriber.model_validate(ANNA)], {}, operator="anna", language="en", timezone="UTC", invites={}
        )
        engine = Engine(book, people, Words([], []))
        recovery.restore(engine, kept)
        ledger = Ledger(kept.ledger, kept.session)
        decoder = Decoder(self.sources, [], Limits(), timezone="UTC", register=book.row)
        holding = Holding(engine, self.store, None, ledger, self.clock, lambda _changes: None)
        traffic = Traffic(decoder.labels, self.clock.now(), kept.marks.get("traffic"))
        self.keeper = Keeper(
            engine,
            decoder,
            holding,
            ledger,
            self.clock,
            answer=lambda update, now: (),
            observer=Silent(),
            traffic=traffic,
        )
        await self.keeper.turn([(Link(self.clock.now(), up=True), None)])
        return self

    async def hear(self, topic: str, payload: bytes) -> None:
        self.position += 1
        raw = Raw(topic, payload, self.clock.now(), packet=self.position)
        await self.keeper.turn([(RawBatch([raw], self.position), None)])

    async def pass_by(self, span: int) -> list[str]:
        """Time goes by; what the watch would tell the operator at its end."""
        self.clock.advance(span)
        book = self.keeper.engine.book
        now = self.clock.now()
        troubles = self.keeper.traffic.troubles(now, book.away_between, tuple(book.troubles))
        before = len(await self.store.messages(100, None))
        await self.keeper.turn([(trouble, None) for trouble in troubles])
        await self.keeper.holding.commit(self.keeper.holding.owed)
        rows = await self.store.messages(100, None)
        return [row["text"] for row in rows[: len(rows) - before]]


async def test_a_source_whose_messages_nobody_can_read_is_told_after_a_day_once_and_when_it_is_over():
    disk, clock = Disk(), Clock()
    life = await Life(disk, clock, (COLLARS,)).start()
    await life.hear("c/cow-1", b'{"acceleration": "x"}')
    assert await life.pass_by(DAY - HOUR) == []
    await life.hear("c/cow-1", b'{"acceleration": "x"}')
    (text,) = await life.pass_by(2 * HOUR)
    assert "source collars" in text
    assert "no_metrics" in text
    assert "c/cow-1" in text
    assert await life.pass_by(HOUR) == []

    again = await Life(disk, clock, (COLLARS,)).start()  # a kill: nothing is told again
    await again.hear("c/cow-1", b'{"acceleration": "x"}')
    assert await again.pass_by(HOUR) == []
    await again.hear("c/cow-1", b'{"act": 3}')
    (text,) = await again.pass_by(HOUR)
    assert "read again" in text
    assert await again.pass_by(HOUR) == []


async def test_a_restart_does_not_begin_the_day_anew():
    disk, clock = Disk(), Clock()
    life = await Life(disk, clock, (COLLARS,)).start()
    await life.hear("c/cow-1", b'{"act": 3}')
    await life.hear("c/cow-1", b"broken")
    await life.pass_by(20 * HOUR)
    again = await Life(disk, clock, (COLLARS,)).start()
    await again.hear("c/cow-1", b"broken")
    (text,) = await again.pass_by(5 * HOUR)
    assert "could be read for a day" in text


async def test_hours_without_a_broker_are_no_silence_of_the_source():
    life = await Life(Disk(), Clock(), (COLLARS,)).start()
    await life.hear("c/cow-1", b"broken")
    life.clock.advance(HOUR)
    await life.keeper.turn([(Link(life.clock.now(), up=False), None)])
    life.clock.advance(2 * DAY)
    await life.keeper.turn([(Link(life.clock.now(), up=True), None)])
    await life.hear("c/cow-1", b"broken")
    assert await life.pass_by(HOUR) == []


async def test_a_topic_nobody_publishes_to_is_told_but_a_source_that_was_read_may_be_quiet():
    life = await Life(Disk(), Clock()).start()
    await life.hear("b/barn-3/temperature", b"21")
    (text,) = await life.pass_by(25 * HOUR)
    assert "collars has not received one message" in text
    rows = await life.store.messages(10, None)
    assert [row["severity"] for row in rows] == [Severity.INFO]


async def test_a_source_that_is_gone_from_the_configuration_is_no_trouble_any_more():
    disk, clock = Disk(), Clock()
    life = await Life(disk, clock).start()
    assert len(await life.pass_by(25 * HOUR)) == 2
    again = await Life(disk, clock, (COLLARS,)).start()
    (text,) = await again.pass_by(HOUR)
    assert "source barn is no longer configured" in text


async def test_what_was_refused_is_counted_by_reason_and_a_few_of_it_are_kept():
    life = await Life(Disk(), Clock(), (COLLARS,)).start()
    for number in range(10):
        await life.hear(f"c/cow-{number}", b"\x00\xff" * 300)
        life.clock.advance(SECOND)
    seen = life.keeper.traffic.sources["collars"]
    assert seen.refused.total() == 10
    ((reason, samples),) = seen.samples.items()
    assert list(samples) == [f"c/cow-{number}" for number in range(10)][-SAMPLES:]
    row = samples["c/cow-9"].row(reason)
    assert row["hex"] == (b"\x00\xff" * 300)[:SAMPLE_BYTES].hex()
    assert row["bytes"] == 600
    assert "text" not in row


async def test_a_sample_shows_the_message_that_was_refused_not_the_next_one_of_its_topic():
    life = await Life(Disk(), Clock()).start()
    raws = [Raw("c/cow-1", payload, life.clock.now()) for payload in (b"broken", b'{"act": 3}')]
    await life.keeper.turn([(RawBatch(raws, 1), None)])
    (samples,) = life.keeper.traffic.sources["collars"].samples.values()
    assert samples["c/cow-1"].payload == b"broken"


async def test_a_flood_is_sampled_once_a_second_and_text_is_shown_as_text():
    life = await Life(Disk(), Clock(), (COLLARS,)).start()
    for number in range(100):
        await life.hear(f"c/cow-{number}", '{"Größe": "groß"}'.encode())
    seen = life.keeper.traffic.sources["collars"]
    assert seen.refused["no_metrics"] == 100
    (sample,) = seen.samples["no_metrics"].values()
    assert sample.row("no_metrics")["text"] == '{"Größe": "groß"}'

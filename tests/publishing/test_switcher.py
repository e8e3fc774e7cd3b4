"""A device is switched once, at once, or not at all: whatever is killed, cut or slow in between."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

import pytest
from deliveries import T0
from manual_clock import ManualClock

from alertd import recovery
from alertd.alerting.book import Book
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.conversation import Setup
from alertd.conversation.switching import told
from alertd.engine import Engine
from alertd.ingest.settings import Action
from alertd.model import SECOND, Batch, Changes, Channel, Link, Said, Stage, Switching
from alertd.publishing.switcher import Switcher, left_behind
from alertd.seams import Flush, Raw
from alertd.store.memory import MemoryStore
from alertd.store.memory_disk import Disk
from alertd.wording import Words

FAN = Action.model_validate(
    {
        "name": "fan-3-on",
        "label": {"en": "Fan 3 on", "de": "Lüfter 3 an"},
        "publish": {"topic": "barn/fan3/set", "payload": "ON"},
        "confirm": True,
        "result": {"topic": "barn/fan3/state", "expect": "ON", "within": "10s"},
        "allowed": ["anna"],
    }
)
GATE = Action.model_validate(
    {"name": "gate-shut", "label": "Shut the gate", "publish": {"topic": "gate/set", "payload": "SHUT", "qos": 0}}
)
ANNA = Subscriber.model_validate(
    {"id": "anna", "name": "Anna", "channels": [{"telegram": "4711"}], "consent": "2026-01-01"}
)
SETUP = Setup({one.name: one for one in (FAN, GATE)})


def wish(action: str = "fan-3-on", confirmed: int = T0) -> Switching:
    return Switching("s1", action, "anna", Channel("telegram", "4711"), T0, Stage.CONFIRMED, confirmed=confirmed)


@dataclass
class Line:
    """The edge to a broker: what was published, and its answers, which the test gives."""

    up: bool = True
    published: list[tuple[str, bytes, int]] = field(default_factory=list)
    answers: list[asyncio.Future[str]] = field(default_factory=list)

    def post(self, topic: str, payload: bytes, *, qos: int, seconds: int) -> asyncio.Future[str] | None:
        assert seconds == 10, "the broker keeps it for no device that comes later"
        if not self.up:
            return None
        self.published.append((topic, payload, qos))
        self.answers.append(asyncio.get_running_loop().create_future())
        if qos == 0:
            self.answers[-1].set_result("")
        return self.answers[-1]


class Life:
    """One life of a daemon on a disk: store, book, switcher. `kill` takes all of it away but the disk."""

    def __init__(self, disk: Disk, clock: ManualClock, line: Line) -> None:
        self.store, self.clock, self.line = MemoryStore(disk), clock, line
        self.reports: list[tuple[Stage, str]] = []

    async def start(self) -> Life:
        await self.store.open()
        kept = await self.store.load()
        people = People([ANNA], {}, operator=None, language="en", timezone="UTC", invites={})
        self.engine = Engine(Book([], [], cap=10, now=self.clock.now()), people, Words([], []))
        recovery.restore(self.engine, kept)
        recovery.ready(self.engine, kept, self.clock.now())
        self.switcher = Switcher(SETUP.actions, self.line, self.clock, self.report)
        for left in left_behind(self.engine.book.switched()):
            await self.report(left, Stage.UNKNOWN, "restart")
        self.task = asyncio.create_task(self.switcher.run())
        return self

    async def report(self, switching: Switching, stage: Stage, fault: str) -> None:
        self.reports.append((stage, fault))
        engine = self.engine
        await self.commit(told(switching, stage, fault, engine.people, engine.words, SETUP, self.clock.now()))

    async def commit(self, said: Said, *, tell: bool = True) -> Changes:
        now = self.clock.now()
        changes = self.engine.step(Batch.empty(), now, [said])
        await self.store.commit(Flush(now, changes=changes))
        if tell:
            self.switcher.committed(changes)
        return changes

    async def confirm(self, switching: Switching, *, tell: bool = True) -> None:
        await self.commit(Said(f"update {switching.id}", self.clock.now(), switchings=[switching]), tell=tell)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def hear(self, payload: str, **how: object) -> None:
        self.switcher.heard([Raw("barn/fan3/state", payload.encode(), self.clock.now(), **how)])
        await self.settle()

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def texts(self) -> list[str]:
        return [row["text"] for row in await self.store.messages(10)]


@pytest.fixture
async def life():
    one = await Life(Disk(), ManualClock(), Line()).start()
    yield one
    await one.kill()


# --- a kill at any moment -----------------------------------------------------------------------


async def test_a_kill_between_confirmation_and_publish_is_reported_as_unknown_and_never_published() -> None:
    disk, clock, line = Disk(), ManualClock(), Line()
    first = await Life(disk, clock, line).start()
    await first.confirm(wish(), tell=False)  # committed, and dead before anybody looked at it
    await first.kill()
    assert line.published == []

    clock.advance(2 * SECOND)  # well within the ten seconds
    second = await Life(disk, clock, line).start()
    await second.settle()
    assert line.published == []
    assert second.reports == [(Stage.UNKNOWN, "restart")]
    told_once = (
        "Fan 3 on: unknown whether it was done. alertd was restarted in the middle of it. "
        "It is not repeated: please go and look."
    )
    assert await second.texts() == [told_once]
    await second.kill()

    third = await Life(disk, clock, line).start()
    assert (third.reports, line.published, len(await third.texts())) == ([], [], 1), "told once"
    await third.kill()


async def test_a_kill_between_publish_and_result_is_reported_as_unknown_and_published_once() -> None:
    disk, clock, line = Disk(), ManualClock(), Line()
    first = await Life(disk, clock, line).start()
    await first.confirm(wish())
    assert line.published == [("barn/fan3/set", b"ON", 1)]
    line.answers[0].set_result("")
    await first.settle()
    await first.kill()

    second = await Life(disk, clock, line).start()
    await second.hear("ON")  # too late to know whose it is
    assert len(line.published) == 1
    assert second.reports == [(Stage.UNKNOWN, "restart")]
    await second.kill()


async def test_a_kill_before_the_outcome_is_committed_tells_it_as_unknown_once() -> None:
    disk, clock, line = Disk(), ManualClock(), Line()
    first = await Life(disk, clock, line).start()
    await first.confirm(wish())
    await first.kill()
    for _ in range(3):
        again = await Life(disk, clock, line).start()
        await again.kill()
    assert len(line.published) == 1
    assert len(await again.texts()) == 1


# --- what can happen to one wish ----------------------------------------------------------------


async def test_the_device_says_so(life) -> None:
    await life.confirm(wish())
    await life.hear("ON")  # before the broker's own answer
    life.line.answers[0].set_result("")
    await life.settle()
    assert life.reports == [(Stage.DONE, "")]
    (text,) = await life.texts()
    assert re.fullmatch(r"Fan 3 on: done \d\d:\d\d, the device says so\.", text)


@pytest.mark.parametrize("how", [{"retained": True}, {"backlog": True}], ids=["retained", "from before"])
async def test_what_the_broker_had_kept_is_no_answer(life, how) -> None:
    life.switcher.linked(T0)
    await life.confirm(wish())
    life.line.answers[0].set_result("")
    await life.hear("ON", **how)
    life.clock.advance(10 * SECOND)
    await life.settle()
    assert life.reports == [(Stage.SILENT, "")]


async def test_another_state_or_none_is_told_as_such(life) -> None:
    await life.confirm(wish())
    life.line.answers[0].set_result("")
    await life.hear("OFF")
    life.clock.advance(10 * SECOND)
    await life.settle()
    assert life.reports == [(Stage.SILENT, "")]


async def test_without_a_connection_nothing_is_done_and_nothing_waits(life) -> None:
    life.line.up = False
    await life.confirm(wish())
    life.line.up = True
    life.switcher.linked(T0)
    await life.settle()
    assert (life.reports, life.line.published) == ([(Stage.FAILED, "offline")], [])


async def test_after_ten_seconds_nothing_is_done(life) -> None:
    life.clock.advance(10 * SECOND)  # a slow disk
    await life.confirm(wish())
    assert (life.reports, life.line.published) == ([(Stage.FAILED, "late")], [])


async def test_a_refusal_by_the_broker_means_nothing_was_done(life) -> None:
    await life.confirm(wish())
    life.line.answers[0].set_result("broker refused to publish to barn/fan3/set (reason code 135)")
    await life.settle()
    assert life.reports == [(Stage.FAILED, "refused")]


async def test_a_line_that_is_cut_leaves_it_unknown(life) -> None:
    await life.confirm(wish())
    life.line.answers[0].set_result("the broker closed the connection")
    await life.settle()
    life.clock.advance(10 * SECOND)
    await life.settle()
    assert life.reports == [(Stage.UNKNOWN, "cut")]


async def test_a_device_that_answers_although_the_broker_did_not_has_done_it(life) -> None:
    await life.confirm(wish())
    life.clock.advance(10 * SECOND)
    await life.settle()
    await life.hear("ON")
    assert life.reports == [(Stage.DONE, "")]


async def test_without_a_result_the_broker_is_all_there_is(life) -> None:
    await life.confirm(wish("gate-shut"))
    assert life.line.published == [("gate/set", b"SHUT", 0)]
    assert life.reports == [(Stage.SENT, "")]


async def test_an_action_that_is_gone_from_the_file_is_not_done(life) -> None:
    await life.confirm(wish("fan-4-on"))
    assert (life.reports, life.line.published) == ([(Stage.FAILED, "gone")], [])


async def test_the_record_says_who_switched_what(life) -> None:
    await life.confirm(wish())
    await life.hear("ON")
    life.line.answers[0].set_result("")
    await life.settle()
    (row,) = await life.store.switchings(10)
    assert (row.action, row.by, row.stage, row.confirmed, row.ended) == ("fan-3-on", "anna", Stage.DONE, T0, T0)


async def test_a_connection_that_comes_again_publishes_nothing(life) -> None:
    await life.confirm(wish())
    life.line.answers[0].set_result("the broker closed the connection")
    life.engine.step(Batch.empty(), life.clock.now(), [Link(life.clock.now(), up=True)])
    life.switcher.linked(life.clock.now())
    await life.settle()
    assert len(life.line.published) == 1

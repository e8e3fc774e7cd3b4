"""Once a month the operator hears how the rules did: once, whatever kills come, and only of months that were seen."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from farm import ANNA, BOB, hot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from manual_clock import ManualClock

from alertd import recovery
from alertd.alerting.book import Book
from alertd.alerting.settings import Rule
from alertd.audience.hours import instant
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.engine import Engine
from alertd.holding import Holding
from alertd.ingest.ledger import Ledger
from alertd.ingest.settings import Device
from alertd.model import DAY, HOUR, Batch, Changes, Figures, Link, Monthly, RuleFigures, Series
from alertd.monthly import silent
from alertd.store.memory import MemoryStore
from alertd.store.memory_disk import Disk
from alertd.upkeep import summary
from alertd.wording import Words
from alertd.wording.summary import summary_text

BERLIN = "Europe/Berlin"


def first(month: int, year: int = 2026) -> int:
    """Midnight before the first day of a month."""
    return instant(BERLIN, date(year, month, 1), "00:00")


class Life:
    """A daemon from its start to its kill: store, engine and commits, without broker and couriers."""

    def __init__(self, disk: Disk, clock: ManualClock, **operator) -> None:
        self.store, self.clock, self.operator = MemoryStore(disk), clock, ANNA | operator

    async def start(self) -> None:
        await self.store.open()
        kept = await self.store.load()
        rules = [Rule.model_validate(hot())]
        book = Book(rules, [Device(id="barn", name="Barn")], cap=100, now=self.clock.now(), timezone=BERLIN)
        people = [Subscriber.model_validate(one) for one in (self.operator, BOB)]
        everybody = People(people, {}, operator="anna", language="en", timezone=BERLIN, invites={})
        self.engine = Engine(book, everybody, Words(rules, []))
        recovery.restore(self.engine, kept)
        self.holding = Holding(self.engine, self.store, None, Ledger([], ""), self.clock, lambda changes: None)
        self.holding.owed = recovery.ready(self.engine, kept, self.clock.now())
        await self.turn(Link(self.clock.now(), up=True))

    async def turn(self, *events, commit: bool = True) -> Changes:
        changes = self.engine.step(Batch.empty(), self.clock.now(), events)
        if commit and (changes.any or self.holding.due(self.clock.now()) or self.holding.owed.counters):
            assert await self.holding.commit(changes)
        return changes

    async def look(self, *, commit: bool = True) -> Changes | None:
        """What the daemon does every minute. `commit`: or it is killed just before that."""
        due = await summary(self.engine, self.store, self.clock.now(), {})
        return None if due is None else await self.turn(due, commit=commit)


def told(disk: Disk) -> list[str]:
    return [slip.message.text for slip in disk.outbox.slips.values()]


@example(hours=[10, 6], kills={1: False}, start=-9)
@example(hours=[10, 6], kills={1: True}, start=-9)
@settings(max_examples=40, deadline=None)
@given(
    hours=st.lists(st.integers(1, 400), min_size=1, max_size=12),
    kills=st.dictionaries(st.integers(0, 12), st.booleans(), max_size=5),
    start=st.integers(-80, 40),
)
async def test_each_month_is_told_once_whatever_kills_come(hours, kills, start):
    """`kills`: after so many looks, just before (False) or after (True) the commit of what is told."""

    async def live(killed: dict[int, bool]) -> list[str]:
        disk, clock = Disk(), ManualClock(first(11) + start * HOUR)
        life = Life(disk, clock)
        await life.start()
        for number, ahead in enumerate(hours):
            clock.advance(ahead * HOUR)
            await life.look(commit=killed.get(number, True))
            if number in killed:
                life = Life(disk, clock)
                await life.start()
                await life.look()
        return told(disk)

    months = await live(kills)
    assert months == await live({})
    assert len(set(months)) == len(months)
    if start < 0 and -start + 6 <= sum(hours) and hours[0] < -start:
        assert months, "a month that was seen to its end is told"


async def test_a_summary_waits_for_the_digest_time_of_the_operator_and_never_wakes():
    night = {"quiet_hours": {"from": "20:00", "to": "09:00"}}
    disk, clock = Disk(), ManualClock(first(11) - DAY)
    life = Life(disk, clock, **night)
    await life.start()
    found = {}
    for hour in range(36):
        clock.advance(HOUR)
        if await life.look() is not None:
            found[hour] = told(disk)
    assert list(found) == [32]  # 09:00 on the first; an hour is 0 at 01:00 the day before


async def test_months_before_the_first_start_and_an_operator_without_consent_are_not_told():
    disk, clock = Disk(), ManualClock(first(11) + 3 * HOUR)
    life = Life(disk, clock)
    await life.start()
    clock.advance(20 * DAY)
    assert await life.look() is None
    clock.advance(11 * DAY)
    life = Life(disk, clock, consent=None)
    await life.start()
    assert await life.look() is None
    life = Life(disk, clock)
    await life.start()
    assert await life.look() is not None, "once they agree they hear of the month that is still the last"
    clock.advance(70 * DAY)
    await life.look()
    assert [text.splitlines()[0] for text in told(disk)] == ["November 2026 at the farm", "January 2027 at the farm"]


async def test_devices_that_should_be_heard_and_are_not_are_named():
    life = Life(Disk(), ManualClock(first(11)))
    await life.start()
    book = life.engine.book
    for device in ("barn", "cow", "stray", "weekly"):
        book.row(Series(device, "temperature", "degC"))

    for day in range(30):
        for device, days in {"barn": range(30), "cow": range(5), "stray": [3], "weekly": [3, 10, 17, 24]}.items():
            if day in days:
                at = np.array([first(11) + day * DAY])
                row = np.array([book.rows[device, "temperature"]], np.int32)
                one = Batch(row, at, at, np.array([20.0]), np.zeros(1, np.int8))
                life.engine.step(one, int(at[0]))
    assert silent(book, first(11) + 30 * DAY) == [("cow", first(11) + 4 * DAY)]


FULL = Monthly(
    first(11) + 6 * HOUR,
    12 * 2026 + 9,
    Figures(
        (
            RuleFigures("fever", 12, 5, {"limit": 3, "": 2}),
            RuleFigures("collar-silent", 40, 1, {"": 1}),
            RuleFigures("lame", 3, 1, {"sensor": 1}),
            RuleFigures("calving", 9, shadow=True),
        ),
        {"telegram": 48, "whatsapp": 11},
        {"whatsapp": 0.55},
    ),
    {"whatsapp": "EUR"},
)
SILENT = [("cow-17", None), ("cow-4", first(10) + 2 * DAY)]


READS = {
    "en": """\
October 2026 at Hof Lindenau
55 alerts.
– fever: 12, 5 judged false (42%)
– collar-silent: 40, 1 judged false (2%)
– lame: 3, 1 judged false (33%)
– calving: 9 (shadow, told to nobody)
59 messages: 48 telegram, 11 whatsapp. They cost 0.55 EUR.
Not heard from: cow-17 (never), Berta (since 3 Oct 00:00).
Worth a look:
– fever: people say the limit is wrong. alertd tune fever shows what other limits would have told.
– lame: people blame the sensor. Check battery, fit and gateway; a longer hold helps.
– the silent sensors: battery, fit, gateway. What is gone for good can leave the configuration.""",
    "de": """\
Oktober 2026, Hof Lindenau
55 Alarme.
– fever: 12, 5 Fehlalarme (42 %)
– collar-silent: 40, 1 Fehlalarm (2 %)
– lame: 3, 1 Fehlalarm (33 %)
– calving: 9 (Probebetrieb, niemandem gemeldet)
59 Nachrichten: 48 telegram, 11 whatsapp. Kosten: 0,55 EUR.
Nicht zu hören: cow-17 (noch nie), Berta (seit 3.10. 00:00).
Einen Blick wert:
– fever: Die Grenze ist falsch, sagen die Antworten. alertd tune fever zeigt, was andere Grenzen gemeldet hätten.
– lame: Der Sensor ist schuld, sagen die Antworten. Batterie, Sitz und Gateway prüfen; ein längeres hold hilft.
– die stummen Sensoren: Batterie, Sitz, Gateway. Was für immer weg ist, kann aus der Konfiguration.""",
}


@pytest.mark.parametrize("language", READS)
def test_the_summary_reads_like_this(language):
    cows = [Device(id="cow-4", name="Berta")]
    anna = People(
        [Subscriber.model_validate(ANNA)], {}, operator=None, language=language, timezone=BERLIN, invites={}
    ).operator
    assert anna is not None
    words = Words([], cows, farm="Hof Lindenau")
    assert summary_text(words, anna, FULL, first(10), SILENT) == READS[language]

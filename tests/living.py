"""The engine's task alive in a test: a real book, keeper and store; no broker, no couriers, a clock that stands still.

async with living(hot(), people=PEOPLE, messengers={"telegram": phone}) as life:
    await life.keeper.done(update)
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from farm import START, Farm
from manual_clock import ManualClock

from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.conversation import Setup
from alertd.hearing import Answering
from alertd.holding import Holding
from alertd.ingest.decoder import Decoder
from alertd.ingest.ledger import Ledger
from alertd.ingest.settings import Limits
from alertd.keeping import Keeper
from alertd.model import SECOND
from alertd.store.memory import MemoryStore
from alertd.store.memory_disk import Disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from alertd.model import Message

BEGINS = START + 60 * SECOND
"""What the clock shows."""


class Trusting(ManualClock):
    def trusted(self, newest_known: int) -> bool:
        return True


class Nobody:
    """Looks at no figures."""

    def judged(self, counts: Any, labels: Any, done: Any, received: Any) -> None:
        pass

    def refused(self, source: Any, reason: Any, count: Any) -> None:
        pass


@dataclass
class Life:
    farm: Farm
    keeper: Keeper
    store: MemoryStore
    told: dict[str, Message]
    """What each person was told when it began."""


@asynccontextmanager
async def living(
    *rules: dict[str, Any], people: list[dict[str, Any]], messengers: Mapping[str, Any], readings: tuple[Any, ...] = ()
) -> AsyncIterator[Life]:
    """Begin with these readings, and end when the test does."""
    farm = Farm(*rules, people=tuple(people))
    everybody = [Subscriber.model_validate(one) for one in people]
    farm.engine.people = People(everybody, {}, operator=None, language="en", timezone="UTC", invites={})
    told = {message.subscriber: message for message in farm.say(*readings)}
    clock, store, ledger = Trusting(BEGINS), MemoryStore(Disk()), Ledger()
    await store.open()
    setup = Setup({}, abilities={name: one.abilities for name, one in messengers.items()})
    keeper = Keeper(
        farm.engine,
        Decoder([], [], Limits(), timezone="UTC", register=farm.book.row),
        Holding(farm.engine, store, None, ledger, clock, lambda changes: None),
        ledger,
        clock,
        answer=Answering(farm.engine, messengers, setup).events,
        observer=Nobody(),
    )
    task = asyncio.create_task(keeper.run())
    try:
        yield Life(farm, keeper, store, told)
    finally:
        keeper.stop()
        await task
        await store.close()

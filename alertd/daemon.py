"""The composition root: build the parts, run them in one task group, stop them in order.

Start: store, journal replay, HTTP, then the broker (which may be absent). Stop: the
source first, then what was received is committed and acknowledged, then the rest.
"""

from __future__ import annotations

import asyncio
import gc
import os
from functools import partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import structlog

from alertd import recovery
from alertd.audience.consent import of_file
from alertd.broker import BrokerSide
from alertd.charts.extras import Extras
from alertd.checkup import Checkup
from alertd.clock import SystemClock
from alertd.conversation import Setup, switching
from alertd.conversation.menu import menus
from alertd.courier import Courier
from alertd.desk.daemon import DaemonDesk
from alertd.hearing import Answering, called, hear, left
from alertd.holding import Holding
from alertd.ingest.ledger import Ledger
from alertd.ingest.traffic import Traffic
from alertd.keeping import Keeper
from alertd.messengers import build
from alertd.messengers.exchange import session
from alertd.model import SECOND, Stage, Trouble
from alertd.moving import moved, moved_marks
from alertd.parts import decoder_of, engine_of
from alertd.publishing.publisher import POSITION
from alertd.publishing.switcher import left_behind
from alertd.rereading import StoppedError, reread
from alertd.rota.rota import DutyCalendars
from alertd.seams import Flush, HasMenu
from alertd.store.settings import store_path
from alertd.store.sqlite import SqliteStore
from alertd.upkeep import housekeeping, summarise, watch_spending
from alertd.watching import ask, watch
from alertd.web import listen, server, unix
from alertd.web.metrics import Metrics
from alertd.web.page import Farm

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    import aiohttp

    from alertd.config.config import Config
    from alertd.model import Changes, Switching
    from alertd.seams import Kept, Messenger
    from alertd.systemd import Systemd

log = structlog.get_logger("alertd")

DRAIN: Final = 8.0
"""Seconds for everything on SIGTERM; systemd and the contract allow 10."""
ANSWERS: Final = 5.0
"""Seconds of these for the answers to what is being sent."""


class Daemon:
    """The parts of one running alertd; `stop` ends it as soon as what was received is committed."""

    def __init__(self, config: Config, path: Path, systemd: Systemd) -> None:
        self.config = config
        self.path = path
        self.systemd = systemd
        self.stop = asyncio.Event()
        self.again: Config | None = None
        """What to start again with because the wall clock was set."""
        self.clock = SystemClock()
        self.store = SqliteStore(store_path(config.store, os.environ, path))
        self.positions: dict[str, str] = {}
        self.troubles: list[Trouble] = []
        """For the operator, told with the next step."""

    def trouble(self, name: str, what: str) -> None:
        """Have the operator told of something once."""
        now = self.clock.now()
        self.troubles.append(Trouble(f"{name} {now}", now, what))

    def take_time_over(self) -> None:
        """The wall clock was set: start the parts again as for SIGHUP; `_kept` then finds it and moves what it must."""
        if not self.stop.is_set():
            log.warning("the wall clock was set: taking its time over", seconds=self.clock.set_by() // SECOND)
            self.again = self.config
            self.stop.set()

    async def run(self) -> None:
        """Start, run until `stop`, drain."""
        await self.store.open()
        try:
            async with session() as http:
                self.messengers: dict[str, Messenger] = {
                    name: build(
                        name, settings, http, self.clock.now, self.config.web.public_url, addresses(self.config, name)
                    )
                    for name, settings in self.config.messengers.items()
                }
                try:
                    await self._prepare()
                except StoppedError:  # nothing was committed: the next start reads it all again
                    return
                await self._serve(http)
        finally:
            await self.store.close()

    async def _prepare(self) -> None:
        """Build the engine, bring the book back to where it was, and put the parts around it."""
        kept = await self._kept()
        self.positions = dict(kept.positions)
        self.engine = engine_of(self.config, self.clock.now())
        self.decoder = decoder_of(self.config, self.engine.book)
        recovered, replayed = await self._recover(kept)
        newest, ledger = int(kept.marks.get("newest", 0)), Ledger(kept.ledger, kept.session)
        published = self.positions.get(POSITION, "")
        self.broker = BrokerSide(
            self.config, self.decoder, self.engine.book, self.clock, ledger, published, self._switched
        )
        self.broker.source.high_water = newest
        holding = Holding(self.engine, self.store, self.broker.source, ledger, self.clock, self._committed)
        holding.newest, holding.journalled, holding.owed = newest, replayed, recovered
        holding.troubles = self.troubles
        self._assemble(holding, ledger, Traffic(self.decoder.labels, self.clock.now(), kept.marks.get("traffic")))
        self.broker.publisher.start()
        for left_over in left_behind(self.engine.book.switched()):
            await self._switched(left_over, Stage.UNKNOWN, "restart")
        orphans = recovery.close_orphans(self.engine, self.clock.now())
        if orphans.any:
            await holding.commit(orphans)
        _settle_memory()
        log.info("ready to judge", series=len(self.engine.book.series), replayed=replayed)

    async def _kept(self) -> Kept:
        """Return what the store keeps; what a clock wrote that was set since is moved first, in one commit."""
        kept = await self.store.load()
        move = self.clock.begin(kept)
        if move is None:
            return kept
        marks = moved_marks(kept.marks, move) | {"clock": self.clock.mark()}
        await self.store.commit(Flush(self.clock.now(), changes=moved(kept, move), marks=marks, move=move))
        log.warning("the clock was set: what was written since it began has been moved", seconds=move.by // SECOND)
        return await self.store.load()

    async def _recover(self, kept: Kept) -> tuple[Changes, int]:
        """Bring the book back: return what the restart itself changes, and how many readings were replayed."""
        engine = self.engine
        engine.people.apply(kept.people.values(), kept.invites.values())
        self.rota = DutyCalendars(engine.people.plan.calendars, self.config.farm.timezone, self.store.path, self.clock)
        if (rota := await self.rota.recall()) is not None:
            engine.people.booked(rota.calendars)
        replayed, left_out = await reread(engine, self.decoder.learned, self.store, kept, self._alive)
        if left_out:
            log.error("kept readings were left out", readings=left_out)
        recovered = recovery.ready(engine, kept, self.clock.now())
        recovered.consents += of_file(self.config.subscribers, await self.store.consents(), self.clock.now())
        self.decoder.know(one.device for one in engine.book.series)
        return recovered, replayed

    def _alive(self) -> None:
        """Between two flushes that are read again: systemd waits longer, and a stop is heard within the 10 s it has."""
        if self.stop.is_set():
            raise StoppedError
        self.systemd.extend_timeout(10 * SECOND)

    def _assemble(self, holding: Holding, ledger: Ledger, traffic: Traffic) -> None:
        """Put keeper, courier and desk around the engine."""
        config, counts, people = self.config, Metrics(), self.engine.people
        abilities = {name: one.abilities for name, one in self.messengers.items()}
        self.setup = Setup({action.name: action for action in config.actions}, config.conversation, abilities)
        self.keeper = Keeper(
            self.engine,
            self.decoder,
            holding,
            ledger,
            self.clock,
            answer=Answering(self.engine, self.messengers, self.setup).events,
            observer=counts,
            ears={self.broker.asked: self.broker.publisher.asked} if self.broker.asked else None,
            traffic=traffic,
        )
        self.extras = Extras(self.engine, self.messengers, self.clock, self.store, self.store.path, counts.cost)
        self.courier = Courier(
            self.store,
            self.messengers,
            self.clock,
            self.keeper.put,
            allowed=people.allowed,
            sent=self.extras.sent,
            quiet_until=people.quiet_until,
            count=counts.message,
            paid=counts.cost,
            heard=people.heard,
            left=lambda delivery: left(delivery, self.clock.now(), self.keeper),
        )
        self.desk = DaemonDesk(
            self.keeper, self.store, self.broker.source, self.courier, self.messengers, Checkup(self.path), counts
        )

    async def _serve(self, http: aiohttp.ClientSession) -> None:
        """Run all tasks until told to stop, then drain."""
        door = await self._open()
        self.systemd.ready(f"{len(self.engine.book.series)} series")
        keeping = asyncio.create_task(self.keeper.run(), name="keeper")
        loop, until = asyncio.get_running_loop(), None
        try:
            async with asyncio.TaskGroup() as group:
                others = {name: group.create_task(work, name=name) for name, work in self._tasks(http).items()}
                stopped = asyncio.ensure_future(self.stop.wait())
                await asyncio.wait({stopped, keeping}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
                until = loop.time() + DRAIN
                self.courier.stop()
                for name, task in others.items():
                    if name != "courier":
                        task.cancel()
                # A request that is cut off is unsure for good: the person would be told again, or not at all.
                await asyncio.wait({others["courier"], keeping}, timeout=ANSWERS, return_when=asyncio.FIRST_COMPLETED)
                others["courier"].cancel()
        finally:
            await door.close()
            self.keeper.stop(snapshot=self.again is None)  # one of a wrong clock would have to be thrown away
            async with asyncio.timeout_at(until or loop.time() + DRAIN):
                await keeping
            await self.broker.source.close()
            for messenger in self.messengers.values():
                await messenger.close()

    async def _open(self) -> listen.Listening:
        """Listen for HTTP: the API, the console and the messengers' hooks."""
        web, farm = self.config.web, self.config.farm
        app = server.build(
            self.desk,
            Farm(farm.name, farm.language, ZoneInfo(farm.timezone)),
            now=self.clock.now,
            token=web.token.read() if web.token else None,
            public_url=web.public_url,
            hooks={
                name: partial(called, hook, self.keeper, self.courier, self.store)
                for name, messenger in self.messengers.items()
                if (hook := messenger.hook) is not None
            },
        )
        return await listen.listen(app, web.listen, unix.socket_path(self.store.path, os.environ))

    def _tasks(self, http: aiohttp.ClientSession) -> dict[str, Coroutine[None, None, None]]:
        """Return what runs beside the keeper, by name."""
        keeper, store, kept = self.keeper, self.store, self.config.store
        budgets = budgets_of(self.config)
        currencies = {name: currency for name, (_, currency) in budgets.items()}
        tasks = {
            "source": self.broker.listen(keeper),
            "courier": self.courier.run(),
            "publisher": self.broker.publisher.run(),
            "extras": self.extras.run(),
            "switcher": self.broker.switcher.run(),
            "watch": watch(self.engine, keeper, self.clock, self.systemd, self.take_time_over),
            "requests": ask(self.decoder, self.broker.source, self.clock),
            "outbox": self.desk.watch_outbox(),
            "housekeeping": housekeeping(keeper, store, kept.keep_readings, kept.keep_messages),
            "rota": self.rota.run(http, keeper.put),
            "summary": summarise(keeper, store, currencies),
            "spending": watch_spending(keeper, store, budgets),
        }
        for name, messenger in self.messengers.items():
            if isinstance(messenger, HasMenu):
                tasks[f"{name}.menu"] = messenger.show_menu(menus(self.config.farm.language))
            if messenger.abilities.inbound:
                tasks[f"{name}.inbound"] = hear(messenger, self.positions.get(name, ""), keeper, store)
        return tasks

    def _committed(self, changes: Changes) -> None:
        if changes.messages:
            self.courier.wake()
        trace = self.broker.committed(changes)
        if trace != self.positions.get(POSITION, ""):
            # Written with the next commit; until then a restart would only clear again what is clear.
            self.positions[POSITION] = self.keeper.holding.owed.positions[POSITION] = trace

    async def _switched(self, wish: Switching, stage: Stage, fault: str) -> None:
        """Have it recorded and told what became of a wish to switch a device."""
        engine = self.engine
        now = self.clock.now()
        await self.keeper.put(switching.told(wish, stage, fault, engine.people, engine.words, self.setup, now))


def addresses(config: Config, messenger: str) -> list[str]:
    """Return the addresses that the file has for one messenger."""
    return [one[messenger] for person in config.subscribers for one in person.channels if messenger in one]


def budgets_of(config: Config) -> dict[str, tuple[float, str]]:
    """Return amount and currency of each messenger that has a monthly budget."""
    budgets = {name: getattr(settings, "monthly_budget", None) for name, settings in config.messengers.items()}
    return {name: (budget.amount, budget.currency) for name, budget in budgets.items() if budget is not None}


def _settle_memory() -> None:
    """Leave what was built at the start out of the collector's rounds, and have these come less often.

    Alerts, machines and undo entries make no circles; looking for some cost a third of a step of ten thousand alerts.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)

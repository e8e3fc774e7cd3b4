"""The composition root: build the parts, run them in one task group, stop them in order.

Start: store, journal replay, HTTP, then the broker (which may be absent). Stop: the
source first, then what was received is committed and acknowledged, then the rest.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import structlog

from alertd import logs, recovery
from alertd.audience.consent import of_file
from alertd.charts.extras import Extras
from alertd.checkup import Checkup
from alertd.clock import SystemClock
from alertd.config.load import load
from alertd.conversation import Setup, switching
from alertd.conversation.menu import menus
from alertd.courier import Courier
from alertd.desk.daemon import DaemonDesk
from alertd.hearing import Answering, called, hear, left
from alertd.holding import Holding
from alertd.ingest.ledger import Ledger
from alertd.ingest.mqtt import MqttSource
from alertd.ingest.topics import covers
from alertd.ingest.traffic import Traffic
from alertd.keeping import Keeper
from alertd.messengers import build
from alertd.messengers.exchange import session
from alertd.model import (
    SECOND,
    Changes,
    Link,
    Stage,
    Trouble,
)
from alertd.parts import decoder_of, engine_of
from alertd.publishing.publisher import POSITION, Publisher
from alertd.publishing.switcher import Switcher, left_behind
from alertd.rereading import StoppedError, reread
from alertd.rota.rota import DutyCalendars
from alertd.seams import FencedError, HasMenu, StoreBusyError, StoreDamagedError
from alertd.settings import SecretMissingError
from alertd.store.settings import store_path
from alertd.store.sqlite import SqliteStore
from alertd.systemd import Systemd
from alertd.upkeep import housekeeping, summarise, watch_spending
from alertd.watching import ask, watch
from alertd.web import listen, server, unix
from alertd.web.metrics import Metrics
from alertd.web.page import Farm

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from alertd.config.config import Config
    from alertd.model import Micros, Switching
    from alertd.seams import Kept, Messenger

log = structlog.get_logger("alertd")

DRAIN: Final = 8.0
"""Seconds for everything on SIGTERM; systemd and the contract allow 10."""


def addresses(config: Config, messenger: str) -> list[str]:
    """Return the addresses that the file has for one messenger."""
    return [one[messenger] for person in config.subscribers for one in person.channels if messenger in one]


def budgets_of(config: Config) -> dict[str, tuple[float, str]]:
    """Return amount and currency of each messenger that has a monthly budget."""
    budgets = {name: getattr(settings, "monthly_budget", None) for name, settings in config.messengers.items()}
    return {name: (budget.amount, budget.currency) for name, budget in budgets.items() if budget is not None}


def run(path: Path, debug: bool) -> int:  # noqa: FBT001 (the command line's switch)
    """Run the daemon in the foreground; return the exit code of CONTRACT.md section 1."""
    logs.configure(os.environ, debug=debug)
    loaded = load(path)
    for problem in (*loaded.errors, *loaded.unreadable):
        print(problem, file=sys.stderr)  # noqa: T201 (the operator reads it before there is a log)
    for problem in loaded.warnings:
        log.warning("configuration", problem=str(problem))
    if loaded.config is None or loaded.unreadable:
        return 2
    code = 0
    try:
        asyncio.run(_run(loaded.config, path))
    except* (StoreBusyError, StoreDamagedError, FencedError, SecretMissingError, OSError) as group:
        if debug:
            raise
        for error in group.exceptions:
            print(f"alertd: {error}", file=sys.stderr)  # noqa: T201 (one line for people)
        code = 1
    return code


async def _run(config: Config, path: Path) -> None:
    loop = asyncio.get_running_loop()
    again: Config | None = config
    while again is not None:
        # A reload is a restart within the process: one code path brings state back, after a crash or not.
        daemon = Daemon(again, path)
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, daemon.end)
        loop.add_signal_handler(signal.SIGHUP, daemon.reload)
        await daemon.run()
        again = daemon.again


class Daemon:
    """The parts of one running alertd."""

    def __init__(self, config: Config, path: Path) -> None:
        self.config = config
        self.path = path
        self.stop = asyncio.Event()
        self.clock = SystemClock()
        self.systemd = Systemd(os.environ)
        self.store = SqliteStore(store_path(config.store, os.environ, path))
        self.positions: dict[str, str] = {}
        self.again: Config | None = None
        """The configuration to start again with, after SIGHUP."""
        self.ending = False

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
        kept = await self.store.load()
        self.positions = dict(kept.positions)
        self.engine = engine_of(self.config, self.clock.now())
        self.decoder = decoder_of(self.config, self.engine.book)
        recovered, replayed = await self._recover(kept)
        ledger = Ledger(kept.ledger, kept.session)
        self._connect(ledger, int(kept.marks.get("newest", 0)))
        holding = Holding(self.engine, self.store, self.source, ledger, self.clock, self._committed)
        holding.newest = int(kept.marks.get("newest", 0))
        holding.journalled = replayed
        holding.owed = recovered
        self._assemble(holding, ledger, Traffic(self.decoder.labels, self.clock.now(), kept.marks.get("traffic")))
        self.publisher.start()
        for left_over in left_behind(self.engine.book.switched()):
            await self._switched(left_over, Stage.UNKNOWN, "restart")
        orphans = recovery.close_orphans(self.engine, self.clock.now())
        if orphans.any:
            await holding.commit(orphans)
        _settle_memory()
        log.info("ready to judge", series=len(self.engine.book.series), replayed=replayed)

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

    def _connect(self, ledger: Ledger, newest: Micros) -> None:
        """Make the source, and what else speaks on its connection; nothing connects yet."""
        config = self.config
        results = {action.result.topic for action in config.actions if action.result is not None}
        filters = self.decoder.filters()
        self.only_results = {topic for topic in results if not any(covers(name, topic) for name, _ in filters)}
        self.asked = f"{config.publish.topic}/command" if config.publish and config.publish.commands else None
        self.source = MqttSource(
            config.mqtt,
            filters,
            self.clock,
            ledger,
            status_topic=f"{config.publish.topic}/status" if config.publish else config.mqtt.status_topic,
            extra_filters=[(topic, 1) for topic in (self.asked, *results) if topic],
        )
        self.source.high_water = newest
        self.publisher = Publisher(
            config.publish,
            self.engine.book,
            self.source,
            self.clock,
            config.farm.name,
            self.positions.get(POSITION, ""),
        )
        actions = {action.name: action for action in config.actions}
        self.setup = Setup(actions, config.conversation, {name: one.abilities for name, one in self.messengers.items()})
        self.switcher = Switcher(actions, self.source, self.clock, self._switched)

    def _assemble(self, holding: Holding, ledger: Ledger, traffic: Traffic) -> None:
        """Put keeper, courier and desk around the engine."""
        counts = Metrics()
        self.keeper = Keeper(
            self.engine,
            self.decoder,
            holding,
            ledger,
            self.clock,
            answer=Answering(self.engine, self.messengers, self.setup).events,
            observer=counts,
            ears={self.asked: self.publisher.asked} if self.asked else None,
            traffic=traffic,
        )
        self.extras = Extras(self.engine, self.messengers, self.clock, self.store, self.store.path, counts.cost)
        people = self.engine.people
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
            self.keeper, self.store, self.source, self.courier, self.messengers, Checkup(self.path), counts
        )

    async def _serve(self, http: aiohttp.ClientSession) -> None:
        """Run all tasks until told to stop, then drain."""
        web, store = self.config.web, self.config.store
        app = server.build(
            self.desk,
            Farm(self.config.farm.name, self.config.farm.language, ZoneInfo(self.config.farm.timezone)),
            now=self.clock.now,
            token=web.token.read() if web.token else None,
            public_url=web.public_url,
            hooks={
                name: partial(called, hook, self.keeper, self.courier)
                for name, messenger in self.messengers.items()
                if (hook := messenger.hook) is not None
            },
        )
        budgets = budgets_of(self.config)
        currencies = {name: currency for name, (_, currency) in budgets.items()}
        door = await listen.listen(app, web.listen, unix.socket_path(self.store.path, os.environ))
        self.systemd.ready(f"{len(self.engine.book.series)} series")
        keeping = asyncio.create_task(self.keeper.run(), name="keeper")
        try:
            async with asyncio.TaskGroup() as group:
                others = [
                    group.create_task(self._listen(), name="source"),
                    group.create_task(self.courier.run(), name="courier"),
                    group.create_task(self.publisher.run(), name="publisher"),
                    group.create_task(self.extras.run(), name="extras"),
                    group.create_task(self.switcher.run(), name="switcher"),
                    group.create_task(watch(self.engine, self.keeper, self.clock, self.systemd), name="watch"),
                    group.create_task(ask(self.decoder, self.source, self.clock), name="requests"),
                    group.create_task(self.desk.watch_outbox(), name="outbox"),
                    group.create_task(
                        housekeeping(self.keeper, self.store, store.keep_readings, store.keep_messages),
                        name="housekeeping",
                    ),
                    group.create_task(self.rota.run(http, self.keeper.put), name="rota"),
                    group.create_task(summarise(self.keeper, self.store, currencies), name="summary"),
                    group.create_task(watch_spending(self.keeper, self.store, budgets), name="spending"),
                    *(
                        group.create_task(messenger.show_menu(menus(self.config.farm.language)), name=f"{name}.menu")
                        for name, messenger in self.messengers.items()
                        if isinstance(messenger, HasMenu)
                    ),
                    *(
                        group.create_task(
                            hear(messenger, self.positions.get(name, ""), self.keeper), name=f"{name}.inbound"
                        )
                        for name, messenger in self.messengers.items()
                        if messenger.abilities.inbound
                    ),
                ]
                stopped = asyncio.ensure_future(self.stop.wait())
                await asyncio.wait({stopped, keeping}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
                self.courier.stop()
                for task in others:
                    task.cancel()
        finally:
            await door.close()
            self.keeper.stop()
            async with asyncio.timeout(DRAIN):
                await keeping
            await self.source.close()
            for messenger in self.messengers.values():
                await messenger.close()

    async def _listen(self) -> None:
        """Bring what the broker sends to the keeper; alertd never reads its own topics."""
        own, asked, results = self.publisher.own, self.publisher.command_topic, self.only_results

        def unread(topic: str) -> bool:
            return topic in results or own(topic)

        async for item in self.source.events():
            if isinstance(item, Link):
                log.info("broker", up=item.up, why=item.why)
                self.publisher.link(up=item.up)
                if item.up:
                    self.switcher.linked(item.at)
            else:
                self.switcher.heard(item.messages)
                item.messages[:] = [raw for raw in item.messages if raw.topic == asked or not unread(raw.topic)]
            await self.keeper.put(item)

    def _committed(self, changes: Changes) -> None:
        if changes.messages:
            self.courier.wake()
        self.switcher.committed(changes)
        self.publisher.committed(changes)
        trace = self.publisher.trace()
        if trace != self.positions.get(POSITION, ""):
            # Written with the next commit; until then a restart would only clear again what is clear.
            self.positions[POSITION] = self.keeper.holding.owed.positions[POSITION] = trace

    async def _switched(self, wish: Switching, stage: Stage, fault: str) -> None:
        """Have it recorded and told what became of a wish to switch a device."""
        engine = self.engine
        now = self.clock.now()
        await self.keeper.put(switching.told(wish, stage, fault, engine.people, engine.words, self.setup, now))

    def end(self) -> None:
        """SIGTERM: stop, whatever else was asked for; also while a reload ends the parts to start them again."""
        self.ending, self.again = True, None
        self.systemd.stopping("committing")  # of a reload systemd must not hear it: it would end the service
        self.stop.set()

    def reload(self) -> None:
        """SIGHUP: a good file starts the parts again (their state is in the store), a bad one changes nothing."""
        if self.ending:
            return
        self.systemd.reloading(time.monotonic_ns() // 1000)
        loaded = load(self.path)
        if loaded.config is None or loaded.unreadable:
            first = (*loaded.errors, *loaded.unreadable)[0]
            for problem in (*loaded.errors, *loaded.unreadable):
                log.error("configuration refused", problem=str(problem))
            refused = f"the new configuration was refused: {first}"
            self.keeper.holding.troubles.append(Trouble(f"reload {self.clock.now()}", self.clock.now(), refused))
            self.systemd.ready("running with the old configuration: the new one has errors")
            return
        log.info("reloading")
        self.again = loaded.config
        self.stop.set()


def _settle_memory() -> None:
    """Leave what was built at the start out of the collector's rounds, and have these come less often.

    Alerts, machines and undo entries make no circles; looking for some cost a third of a step of ten thousand alerts.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)

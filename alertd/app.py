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
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import structlog

from alertd import logs, recovery
from alertd.audience.consent import of_file
from alertd.charts.drawing import Drawing, available
from alertd.charts.showing import Showing
from alertd.checkup import Checkup
from alertd.clock import SystemClock
from alertd.config.load import load
from alertd.conversation import Flood, Setup, answer, sender_key, switching
from alertd.conversation.menu import menus
from alertd.courier import Courier
from alertd.desk.daemon import DaemonDesk
from alertd.holding import Holding
from alertd.ingest.ledger import Ledger
from alertd.ingest.mqtt import MqttSource
from alertd.ingest.topics import covers
from alertd.ingest.traffic import Traffic
from alertd.keeping import Keeper
from alertd.messengers import build
from alertd.messengers.exchange import session
from alertd.model import (
    HOUR,
    SECOND,
    Changes,
    Channel,
    Inbound,
    Link,
    Message,
    Said,
    Settled,
    Stage,
    Trouble,
    stable_id,
)
from alertd.parts import decoder_of, engine_of
from alertd.publishing.publisher import POSITION, Publisher
from alertd.publishing.switcher import Switcher, left_behind
from alertd.rota.rota import DutyCalendars
from alertd.seams import FencedError, HasMenu, StoreBusyError, StoreDamagedError
from alertd.settings import SecretMissingError
from alertd.store.settings import store_path
from alertd.store.sqlite import SqliteStore
from alertd.systemd import Systemd
from alertd.upkeep import housekeeping, summarise
from alertd.web import listen, server, unix
from alertd.web.page import Farm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import aiohttp

    from alertd.config.config import Config
    from alertd.model import Delivery, Event, Micros, Switching
    from alertd.seams import Hook, HookAnswer, HookCall, Messenger

log = structlog.get_logger("alertd")

DOWN_TOLD_AFTER: Final = 30 * SECOND
"""A broker away for this long is told to the operator; shorter gaps are the nature of LTE."""
DRAIN: Final = 8.0
"""Seconds for everything on SIGTERM; systemd and the contract allow 10."""


def addresses(config: Config, messenger: str) -> list[str]:
    """Return the addresses that the file has for one messenger."""
    return [one[messenger] for person in config.subscribers for one in person.channels if messenger in one]


def currencies(config: Config) -> dict[str, str]:
    """Return the currency of each messenger whose messages have prices."""
    budgets = {name: getattr(settings, "monthly_budget", None) for name, settings in config.messengers.items()}
    return {name: budget.currency for name, budget in budgets.items() if budget is not None}


@dataclass(slots=True)
class _Observing:
    """Breaks the circle between keeper and desk: what the keeper counts, the desk shows."""

    desk: DaemonDesk | None = None

    def judged(self, counts: Mapping[int, int], labels: Sequence[str], done: Micros, received: list[int]) -> None:
        """Pass on."""
        if self.desk is not None:
            self.desk.judged(counts, labels, done, received)

    def refused(self, source: str, reason: str, count: int) -> None:
        """Pass on."""
        if self.desk is not None:
            self.desk.refused(source, reason, count)


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
            loop.add_signal_handler(name, daemon.stop.set)
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
                await self._prepare()
                await self._serve(http)
        finally:
            await self.store.close()

    async def _prepare(self) -> None:
        """Build the engine and bring the book back to where it was."""
        kept = await self.store.load()
        self.positions = dict(kept.positions)
        self.ledger = Ledger(kept.ledger, kept.session)
        self.engine = engine_of(self.config, self.clock.now())
        self.decoder = decoder_of(self.config, self.engine.book)
        self.engine.people.apply(kept.people.values(), kept.invites.values())
        plan, timezone = self.engine.people.plan, self.config.farm.timezone
        self.rota = DutyCalendars(plan.calendars, timezone, self.store.path, self.clock)
        if (rota := await self.rota.recall()) is not None:
            self.engine.people.booked(rota.calendars)
        recovery.restore(self.engine, kept, self.decoder.learned)
        replayed = 0
        async for _, batch in self.store.readings_since(kept.snapshot_seq):
            self.decoder.learned.follow(batch)
            recovery.replay(self.engine, batch)
            replayed += len(batch)
            self.systemd.extend_timeout(10 * SECOND)
        recovered = recovery.ready(self.engine, kept, self.clock.now())
        recovered.consents += of_file(self.config.subscribers, await self.store.consents(), self.clock.now())
        self.decoder.know(one.device for one in self.engine.book.series)
        config = self.config
        status = f"{config.publish.topic}/status" if config.publish else config.mqtt.status_topic
        results = {action.result.topic for action in config.actions if action.result is not None}
        filters = [name for name, _ in self.decoder.filters()]
        self.only_results = {topic for topic in results if not any(covers(name, topic) for name in filters)}
        asked = f"{config.publish.topic}/command" if config.publish and config.publish.commands else None
        self.source = MqttSource(
            config.mqtt,
            self.decoder.filters(),
            self.clock,
            self.ledger,
            status_topic=status,
            extra_filters=[(topic, 1) for topic in (asked, *results) if topic],
        )
        self.source.high_water = int(kept.marks.get("newest", 0))
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
        self.flood = Flood()
        self.switcher = Switcher(actions, self.source, self.clock, self._switched)
        observing = _Observing()
        holding = Holding(self.engine, self.store, self.source, self.ledger, self.clock, self._committed)
        holding.newest = int(kept.marks.get("newest", 0))
        holding.journalled = replayed
        holding.owed = recovered
        self.keeper = Keeper(
            self.engine,
            self.decoder,
            holding,
            self.ledger,
            self.clock,
            answer=self._answer,
            observer=observing,
            ears={asked: self.publisher.asked} if asked else None,
            traffic=Traffic(self.decoder.labels, self.clock.now(), kept.marks.get("traffic")),
        )
        drawing = Drawing(self.store.path.parent / "charts") if available() else None
        self.showing = Showing(self.engine, self.messengers, self.clock, self.store.path, drawing)
        self.courier = Courier(
            self.store,
            self.messengers,
            self.clock,
            self._report,
            allowed=self.engine.people.allowed,
            sent=self.showing.sent,
            quiet_until=self.engine.people.quiet_until,
            count=lambda messenger, outcome: (
                observing.desk.counts.message(messenger, outcome) if observing.desk else None
            ),
            paid=lambda currency, amount: observing.desk.counts.cost(currency, amount) if observing.desk else None,
            heard=self.engine.people.heard,
            left=self._left,
        )
        self.desk = observing.desk = DaemonDesk(
            self.keeper, self.store, self.source, self.courier, self.messengers, Checkup(self.path)
        )
        self.publisher.start()
        for left in left_behind(self.engine.book.switched()):
            await self._switched(left, Stage.UNKNOWN, "restart")
        orphans = recovery.close_orphans(self.engine, self.clock.now())
        if orphans.any:
            await holding.commit(orphans)
        _settle_memory()
        log.info("ready to judge", series=len(self.engine.book.series), replayed=replayed)

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
                name: partial(self._called, hook)
                for name, messenger in self.messengers.items()
                if (hook := messenger.hook) is not None
            },
        )
        door = await listen.listen(app, web.listen, unix.socket_path(self.store.path, os.environ))
        self.systemd.ready(f"{len(self.engine.book.series)} series")
        keeping = asyncio.create_task(self.keeper.run(), name="keeper")
        try:
            async with asyncio.TaskGroup() as group:
                others = [
                    group.create_task(self._listen(), name="source"),
                    group.create_task(self.courier.run(), name="courier"),
                    group.create_task(self.publisher.run(), name="publisher"),
                    group.create_task(self.showing.run(), name="charts"),
                    group.create_task(self.switcher.run(), name="switcher"),
                    group.create_task(self._watch(), name="watch"),
                    group.create_task(self._ask(), name="requests"),
                    group.create_task(self.desk.watch_outbox(), name="outbox"),
                    group.create_task(
                        housekeeping(self.keeper, self.store, store.keep_readings, store.keep_messages),
                        name="housekeeping",
                    ),
                    group.create_task(self.rota.run(http, self.keeper.put), name="rota"),
                    group.create_task(summarise(self.keeper, self.store, currencies(self.config)), name="summary"),
                    *(
                        group.create_task(messenger.show_menu(menus(self.config.farm.language)), name=f"{name}.menu")
                        for name, messenger in self.messengers.items()
                        if isinstance(messenger, HasMenu)
                    ),
                    *(
                        group.create_task(self._hear(name, messenger), name=f"{name}.inbound")
                        for name, messenger in self.messengers.items()
                        if messenger.abilities.inbound
                    ),
                ]
                stopped = asyncio.ensure_future(self.stop.wait())
                await asyncio.wait({stopped, keeping}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
                self.systemd.stopping("committing")
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

    async def _hear(self, name: str, messenger: Messenger) -> None:
        """Bring what people say to the keeper, which commits it with the poll's position."""
        async for updates in messenger.inbound(self.positions.get(name, "")):
            # The next poll confirms these to the messenger: not before they are committed.
            for update in updates:
                await self.keeper.done(update)

    async def _called(self, hook: Hook, call: HookCall) -> HookAnswer:
        """Take a provider's call: all it tells is committed before it is answered."""
        heard = hook(call)
        for update in heard.updates:
            await self.keeper.done(update)
        for receipt in heard.receipts:
            await self.courier.receipt(receipt)
        return heard.answer

    def _answer(self, update: Inbound, now: Micros) -> Sequence[Event]:
        """Return what a person's words come to, in the order in which they must be done."""
        book = self.engine.book
        over = self.flood.over(update, now)
        found = answer(update, self.engine.people, book, self.engine.words, now, self.setup, over)
        if found.tried:
            key = sender_key(update)
            book.wrong_codes[key] = [at for at in book.wrong_codes.get(key, []) if at > now - HOUR] + [now]
        if update.callback:
            note = asyncio.ensure_future(self.messengers[update.messenger].answered(update, found.note))
            note.add_done_callback(_heeded)
        if self.messengers[update.messenger].abilities.window and not update.gone:
            chat = Channel(update.messenger, update.address)
            found.people = self.engine.people.hearing(chat, found.people, update.at)
        position = (update.messenger, update.position) if update.position else None
        said = Said(
            update.id,
            now,
            position,
            list[Message](found.replies),
            found.people,
            found.consents,
            found.invites,
            switchings=found.switchings,
        )
        return [said, *found.commands, *found.silences]

    async def _switched(self, wish: Switching, stage: Stage, fault: str) -> None:
        """Have it recorded and told what became of a wish to switch a device."""
        engine = self.engine
        now = self.clock.now()
        await self.keeper.put(switching.told(wish, stage, fault, engine.people, engine.words, self.setup, now))

    def _committed(self, changes: Changes) -> None:
        if changes.messages:
            self.courier.wake()
        self.switcher.committed(changes)
        self.publisher.committed(changes)
        trace = self.publisher.trace()
        if trace != self.positions.get(POSITION, ""):
            # Written with the next commit; until then a restart would only clear again what is clear.
            self.positions[POSITION] = self.keeper.holding.owed.positions[POSITION] = trace

    async def _left(self, delivery: Delivery) -> None:
        """Take a refusal for what it is: the person blocked us, as if the messenger had said so by itself."""
        chat = delivery.channel
        key = stable_id("left", delivery.key, delivery.attempt)
        now = self.clock.now()
        await self.keeper.put(Inbound(key, now, chat.messenger, chat.address, chat.address, gone=True))

    async def _report(self, event: Settled | Trouble) -> None:
        await self.keeper.put(event)

    async def _ask(self) -> None:
        """Publish what sources must be asked, on the source's own connection; what is lost is asked again."""
        while True:
            await asyncio.sleep(1)
            for request in self.decoder.requests.due(self.clock.now()):
                try:
                    await self.source.publish(request.topic, request.payload, qos=0, retain=False)
                except ConnectionError as error:
                    log.info("not asked", topic=request.topic, why=str(error))

    async def _watch(self) -> None:
        """Every 5 s: the operator's alarm about a broker that stays away, and systemd's watchdog."""
        told = False
        while True:
            await asyncio.sleep(5)
            now, book = self.clock.now(), self.engine.book
            down = book.down_since
            if down is not None and not told and now - down > DOWN_TOLD_AFTER:
                told = True
                await self.keeper.put(Trouble("broker", now, "the MQTT broker cannot be reached; still trying"))
            elif down is None and (told or "broker" in book.troubles):
                told = False
                await self.keeper.put(Trouble("broker", now, "the MQTT broker is back", over=True))
            for trouble in self.keeper.traffic.troubles(now, book.away_between, tuple(book.troubles)):
                await self.keeper.put(trouble)
            waiting = self.keeper.holding.held.since
            committing = waiting is None or now - waiting < 60 * SECOND or self.keeper.holding.full_since is not None
            if now - self.keeper.turned < 60 * SECOND and committing:
                self.systemd.alive()

    def reload(self) -> None:
        """SIGHUP: a good file starts the parts again (their state is in the store), a bad one changes nothing."""
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


def _heeded(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.info("button not closed", why=type(task.exception()).__name__)

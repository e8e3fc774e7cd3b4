"""The desk of the running daemon: what it knows, asked in memory; what changes something goes through the inbox."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any

from alertd.desk.pages import Pages
from alertd.desk.persons import Persons
from alertd.desk.rows import device, rule, source
from alertd.model import SECOND, Command, Silencing, State, stable_id
from alertd.rehearsal import rehearse
from alertd.web.desk import Health, Part, Row
from alertd.web.metrics import Levels
from alertd.wording.alert_json import alert_json, silence_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.checkup import Checkup
    from alertd.courier import Courier
    from alertd.ingest.mqtt import MqttSource
    from alertd.keeping import Keeper
    from alertd.model import Micros
    from alertd.seams import Messenger
    from alertd.store.sqlite import SqliteStore
    from alertd.web.metrics import Metrics


class DaemonDesk:
    """Answers from memory where it can; what changes something goes through the engine's inbox."""

    def __init__(
        self,
        keeper: Keeper,
        store: SqliteStore,
        source: MqttSource,
        courier: Courier,
        messengers: Mapping[str, Messenger],
        checkup: Checkup,
        counts: Metrics,
    ) -> None:
        self._keeper = keeper
        self._store = store
        self._source = source
        self._courier = courier
        self._checkup = checkup
        self.counts = counts
        counts.levels = self._levels
        self._unsent: tuple[int, Micros | None] = (0, None)
        persons, pages = Persons(keeper, store, messengers), Pages(store, keeper.clock.now)
        self.invite, self.export, self.erase, self.send_test = (
            persons.invite,
            persons.export,
            persons.erase,
            persons.send_test,
        )
        self.messages, self.readings, self.switchings = pages.messages, pages.readings, pages.switchings
        self.past_alerts = pages.past_alerts

    def health(self) -> Health:
        """Say how each part is."""
        keeper, book = self._keeper, self._keeper.engine.book
        up = book.down_since is None
        full = keeper.holding.full_since is not None
        failing = "; ".join(self._courier.failing.values())
        parts = {
            "windows": Part(ok=True, text=f"{len(book.series)} series"),
            "broker": Part(ok=up, text="connected" if up else "not connected"),
            "subscriptions": Part(ok=self._source.ready, text="granted" if self._source.ready else "not granted"),
            "store": Part(ok=not full, text="the disk is full" if full else "writes"),
            "couriers": Part(ok=not failing, text=failing or "deliver"),
            "unreached": Part(ok=not book.unreached, text=f"{len(book.unreached)} alerts reached nobody"),
        }
        return Health(parts)

    def metrics(self) -> bytes:
        """Return the Prometheus text."""
        return self.counts.render()

    def alerts(self, state: str) -> list[Row]:
        """Return alerts as JSON rows, newest first: pending and firing ones, with `all` also those that ended."""
        book = self._keeper.engine.book
        found = sorted(book.alerts.values(), key=lambda alert: -alert.number)
        kept = (alert for alert in found if alert.open or state == "all")
        return [alert_json(alert) for alert in (*book.pending_alerts(), *kept)]

    def labels(self) -> set[str]:
        """Return the labels that any device or series has."""
        book = self._keeper.engine.book
        return {name for known in (*book.known, *(one.labels for one in book.devices.values())) for name in known}

    def people(self) -> list[Row]:
        """Return subscribers with the messengers they can be reached on; no addresses."""
        people = self._keeper.engine.people
        return [
            {
                "id": person.id,
                "name": person.name,
                "language": person.language,
                "channels": [channel.messenger for channel in people.reachable(person.id)],
            }
            for person in people.all()
        ]

    def devices(self) -> list[Row]:
        """Return devices, listed and heard; `listed: false` marks those that entered by themselves."""
        book = self._keeper.engine.book
        return [device(book, name) for name in dict.fromkeys([*book.devices, *book.heard])]

    def rules(self) -> list[Row]:
        """Return the rules in force, each with how many series it judges and how many it still learns."""
        book = self._keeper.engine.book
        return [rule(book, number) for number in range(len(book.rules))]

    def sources(self) -> list[Row]:
        """Return what each source brought since the start, and what of it could not be read."""
        traffic = self._keeper.traffic
        rows = [source(label, seen) for label, seen in traffic.sources.items()]
        return [*rows, source("", traffic.unmatched)] if traffic.unmatched.refused else rows

    def doctor(self, seconds: float) -> list[Row] | None:
        """Return what the doctor found; None while it is still looking."""
        return self._checkup.ask(seconds)

    def route(self, facts: Mapping[str, str], at: Micros | None) -> Row:
        """Return who would get what, when and why, if an alert fired."""
        return rehearse(self._keeper.engine, facts, self._keeper.clock.now() if at is None else at).row()

    async def command(
        self, action: str, number: int, by: str | None, until: Micros | None, comment: str, via: str
    ) -> Row | None:
        """Carry out a command and return the alert after its commit."""
        if self._keeper.engine.book.numbered(number) is None:
            return None
        now = self._keeper.clock.now()
        name = stable_id("api", action, number, by, now, secrets.token_hex(8))
        await self._keeper.done(Command(name, now, action, (number,), by, until, comment, via))
        alert = self._keeper.engine.book.numbered(number)
        return None if alert is None else alert_json(alert)

    def silences(self, state: str) -> list[Row]:
        """Return silences as JSON rows."""
        book = self._keeper.engine.book
        return [silence_json(one) for one in book.silences.values() if state == "all" or one.ended is None]

    async def silence(self, match: Mapping[str, Any], until: Micros, reason: str, by: str | None, via: str) -> Row:
        """Make a silence and return it after its commit."""
        now = self._keeper.clock.now()
        name = stable_id("api silence", now, secrets.token_hex(8))
        await self._keeper.done(Silencing(name, now, match, until, reason, by=by, via=via))
        return next(silence_json(one) for one in self._keeper.engine.book.silences.values() if one.command == name)

    async def end_silence(self, number: int, by: str | None, via: str) -> Row | None:
        """End a silence and return it after its commit."""
        silences = self._keeper.engine.book.silences
        if number not in silences:
            return None
        now = self._keeper.clock.now()
        await self._keeper.done(
            Silencing(stable_id("api end", number, now, secrets.token_hex(8)), now, ends=number, by=by, via=via)
        )
        return silence_json(silences[number])

    async def watch_outbox(self) -> None:
        """Keep the size of the outbox at hand for /metrics, which must not wait."""
        while True:
            self._unsent = await self._store.unsent()
            await self._keeper.clock.sleep_until(self._keeper.clock.now() + 5 * SECOND)

    def _levels(self) -> Levels:
        book = self._keeper.engine.book
        states = Counter((alert.state.value, alert.severity.value) for alert in book.alerts.values() if alert.open)
        states.update((State.PENDING.value, alert.severity.value) for alert in book.pending_alerts())
        now, held = self._keeper.clock.now(), self._keeper.holding.held.since
        pending, oldest = self._unsent
        return Levels(
            alerts=states,
            outbox_pending=pending,
            outbox_oldest=0.0 if oldest is None else max(0, now - oldest) / SECOND,
            lag=0.0 if held is None else (now - held) / SECOND,
            unreached=len(book.unreached),
        )

"""What HTTP and the shell may ask of the running daemon: `web.desk.Desk` over the keeper's book and the store."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from alertd.audience import invites
from alertd.model import SECOND, Command, Kind, Message, Said, Silencing, State, stable_id
from alertd.settings import show_duration
from alertd.web.desk import Health, Part, Row
from alertd.web.metrics import Levels, Metrics
from alertd.wording.alert_json import alert_json, silence_json
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alertd.alerting.book import Book
    from alertd.checkup import Checkup
    from alertd.courier import Courier
    from alertd.ingest.mqtt import MqttSource
    from alertd.ingest.traffic import Seen
    from alertd.keeping import Keeper
    from alertd.model import Micros, Switching
    from alertd.seams import Messenger
    from alertd.store.sqlite import SqliteStore


MOST_SWITCHED: Final = 100_000
"""Records of switching looked through for an export: a year of one every five minutes."""


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
    ) -> None:
        self._keeper = keeper
        self._store = store
        self._source = source
        self._courier = courier
        self._messengers = messengers
        self._checkup = checkup
        self.counts = Metrics(self._levels)
        self._unsent: tuple[int, Micros | None] = (0, None)

    # --- keeping.Observer ---------------------------------------------------------------------

    def judged(self, counts: Mapping[int, int], labels: Sequence[str], done: Micros, received: list[int]) -> None:
        """Count what a batch brought by source, and how long after its arrival it was judged."""
        for label, count in counts.items():
            self.counts.readings(labels[label], count)
        if received:
            self.counts.decision((done - received[0]) / SECOND, len(received))

    def refused(self, source: str, reason: str, count: int) -> None:
        """Count what gave no reading."""
        self.counts.rejected(source, reason, count)

    # --- web.desk.Desk ------------------------------------------------------------------------

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
        return [_device(book, name) for name in dict.fromkeys([*book.devices, *book.heard])]

    def rules(self) -> list[Row]:
        """Return the rules in force, each with how many series it judges and how many it still learns."""
        book = self._keeper.engine.book
        return [_rule(book, number) for number in range(len(book.rules))]

    def sources(self) -> list[Row]:
        """Return what each source brought since the start, and what of it could not be read."""
        traffic = self._keeper.traffic
        rows = [_source(label, seen) for label, seen in traffic.sources.items()]
        return [*rows, _source("", traffic.unmatched)] if traffic.unmatched.refused else rows

    def doctor(self, seconds: float) -> list[Row] | None:
        """Return what the doctor found; None while it is still looking."""
        return self._checkup.ask(seconds)

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

    async def invite(self, person: str, messenger: str | None) -> Row:
        """Make a code to join by, committed before it is shown."""
        invited = self._keeper.engine.people.get(person)
        if invited is None:
            raise KeyError(person)
        if messenger is not None and messenger not in self._messengers:
            raise ValueError(f"this farm has no messenger {messenger!r}")
        now = self._keeper.clock.now()
        code, invite = invites.new(person, secrets.token_bytes(5), now)
        await self._keeper.done(Said(stable_id("invite", invite.code_hash), now, invites=[invite]))
        links: dict[str, str] = {}
        for name, one in self._messengers.items():
            if messenger in (None, name) and one.abilities.inbound:
                try:
                    link = invites.link(name, await one.check(), code, shared=invited.shared)
                except ConnectionError:
                    continue  # the code works without its link
                if link is not None:
                    links[name] = link
        return {"code": code, "links": links}

    async def export(self, person: str) -> Row:
        """Return everything held of a person."""
        people = self._keeper.engine.people
        told, alerts, invites_ = await self._store.held_of(person)
        ledger = await self._store.consents(person)
        written = people.written(person)
        if written is None and not (told or alerts or invites_ or ledger):
            raise KeyError(person)
        state = asdict(people.state(person))
        return {
            "id": person,
            "exported": rfc3339(self._keeper.clock.now()),
            "configuration": written.model_dump(mode="json", by_alias=True, exclude_none=True) if written else None,
            "conversation": _with_times(state),
            "consents": [_with_times(asdict(one)) for one in ledger],
            "messages": [_with_times(one) for one in told],
            "alerts": [alert_json(alert) for alert in alerts],
            "invites": [_with_times(asdict(one)) for one in invites_],
            "actions": [_switching(one) for one in await self._store.switchings(MOST_SWITCHED) if one.by == person],
        }

    async def erase(self, person: str) -> Row:
        """Take a person out of the book and the store; what the ledger proves stays."""
        people, now = self._keeper.engine.people, self._keeper.clock.now()
        listed = people.get(person)
        told, alerts, invites_ = await self._store.held_of(person)
        if listed is None and not (told or alerts or invites_ or await self._store.consents(person)):
            raise KeyError(person)
        channels = listed.channels if listed else tuple(people.state(person).channels)
        state, entries = people.forgotten(person, now)
        name = stable_id("erase", person, now, secrets.token_hex(8))
        await self._keeper.done(Said(name, now, people=[state], consents=entries, erases=person))
        messages, named = await self._store.erase(person, [one.address for one in channels], now)
        return {"messages": messages, "alerts": max(named, len(alerts)), "listed": listed is not None}

    async def send_test(self, person: str, messenger: str | None) -> Row:
        """Put one test message on the real path; it is sent like any other."""
        engine = self._keeper.engine
        whom = engine.people.get(person)
        if whom is None:
            raise KeyError(person)
        if messenger is not None and messenger not in self._messengers:
            raise ValueError(f"this farm has no messenger {messenger!r}")
        channels = tuple(one for one in engine.people.reachable(person) if messenger in (None, one.messenger))
        if not channels:
            return {"messenger": messenger, "outcome": "refused", "ref": "", "why": "no channel with consent"}
        now = self._keeper.clock.now()
        name = stable_id("test", person, now)
        test = Message(name, Kind.TEST, person, channels[:1], engine.words.test(whom, now), now)
        await self._keeper.done(Said(stable_id("test said", name), now, replies=[test]))
        for _ in range(100):
            row = next((one for one in (await self.messages(50, None))[0] if one["id"] == name), None)
            if row is not None and row["state"] in ("sent", "unsure", "dead", "expired", "dropped"):
                outcome = {"dead": "reject", "expired": "reject", "dropped": "reject"}.get(row["state"], row["state"])
                last = row["deliveries"][-1] if row["deliveries"] else {"ref": "", "why": row["why"]}
                ref, why = last["ref"] or "", last["why"] or ""
                return {"messenger": channels[0].messenger, "outcome": outcome, "ref": ref, "why": why}
            await self._keeper.clock.sleep_until(self._keeper.clock.now() + SECOND // 10)
        return {"messenger": channels[0].messenger, "outcome": "retry", "ref": "", "why": "not sent within 10 s"}

    async def switchings(self, limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
        """Return who switched what, newest first."""
        before = None
        if cursor is not None:
            asked, _, name = cursor.partition("-")
            before = (_number(asked) or 0, name)
        found = await self._store.switchings(limit, before)
        following = f"{found[-1].asked}-{found[-1].id}" if len(found) == limit else None
        return [_switching(one) for one in found], following

    async def messages(self, limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
        """Return messages, newest first."""
        rows: list[dict[str, Any]] = await self._store.messages(limit, _number(cursor))
        following = str(rows[-1]["row"]) if len(rows) == limit else None
        return [_timed(row) for row in rows], following

    async def readings(
        self,
        device: str | None,
        metric: str | None,
        start: Micros | None,
        end: Micros | None,
        limit: int,
        cursor: str | None,
        *,
        labels: bool = False,
    ) -> tuple[list[Row], str | None]:
        """Return reading lines, oldest first; with `labels` also the group and labels a rule may match on."""
        # Series share times: the cursor is the last time and how many readings of that time were shown.
        last, _, shown = (cursor or "").partition("-")
        begin, skip = (_number(last) or 0, _number(shown) or 0) if cursor else (start or 0, 0)
        until = end if end is not None else self._keeper.clock.now() + 1
        found = (await self._store.readings(device, metric, begin, until, limit + skip))[skip:]
        rows: list[Row] = [
            {
                "device": one.device,
                "metric": one.metric,
                "value": one.value,
                "unit": one.unit,
                "time": rfc3339(one.time),
                "received": rfc3339(one.received),
                "quality": one.quality.name.lower(),
                **({"group": one.group, "labels": dict(one.labels)} if labels else {}),
            }
            for one in found
        ]
        if len(found) < limit:
            return rows, None
        newest = found[-1].time
        same = sum(one.time == newest for one in found) + (skip if newest == begin else 0)
        return rows, f"{newest}-{same}"

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


def _device(book: Book, name: str) -> Row:
    listed, latest = book.devices.get(name), book.latest(name)
    row: Row = {
        "id": name,
        "name": listed.name or name if listed is not None else name,
        "listed": listed is not None,
        "metrics": {series.metric: value for series, value, _ in latest},
        "last_heard": rfc3339(max((at for *_, at in latest), default=None)),
    }
    if listed is not None:
        row |= listed.model_dump(mode="json", include={"tag", "species", "group", "labels"})
        row["aliases"] = [alias.model_dump(mode="json", by_alias=True) for alias in listed.aliases]
    elif latest:
        row |= {"group": latest[0][0].group, "labels": dict(latest[0][0].labels)}
    return row


def _rule(book: Book, number: int) -> Row:
    rule, panel = book.rules[number], book.panel
    heard = (panel.applies[number, : panel.rows] & (panel.received[: panel.rows] > 0)).nonzero()[0].tolist()
    gaps = sorted(gap for row in heard if (gap := panel.interval(row)) > 0)
    wait = rule.detect.warmup(gaps[len(gaps) // 2] if gaps else 0)
    return {
        "name": rule.name,
        "kind": rule.detect.kind,
        "severity": rule.severity.value,
        "mode": rule.mode,
        "series": len(heard),
        "warming": len(panel.warming(number)),
        "warmup": None if wait is None else show_duration(wait),
    }


def _source(label: str, seen: Seen) -> Row:
    samples = [sample.row(reason) for reason, kept in seen.samples.items() for sample in kept.values()]
    return {
        "name": label,
        "readings": seen.readings,
        "last_read": rfc3339(seen.last_read) if seen.last_read else None,
        "rejected": dict(seen.refused),
        "samples": [sample | {"at": rfc3339(sample["at"])} for sample in samples],
    }


def _switching(one: Switching) -> Row:
    """Return who switched what as a row; the chat's address is not shown."""
    return {
        "id": one.id,
        "action": one.action,
        "by": one.by,
        "messenger": one.chat.messenger,
        "alerts": list(one.alerts),
        "stage": one.stage.value,
        "asked": rfc3339(one.asked),
        "confirmed": rfc3339(one.confirmed) if one.confirmed else None,
        "ended": rfc3339(one.ended) if one.ended else None,
        "why": one.why,
    }


def _timed(row: Row) -> Row:
    """Return a message's row with times as text."""
    times = {name: rfc3339(row[name]) for name in ("due", "expires", "created", "settled") if row.get(name)}
    tries = [one | {"at": rfc3339(one["at"])} for one in row["deliveries"]]
    return row | times | {"deliveries": tries}


_TIMES: Final = frozenset(
    {
        "at",
        "due",
        "created",
        "settled",
        "expires",
        "used",
        "until",
        "erased",
        "duty_until",
        "stopped",
        "consents",
        "heard",
    }
)
"""Keys whose values, or the values below, are times."""


def _with_times(facts: Row, *, within: bool = False) -> Row:
    """Return facts with their times as text."""
    found: Row = {}
    for key, value in facts.items():
        if isinstance(value, dict):
            found[key] = _with_times(value, within=key in _TIMES)
        elif isinstance(value, list):
            found[key] = [_with_times(one) if isinstance(one, dict) else one for one in value]
        else:
            timed = (within or key in _TIMES) and isinstance(value, int) and not isinstance(value, bool)
            found[key] = rfc3339(value) if timed else value
    return found


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isdigit():
        raise ValueError("the cursor is none of ours")
    return int(cursor)

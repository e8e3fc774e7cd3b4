"""What is done about one person: invite, show all that is held, forget, send a test."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from alertd.audience import invites
from alertd.desk.rows import switching, with_times
from alertd.model import SECOND, Kind, Message, Said, stable_id
from alertd.seams import MakesLinks
from alertd.wording.alert_json import alert_json
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.keeping import Keeper
    from alertd.seams import Messenger
    from alertd.store.sqlite import SqliteStore
    from alertd.web.desk import Row

MOST_SWITCHED: Final = 100_000
"""Records of switching looked through for an export: a year of one every five minutes."""


class Persons:
    """What changes somebody's state goes through the engine's inbox."""

    def __init__(self, keeper: Keeper, store: SqliteStore, messengers: Mapping[str, Messenger]) -> None:
        self._keeper = keeper
        self._store = store
        self._messengers = messengers

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
                    link = (
                        await one.join_link(code)
                        if isinstance(one, MakesLinks)
                        else invites.link(name, await one.check(), code, shared=invited.shared)
                    )
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
            "conversation": with_times(state),
            "consents": [with_times(asdict(one)) for one in ledger],
            "messages": [with_times(one) for one in told],
            "alerts": [alert_json(alert) for alert in alerts],
            "invites": [with_times(asdict(one)) for one in invites_],
            "actions": [switching(one) for one in await self._store.switchings(MOST_SWITCHED) if one.by == person],
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
            row = next((one for one in await self._store.messages(50, None) if one["id"] == name), None)
            if row is not None and row["state"] in ("sent", "unsure", "dead", "expired", "dropped"):
                outcome = {"dead": "reject", "expired": "reject", "dropped": "reject"}.get(row["state"], row["state"])
                last = row["deliveries"][-1] if row["deliveries"] else {"ref": "", "why": row["why"]}
                ref, why = last["ref"] or "", last["why"] or ""
                return {"messenger": channels[0].messenger, "outcome": outcome, "ref": ref, "why": why}
            await self._keeper.clock.sleep_until(self._keeper.clock.now() + SECOND // 10)
        return {"messenger": channels[0].messenger, "outcome": "retry", "ref": "", "why": "not sent within 10 s"}

"""`alertd send-test` where no daemon runs: one message through the same store, consent gate and messenger."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from alertd.clock import SystemClock
from alertd.messengers import build
from alertd.messengers.exchange import session
from alertd.model import Changes, Kind, Message, Reject, Retry, Sent, Unsure, stable_id
from alertd.parts import engine_of
from alertd.seams import Flush, Settlement, StoreBusyError, StoreDamagedError, StoreFullError
from alertd.settings import SecretMissingError
from alertd.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.config.config import Config
    from alertd.model import Channel, Delivery, Micros, Outcome


def main(config: Config, store: Path, to: str, messenger: str | None) -> int:
    """Send one test message to a subscriber and say what became of it; return the exit code."""
    try:
        return asyncio.run(_send(config, SqliteStore(store), to, messenger))
    except SecretMissingError as error:
        return _fail(str(error), 2)
    except (StoreBusyError, StoreDamagedError, StoreFullError) as error:
        return _fail(str(error), 1)


async def _send(config: Config, store: SqliteStore, to: str, messenger: str | None) -> int:
    clock = SystemClock()
    await store.open()
    try:
        engine = engine_of(config, clock.now())
        kept = await store.load()
        engine.people.apply(kept.people.values(), kept.invites.values())
        person = engine.people.get(to)
        if person is None:
            return _fail(f"no subscriber is called {to!r}", 2)
        if messenger is not None and messenger not in config.messengers:
            return _fail(f"this farm has no messenger {messenger!r}", 2)
        channels = tuple(one for one in engine.people.reachable(to) if messenger in (None, one.messenger))
        if not channels:
            return _fail(f"refused: {to} has no channel with consent (alertd people invite {to})", 1)
        now = clock.now()
        text, language = engine.words.test(person, now), engine.words.speaks(person)
        message = Message(stable_id("test", to, now), Kind.TEST, to, channels[:1], text, now, language=language)
        await store.commit(Flush(now, changes=Changes(messages=[message])))
        delivery = await store.claim(message.id, now)
        if delivery is None or isinstance(delivery, Settlement):
            return _fail("the test message was taken away before it could be sent", 1)
        outcome = await _deliver(config, channels[0], delivery, clock)
        await store.settle(delivery, _settlement(outcome, clock.now()))
    finally:
        await store.close()
    return _say(channels[0].messenger, outcome)


async def _deliver(config: Config, channel: Channel, delivery: Delivery, clock: SystemClock) -> Outcome:
    async with session() as http:
        one = build(channel.messenger, config.messengers[channel.messenger], http, clock.now, config.web.public_url)
        try:
            return await one.send(delivery)
        finally:
            await one.close()


def _settlement(outcome: Outcome, now: Micros) -> Settlement:
    """One attempt only: whoever runs the test sees the answer, nothing is left for a later daemon to send."""
    match outcome:
        case Sent(ref=ref):
            return Settlement("sent", "sent", now, ref=ref)
        case Unsure(why=why):
            return Settlement("unsure", "unsure", now, why)
        case Retry(why=why):
            return Settlement("dead", "retry", now, why)
        case Reject(why=why):
            return Settlement("dead", "reject", now, why)


def _say(messenger: str, outcome: Outcome) -> int:
    name = type(outcome).__name__.lower()
    fact = f"id {outcome.ref}" if isinstance(outcome, Sent) and outcome.ref else getattr(outcome, "why", "")
    print(", ".join(part for part in (f"{name} by {messenger}", fact) if part))
    return 0 if isinstance(outcome, Sent) else 1


def _fail(why: str, code: int) -> int:
    print(f"alertd: {why}", file=sys.stderr)
    return code

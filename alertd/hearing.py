"""What people say to the running daemon: heard, answered by the engine's own turn, committed before it is confirmed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from alertd.conversation import Flood, answer, sender_key
from alertd.model import HOUR, Channel, Inbound, Said, stable_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alertd.conversation import Setup
    from alertd.courier import Courier
    from alertd.engine import Engine
    from alertd.keeping import Keeper
    from alertd.model import Delivery, Event, Micros
    from alertd.seams import Hook, HookAnswer, HookCall, Messenger, Store

log = structlog.get_logger("alertd")


class Answering:
    """Turns a person's words or press into what must be done, in the engine's turn.

    Args:
        engine: the book, the people and the words.
        messengers: by name; a press is closed there at once.
        setup: the farm's actions and its replies.
    """

    def __init__(self, engine: Engine, messengers: Mapping[str, Messenger], setup: Setup) -> None:
        self.engine = engine
        self.messengers = messengers
        self.setup = setup
        self._flood = Flood()

    def events(self, update: Inbound, now: Micros) -> Sequence[Event]:
        """Return what the words come to, in the order in which it must be done."""
        engine = self.engine
        over = self._flood.over(update, now)
        found = answer(update, engine.people, engine.book, engine.words, now, self.setup, over)
        if found.tried:
            tries, key = engine.book.wrong_codes, sender_key(update)
            tries[key] = [at for at in tries.get(key, []) if at > now - HOUR] + [now]
        if update.callback:
            note = asyncio.ensure_future(self.messengers[update.messenger].answered(update, found.note))
            note.add_done_callback(_heeded)
        if self.messengers[update.messenger].abilities.window and not update.gone:
            chat = Channel(update.messenger, update.address)
            found.people = engine.people.hearing(chat, found.people, update.at)
        said = Said(
            update.id,
            now,
            (update.messenger, update.position) if update.position else None,
            list(found.replies),
            found.people,
            found.consents,
            found.invites,
            switchings=found.switchings,
        )
        return [said, *found.commands, *found.silences]


async def quoting(update: Inbound, store: Store) -> Inbound:
    """Find which of our messages a text quotes, if it does."""
    if not update.ref or not update.text:
        return update
    about = await store.sent_as(Channel(update.messenger, update.address), update.ref)
    return replace(update, about=about)


async def hear(messenger: Messenger, position: str, keeper: Keeper, store: Store) -> None:
    """Bring what people say to the keeper, for ever, from `position` on."""
    async for updates in messenger.inbound(position):
        # The next poll confirms these to the messenger: not before they are committed.
        for update in updates:
            await keeper.done(await quoting(update, store))


async def called(hook: Hook, keeper: Keeper, courier: Courier, store: Store, call: HookCall) -> HookAnswer:
    """Take a provider's call: all it tells is committed before it is answered."""
    heard = hook(call)
    for update in heard.updates:
        await keeper.done(await quoting(update, store))
    for receipt in heard.receipts:
        await courier.receipt(receipt)
    return heard.answer


async def left(delivery: Delivery, now: Micros, keeper: Keeper) -> None:
    """Take a refusal for what it is: the person blocked us, as if the messenger had said so by itself."""
    chat = delivery.channel
    key = stable_id("left", delivery.key, delivery.attempt)
    await keeper.put(Inbound(key, now, chat.messenger, chat.address, chat.address, gone=True))


def _heeded(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.info("button not closed", why=type(task.exception()).__name__)

"""What follows a text: looked for when the text was sent, sent after it, as an answer to it.

It is an extra: made from what is known by then, sent once (without a sound where the messenger lets us choose), and
given up where it is not taken, for the text has said what matters. So there is no queue on the disk for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

import structlog

from alertd.model import Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alertd.engine import Engine
    from alertd.model import Delivery, Outcome
    from alertd.seams import Clock, Messenger, Store

log = structlog.get_logger("alertd.charts")

WAITING: Final = 8
"""Extras that wait to be made; in a storm of alerts the rest go without, their texts went out."""
PACE: Final = 1_000_000
"""Microseconds between two of them: no chat gets more than one a second."""


class Following:
    """Makes and sends one extra after the other.

    Args:
        engine: its book, people and words; looked at between steps.
        store: where what an extra cost is added up; `paid` is told currency and amount too.
    """

    what: ClassVar[str]
    """What is sent, for the log."""

    def __init__(
        self,
        engine: Engine,
        messengers: Mapping[str, Messenger],
        clock: Clock,
        store: Store,
        paid: Callable[[str, float], None] = lambda _currency, _amount: None,
    ) -> None:
        self._engine = engine
        self._messengers = messengers
        self._clock = clock
        self._store = store
        self._paid = paid
        self._waiting: asyncio.Queue[tuple[Delivery, str]] = asyncio.Queue(WAITING)

    def wanted(self, messenger: Messenger, delivery: Delivery) -> bool:
        """Tell whether this text is followed by something that its messenger can show."""
        raise NotImplementedError

    async def follow(self, messenger: Messenger, delivery: Delivery, ref: str) -> Outcome | None:
        """Make and send it; None: there is nothing to show."""
        raise NotImplementedError

    def sent(self, delivery: Delivery, ref: str) -> None:
        """Note that a text was sent."""
        messenger = self._messengers.get(delivery.channel.messenger)
        if messenger is None or self._waiting.full() or self._shut(messenger, delivery):
            return
        if self.wanted(messenger, delivery):
            self._waiting.put_nowait((delivery, ref))

    def _shut(self, messenger: Messenger, delivery: Delivery) -> bool:
        """Tell whether only a template reaches them now: nothing is made that could not be sent."""
        window, heard = messenger.abilities.window, delivery.heard
        return bool(window) and (heard is None or self._clock.now() - heard >= window)

    async def run(self) -> None:
        """Send what waits, for ever."""
        while True:
            delivery, ref = await self._waiting.get()
            channel = delivery.channel
            try:
                outcome = await self.follow(self._messengers[channel.messenger], delivery, ref)
            except Exception:
                log.exception("extra given up", what=self.what, messenger=channel.messenger)
                continue  # a bug here must not end the daemon: the text went out
            if outcome is None:
                continue
            if not isinstance(outcome, Sent):
                log.info("not taken", what=self.what, messenger=channel.messenger, why=outcome.why)
            elif outcome.cost:
                await self._store.pay(channel.messenger, outcome.cost, self._clock.now())
                self._paid(outcome.currency, outcome.cost)
            await self._clock.sleep_until(self._clock.now() + PACE)

    def allowed(self, delivery: Delivery) -> bool:
        """Tell whether the person may still be written to there: STOP may have come in the meantime."""
        return self._engine.people.allowed(delivery.message.subscriber, delivery.channel)

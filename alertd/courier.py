"""Claim, send, settle: the task that empties the outbox.

A message is claimed (committed) directly before its request and settled directly
after, one by one: a crash leaves at most the requests in flight unsure. What an
outcome means is decided in `messengers.policy`, how fast in `messengers.pace`;
here are only the loop and the edge.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from alertd.messengers.faults import Faults
from alertd.messengers.pace import Pace
from alertd.messengers.policy import Past, after, decide, elsewhere, expired, here
from alertd.messengers.text import marked, numbered
from alertd.model import SECOND, Kind, Reject, Retry, Sent, Settled, Trouble, Unsure
from alertd.seams import Settlement, StoreFullError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from alertd.model import Channel, Delivery, Message, Micros, Outcome, Receipt
    from alertd.seams import Clock, Messenger, Store, Waiting

    Report = Callable[[Settled | Trouble], Awaitable[None] | None]
    Line = tuple[str, str]

TURN: Final = 5 * SECOND
"""The loop turns at least this often, for the watchdog."""
IN_FLIGHT: Final = 8
"""Requests at once to one messenger: one that hangs keeps no other waiting. The rest waits in the store, in order."""
LOOK: Final = 200
"""Waiting messages looked at in one turn; four times as many while none of them may go."""
SEND_TIMEOUT: Final = 20.0
"""Seconds after which a messenger that broke its promise of 10 s is given up."""
RECEIPT_WAIT: Final = 20 * SECOND
"""A messenger that tells later what arrived gets this long to do so before an unsure message is repeated."""
_FULL_PAUSE: Final = SECOND

log = structlog.get_logger(__name__)


class Courier:
    """Sends what is in the outbox, for ever.

    `report` gets every final `Settled` and every `Trouble` of a messenger. `allowed` is asked directly before each
    request whether this person may be written to on this channel, so that STOP holds for what was queued before it;
    replies are exempt, they answer what was just written there (STOP's own confirmation above all). `quiet_until` is
    asked then too: what a line that was down kept until the night waits for the morning. `count` is called with
    messenger and outcome for `alertd_messages_total`, `paid` with currency and amount of what a message cost. `heard`
    tells when somebody last wrote from a channel. `left` is told of a delivery that the provider refused because the
    person blocked us or is gone, where they can come back by writing: nothing more is to be sent there.

    `turned` is when the loop last turned.
    """

    def __init__(
        self,
        store: Store,
        messengers: Mapping[str, Messenger],
        clock: Clock,
        report: Report,
        *,
        allowed: Callable[[str, Channel], bool],
        quiet_until: Callable[[Message, Micros], Micros | None] = lambda _message, _now: None,
        count: Callable[[str, str], None] = lambda _messenger, _outcome: None,
        sent: Callable[[Delivery, str], None] = lambda _delivery, _ref: None,
        paid: Callable[[str, float], None] = lambda _currency, _amount: None,
        heard: Callable[[Channel], Micros | None] = lambda _channel: None,
        left: Callable[[Delivery], Awaitable[None]] | None = None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._store = store
        self._messengers = messengers
        self._clock = clock
        self._report = report
        self._allowed = allowed
        self._quiet_until = quiet_until
        self._count = count
        self._sent = sent
        self._paid = paid
        self._heard = heard
        self._left = left
        self._in_flight = in_flight
        self._paces = {name: Pace(name, messenger.abilities) for name, messenger in messengers.items()}
        self._busy: set[Line] = set()
        self._past: dict[str, Past] = {}
        self._alone: set[str] = set()
        self._sending: set[str] = set()
        """Messages whose request is under way."""
        self._early: dict[str, Receipt] = {}
        """Failures told before the answer of their own request was in, by message."""
        self._bell = asyncio.Event()
        self._stopping = False
        self._faults = Faults(clock.now, self._tell)
        self.turned: Micros = clock.now()

    @property
    def failing(self) -> dict[str, str]:
        """Which messengers take nothing now, and why; empty when all is well."""
        return {name: fault.why for name, fault in self._faults.failing.items()}

    async def run(self) -> None:
        """Settle what a crash left open, then deliver until `stop`; requests in flight then end first (within 20 s)."""
        for delivery in await self._store.abandoned():
            await self._conclude(delivery, Unsure("crash between request and answer"))
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                self._bell.clear()
                self.turned = self._clock.now()
                await self._rest(await self._start(group))

    def wake(self) -> None:
        """Look at the outbox now: messages were committed."""
        self._bell.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the requests in flight are settled."""
        self._stopping = True
        self._bell.set()

    async def receipt(self, told: Receipt) -> None:
        """Take what a provider told later of a delivery; returns when it is kept.

        What arrived is not repeated; what failed after all goes on as if it had been refused at once.
        """
        found = await self._store.receipt(told, self._clock.now())
        if isinstance(found, Settled):
            self._past.pop(told.message, None)
            self._alone.discard(told.message)
            self._count(told.messenger, "sent")
            if isinstance(told.outcome, Sent) and told.outcome.cost:
                await self._store.pay(told.messenger, told.outcome.cost, self._clock.now())
                self._paid(told.outcome.currency, told.outcome.cost)
            await self._tell(found)
        elif found is not None:
            await self._faults.watch(told.messenger, told.outcome)
            await self._conclude(found, told.outcome)
            self._bell.set()
        elif told.message in self._sending and not isinstance(told.outcome, Sent):
            self._early[told.message] = told

    async def _start(self, group: asyncio.TaskGroup) -> Micros:
        """Start everything that may go now and return when to look again."""
        now, limit = self._clock.now(), LOOK
        while True:
            rows = await self._store.waiting(now, limit)
            until, started, full = now + TURN, False, False
            out = Counter(name for name, _ in self._busy)
            for row in rows:
                line = (row.channel_messenger, row.channel_address)
                if out[line[0]] >= self._in_flight:
                    full = True
                    continue  # one that comes back rings
                if line in self._busy:
                    continue  # one at a time in a chat keeps its order
                look = self._look_only(row, now)
                when = now if look else self._ready(row, now)
                if when > now:
                    until = min(until, when)
                    continue
                if not look:
                    self._paces[line[0]].begin(line[1], now)  # here: the next row of this turn must see it
                started = True
                self._busy.add(line)
                out[line[0]] += 1
                group.create_task(self._deliver(row.id, line, begun=not look), name=f"courier: {row.id}")
            if started or (self._busy and not full) or len(rows) < limit:
                break
            limit *= 4  # all of these must wait, others behind them perhaps not
        due = await self._store.next_due()
        if due is not None:
            # a due time that has passed belongs to a message that must wait, and may hide a later one
            until = min(until, due if due > now else now + SECOND)
        return until

    def _look_only(self, row: Waiting, now: Micros) -> bool:
        """Tell whether this one can be settled without a request: too late, nobody to hand it to, or blocked here.

        A blocked one is looked at when its time comes, because it may have another channel; if it has none it waits.
        """
        pace = self._paces.get(row.channel_messenger)
        if pace is None or (row.expires is not None and row.expires <= now):
            return True
        return row.id not in self._alone and pace.blocked(row.channel_address, now) > now

    def _ready(self, row: Waiting, now: Micros) -> Micros:
        """Return when the request may be made."""
        pace = self._paces[row.channel_messenger]
        until = pace.blocked(row.channel_address, now)
        if until <= now:
            ready = pace.ready(row.channel_address, now)
            until = now + TURN if ready is None else ready  # None: the one on trial rings when it is back
        return until if row.expires is None else min(until, row.expires)

    async def _rest(self, until: Micros) -> None:
        bell = asyncio.ensure_future(self._bell.wait())
        alarm = asyncio.ensure_future(self._clock.sleep_until(until))
        try:
            await asyncio.wait((bell, alarm), return_when=asyncio.FIRST_COMPLETED)
        finally:
            bell.cancel()
            alarm.cancel()

    async def _deliver(self, message: str, line: Line, *, begun: bool) -> None:
        """Claim one message, make its request if it may be made, settle it."""
        name, address = line
        pace = self._paces.get(name)
        try:
            claimed = await self._claim(message)
            if isinstance(claimed, Settlement):
                self._count(name, claimed.outcome)
            elif claimed is not None:
                outcome = self._without_request(claimed)
                if outcome is None and pace is not None:
                    if not begun:
                        pace.begin(address, self._clock.now())
                    begun = False
                    self._sending.add(message)
                    attempt = replace(claimed, heard=self._last_heard(claimed))
                    outcome = await self._send(attempt)
                    self._sending.discard(message)
                    early = self._early.pop(message, None)
                    if early is not None and isinstance(outcome, Sent | Unsure):
                        outcome = early.outcome
                    pace.end(address, outcome if isinstance(outcome, Retry) else None, self._clock.now())
                    await self._faults.watch(name, outcome)
                    await self._conclude(claimed, outcome)
                    if isinstance(outcome, Sent):
                        self._sent(attempt, outcome.ref)
                elif outcome is not None:
                    await self._conclude(claimed, outcome, counted=not isinstance(outcome, Retry))
        finally:
            if begun and pace is not None:
                pace.unused()
            self._busy.discard(line)
            self._bell.set()

    def _last_heard(self, delivery: Delivery) -> Micros | None:
        """Return when they last wrote; of strangers that is not kept, but who is answered has just written."""
        heard, message = self._heard(delivery.channel), delivery.message
        return message.due if heard is None and message.kind is Kind.REPLY else heard

    async def _claim(self, message: str) -> Delivery | Settlement | None:
        try:
            return await self._store.claim(message, self._clock.now())
        except StoreFullError:
            await self._clock.sleep_until(self._clock.now() + _FULL_PAUSE)  # unclaimed, it is not sent: nothing is lost
            return None

    def _without_request(self, delivery: Delivery) -> Outcome | Settlement | None:
        """Return what settles this delivery before any request, None if it is to be sent."""
        now, message, channel = self._clock.now(), delivery.message, delivery.channel
        late = expired(delivery, now)
        if late is not None:
            return late
        messenger = self._messengers.get(channel.messenger)
        if messenger is None:
            return Reject(f"messenger {channel.messenger or 'of no name'} is not configured")
        if message.kind is not Kind.REPLY and not self._allowed(message.subscriber, channel):
            return Reject("no consent")
        quiet = self._quiet_until(message, now)
        if quiet is not None:
            waits = Settlement("queued", "retry", now, "quiet hours", due=quiet, channel=here(delivery))
            return replace(waits, resend=delivery.resent)
        if not message.text and not (message.edits and delivery.reply_to and messenger.abilities.edits):
            return Settlement("dropped", "dropped", now, why="nothing to change in place", channel=here(delivery))
        until = self._paces[channel.messenger].blocked(channel.address, now)
        if until > now:
            fault = self._faults.failing.get(channel.messenger, Retry("this chat was closed for a while"))
            return replace(fault, after=(until - now) / SECOND)
        return None

    async def _send(self, delivery: Delivery) -> Outcome:
        """Make the request. The one place where a messenger's bug is caught: its message may have gone out."""
        messenger, message = self._messengers[delivery.channel.messenger], delivery.message
        in_place = message.edits and delivery.reply_to and messenger.abilities.edits
        told_once = in_place or messenger.abilities.knows_again  # the same edit twice is one edit
        if delivery.resent and not told_once:
            delivery = replace(delivery, message=marked(message))
        if not messenger.abilities.buttons and messenger.abilities.inbound:
            delivery = replace(delivery, message=numbered(delivery.message))
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                return await messenger.send(delivery)
        except TimeoutError:
            return Unsure(f"no answer within {SEND_TIMEOUT:g} s")
        except Exception as error:
            why = f"{type(error).__name__} in messenger {delivery.channel.messenger}"
            log.exception("messenger raised", messenger=delivery.channel.messenger, message=message.id)
            await self._faults.once(f"bug:{delivery.channel.messenger}", f"{why}: see the log")
            return Unsure(why)

    async def _conclude(self, delivery: Delivery, outcome: Outcome | Settlement, *, counted: bool = True) -> None:
        """Settle, remember what the next attempt must know, report the end. Not counted: what was only held back."""
        now, past = self._clock.now(), self._past.get(delivery.message.id, Past())
        settlement = outcome if isinstance(outcome, Settlement) else decide(delivery, outcome, now, past)
        if settlement.resend and isinstance(outcome, Unsure) and self._tells_later(delivery):
            settlement = replace(settlement, due=now + RECEIPT_WAIT)
        settled = await self._settle(delivery, settlement)
        if counted:
            self._count(delivery.channel.messenger, settlement.outcome)
        if settlement.cost:
            self._paid(settlement.currency, settlement.cost)
        if isinstance(outcome, Reject) and outcome.gone and self._left is not None and self._hears(delivery):
            await self._left(delivery)
        await self._faults.budget(delivery, outcome)
        if settlement.state == "queued" and not isinstance(outcome, Settlement):
            if not settlement.resend or isinstance(outcome, Retry):
                past = after(past, delivery, outcome, now)
            self._past[delivery.message.id] = past
            known = self._alone.discard if elsewhere(delivery, past) is not None else self._alone.add
            known(delivery.message.id)
            return
        self._past.pop(delivery.message.id, None)
        self._alone.discard(delivery.message.id)
        if settled is not None:
            await self._tell(replace(settled, unpaid=isinstance(outcome, Reject) and outcome.unpaid))

    def _hears(self, delivery: Delivery) -> bool:
        messenger = self._messengers.get(delivery.channel.messenger)
        return messenger is not None and messenger.abilities.inbound

    def _tells_later(self, delivery: Delivery) -> bool:
        messenger = self._messengers.get(delivery.channel.messenger)
        return messenger is not None and messenger.abilities.receipts

    async def _settle(self, delivery: Delivery, settlement: Settlement) -> Settled | None:
        while True:
            try:
                return await self._store.settle(delivery, settlement)
            except StoreFullError:  # what happened must be written, or a restart would tell it twice
                await self._clock.sleep_until(self._clock.now() + _FULL_PAUSE)

    async def _tell(self, news: Settled | Trouble) -> None:
        waited = self._report(news)
        if inspect.isawaitable(waited):
            await waited

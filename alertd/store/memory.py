"""The store's twin without a disk: for tests, backtests and the demo of a rule.

It keeps every promise of `alertd.seams.Store` except surviving the process: what survives is
the `Disk`, so a second `MemoryStore` on the same one is a restart.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from alertd.model import Figures
from alertd.seams import BODIES_KEPT, FencedError, Kept
from alertd.store import memory_personal
from alertd.store.commit import QUARANTINE_ROWS
from alertd.store.figures import by_rule
from alertd.store.load import COMMANDS_KEPT, LEDGER_KEPT, RECENT
from alertd.store.memory_disk import Disk, Page
from alertd.store.pages import choose
from alertd.store.retention import INVITES_KEPT, QUARANTINE_KEPT, SILENCES_KEPT, SWITCHINGS_KEPT
from alertd.store.rows import held

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from alertd.model import (
        Alert,
        Batch,
        Channel,
        ConsentEntry,
        Delivery,
        Invite,
        Micros,
        Reading,
        Receipt,
        Settled,
        Switching,
    )
    from alertd.seams import Flush, Quarantined, Settlement, Waiting


class MemoryStore:
    """`alertd.seams.Store` on a `Disk` in memory."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self._epoch = 0

    async def open(self) -> None:
        """Take the next epoch."""
        self.disk.epoch += 1
        self._epoch = self.disk.epoch

    async def load(self) -> Kept:
        """Return everything but the readings."""
        disk = self.disk
        kept = copy.deepcopy(disk.kept)
        kept.at, kept.seq = disk.at, disk.seq
        chosen = [one for one in disk.alerts.values() if held(one) or (one.resolved or 0) >= disk.at - RECENT]
        told = {one.incident for one in chosen} - {""}
        kept.alerts = copy.deepcopy(sorted(chosen, key=lambda one: one.number))
        incidents = [one for one in disk.incidents.values() if one.id in told]
        kept.incidents = copy.deepcopy(sorted(incidents, key=lambda one: one.number))
        silences = [one for one in disk.silences.values() if one.ended is None or one.ended >= disk.at - RECENT]
        kept.silences = copy.deepcopy(sorted(silences, key=lambda one: one.number))
        switchings = [one for one in disk.switchings.values() if one.asked >= disk.at - RECENT]
        kept.switchings = copy.deepcopy(sorted(switchings, key=lambda one: (one.asked, one.id)))
        oldest = min((one.started for one in chosen), default=None)
        kept.messages = disk.outbox.messages(told, oldest)
        kept.settled = disk.outbox.reports(told, oldest)
        kept.commands = {one for one, at in disk.commands.items() if at >= disk.at - COMMANDS_KEPT}
        for page in reversed(disk.journal):
            if page.session not in (kept.session, "") or len(kept.ledger) >= LEDGER_KEPT:
                break
            kept.ledger = page.ledger + kept.ledger
        kept.ledger = kept.ledger[-LEDGER_KEPT:]
        return kept

    async def readings_since(self, seq: int) -> AsyncIterator[tuple[int, Batch]]:
        """Yield the journal's flushes after `seq`, oldest first."""
        for page in list(self.disk.journal):
            if page.seq > seq and len(page.batch):
                yield page.seq, copy.deepcopy(page.batch)

    async def before_newest(self, most: int) -> int:
        """Return the `seq` after which the journal has at most `most` readings; 0 if that is all of them."""
        for page in reversed(self.disk.journal):
            most -= len(page.batch)
            if most < 0:
                return page.seq
        return 0

    async def commit(self, flush: Flush) -> None:
        """Take over all of `flush`.

        Raises:
            FencedError
        """
        self._check()
        disk, kept = self.disk, self.disk.kept
        flush = copy.deepcopy(flush)
        if flush.move is not None:
            disk.shift(flush.move)
        disk.at = flush.now
        kept.marks = flush.marks or kept.marks
        kept.session = flush.session or kept.session
        if len(flush.batch) or flush.ledger:
            disk.seq += 1
            disk.journal.append(Page(disk.seq, flush.now, flush.batch, flush.session, flush.ledger))
        kept.series.update(flush.new_series)
        changes = flush.changes
        disk.alerts.update(changes.alerts)
        disk.incidents.update(changes.incidents)
        disk.silences.update(changes.silences)
        disk.switchings.update(changes.switchings)
        for message in changes.messages:
            disk.outbox.put(message, flush.now)
        kept.people.update(changes.people)
        disk.consents += changes.consents
        kept.invites.update(changes.invites)
        for command in changes.commands:
            disk.commands.setdefault(command, flush.now)
        kept.positions.update(changes.positions)
        kept.counters.update(changes.counters)
        disk.quarantine = [*disk.quarantine, *flush.quarantine][-QUARANTINE_ROWS:]
        if flush.snapshot is not None:
            kept.snapshot, kept.snapshot_seq = flush.snapshot, disk.seq

    async def waiting(self, now: Micros, limit: int = 200) -> list[Waiting]:
        """Return queued messages due by `now`, critical first, then oldest first."""
        return self.disk.outbox.waiting(now, limit)

    async def next_due(self) -> Micros | None:
        """Return when the earliest queued message is due that nothing holds back."""
        return self.disk.outbox.next_due()

    async def claim(self, message_id: str, now: Micros) -> Delivery | Settlement | None:
        """Mark one queued message as being sent, or settle it where nothing can be sent."""
        self._check()
        return self.disk.outbox.claim(message_id, now)

    async def settle(self, delivery: Delivery, settlement: Settlement) -> Settled | None:
        """Record an attempt; return the report when the state is final."""
        self._check()
        return self.disk.outbox.settle(delivery, settlement)

    async def sent_as(self, channel: Channel, ref: str) -> str:
        """Return the id of our message that the provider calls `ref` in this chat, "" if it is none of ours."""
        return self.disk.outbox.sent_as(channel, ref)

    async def abandoned(self) -> list[Delivery]:
        """Return deliveries that were claimed and never settled; they stay claimed until they are."""
        return self.disk.outbox.abandoned()

    async def receipt(self, receipt: Receipt, now: Micros) -> Settled | Delivery | None:
        """Take what a provider told later of a delivery."""
        self._check()
        return self.disk.outbox.receipt(receipt, now)

    async def pay(self, messenger: str, cost: float, at: Micros) -> None:
        """Add to what a messenger's month has cost."""
        self._check()
        self.disk.outbox.pay(messenger, cost, at)

    async def figures(self, start: Micros, end: Micros) -> Figures:
        """Return a month in numbers."""
        raised = sorted(self.disk.alerts.values(), key=lambda one: one.number)
        rules = by_rule(alert for alert in raised if start <= alert.started < end)
        return Figures(rules, *self.disk.outbox.figures(start, end))

    async def retain(self, now: Micros, keep: Micros, bodies: Micros = BODIES_KEPT) -> None:
        """Forget what is too old."""
        self._check()
        disk, kept = self.disk, self.disk.kept
        disk.journal = [page for page in disk.journal if page.seq > kept.snapshot_seq or page.at >= now - keep]
        disk.outbox.forget(now - bodies)
        disk.commands = {one: at for one, at in disk.commands.items() if at >= now - COMMANDS_KEPT}
        kept.invites = {key: one for key, one in kept.invites.items() if one.expires >= now - INVITES_KEPT}
        disk.silences = {key: one for key, one in disk.silences.items() if (one.ended or now) >= now - SILENCES_KEPT}
        disk.switchings = {key: one for key, one in disk.switchings.items() if one.asked >= now - SWITCHINGS_KEPT}
        disk.quarantine = [one for one in disk.quarantine if one.at >= now - QUARANTINE_KEPT]

    def release_ballast(self) -> bool:
        """Tell that there is no room set aside."""
        return False

    async def lay_ballast(self) -> bool:
        """Tell the same."""
        return False

    async def switchings(self, limit: int, before: tuple[Micros, str] | None = None) -> list[Switching]:
        """Return wishes to switch a device, newest first; (asked, id) of the last one is the next `before`."""
        found = sorted(self.disk.switchings.values(), key=lambda one: (one.asked, one.id), reverse=True)
        return copy.deepcopy([one for one in found if before is None or (one.asked, one.id) < before][:limit])

    async def messages(self, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        """Return messages, newest first (`alertd.store.pages.message_page`)."""
        return self.disk.outbox.page(limit, before)

    async def readings(
        self, device: str | None, metric: str | None, start: Micros, end: Micros, limit: int
    ) -> list[Reading]:
        """Return the first `limit` readings with start <= time < end, by time; None: any device or metric."""
        known = {
            number: one
            for number, one in self.disk.kept.series.items()
            if device in (None, one.device) and metric in (None, one.metric)
        }
        if not known or limit <= 0:
            return []
        return choose((page.batch for page in self.disk.journal), known, start=start, end=end, limit=limit)

    async def alert_history(self, limit: int, before_number: int | None = None) -> list[Alert]:
        """Return alerts of any state, the highest number first."""
        newest = sorted(self.disk.alerts.values(), key=lambda one: -one.number)
        return copy.deepcopy([one for one in newest if before_number is None or one.number < before_number][:limit])

    async def consents(self, subscriber: str | None = None) -> list[ConsentEntry]:
        """Return a person's lines of the consent ledger, or all of it, oldest first."""
        return [one for one in self.disk.consents if subscriber in (None, one.subscriber)]

    async def held_of(self, person: str) -> tuple[list[dict[str, Any]], list[Alert], list[Invite]]:
        """Return all messages to a person, the alerts that name them, and their invites."""
        return copy.deepcopy(memory_personal.gather(self.disk, person))

    async def erase(self, person: str, addresses: Iterable[str], now: Micros) -> tuple[int, int]:
        """Make everything that is over anonymous; return how many messages and alerts that were."""
        self._check()
        return memory_personal.erase(self.disk, person, addresses, now)

    async def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """Return what was set aside, newest first."""
        return copy.deepcopy(self.disk.quarantine[::-1][:limit])

    async def close(self) -> None:
        """Do nothing: there is no file."""

    def _check(self) -> None:
        if self._epoch != self.disk.epoch:
            raise FencedError(f"epoch {self._epoch} does not own the store any more")

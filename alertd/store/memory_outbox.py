"""The outbox of the store in memory: the rules of `alertd.store.outbox`, on a dict."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alertd.model import Channel, Kind, Sent, Settled
from alertd.moving import moved_message
from alertd.seams import Settlement, Waiting
from alertd.store.figures import costs_of
from alertd.store.pages import MESSAGE_COLUMNS
from alertd.store.rows import MILLION, REACHED, WAITS, arrived, attempt, channel_at, cost_counter, merge, prefer

if TYPE_CHECKING:
    from alertd.model import Delivery, Message, Micros, Move, Receipt


@dataclass(slots=True)
class Slip:
    """A message in the outbox, and what became of it."""

    row: int
    message: Message
    created: Micros
    due: Micros
    state: str = "queued"
    channel: int = 0
    attempts: int = 0
    resend: bool = False
    settled: Micros | None = None
    why: str = ""
    merged_into: str | None = None
    forgotten: bool = False
    tries: list[dict[str, Any]] = field(default_factory=list)
    arrived: list[tuple[Channel, str]] = field(default_factory=list)
    """Channels it was sent on, with the provider's id there."""


@dataclass(slots=True)
class MemoryOutbox:
    """Slips by message id, in the order they came."""

    slips: dict[str, Slip] = field(default_factory=dict)
    pending: dict[str, Slip] = field(default_factory=dict)
    """Those of them whose end is open, in the same order: a backtest has thousands of others."""
    costs: dict[str, int] = field(default_factory=dict)

    def put(self, message: Message, now: Micros) -> None:
        """Put a message in; one whose id is known already changes nothing."""
        slips = self.slips
        if message.id in slips:
            return
        while message.follows in slips and slips[message.follows].state == "merged":
            message.follows = slips[message.follows].merged_into
        old = slips.get(message.replaces or "")
        if old is not None and old.state == "queued":
            message = merge(message, old.message.id, old.message.follows)
            old.state, old.merged_into, old.settled = "merged", message.id, now
            old.why = "told with a later message"
            del self.pending[old.message.id]
            for other in self.pending.values():
                if other.message.follows == old.message.id and other.state == "queued":
                    other.message.follows = message.id
        earlier = slips.get(message.follows or "")
        if earlier is not None and earlier.state in REACHED:
            message.channels = prefer(message.channels, channel_at(earlier.message, earlier.channel))
        slips[message.id] = self.pending[message.id] = Slip(len(slips) + 1, message, now, message.due)

    def shift(self, move: Move) -> None:
        """Move the times of the span, because the clock was set."""
        for slip in self.slips.values():
            if slip.state in WAITS:
                slip.message = moved_message(slip.message, slip.created, slip.due, move)
                slip.due = slip.message.due
            else:
                slip.due = move.point(slip.due)
            slip.created, slip.settled = move.point(slip.created), move.maybe(slip.settled)
            slip.tries = [{**one, "at": move.point(one["at"])} for one in slip.tries]

    def figures(self, start: Micros, end: Micros) -> tuple[dict[str, int], dict[str, float]]:
        """Return by messenger how many messages reached somebody in a span, and what its month cost."""
        reached = [one for one in self.slips.values() if one.state in REACHED and start <= (one.settled or 0) < end]
        counts = Counter(channel_at(slip.message, slip.channel).messenger for slip in reached)
        return dict(sorted(counts.items())), costs_of(self.costs, (start + end) // 2)

    def waiting(self, now: Micros, limit: int) -> list[Waiting]:
        """Return queued messages due by `now` that nothing holds back: critical first, then oldest first."""
        due = [slip for slip in self._free() if slip.due <= now]
        due.sort(key=lambda slip: (not slip.message.critical, slip.due, slip.row))
        return [_waiting(slip) for slip in due[:limit]]

    def next_due(self) -> Micros | None:
        """Return when the earliest queued message that nothing holds back is due."""
        return min((slip.due for slip in self._free()), default=None)

    def claim(self, message_id: str, now: Micros) -> Delivery | Settlement | None:
        """Mark a message as being sent and return the attempt, or settle it where nothing can be sent."""
        slip = self.slips.get(message_id)
        if slip is None or slip.state != "queued":
            return None
        earlier = self._followed(slip)
        if earlier is not None and earlier.state in WAITS:
            return None
        slip.state = "claimed"
        slip.attempts += 1
        delivery = self._delivery(slip)
        spent = self.costs.get(cost_counter(delivery.channel.messenger, now), 0)
        delivery = dataclasses.replace(delivery, spent=spent / MILLION)
        end = None
        if earlier is not None and earlier.state not in REACHED:
            end = Settlement("dropped", "dropped", now, f"what it follows was never told ({earlier.state})")
        elif not slip.message.channels:
            end = Settlement("dead", "reject", now, "no channel")
        if end is None:
            return delivery
        self.settle(delivery, end)
        return end

    def sent_as(self, channel: Channel, ref: str) -> str:
        """Return the id of the message that was sent to this chat and is called `ref` there, "" if none was."""
        found = (name for name, slip in reversed(self.slips.items()) if (channel, ref) in slip.arrived)
        return next(found, "")

    def pay(self, messenger: str, cost: float, at: Micros) -> None:
        """Add to what a messenger's month has cost."""
        name = cost_counter(messenger, at)
        self.costs[name] = self.costs.get(name, 0) + round(cost * MILLION)

    def settle(self, delivery: Delivery, settlement: Settlement) -> Settled | None:
        """Record an attempt and its consequence; None if the message stays queued, or was not claimed."""
        slip = self.slips.get(delivery.message.id)
        if slip is None or slip.state != "claimed":
            return None
        entry = {"messenger": delivery.channel.messenger, "outcome": settlement.outcome}
        if settlement.cost:
            self.pay(delivery.channel.messenger, settlement.cost, settlement.at)
        slip.tries.append(entry | {"why": settlement.why, "ref": settlement.ref, "at": settlement.at})
        slip.state, slip.why = settlement.state, settlement.why
        if settlement.state == "queued":
            slip.due, slip.channel, slip.resend = settlement.due, settlement.channel, settlement.resend
            return None
        slip.settled = settlement.at
        del self.pending[slip.message.id]
        if settlement.outcome == "sent":
            slip.arrived.append((delivery.channel, settlement.ref))
        if settlement.state in REACHED:
            for other in self.pending.values():
                if other.message.follows == slip.message.id and other.state == "queued" and not other.attempts:
                    other.message.channels = prefer(other.message.channels, delivery.channel)
        return _report(slip)

    def receipt(self, told: Receipt, now: Micros) -> Settled | Delivery | None:
        """Take what a provider told later of a delivery."""
        slip = self.slips.get(told.message)
        if slip is None or channel_at(slip.message, slip.channel).messenger != told.messenger:
            return None
        last = slip.tries[-1]["ref"] if slip.tries else ""
        if told.ref and last and told.ref != last:
            return None
        if isinstance(told.outcome, Sent):
            if slip.state != "unsure" and not (slip.state == "queued" and slip.resend):
                return None
            slip.state, self.pending[slip.message.id] = "claimed", slip
            return self.settle(self._delivery(slip), arrived(told, slip.channel, now))
        if slip.state not in REACHED or slip.forgotten:
            return None
        slip.state, slip.settled, self.pending[slip.message.id] = "claimed", None, slip
        return self._delivery(slip)

    def abandoned(self) -> list[Delivery]:
        """Return the attempts that were claimed and never settled."""
        return [self._delivery(slip) for slip in self.pending.values() if slip.state == "claimed"]

    def messages(self, incidents: set[str], digests_since: Micros | None) -> list[Message]:
        """Return the messages of these incidents, and digests since then, oldest first; not those forgotten."""
        about = self._about(incidents, digests_since)
        return [copy.deepcopy(slip.message) for slip in about if not slip.forgotten]

    def reports(self, incidents: set[str], digests_since: Micros | None) -> list[Settled]:
        """Return what became of the messages of these incidents, and of digests since then, as it happened."""
        final = [slip for slip in self._about(incidents, digests_since) if slip.state not in WAITS]
        return [_report(slip) for slip in sorted(final, key=lambda slip: (slip.settled, slip.row))]

    def _about(self, incidents: set[str], digests_since: Micros | None) -> list[Slip]:
        def recent_digest(slip: Slip) -> bool:
            recent = digests_since is not None and (slip.settled is None or slip.settled >= digests_since)
            return recent and slip.message.kind is Kind.DIGEST

        return [one for one in self.slips.values() if one.message.incident in incidents or recent_digest(one)]

    def forget(self, before: Micros) -> None:
        """Forget the words of messages settled before a time."""
        for slip in self.slips.values():
            if slip.settled is not None and slip.settled < before:
                slip.forgotten = True

    def page(self, limit: int, before: int | None) -> list[dict[str, Any]]:
        """Return messages, newest first (`alertd.store.pages.message_page`)."""
        newest = sorted(self.slips.values(), key=lambda slip: -slip.row)
        return [_shown(slip) for slip in newest if before is None or slip.row < before][:limit]

    def _followed(self, slip: Slip) -> Slip | None:
        return self.slips.get(slip.message.follows or "")

    def _free(self) -> list[Slip]:
        return [
            slip
            for slip in self.pending.values()
            if slip.state == "queued" and ((earlier := self._followed(slip)) is None or earlier.state not in WAITS)
        ]

    def _delivery(self, slip: Slip) -> Delivery:
        channel = channel_at(slip.message, slip.channel)
        earlier = self._followed(slip)
        refs = [] if earlier is None else [ref for one, ref in earlier.arrived if one == channel and ref]
        return attempt(
            copy.deepcopy(slip.message),
            index=slip.channel,
            number=slip.attempts,
            resend=slip.resend,
            reply_to=refs[-1] if refs else None,
        )


def _waiting(slip: Slip) -> Waiting:
    channel = channel_at(slip.message, slip.channel)
    message = slip.message
    return Waiting(
        message.id, channel.messenger, channel.address, slip.due, message.critical, slip.attempts, message.expires
    )


def _report(slip: Slip) -> Settled:
    message = slip.message
    assert slip.settled is not None
    return Settled(
        message=message.id,
        incident=message.incident,
        subscriber=message.subscriber,
        kind=message.kind,
        alerts=message.alerts,
        state=slip.state,
        at=slip.settled,
        why=slip.why,
        messenger=channel_at(message, slip.channel).messenger,
    )


def _shown(slip: Slip) -> dict[str, Any]:
    message = slip.message
    own = {
        "kind": message.kind.value,
        "severity": message.severity.value,
        "messenger": channel_at(message, slip.channel).messenger,
    }
    known = dataclasses.asdict(message) | {name: getattr(slip, name) for name in Slip.__slots__} | own
    text = None if slip.forgotten else message.text
    fields = {name: known[name] for name in MESSAGE_COLUMNS}
    tries = copy.deepcopy(slip.tries)
    return {"row": slip.row, **fields, "alerts": list(message.alerts), "text": text, "deliveries": tries}

"""The promise of what survives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from alertd.model import (
    DAY,
    Alert,
    Batch,
    Changes,
    Channel,
    Delivery,
    Figures,
    Incident,
    Invite,
    Message,
    Micros,
    Move,
    PersonState,
    Receipt,
    Series,
    Settled,
    Silence,
    Switching,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BODIES_KEPT: Final = 90 * DAY
"""How long the words and addresses of settled messages are kept, unless the farm says otherwise."""


class FencedError(Exception):
    """Somebody else owns this partition now: stop, they go on."""


class StoreFullError(Exception):
    """The disk is full: nothing was written."""


class StoreDamagedError(Exception):
    """The store cannot be read, or was written by a newer alertd; the message names file and remedy."""


class StoreBusyError(Exception):
    """Another daemon has this store open; the message names its pid."""


@dataclass(slots=True)
class Quarantined:
    """A message, update or row that made the code raise, set aside with its traceback."""

    kind: str
    topic: str
    payload: bytes
    traceback: str
    at: Micros


@dataclass(slots=True)
class Flush:
    """One transaction: readings, the alert changes they caused, and the source's position.

    `batch` holds the readings to be kept (rows are series ids), `new_series` those seen for
    the first time. `ledger` are the MQTT messages this commit covers as (packet id, hash of
    topic and payload), in order of arrival. `marks` is small state that every commit carries
    (JSON): the connected-time account, the high-water arrival time.
    """

    now: Micros
    batch: Batch = field(default_factory=Batch.empty)
    new_series: list[tuple[int, Series]] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)
    ledger: list[tuple[int, int]] = field(default_factory=list)
    session: str = ""
    marks: dict[str, Any] = field(default_factory=dict)
    quarantine: list[Quarantined] = field(default_factory=list)
    snapshot: bytes | None = None
    move: Move | None = None
    """How the times of journal, outbox and records move, because the clock was set (`alertd.moving`)."""


@dataclass(slots=True)
class Kept:
    """What a store remembers, enough to build the book again (with `readings_since`)."""

    series: dict[int, Series] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    """Open ones, dismissed ones, and those resolved within the last two days."""
    incidents: list[Incident] = field(default_factory=list)
    """Those of the alerts above."""
    silences: list[Silence] = field(default_factory=list)
    """Those under way, and those that ended within the last two days."""
    messages: list[Message] = field(default_factory=list)
    """The messages of those incidents, sent or not, and those digests, as they were put in, oldest first; those
    whose words are forgotten are not among them."""
    settled: list[Settled] = field(default_factory=list)
    """The settled messages of those incidents, and digests since the oldest of those alerts."""
    people: dict[str, PersonState] = field(default_factory=dict)
    invites: dict[str, Invite] = field(default_factory=dict)
    switchings: list[Switching] = field(default_factory=list)
    """Those of the last two days, oldest first."""
    commands: set[str] = field(default_factory=set)
    """Ids of the commands and updates of the last 2 days."""
    positions: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    ledger: list[tuple[int, int]] = field(default_factory=list)
    """The last entries, oldest first, at most 2000."""
    session: str = ""
    marks: dict[str, Any] = field(default_factory=dict)
    snapshot: bytes | None = None
    snapshot_seq: int = 0
    at: Micros = 0
    """When the last commit was."""
    seq: int = 0
    """The journal's newest row."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An unsent message as the courier looks at it: which channel is next, and since when."""

    id: str
    channel_messenger: str
    channel_address: str
    due: Micros
    critical: bool
    attempts: int
    expires: Micros | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the courier decided after an attempt; one transaction in the store.

    `state`: `sent`, `unsure`, `dead` (no channel left), `expired`, `dropped` (what it follows
    never arrived): final. `queued`: again at `due` on channel number `channel`, with the
    "Sent again" mark if `resend`. `outcome` is recorded in the delivery log:
    sent, retry, reject, unsure, expired, dropped.
    """

    state: str
    outcome: str
    at: Micros
    why: str = ""
    ref: str = ""
    due: Micros = 0
    channel: int = 0
    resend: bool = False
    cost: float = 0.0
    currency: str = ""


class Store(Protocol):
    """Everything that survives. `commit` is one transaction or raises; nothing is half written."""

    async def open(self) -> None:
        """Lock, migrate, take the next epoch.

        Raises:
            StoreBusyError, StoreDamagedError
        """

    async def load(self) -> Kept:
        """Return everything but the readings."""

    def readings_since(self, seq: int) -> AsyncIterator[tuple[int, Batch]]:
        """Yield the journal's flushes after `seq` as (seq, batch), oldest first."""

    async def before_newest(self, most: int) -> int:
        """Return the `seq` after which the journal has at most `most` readings; 0 if that is all of them."""

    async def commit(self, flush: Flush) -> None:
        """Write all of `flush` or nothing, and return when it is on the disk.

        A message id that exists already is left as it is. A `replaces` whose message is still
        queued (never claimed) withdraws that one (`merged`) and gives the new one its `merged_text`.

        Raises:
            FencedError, StoreFullError
        """

    async def waiting(self, now: Micros, limit: int = 200) -> list[Waiting]:
        """Return queued messages due by `now`, critical first, then oldest first.

        A message whose `follows` is not final yet is not listed.
        """

    async def next_due(self) -> Micros | None:
        """Return when the earliest queued message is due (one held back by `follows` counts when that is final)."""

    async def claim(self, message_id: str, now: Micros) -> Delivery | Settlement | None:
        """Mark one queued message as being sent and return the attempt; None if it is not queued any more.

        If it follows a message that reached nobody it is settled as `dropped` here (returned as
        `Settlement`). A follow-up goes first to the channel its predecessor was sent on.
        """

    async def settle(self, delivery: Delivery, settlement: Settlement) -> Settled | None:
        """Record an attempt and what follows from it; return the report when the state is final."""

    async def receipt(self, receipt: Receipt, now: Micros) -> Settled | Delivery | None:
        """Take what a provider told later of a delivery.

        It arrived: an unsure message, or one that waits to be repeated, is settled as `sent` and reported. It failed
        after all: the attempt is claimed again and returned, to be settled by what the failure means. None: it
        changes nothing (told before, or not the newest attempt).
        """

    async def sent_as(self, channel: Channel, ref: str) -> str:
        """Return the id of our message that the provider calls `ref` in this chat, "" if it is none of ours."""

    async def abandoned(self) -> list[Delivery]:
        """Return deliveries that were claimed and never settled: after a crash, before the courier starts."""

    async def pay(self, messenger: str, cost: float, at: Micros) -> None:
        """Add to what a messenger's month has cost: what followed a text and is no message of its own."""

    async def figures(self, start: Micros, end: Micros) -> Figures:
        """Return the month that `start` and `end` bound: alerts that started in it, messages that reached somebody.

        Costs are those of the calendar month (UTC) in which the middle of the span lies.
        """

    async def retain(self, now: Micros, keep: Micros, bodies: Micros = BODIES_KEPT) -> None:
        """Forget readings older than `keep`, words and addresses of messages older than `bodies`, old quarantine."""

    def release_ballast(self) -> bool:
        """Give back the room kept for a full disk, so that alerts still commit; False: it was gone already."""

    async def lay_ballast(self) -> bool:
        """Set the room aside (again) if there is enough; tell whether it is there."""

    async def close(self) -> None:
        """Checkpoint and unlock."""

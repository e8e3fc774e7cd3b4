"""The promises between the parts: Source, Detector, Store, Messenger, Clock.

Each Protocol says what both sides may rely on. One machine and many workers are
the same code behind other implementations of these five.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from alertd.model import DAY, Batch, Changes

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from alertd.model import (
        Alert,
        Channel,
        Delivery,
        Figures,
        Inbound,
        Incident,
        Invite,
        Link,
        Message,
        Micros,
        Outcome,
        PersonState,
        Receipt,
        Series,
        Settled,
        Silence,
        Switching,
        Verdicts,
    )


BODIES_KEPT: Final = 90 * DAY
"""How long the words and addresses of settled messages are kept, unless the farm says otherwise."""


class Clock(Protocol):
    """Time, known to `app.py` alone: everything else is given `now`."""

    def now(self) -> Micros:
        """Return wall time at start plus monotonic time since; never goes back."""

    async def sleep_until(self, when: Micros) -> None:
        """Return when `now()` has reached `when`."""


# --- Source -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Raw:
    """One message as it came: text topic, bytes, and what the broker said of it.

    `received` is unique and increases from message to message (1 microsecond steps
    within one socket read). `packet` is the MQTT packet id (0: QoS 0). `backlog`
    marks what the broker had kept while we were away, as far as it can be known.
    """

    topic: str
    payload: bytes
    received: Micros
    packet: int = 0
    duplicate: bool = False
    retained: bool = False
    backlog: bool = False


@dataclass(slots=True)
class RawBatch:
    """What one socket read brought, in order; `position` is handed back to `acknowledge`."""

    messages: list[Raw]
    position: int


class Source(Protocol):
    """Ordered batches with a position. May repeat, never skips; acknowledged only after commit."""

    def events(self) -> AsyncIterator[RawBatch | Link]:
        """Yield batches and, in their order, the coming and going of the connection, for ever.

        A broker that is absent is not an error: `Link(up=False, why=…)`, and it keeps trying
        with jittered back-off.
        """

    def acknowledge(self, position: int) -> None:
        """Acknowledge every batch up to and including `position`: called after their commit."""

    def pressing(self, held: int) -> bool:
        """Return whether `held` unacknowledged messages fill half of the broker's in-flight window."""

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Publish on the source's own connection.

        Raises:
            ConnectionError: not connected, or the broker refused it.
        """

    def post(self, topic: str, payload: bytes, *, qos: int, seconds: int) -> asyncio.Future[str] | None:
        """Publish at this very moment or not at all; None: there is no connection and nothing was sent.

        Never repeated, and not kept by the broker for longer than `seconds` (where it speaks MQTT 5). The
        future becomes empty when the broker has it, else one sentence why not.
        """

    async def close(self) -> None:
        """Say offline, disconnect and keep the session (expiry at least 7 days)."""


# --- Detector ---------------------------------------------------------------------------------


class History(Protocol):
    """Read-only view of the windows of k series, oldest cell first, NaN-padded on the left.

    `time` int64 microseconds (k, n), `value` float64 (k, n) with NaN where there is no
    value, `flags` uint8 (k, n): bit `slot` is set where rule slot `slot` judged the value bad.
    """

    @property
    def time(self) -> NDArray[np.int64]:
        """Return when each cell was measured; what stands beside a NaN says nothing."""

    @property
    def value(self) -> NDArray[np.float64]:
        """Return the values."""

    @property
    def flags(self) -> NDArray[np.uint8]:
        """Return the rule bits."""

    @property
    def taken(self) -> NDArray[np.int64]:
        """Return (k,) how many readings each window ever took: tells cheaply how much is new."""

    def take(self, index: NDArray[np.intp]) -> History:
        """Return the view of some of the series; cells are gathered only when looked at."""


class Detector(Protocol):
    """Pure and vectorised: judges k readings of k different series against their windows.

    It is a frozen settings value and keeps no state outside the arrays it is handed, so
    the same readings give the same verdicts however they were batched.
    """

    @property
    def span(self) -> Micros:
        """How much history it wants in the windows, in microseconds; 0: none."""

    @property
    def samples(self) -> int:
        """How many values of history it wants at least, whatever their age; 0: none."""

    @property
    def learned(self) -> int:
        """How many float64 columns of learned state it keeps per (rule, series)."""

    def quiet_after(self, interval: Micros) -> Micros | None:
        """How long nothing may be received before the series is bad; None: silence says nothing.

        `interval` is the series' learned usual interval (median of the last 8 gaps), 0 if unknown.
        """

    def judge(
        self,
        history: History | None,
        learned: NDArray[np.float64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        *,
        slot: int,
    ) -> Verdicts:
        """Judge one reading each of k series. `history` ends before the reading; None if span and samples are 0.

        `learned` (k, self.learned) is changed in place; it starts as NaN.
        """

    def reason(self, value: float, score: float, normal: float, unit: str) -> str:
        """Say in one English sentence why this is bad: the same words for log, console and tests."""


# --- Store ------------------------------------------------------------------------------------


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

    async def abandoned(self) -> list[Delivery]:
        """Return deliveries that were claimed and never settled: after a crash, before the courier starts."""

    async def figures(self, start: Micros, end: Micros) -> Figures:
        """Return the month that `start` and `end` bound: alerts that started in it, messages that reached somebody.

        Costs are those of the calendar month (UTC) in which the middle of the span lies.
        """

    async def retain(self, now: Micros, keep: Micros, bodies: Micros = BODIES_KEPT) -> None:
        """Forget readings older than `keep`, words and addresses of messages older than `bodies`, old quarantine."""

    def release_ballast(self) -> bool:
        """Give back the room kept for a full disk, so that alerts still commit; False: it was gone already."""

    async def close(self) -> None:
        """Checkpoint and unlock."""


# --- Messenger --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HookCall:
    """A provider called us. `url` as the provider knows it, with its query; `headers` ignores case; `body` raw."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What the provider gets back; some want their challenge echoed as text."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a call came to: what people did, what became of deliveries, and what the provider is answered.

    The answer is given only when all of it is kept, so a provider that gets none sends it again.
    """

    answer: HookAnswer = field(default_factory=HookAnswer)
    updates: Sequence[Inbound] = ()
    receipts: Sequence[Receipt] = ()


class Hook(Protocol):
    """A messenger's webhook. Pure: signature first, on the raw bytes; what is not believed gets 401 or 403."""

    def __call__(self, call: HookCall) -> Heard:
        """Verify and read one call; redelivery is harmless. Never raises for what comes from outside."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a messenger can do; wording and fallback follow from it.

    `limit`: characters of one message (UTF-16 units for Telegram). `per_chat` and
    `per_account` are messages a second, `burst` how many may go at once.
    """

    limit: int
    buttons: int = 0
    edits: bool = False
    replies: bool = False
    inbound: bool = False
    authenticates: bool = False
    pictures: bool = False
    per_chat: float = 1.0
    per_account: float = 25.0
    burst: int = 5
    receipts: bool = False
    """Whether what became of a delivery is told later: then an unsure one waits a little before it is repeated."""
    window: Micros = 0
    """How long after somebody wrote they may be answered freely, in microseconds; 0: always (`Delivery.heard`)."""
    knows_again: bool = False
    """Whether a message sent again soon is recognised there and told once: a repeat needs no mark."""
    groups: bool = False
    """Whether several people may share a chat; then `Inbound.sender` is who wrote, and differs from the address."""
    markup: str = ""
    """Signs that mean something there, and what becomes of them in a text; empty: text is text."""


class Messenger(Protocol):
    """Code for one kind of channel. One request in, one outcome out; the courier owns patience."""

    name: str
    abilities: Abilities

    @property
    def hook(self) -> Hook | None:
        """What reads calls of `/hooks/NAME`; None where the messenger is not called."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand one message to the provider and say what became of it, within 10 s.

        Never raises for delivery and never retries. With `message.edits` and `reply_to` it
        changes that message in place.
        """

    async def show(self, channel: Channel, picture: bytes, reply_to: str) -> Outcome:
        """Send a PNG without a sound, as a reply to our message `reply_to`; asked only with `abilities.pictures`."""

    def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:
        """Yield what people did after `position`, for ever; redelivery is harmless.

        Yields nothing, for ever, where the messenger cannot hear. Trouble (wrong token, no
        network) is waited out inside, logged once per change.
        """

    async def answered(self, update: Inbound, note: str) -> None:
        """Close the press of a button (a spinner) with a short note; failing is harmless."""

    async def check(self) -> str:
        """Return who we are there ("@bot") for `doctor`, without sending anything.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """

    async def close(self) -> None:
        """Release connections."""


@runtime_checkable
class HasMenu(Protocol):
    """A messenger that shows words in a menu of its own."""

    async def show_menu(self, menus: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Have it show these (word, what it does), by language; "" is for everybody else's. Failing is harmless."""

"""The words of alertd, as values.

Times are whole microseconds since 1970-01-01 UTC (`Micros`), durations whole
microseconds: integers, because alert ids are hashes of times and floats at
1.8e9 seconds step by 0.24 microseconds. Everything here is data; behaviour
lives in the part that owns it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Micros = int
"""Whole microseconds: a point in time since 1970-01-01 UTC, or a duration."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
UNTIL_RESOLVED: Final = 253_402_300_799 * SECOND
"""The last second of the year 9999: a snooze until then ends with its alert."""


def stable_id(*parts: object) -> str:
    """Hash the parts to 24 hexadecimal digits; the same parts make the same id in every process.

    96 bits: a farm with a million alerts has a chance of 1e-17 of two alike.
    """
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


# --- readings ---------------------------------------------------------------------------------


class Quality(IntEnum):
    """How far a reading's time can be trusted (CONTRACT.md section 3)."""

    LIVE = 0
    LATE = 1
    UNKNOWN_TIME = 2
    RETAINED = 3


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one device, with what rules may match on.

    `labels` holds the topic's extra segments, the device's own labels, and its
    `species`, `tag` and `name` are on the device. `state` marks metrics that keep
    their value until the next reading (`online`, every bool).
    """

    device: str
    metric: str
    unit: str = ""
    state: bool = False
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series at one time: the readable form, for tools, API and tests."""

    device: str
    metric: str
    value: float
    unit: str
    time: Micros
    received: Micros
    quality: Quality = Quality.LIVE
    state: bool = False
    source: str = ""
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """Readings in arrival order as columns: what the hot path carries instead of `Reading` objects.

    `series` are row numbers in the book (`Book.row`), `received` never decreases.
    """

    series: NDArray[np.int32]
    time: NDArray[np.int64]
    received: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.series)

    @staticmethod
    def empty() -> Batch:
        """Return a batch without readings: what a tick carries."""
        return Batch(
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty(0, np.float64),
            np.empty(0, np.int8),
        )

    def take(self, index: NDArray[Any] | slice) -> Batch:
        """Return the readings at `index` (numbers, mask or slice), in that order."""
        return Batch(self.series[index], self.time[index], self.received[index], self.value[index], self.quality[index])


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why something that came in gave no reading: a value, not an exception.

    `reason` is one of a small set of constant strings (a metric label); `detail`
    names topic, key or value and what to do.
    """

    reason: str
    detail: str = ""


# --- verdicts ---------------------------------------------------------------------------------

BAD: Final = 1
"""The condition is true for this reading."""
BAND: Final = 0
"""Between the limit and the clear value, or not judged (warming up): whatever was, stays."""
GOOD: Final = -1
"""The reading is clear of the condition."""


@dataclass(slots=True)
class Verdicts:
    """A detector's opinion of k readings, as columns of length k.

    `state` is BAD, BAND or GOOD; `score` is the detector's own measure (deviations,
    or the value); `normal` what it would have expected (NaN: it has no opinion).
    """

    state: NDArray[np.int8]
    score: NDArray[np.float64]
    normal: NDArray[np.float64]


# --- alerts -----------------------------------------------------------------------------------


class Severity(StrEnum):
    """How bad. Order: `info` < `warning` < `critical` (see `rank`)."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return 2 for critical, 1 for warning, 0 for info."""
        return _RANKS[self]


_RANKS: Final = {Severity.CRITICAL: 2, Severity.WARNING: 1, Severity.INFO: 0}


class State(StrEnum):
    """Where an alert is in its life."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(slots=True)
class Alert:
    """A rule broken on a series over time. One open alert per (rule, device, metric).

    `id` hashes rule, device, metric and the time of the opening reading; `number`
    (`A-217`) is what people use, given in the commit that creates the alert.
    `dismissed` means a person ended it while the condition still held: it stays
    quiet until a good reading. `told` is whether a firing message was put into the
    outbox, `resolve_told` whether the last resolve was. `muted` says what keeps it
    quiet for everybody (`S-3` a silence, `A-12` a bigger alert, `waiting`: whether there is
    one is not known yet; empty: nothing does). `anew`: since when reminders and escalation
    count, if not since `fired`: a mute ended, or somebody gave it back.
    """

    id: str
    number: int
    rule: str
    device: str | None
    metric: str | None
    group: str | None
    severity: Severity
    state: State
    value: float | None
    unit: str
    normal: float | None
    started: Micros
    fired: Micros | None = None
    resolved: Micros | None = None
    acknowledged_by: str | None = None
    acknowledged_at: Micros | None = None
    acknowledged_note: str = ""
    acknowledged_until: Micros | None = None
    """When the acknowledgement lapses and everybody is asked again; None: it holds until the end."""
    snoozed: dict[str, Micros] = field(default_factory=dict)
    """Person id (or `*` for everybody) to the time until which the alert is quiet."""
    false_alarm_by: str | None = None
    false_reason: str = ""
    """Why people say it was false: limit, moved or sensor (`conversation.reasons`)."""
    dismissed: bool = False
    told: bool = False
    resolve_told: bool = False
    flaps: int = 0
    unreached_due: Micros | None = None
    """When the operator is told that nobody was reached; None: told, or nothing is due."""
    incident: str = ""
    shadow: bool = False
    muted: str = ""
    anew: Micros | None = None
    why: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Return whether the alert is firing."""
        return self.state is not State.RESOLVED


MUTED: Final = "muted"


@dataclass(frozen=True, slots=True)
class Aside:
    """An alert that a person is told of later, in a digest.

    `until` is when that digest is due, `why`: quiet (hours), budget, digest (always told there)
    or MUTED (until the mute is lifted).
    """

    person: str
    alert: str
    until: Micros
    why: str


@dataclass(slots=True)
class Incident:
    """Alerts of one rule and group, told together.

    `told` maps a subscriber to the alert ids that were put into messages for them,
    `messages` to the id of their first message (later ones follow it). `ordinals`
    counts messages by kind and is part of their ids. `aside` is what waits for digests.
    """

    id: str
    number: int
    rule: str
    key: str
    severity: Severity
    opened: Micros
    alerts: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    told: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    ordinals: dict[str, int] = field(default_factory=dict)
    last_told: Micros | None = None
    last_again: Micros | None = None
    closed: Micros | None = None
    aside: list[Aside] = field(default_factory=list)


@dataclass(slots=True)
class Silence:
    """Planned quiet: what fits `match` (keys of a rule's `match`, and `rule`) is told to nobody until `until`.

    `S-<number>` is what people use. `command` is the id of what asked for it, `ended` when it
    was over, early (by `ended_by`) or by the clock. `muted` counts the alerts it kept quiet,
    `numbers` are the first of them.
    """

    number: int
    match: dict[str, Any]
    start: Micros
    until: Micros
    reason: str
    by: str | None = None
    via: str = ""
    command: str = ""
    ended: Micros | None = None
    ended_by: str | None = None
    muted: int = 0
    numbers: list[int] = field(default_factory=list)


# --- people and messages ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a person: a messenger's name and an address there."""

    messenger: str
    address: str


@dataclass(frozen=True, slots=True)
class Button:
    """A press that comes back as text: `data` is what the messenger returns (at most 64 bytes)."""

    label: str
    data: str


class Kind(StrEnum):
    """What a message is about; part of its id."""

    FIRING = "firing"
    DELTA = "delta"
    RESOLVE = "resolve"
    AGAIN = "again"
    REPEAT = "repeat"
    WORSE = "worse"
    ESCALATE = "escalate"
    TAKEN = "taken"
    DIGEST = "digest"
    DUTY = "duty"
    UNREACHED = "unreached"
    OPERATOR = "operator"
    REPLY = "reply"
    TEST = "test"


@dataclass(slots=True)
class Message:
    """Something to be told to one person once; a row of the outbox.

    `channels` in order of preference. `follows` is the id of an earlier message this
    one must not overtake: it is told only to somebody who got that one, as a reply
    where the messenger can. `edits` says that this message changes the followed one
    in place where the messenger can (to `merged_text`, else `text`); where it cannot, it is
    sent if `text` is not empty. `replaces`: if that message is still unsent when this one commits, it is
    withdrawn and this one is told with `merged_text` instead. `expires`: not sent
    after that time. `alerts` are numbers such as `A-217`.
    """

    id: str
    kind: Kind
    subscriber: str
    channels: tuple[Channel, ...]
    text: str
    due: Micros
    severity: Severity = Severity.INFO
    language: str = "en"
    incident: str = ""
    alerts: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()
    follows: str | None = None
    edits: bool = False
    replaces: str | None = None
    merged_text: str = ""
    expires: Micros | None = None
    critical: bool = False
    data: dict[str, Any] = field(default_factory=dict)
    """The same facts as data, for messengers that carry JSON (webhook) or template parameters."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to be made now: a message, the channel, and what the attempt must know.

    `key` is the deterministic idempotency key hash(message id, channel, resend).
    `reply_to` is the provider's id of the followed message on this very channel.
    `resent` asks for the "Sent again" mark: the first attempt's answer was lost. `heard`
    is when this address last wrote to us (None: never): some messengers let us answer
    freely for a day after that. `spent` is what this messenger's messages have cost so far this month
    (UTC), in the currency of its prices.
    """

    message: Message
    channel: Channel
    key: str
    attempt: int
    reply_to: str | None = None
    resent: bool = False
    heard: Micros | None = None
    spent: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it; `ref` is its id for the message (empty if it gives none).

    `cost` is what it costs, in `currency` (ISO 4217; empty: free, or not known).
    """

    ref: str = ""
    cost: float = 0.0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not taken, worth trying again. `after`: seconds the provider asked for. `whole_account`: it meant all chats.

    `config` marks a fault of ours to mend (wrong token): messages stay queued and the
    operator is told by another channel.
    """

    why: str
    after: float | None = None
    whole_account: bool = False
    config: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """Refused for good on this channel: the person's next channel is tried.

    `gone` marks a person who blocked us: the channel is closed until they write again. `ours` marks a fault of
    ours (a template that does not exist): the operator is told. `unpaid` marks a month's budget that is spent: without
    another channel it waits for the person's digest, and the operator is told.
    """

    why: str
    gone: bool = False
    ours: bool = False
    unpaid: bool = False


@dataclass(frozen=True, slots=True)
class Unsure:
    """The answer was lost: it may or may not have been told."""

    why: str


Outcome = Sent | Retry | Reject | Unsure


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider tells later of a delivery: `Sent` where it arrived, else why it failed after all.

    `message` is the id of our message, `ref` the provider's id of the attempt (empty: not told).
    """

    message: str
    messenger: str
    outcome: Sent | Retry | Reject
    ref: str = ""


# --- events -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person wants done to alerts. `id` makes redelivery harmless.

    `action`: ack, unack, snooze, escalate, false_alarm, label (`comment`: why it was false), resolve.
    `numbers`: alert numbers.
    `by`: a subscriber id or, from the API, any name; None: nobody in particular.
    `until`: for snooze.
    """

    id: str
    at: Micros
    action: str
    numbers: tuple[int, ...]
    by: str | None = None
    until: Micros | None = None
    comment: str = ""
    via: str = ""

    @property
    def signed(self) -> str:
        """Return who is recorded: `anna`, `anna via MQTT` where another program speaks for a person, else the door."""
        return f"{self.by} via {self.via}" if self.by and self.via == "MQTT" else self.by or self.via or "?"


@dataclass(frozen=True, slots=True)
class Silencing:
    """Somebody wants planned quiet: for what fits `match` until `until`, or silence number `ends` to be over.

    `id` makes redelivery harmless. `by` as with `Command`.
    """

    id: str
    at: Micros
    match: Mapping[str, Any] = field(default_factory=dict)
    until: Micros = 0
    reason: str = ""
    ends: int | None = None
    by: str | None = None
    via: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a person did in a messenger: wrote text or pressed a button (`data`).

    `position` is the messenger's own cursor after this update, committed with its
    effects. `ref` is the provider's id of the message that carried the button.
    `gone`/`back` tell of somebody who blocked or unblocked the bot. `waited`: it was there when the
    messenger could be heard again, so nobody knows how long ago it was meant: it switches nothing.
    """

    id: str
    at: Micros
    messenger: str
    address: str
    sender: str
    name: str = ""
    text: str = ""
    data: str = ""
    ref: str = ""
    callback: str = ""
    position: str = ""
    gone: bool = False
    back: bool = False
    waited: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """The courier's report on one message: `state` sent, unsure, dead, expired, merged or dropped."""

    message: str
    incident: str
    subscriber: str
    kind: Kind
    alerts: tuple[str, ...]
    state: str
    at: Micros
    why: str = ""
    messenger: str = ""
    unpaid: bool = False
    """Given up because a month's budget is spent."""


@dataclass(frozen=True, slots=True)
class Link:
    """The source's connection came (`up`) or went. Time while it is down counts for no absence."""

    at: Micros
    up: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """alertd's own trouble, for the operator. `key` identifies it: told once until `over`."""

    key: str
    at: Micros
    text: str
    over: bool = False
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What one rule raised in a month: how many alerts, how many of them judged false, and why (label to count)."""

    rule: str
    alerts: int
    false: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """A month in numbers.

    `messages` counts by messenger what reached a person, `costs` what that cost, in the currency of the
    messenger's prices.
    """

    rules: tuple[RuleFigures, ...] = ()
    messages: Mapping[str, int] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Monthly:
    """The operator's summary of a month is due: `month` counts them (12 a year, 0 is January of the year 0).

    `currencies`: messenger to the currency (ISO 4217) of its prices, where it has any.
    """

    at: Micros
    month: int
    figures: Figures
    currencies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Appointment:
    """An event of a calendar, from `start` to before `end`; `attendees` by name or mail address."""

    start: Micros
    end: Micros
    summary: str
    attendees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rota:
    """What the duty calendars say now: their events, in the order in which the file names the calendars."""

    at: Micros
    calendars: tuple[tuple[Appointment, ...], ...]


# --- what people have changed -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """One line of the append-only consent ledger.

    `action`: given or withdrawn. `how`: config, joined, start, stop, blocked, erased. The
    address itself is not kept, only `address_hash`.
    """

    subscriber: str
    messenger: str
    address_hash: str
    action: str
    how: str
    wording: str
    at: Micros


@dataclass(frozen=True, slots=True)
class DutyWish:
    """Somebody's wish that another takes over their duty until a time; asked at `at`."""

    by: str
    until: Micros
    at: Micros


@dataclass(slots=True)
class PersonState:
    """What conversation changed about a person; wins over the file.

    `channels` were joined by message, in order; `stopped` maps a channel
    (`messenger:address`) to when STOP was said there; `consents` the same for a
    consent given by message. `duty` is what was last said about it: with False (DUTY OFF)
    or with `duty_until` it goes before the farm's plan, until then or, without, until the
    next word. `asked` is somebody's wish that they take over a duty. `erased`: when they were
    taken out of the store; nothing in the file counts for them any more, only what they say since.
    """

    id: str
    channels: list[Channel] = field(default_factory=list)
    stopped: dict[str, Micros] = field(default_factory=dict)
    consents: dict[str, Micros] = field(default_factory=dict)
    language: str | None = None
    duty: bool = True
    heard: dict[str, Micros] = field(default_factory=dict)
    """Channel to when they last wrote from it, where the messenger's window depends on it."""
    duty_until: Micros | None = None
    asked: DutyWish | None = None
    erased: Micros | None = None


@dataclass(slots=True)
class Invite:
    """A code to join by. `code_hash` only: the code itself is shown once and never kept."""

    code_hash: str
    subscriber: str
    created: Micros
    expires: Micros
    used: Micros | None = None


class Stage(StrEnum):
    """How far a wish to switch a device has come."""

    ASKED = "asked"
    """Asked back, not answered yet; after 2 min the question has lapsed."""
    DECLINED = "declined"
    CONFIRMED = "confirmed"
    """To be published now or never. Found after a restart, nobody can tell whether it was."""
    SENT = "sent"
    """The broker took it, and no result is asked for."""
    DONE = "done"
    """The device said so."""
    SILENT = "silent"
    """The broker took it, and the device did not say what was expected in time."""
    FAILED = "failed"
    """Nothing was switched."""
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Switching:
    """One wish to switch a device, and what became of it: kept as the record of who switched what.

    `action` is a name of the configuration, `by` who wished it where (`chat`); `alerts` are the numbers of
    the message whose button was pressed. `confirmed` is when it was meant: at once, or by the answer to the
    question. `why` says what went wrong.
    """

    id: str
    action: str
    by: str
    chat: Channel
    asked: Micros
    stage: Stage = Stage.ASKED
    alerts: tuple[str, ...] = ()
    confirmed: Micros | None = None
    ended: Micros | None = None
    why: str = ""


@dataclass(slots=True)
class Said:
    """What a person's words or press came to (`alertd.conversation`), apart from its commands.

    `update` is the inbound update's id, `position` the (messenger, cursor) after it. `erases`
    names a person who is taken out of alerts and incidents.
    """

    update: str
    at: Micros
    position: tuple[str, str] | None = None
    replies: list[Message] = field(default_factory=list)
    people: list[PersonState] = field(default_factory=list)
    consents: list[ConsentEntry] = field(default_factory=list)
    invites: list[Invite] = field(default_factory=list)
    erases: str | None = None
    switchings: list[Switching] = field(default_factory=list)


Event = Command | Silencing | Settled | Link | Trouble | Monthly | Rota | Said


# --- changes ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Changes:
    """Everything one step wants committed, in one transaction, and why."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    silences: dict[int, Silence] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    people: dict[str, PersonState] = field(default_factory=dict)
    consents: list[ConsentEntry] = field(default_factory=list)
    invites: dict[str, Invite] = field(default_factory=dict)
    switchings: dict[str, Switching] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    """Ids of commands and updates carried out: what makes their redelivery harmless."""
    positions: dict[str, str] = field(default_factory=dict)
    """Cursor per messenger that is polled (`telegram` to the next update offset)."""
    counters: dict[str, int] = field(default_factory=dict)
    readings: Batch = field(default_factory=Batch.empty)
    """What is to be journalled of the batch: neither repeats nor conflicts."""
    conflicts: list[int] = field(default_factory=list)
    """The series of each reading that says another value for a time that has one: it is rejected."""
    repeats: list[int] = field(default_factory=list)
    """The series of each reading that was known: it changes nothing and is not counted."""
    moves: list[tuple[Micros, Alert]] = field(default_factory=list)
    """Each time an alert began to fire or was resolved: when, and the alert as it was then; in order."""
    why: list[str] = field(default_factory=list)
    """One sentence per transition, the same words for log, console and tests."""

    @property
    def any(self) -> bool:
        """Return whether anything must be committed at once."""
        return bool(
            self.alerts
            or self.incidents
            or self.silences
            or self.messages
            or self.people
            or self.consents
            or self.invites
            or self.switchings
            or self.commands
            or self.positions
            or self.counters
        )

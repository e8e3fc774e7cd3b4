"""What is told to whom, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from alertd.model.alerts import Severity
from alertd.model.time import Micros


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

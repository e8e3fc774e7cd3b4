"""What reaches the engine besides readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from alertd.model.alerts import Severity
from alertd.model.messages import Kind, Message
from alertd.model.people import ConsentEntry, Invite, PersonState, Switching
from alertd.model.time import Micros


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


OBJECT: Final = "\ufffc"
"""The text of what is none, a voice message or a picture: Unicode's sign for an object that stands there."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a person did in a messenger: wrote text or pressed a button (`data`).

    `position` is the messenger's own cursor after this update, committed with its
    effects. `ref` is the provider's id of the message that carried the button, or that the text quotes.
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
    about: str = ""
    """The id of our message that a text quotes or answers; "": none, or one that is forgotten."""
    timeless: bool = False
    """Nobody says when this was done, and it may come late: a press of Telegram's by webhook."""


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
class Spending:
    """What a messenger's messages have cost so far in the month (UTC) of `at`, beside the month's budget."""

    at: Micros
    messenger: str
    spent: float
    budget: float
    currency: str


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


Event = Command | Silencing | Settled | Link | Trouble | Monthly | Spending | Rota | Said

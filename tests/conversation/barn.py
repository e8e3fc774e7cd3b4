"""A small farm to talk to: people, alerts and messages as the book would show them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from alertd.alerting.settings import Rule
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.conversation import Answer, Setup, answer, sender_key
from alertd.ingest.settings import Device
from alertd.model import (
    HOUR,
    MINUTE,
    SECOND,
    Alert,
    Inbound,
    Invite,
    Micros,
    Reading,
    Series,
    Severity,
    Silence,
    State,
    Switching,
)
from alertd.seams import Abilities
from alertd.wording import Words

NOW = 1_795_312_200 * SECOND  # 02:50 in Berlin
PEOPLE = [
    {
        "id": "anna",
        "name": "Anna",
        "channels": [{"telegram": "4711"}],
        "consent": "2026-11-01",
    },
    {"id": "otto", "name": "Otto", "language": "de", "channels": [{"telegram": "4712"}], "consent": "2026-11-01"},
    {"id": "vet", "name": "Dr. Weber", "channels": [{"telegram": "4713"}]},
    {"id": "family", "channels": [{"telegram": "-100"}], "consent": "2026-11-01"},
]
DEVICES = [Device(id="cow-0421", name="Berta", tag="DE 09 12300421"), Device(id="cow-7", name="Alma")]


def fever(number: int, **facts: Any) -> Alert:
    known: dict[str, Any] = {
        "id": f"x{number}",
        "number": number,
        "rule": "fever",
        "device": "cow-0421",
        "metric": "body_temperature",
        "group": "dairy",
        "severity": Severity.CRITICAL,
        "state": State.FIRING,
        "value": 40.1,
        "unit": "degC",
        "normal": None,
        "started": NOW - 40 * MINUTE,
    }
    return Alert(**(known | facts))


RULES = [
    Rule.model_validate(
        {
            "name": "fever",
            "detect": {"kind": "threshold", "above": 39.5},
            "severity": "critical",
            "actions": ["fan-3-on"],
        }
    )
]
MEANS = {
    "telegram": Abilities(limit=4096, buttons=6, inbound=True, authenticates=True),
    "signal": Abilities(limit=2000, inbound=True, authenticates=True),
    "sms": Abilities(limit=1600, inbound=True),
}


@dataclass
class Barn:
    """A `View`, the people, and the outbox's promise that a message id is told once."""

    alerts: list[Alert] = field(default_factory=list)
    messages: dict[str, tuple[str, Micros, tuple[int, ...]]] = field(default_factory=dict)
    incidents: dict[int, tuple[int, ...]] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    invites: dict[str, Invite] = field(default_factory=dict)
    copies: dict[str, list[tuple[Series, float]]] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)
    wrong: dict[str, list[Micros]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    updates: int = 0
    more: tuple[dict[str, Any], ...] = ()
    switchings: dict[str, Switching] = field(default_factory=dict)
    setup: Setup = field(default_factory=lambda: Setup(abilities=MEANS))

    def __post_init__(self) -> None:
        self.people = People(
            [Subscriber.model_validate(one) for one in (*PEOPLE, *self.more)],
            {},
            operator=None,
            language="en",
            timezone="Europe/Berlin",
            invites=self.invites,
        )
        self.words = Words(
            RULES, DEVICES, language="en", farm="Hof Lindenau", actions=list(self.setup.actions.values())
        )

    # --- View ---

    def open_alerts(self) -> list[Alert]:
        return [one for one in self.alerts if one.open]

    def numbered(self, number: int) -> Alert | None:
        return next((one for one in self.alerts if one.number == number), None)

    def in_incident(self, number: int) -> tuple[int, ...] | None:
        return self.incidents.get(number)

    def named_in(self, message_id: str) -> tuple[int, ...] | None:
        known = self.messages.get(message_id)
        return known[2] if known else None

    def unanswered(self, person: str, since: Micros) -> list[tuple[int, ...]]:
        def waits(number: int) -> bool:
            alert = self.numbered(number)
            return alert is not None and alert.open and alert.acknowledged_by is None

        return [
            numbers
            for whom, at, numbers in reversed(self.messages.values())
            if whom == person and at >= since and any(waits(number) for number in numbers)
        ]

    def tries(self, sender: str) -> list[Micros]:
        return self.wrong.get(sender, [])

    def places(self) -> list[dict[str, str]]:
        return [{"device": "fan-3", "metric": "power", "group": "dairy", "barn": "barn2"}]

    def quiet(self) -> list[Silence]:
        return self.silences

    def heard_devices(self) -> list[str]:
        return ["gw-1", "cow-0421"]

    def latest(self, device: str) -> list[tuple[Series, float, Micros]]:
        return [
            (Series(one.device, one.metric, one.unit), one.value, one.time)
            for one in self.readings
            if one.device == device
        ]

    def retained(self, device: str) -> list[tuple[Series, float]]:
        return self.copies.get(device, [])

    def switched(self) -> list[Switching]:
        return list(self.switchings.values())

    def last_heard(self) -> Micros | None:
        return max((one.received for one in self.readings), default=None)

    # --- people write ---

    def update(self, text: str = "", sender: str = "4711", **facts: Any) -> Inbound:
        self.updates += 1
        known = {"address": sender, "messenger": "telegram"} | facts
        return Inbound(id=str(self.updates), at=NOW, sender=sender, text=text, **known)

    def take(self, update: Inbound, now: Micros = NOW) -> Answer:
        """Answer, and apply what people and counters the engine would."""
        said = answer(update, self.people, self, self.words, now, self.setup)
        self.people.apply(said.people, said.invites)
        self.switchings |= {one.id: one for one in said.switchings}
        if said.tried:
            self.wrong.setdefault(sender_key(update), []).append(now)
        return said

    def say(self, text: str, sender: str = "4711", now: Micros = NOW, **facts: Any) -> list[str]:
        """Return what comes back on the phone: a message id that was told before is not told again."""
        said = self.take(self.update(text, sender, **facts), now)
        fresh = [reply for reply in said.replies if reply.id not in self.told]
        self.told |= {reply.id: reply.text for reply in fresh}
        return [reply.text for reply in fresh]


def two_fevers() -> Barn:
    """A-217 (Berta) told an hour ago, A-218 (Alma) just now, A-200 is over, A-201 Otto took."""
    barn = Barn(
        [
            fever(217),
            fever(218, device="cow-7"),
            fever(200, state=State.RESOLVED, resolved=NOW - HOUR),
            fever(201, acknowledged_by="otto", acknowledged_at=NOW - 5 * MINUTE),
        ]
    )
    barn.messages = {
        "m217": ("anna", NOW - HOUR, (217,)),
        "m218": ("anna", NOW, (218,)),
        "m200": ("anna", NOW - HOUR, (200,)),
        "g": ("family", NOW, (217,)),
    }
    barn.incidents = {31: (217, 218, 200)}
    return barn

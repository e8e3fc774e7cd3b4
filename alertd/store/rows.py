"""How alerts, incidents, messages and people become rows, and back."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.model import (
    Alert,
    Channel,
    Delivery,
    Incident,
    Invite,
    Kind,
    Message,
    PersonState,
    Settled,
    Silence,
    Switching,
    stable_id,
)
from alertd.seams import Settlement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.model import Micros, Receipt

WAITS: Final = ("queued", "claimed")
"""States of a message whose end is open; every other one is final."""
REACHED: Final = ("sent", "unsure")
"""Final states in which a person got the message, or may have."""
SETTLED_COLUMNS: Final = ("id", "incident", "subscriber", "kind", "alerts", "state", "settled", "why", "messenger")
"""The columns of `messages` that `settled` wants, in its order."""

_json = msgspec.json.Encoder()
_alert = msgspec.json.Decoder(Alert)
_incident = msgspec.json.Decoder(Incident)
_silence = msgspec.json.Decoder(Silence)
_message = msgspec.json.Decoder(Message)
_person = msgspec.json.Decoder(PersonState)
_invite = msgspec.json.Decoder(Invite)
_switching = msgspec.json.Decoder(Switching)
_texts = msgspec.json.Decoder(tuple[str, ...])


MILLION: Final = 1_000_000
"""Costs are kept as whole millionths of the currency."""


def cost_counter(messenger: str, at: Micros) -> str:
    """Return the counter of what a messenger's messages cost in the month (UTC) of a time."""
    return f"cost {messenger} {datetime.fromtimestamp(at // MILLION, UTC):%Y-%m}"


def dump(thing: Any) -> str:
    """Write a dataclass of the model, or plain data, as JSON."""
    return _json.encode(thing).decode()


def read_alert(body: str) -> Alert:
    """Read an alert back; raises `msgspec.MsgspecError` if it is not one (as do all of these)."""
    return _alert.decode(body)


def read_incident(body: str) -> Incident:
    """Read an incident back."""
    return _incident.decode(body)


def read_silence(body: str) -> Silence:
    """Read a silence back."""
    return _silence.decode(body)


def read_switching(body: str) -> Switching:
    """Read a wish to switch a device back."""
    return _switching.decode(body)


def read_message(body: str) -> Message:
    """Read a message back."""
    return _message.decode(body)


def read_person(body: str) -> PersonState:
    """Read back what a person changed by conversation."""
    return _person.decode(body)


def read_invite(body: str) -> Invite:
    """Read an invite back."""
    return _invite.decode(body)


def read_texts(body: str) -> tuple[str, ...]:
    """Read a list of texts back (the alert numbers of a message)."""
    return _texts.decode(body)


def alert_row(alert: Alert) -> dict[str, Any]:
    """Lay out an alert for the table `alerts`."""
    return {
        "id": alert.id,
        "number": alert.number,
        "rule": alert.rule,
        "device": alert.device,
        "state": alert.state.value,
        "held": held(alert),
        "started": alert.started,
        "resolved": alert.resolved,
        "incident": alert.incident,
        "body": dump(alert),
    }


def held(alert: Alert) -> bool:
    """Tell whether the book needs this alert however old it is: it is open, or dismissed until a good reading."""
    return alert.open or alert.dismissed


def incident_row(incident: Incident) -> dict[str, Any]:
    """Lay out an incident for the table `incidents`."""
    return {
        "id": incident.id,
        "number": incident.number,
        "rule": incident.rule,
        "opened": incident.opened,
        "closed": incident.closed,
        "body": dump(incident),
    }


def silence_row(silence: Silence) -> dict[str, Any]:
    """Lay out a silence for the table `silences`."""
    return {"number": silence.number, "until": silence.until, "ended": silence.ended, "body": dump(silence)}


def switching_row(switching: Switching) -> dict[str, Any]:
    """Lay out a wish to switch a device for the table `switchings`."""
    return {"id": switching.id, "asked": switching.asked, "body": dump(switching)}


def message_row(message: Message, now: Micros) -> dict[str, Any]:
    """Lay out a new message for the table `messages`, queued for the first of its channels."""
    first = channel_at(message, 0)
    return {
        "id": message.id,
        "state": "queued",
        "kind": message.kind.value,
        "subscriber": message.subscriber,
        "incident": message.incident,
        "alerts": dump(message.alerts),
        "severity": message.severity.value,
        "critical": message.critical,
        "due": message.due,
        "expires": message.expires,
        "follows": message.follows,
        "merged_into": None,
        "channel": 0,
        "messenger": first.messenger,
        "address": first.address,
        "attempts": 0,
        "resend": False,
        "created": now,
        "settled": None,
        "why": "",
        "body": dump(message),
    }


def settled(row: Sequence[Any]) -> Settled:
    """Read the report on a final message from the columns `SETTLED_COLUMNS`."""
    message, incident, subscriber, kind, alerts, state, at, why, messenger = row
    return Settled(message, incident, subscriber, Kind(kind), read_texts(alerts), state, at, why, messenger)


def channel_at(message: Message, index: int) -> Channel:
    """Return a channel of a message; one without a name where there is none, so that the row can still be shown."""
    return message.channels[index] if index < len(message.channels) else Channel("", "")


def prefer(channels: tuple[Channel, ...], best: Channel) -> tuple[Channel, ...]:
    """Put the channel on which the earlier message arrived first, the others behind it in their order."""
    if best not in channels:
        return channels
    return (best, *(channel for channel in channels if channel != best))


def merge(message: Message, replaced: str, replaced_follows: str | None) -> Message:
    """Return the message as it is told when the one it replaces was never sent.

    It then follows what the withdrawn one followed: that one itself will never arrive.
    """
    follows = replaced_follows if message.follows == replaced else message.follows
    return dataclasses.replace(message, text=message.merged_text or message.text, follows=follows)


def attempt(message: Message, *, index: int, number: int, resend: bool, reply_to: str | None) -> Delivery:
    """Return attempt `number` at channel `index`; its key is the same for the same message, channel and resend."""
    channel = channel_at(message, index)
    return Delivery(message, channel, stable_id(message.id, index, resend), number, reply_to, resend)


def arrived(told: Receipt, channel: int, now: Micros) -> Settlement:
    """Return the end of a message whose arrival was told later."""
    return Settlement("sent", "sent", now, "told later", told.ref, channel=channel)

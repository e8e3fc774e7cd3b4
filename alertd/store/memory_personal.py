"""What is held of one person in the store in memory: the rules of `alertd.store.personal`, on a `Disk`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from alertd.audience.erasing import ERASED, anonymous_alert, anonymous_incident, anonymous_switching, names_person
from alertd.model import Channel
from alertd.store.personal import KINDS
from alertd.store.rows import channel_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alertd.model import Alert, Invite, Micros
    from alertd.store.memory_disk import Disk
    from alertd.store.memory_outbox import Slip


def gather(disk: Disk, person: str) -> tuple[list[dict[str, Any]], list[Alert], list[Invite]]:
    """Return all messages to a person as data, alerts that name them, and their invites."""
    told = [_told(slip) for slip in disk.outbox.slips.values() if slip.message.subscriber == person]
    named = [alert for alert in disk.alerts.values() if names_person(alert, person)]
    return told, named, [one for one in disk.kept.invites.values() if one.subscriber == person]


def erase(disk: Disk, person: str, addresses: Iterable[str], now: Micros) -> tuple[int, int]:
    """Take a person out of everything that is over; return how many messages and alerts were made anonymous."""
    outbox, mine = disk.outbox, [slip for slip in disk.outbox.slips.values() if slip.message.subscriber == person]
    for slip in mine:
        if slip.state == "queued":
            slip.state, slip.settled, slip.why = "dropped", now, "the person was erased"
            del outbox.pending[slip.message.id]
    told = [slip for slip in mine if slip.state != "claimed"]
    for slip in told:
        nowhere = tuple(Channel(channel.messenger, "") for channel in slip.message.channels)
        slip.message = dataclasses.replace(slip.message, subscriber=ERASED, channels=nowhere)
        slip.forgotten, slip.why = True, ""
        slip.tries = [one | {"ref": ""} for one in slip.tries]
    named = [alert for alert in disk.alerts.values() if names_person(alert, person)]
    disk.alerts |= {alert.id: anonymous_alert(alert, person) for alert in named}
    disk.incidents = {key: anonymous_incident(one, person) for key, one in disk.incidents.items()}
    disk.switchings |= {key: anonymous_switching(one) for key, one in disk.switchings.items() if one.by == person}
    disk.kept.invites = {key: one for key, one in disk.kept.invites.items() if one.subscriber != person}
    words = {word.encode() for word in (person, *addresses) if word}
    disk.quarantine = [
        one for one in disk.quarantine if one.kind not in KINDS or not any(word in one.payload for word in words)
    ]
    return len(told), len(named)


def _told(slip: Slip) -> dict[str, Any]:
    message, channel = slip.message, channel_at(slip.message, slip.channel)
    return {
        "id": message.id,
        "kind": message.kind.value,
        "severity": message.severity.value,
        "state": slip.state,
        "messenger": channel.messenger,
        "address": channel.address,
        "due": slip.due,
        "created": slip.created,
        "settled": slip.settled,
        "why": slip.why,
        "text": None if slip.forgotten else message.text,
        "deliveries": list(slip.tries),
    }

"""A person is taken out of what the farm keeps: their name gives way to `erased`, what they did stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.model import Channel

if TYPE_CHECKING:
    from alertd.model import Alert, Incident, Switching

ERASED: Final = "erased"
"""Stands where a person was."""


def names_person(alert: Alert, person: str) -> bool:
    """Return whether somebody took, snoozed or judged this alert."""
    return person in (alert.acknowledged_by, alert.false_alarm_by) or person in alert.snoozed


def anonymous_alert(alert: Alert, person: str) -> Alert:
    """Return the alert without the person; a note they left goes with them."""
    took = alert.acknowledged_by == person
    return replace(
        alert,
        acknowledged_by=ERASED if took else alert.acknowledged_by,
        acknowledged_note="" if took else alert.acknowledged_note,
        false_alarm_by=ERASED if alert.false_alarm_by == person else alert.false_alarm_by,
        snoozed={who: until for who, until in alert.snoozed.items() if who != person},
        labels=dict(alert.labels),
    )


def anonymous_switching(switching: Switching) -> Switching:
    """Return what was switched without who did it, and without their address."""
    return replace(switching, by=ERASED, chat=Channel(switching.chat.messenger, ""))


def anonymous_incident(incident: Incident, person: str) -> Incident:
    """Return the incident as if the person had never been told of it."""
    return replace(
        incident,
        told={who: ids for who, ids in incident.told.items() if who != person},
        messages={
            key: one for key, one in incident.messages.items() if person not in (key, key.removeprefix("delta "))
        },
        aside=[one for one in incident.aside if one.person != person],
    )

"""What one step wants committed."""

from __future__ import annotations

from dataclasses import dataclass, field

from alertd.model.alerts import Alert, Incident, Silence
from alertd.model.messages import Message
from alertd.model.people import ConsentEntry, Invite, PersonState, Switching
from alertd.model.readings import Batch
from alertd.model.time import Micros


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

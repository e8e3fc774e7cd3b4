"""One step under way: what it changes, and what there is to tell of it.

Every change of the book goes through the turn, which announces it to the step's
`Undo` first and collects what must be committed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING

from alertd.model import Alert, Changes, Incident, Kind, Silence

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.alerting.machine import Machine
    from alertd.model import Micros
    from alertd.undo import Undo

_FACTS = attrgetter(*(one.name for one in fields(Alert)))
"""All of an alert, in the order in which it is made; five times as fast as `dataclasses.replace`."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Something to be told: the engine finds the people and the words.

    `to` names one person (escalation, end of a snooze), `by` who caused it, `ended` marks a
    firing message whose alerts have all resolved before it could go out.
    """

    kind: Kind
    incident: Incident
    alerts: tuple[Alert, ...]
    at: Micros
    to: str | None = None
    by: str | None = None
    ended: bool = False
    why: str = ""


@dataclass(slots=True)
class Turn:
    """One step under way: the book, what it changes, and what there is to tell."""

    book: Book
    undo: Undo
    changes: Changes = field(default_factory=Changes)
    tells: list[Tell] = field(default_factory=list)
    due_now: dict[tuple[str, str, str], None] = field(default_factory=dict)
    """(what, incident or alert id, to whom or why) to be told at once, together."""
    soon_at: Micros | None = None
    """When the first of them became due."""
    closed: list[Silence] = field(default_factory=list)
    """Silences that ended in this step: who made them is told what they kept quiet."""

    def soon(self, what: str, name: str, at: Micros, to: str = "") -> None:
        """Have something told at once, with whatever else becomes due within the same moment."""
        self.due_now[what, name, to] = None
        if self.soon_at is None:
            self.soon_at = at

    def alert(self, alert: Alert) -> Alert:
        """Announce that `alert` is about to change, and that it must be committed."""
        self.undo.attrs(alert)
        self.changes.alerts[alert.id] = alert
        return alert

    def moved(self, alert: Alert, at: Micros) -> None:
        """Note that `alert` has just begun to fire, or was resolved."""
        self.changes.moves.append((at, Alert(*_FACTS(alert))))

    def incident(self, incident: Incident) -> Incident:
        """Announce that `incident` is about to change, and that it must be committed."""
        self.undo.attrs(incident)
        self.changes.incidents[incident.id] = incident
        return incident

    def silence(self, silence: Silence) -> Silence:
        """Announce that `silence` is about to change, and that it must be committed."""
        self.undo.attrs(silence)
        self.changes.silences[silence.number] = silence
        return silence

    def opened(self, incident: str, change: int) -> None:
        """Count the open alerts of an incident."""
        firing = self.book.firing
        self.undo.item(firing, incident)
        firing[incident] = firing.get(incident, 0) + change

    def machine(self, machine: Machine) -> Machine:
        """Announce that `machine` is about to change."""
        self.undo.attrs(machine)
        return machine

    def count(self, name: str) -> int:
        """Return the next number of the counter `name` (`alert`, `incident`); committed with what bears it."""
        counters = self.book.counters
        self.undo.item(counters, name)
        counters[name] = counters.get(name, 0) + 1
        self.changes.counters[name] = counters[name]
        return counters[name]

"""What people can refer to: alerts and their numbers, incidents, silences, the messages that named them.

Plain data with look-ups, a part of the book: what conversation, API and shell ask it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.alerting.machine import identity_of
from alertd.model import DAY, HOUR, Alert, Incident, Kind, Silence

if TYPE_CHECKING:
    from collections.abc import Collection

    from alertd.alerting.inhibition import Inhibition
    from alertd.alerting.machine import Identity
    from alertd.model import Micros, Switching

REMEMBERED = 2 * DAY
"""How long an alert that is over is kept: what ended after a digest is told with the next one, a long day later."""

_ASKING = (Kind.FIRING, Kind.DELTA, Kind.AGAIN, Kind.WORSE, Kind.ESCALATE, Kind.DIGEST)
"""Kinds of messages that wait for an answer."""


class Records:
    """Alerts and incidents that still matter, and what was said of them."""

    def __init__(self, inhibition: Inhibition) -> None:
        self.inhibition = inhibition
        self.alerts: dict[str, Alert] = {}
        self.by_identity: dict[Identity, str] = {}
        self.by_number: dict[int, str] = {}
        self.incidents: dict[str, Incident] = {}
        self.open_incidents: dict[tuple[str, str], str] = {}
        self.firing: dict[str, int] = {}
        """Incident id to how many of its alerts are firing."""
        self.silences: dict[int, Silence] = {}
        """Those under way, and those that ended within the last two days."""
        self.switchings: dict[str, Switching] = {}
        """Wishes to switch a device of the last two days, oldest first; replaced, never changed in place."""
        self.counters: dict[str, int] = {}
        self.commands: dict[str, int] = {}
        self.named: dict[str, tuple[str, tuple[str, ...], Micros, Kind]] = {}
        """Message id to (person, alert numbers, when, kind): what a button or a bare ACK means."""
        self.carried: dict[str, tuple[str, ...]] = {}
        """Delta message id to the alert numbers it tells of, with those of the unsent deltas it replaces."""
        self.settled: set[str] = set()
        """Ids of messages that were sent or given up."""
        self.reached: dict[str, set[str]] = {}
        """Alert id to the ids of messages that reached somebody with it."""
        self.failures: dict[str, str] = {}
        """Alert id to the last reason why somebody was not reached."""
        self.unreached: dict[str, Micros] = {}
        """Alerts of which not even the operator could be told."""
        self.troubles: dict[str, Micros] = {}
        self.wrong_codes: dict[str, list[Micros]] = {}
        """Sender to when they said a wrong code, of the last hour."""

    # --- what conversation and API look at ---

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that are firing, worst first, then newest first."""
        firing = [alert for alert in self.alerts.values() if alert.open and not alert.shadow]
        return sorted(firing, key=lambda alert: (-alert.severity.rank, -alert.started, alert.number))

    def switched(self) -> Collection[Switching]:
        """Return the wishes to switch a device of the last two days, oldest first."""
        return self.switchings.values()

    def numbered(self, number: int) -> Alert | None:
        """Return the alert `A-<number>` while the book still knows it."""
        found = self.by_number.get(number)
        return None if found is None else self.alerts.get(found)

    def named_in(self, message_id: str) -> tuple[int, ...] | None:
        """Return the alert numbers that a message names, None for a message long gone."""
        found = self.named.get(message_id)
        return None if found is None else tuple(int(number.removeprefix("A-")) for number in found[1])

    def unanswered(self, person: str, since: Micros) -> list[tuple[int, ...]]:
        """Return the numbers named by each still unanswered alert message to a person since then, newest first."""
        found = []
        for who, numbers, at, kind in self.named.values():
            if who != person or at < since or kind not in _ASKING:
                continue
            still = tuple(
                number
                for number in (int(text.removeprefix("A-")) for text in numbers)
                if (alert := self.numbered(number)) and alert.open and alert.acknowledged_by is None
            )
            if still:
                found.append((at, still))
        return [numbers for _, numbers in sorted(found, reverse=True)]

    def in_incident(self, number: int) -> tuple[int, ...] | None:
        """Return the alert numbers of the incident `I-<number>`, None if it is not known."""
        for incident in self.incidents.values():
            if incident.number == number:
                return tuple(self.alerts[one].number for one in incident.alerts if one in self.alerts)
        return None

    def tries(self, sender: str) -> list[Micros]:
        """Return when a sender said a wrong code."""
        return self.wrong_codes.get(sender, [])

    def quiet(self) -> list[Silence]:
        """Return the silences under way."""
        return [silence for silence in self.silences.values() if silence.ended is None]

    # --- what comes and goes ---

    def keep(self, alert: Alert) -> None:
        """Enter an alert into the tables (restore and first firing)."""
        self.alerts[alert.id] = alert
        self.by_number[alert.number] = alert.id
        if self.inhibition.entries and not alert.shadow:
            self.inhibition.enter(alert)
        identity = identity_of(alert)
        known = self.alerts.get(self.by_identity.get(identity, ""))
        if known is None or alert.open or alert.started >= known.started:
            self.by_identity[identity] = alert.id

    def forget(self, now: Micros) -> None:
        """Drop what nobody can refer to any more: resolved for two days and not dismissed. Not part of any step."""
        gone = [
            alert
            for alert in self.alerts.values()
            if not alert.open and not alert.dismissed and (alert.resolved or 0) < now - REMEMBERED
        ]
        for alert in gone:
            del self.alerts[alert.id]
            self.inhibition.leave(alert)
            self.by_number.pop(alert.number, None)
            identity = identity_of(alert)
            if self.by_identity.get(identity) == alert.id:
                del self.by_identity[identity]
            self.reached.pop(alert.id, None)
            self.failures.pop(alert.id, None)
            self.unreached.pop(alert.id, None)
        for incident in [one for one in self.incidents.values() if not any(a in self.alerts for a in one.alerts)]:
            del self.incidents[incident.id]
            self.firing.pop(incident.id, None)
            if self.open_incidents.get((incident.rule, incident.key)) == incident.id:
                del self.open_incidents[incident.rule, incident.key]
        for silence in [
            one for one in self.silences.values() if one.ended is not None and one.ended < now - REMEMBERED
        ]:
            del self.silences[silence.number]
        for switching in [one for one in self.switchings.values() if one.asked < now - REMEMBERED]:
            del self.switchings[switching.id]
        for message_id in [key for key, (_, _, at, _) in self.named.items() if at < now - DAY]:
            del self.named[message_id]
            self.carried.pop(message_id, None)
            self.settled.discard(message_id)
        for sender in [key for key, tries in self.wrong_codes.items() if not tries or tries[-1] < now - HOUR]:
            del self.wrong_codes[sender]
        for command in [key for key, at in self.commands.items() if at < now - 2 * DAY]:
            del self.commands[command]

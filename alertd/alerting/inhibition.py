"""A bigger alert makes smaller ones pointless: which alerts and series belong together by `inhibit:`.

Causes and effects of one `inhibit` entry meet in a place: the entry's number and the
values of its `same` labels. Looking up a place costs the same with ten alerts as
with ten thousand. Causes may have causes (broker, gateway, device), so that a power
cut is one message; what mutes each other in a circle is muted by whichever fired first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.alerting.rules import alert_attributes, matches
from alertd.model import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alertd.alerting.settings import Inhibit
    from alertd.model import Alert

TAIL: Final = 10 * MINUTE
"""Inhibition lasts this long beyond its cause (or three usual intervals of the muted series, if longer)."""
MOST_WAITED_FOR: Final = 100
"""What any of more series than these could cause waits for none of them: that is no tree of availability."""

Place = tuple[int, tuple[str, ...]]
"""(number of the `inhibit` entry, the values of its `same` labels)."""


class Inhibition:
    """The alerts and series that cause or suffer inhibition, by place. What is true of them is asked elsewhere."""

    def __init__(self, entries: Sequence[Inhibit]) -> None:
        self.entries = list(entries)
        self._causes: dict[Place, dict[str, None]] = {}
        self._effects: dict[Place, dict[str, None]] = {}
        self._rows: dict[Place, list[tuple[int, int]]] = {}

    def enter(self, alert: Alert) -> None:
        """Take an alert into the tables."""
        for table, place in self._tables(alert):
            table.setdefault(place, {})[alert.id] = None

    def leave(self, alert: Alert) -> None:
        """Forget an alert."""
        for table, place in self._tables(alert):
            found = table.get(place, {})
            found.pop(alert.id, None)
            if not found:
                table.pop(place, None)

    def watch(self, rule: int, name: str, row: int, known: Mapping[str, str]) -> None:
        """Note that rule number `rule` on series `row` could become a cause."""
        for number, entry in enumerate(self.entries):
            place = self._place(number, entry.when, {**known, "rule": name})
            if place is not None:
                self._rows.setdefault(place, []).append((rule, row))

    def causes(self, alert: Alert) -> list[str]:
        """Return the ids of the alerts, open or over, that may mute this one."""
        return self._met(alert, self._causes, [entry.mute for entry in self.entries])

    def effects(self, alert: Alert) -> list[str]:
        """Return the ids of the alerts, open or over, that this one may mute."""
        return self._met(alert, self._effects, [entry.when for entry in self.entries])

    def possible(self, alert: Alert) -> list[tuple[int, int]]:
        """Return (rule, row) of what could become a cause of this alert, if that is a few."""
        found: dict[tuple[int, int], None] = {}
        for place in self._places(alert, [entry.mute for entry in self.entries]):
            rows = self._rows.get(place, ())
            if len(rows) <= MOST_WAITED_FOR:
                found |= dict.fromkeys(rows)
        return list(found)

    def _met(
        self, alert: Alert, table: dict[Place, dict[str, None]], sides: Sequence[Mapping[str, object]]
    ) -> list[str]:
        found: dict[str, None] = {}
        for place in self._places(alert, sides):
            found |= table.get(place, {})
        found.pop(alert.id, None)
        return list(found)

    def _tables(self, alert: Alert) -> Iterator[tuple[dict[Place, dict[str, None]], Place]]:
        for place in self._places(alert, [entry.when for entry in self.entries]):
            yield self._causes, place
        for place in self._places(alert, [entry.mute for entry in self.entries]):
            yield self._effects, place

    def _places(self, alert: Alert, sides: Sequence[Mapping[str, object]]) -> Iterator[Place]:
        known = alert_attributes(alert) if sides else {}
        for number, side in enumerate(sides):
            place = self._place(number, side, known)
            if place is not None:
                yield place

    def _place(self, number: int, side: Mapping[str, object], known: Mapping[str, str]) -> Place | None:
        """Return where an alert of these attributes stands by one side of an entry; a missing label stands nowhere."""
        if not matches(side, known):
            return None
        values = [known.get(label) for label in self.entries[number].same]
        return None if None in values else (number, tuple(value for value in values if value is not None))

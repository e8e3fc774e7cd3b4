"""A daemon in memory: what stands behind HTTP in these tests, and what was asked of it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alertd.model import HOUR, SECOND
from alertd.web.desk import Health, Part
from alertd.web.metrics import Levels, Metrics
from alertd.web.page import Farm

if TYPE_CHECKING:
    from alertd.web.desk import Row

NOW = 1_795_313_700 * SECOND  # 2026-11-22T12:15:00Z, 13:15 in Berlin
FARM = Farm("Hof <Lindenau>", "de", ZoneInfo("Europe/Berlin"))


def alert(number: int, **other: Any) -> Row:
    """Return one firing alert in the JSON of the contract."""
    row = {
        "id": f"A-{number}" if number else None,
        "rule": "fever",
        "device": "cow-0421",
        "metric": "body_temperature",
        "group": "dairy",
        "severity": "critical",
        "state": "firing",
        "value": 40.1,
        "unit": "degC",
        "normal": 38.6,
        "started": f"2026-11-22T01:{number % 60:02d}:00Z",
        "fired": "2026-11-22T01:40:00Z",
        "resolved": None,
        "acknowledged_by": None,
        "snoozed_until": None,
        "why": "40.1 above 39.5 for 30m",
    }
    return row | other


class FakeDesk:
    """Keeps the promises of `alertd.web.desk.Desk` for a herd of one cow."""

    def __init__(self, *rows: Row) -> None:
        self.rows = {int((row["id"] or "A-0")[2:]): row for row in rows}
        self.past: dict[int, Row] = {}
        self.commands: list[tuple[Any, ...]] = []
        self.parts = {name: Part(True, "fine") for name in ("windows", "subscriptions", "broker", "store", "couriers")}
        self.quiet: dict[int, Row] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.figures = Metrics(Levels)
        self.never: asyncio.Event | None = None

    def health(self) -> Health:
        return Health(self.parts)

    def metrics(self) -> bytes:
        return self.figures.render()

    def alerts(self, state: str) -> list[Row]:
        return [row for row in self.rows.values() if state == "all" or row["state"] != "resolved"]

    async def past_alerts(self, limit: int, before: int | None) -> list[Row]:
        numbers = sorted(
            (one for one in self.past | self.rows if one and (before is None or one < before)), reverse=True
        )
        return [(self.past | self.rows)[one] for one in numbers[:limit]]

    def labels(self) -> set[str]:
        return {"barn"}

    def people(self) -> list[Row]:
        return [
            {"id": "anna", "name": "Anna", "channels": ["telegram"]},
            {"id": "vet", "name": "Dr. Weber", "channels": []},
        ]

    def devices(self) -> list[Row]:
        return [{"id": "cow-0421", "name": "Berta"}]

    def rules(self) -> list[Row]:
        return [
            {"name": "fever", "series": 40, "warming": 3, "warmup": "3d"},
            {"name": "restless", "series": 40, "warming": 0, "warmup": "0s"},
        ]

    def sources(self) -> list[Row]:
        return [{"name": "collars"}]

    def doctor(self, seconds: float) -> list[Row] | None:
        self.asked.append(("doctor", seconds))
        return [{"level": "ok", "part": "clock", "text": "set by the network", "remedy": ""}]

    def route(self, facts: dict[str, str], at: int | None) -> Row:
        if facts.get("rule") != "fever":
            raise ValueError(f"there is no enabled rule {facts.get('rule')}")
        self.asked.append(("route", facts, at))
        told = {
            "at": "2026-11-23T02:00:00Z",
            "person": "anna",
            "messenger": "telegram",
            "kind": "firing",
            "why": "on duty",
        }
        return {"shadow": False, "told": [told], "silent": [{"person": "vet", "why": "hears of escalations only"}]}

    async def command(
        self, action: str, number: int, by: str | None, until: int | None, comment: str, via: str
    ) -> Row | None:
        if self.never is not None:
            await self.never.wait()
        if number not in self.rows:
            return None
        self.commands.append((action, number, by, until, comment, via))
        row = self.rows[number]
        changes = {
            "ack": {"acknowledged_by": row["acknowledged_by"] or (None if row["state"] == "resolved" else by or via)},
            "unack": {"acknowledged_by": None},
            "snooze": {"snoozed_until": "2026-11-22T14:15:00Z"},
        }
        self.rows[number] = row | changes.get(action, {"state": "resolved"})
        return self.rows[number]

    def silences(self, state: str) -> list[Row]:
        return [one for one in self.quiet.values() if state == "all" or one["ended"] is None]

    async def silence(self, match: dict[str, Any], until: int, reason: str, by: str | None, via: str) -> Row:
        number = len(self.quiet) + 1
        self.quiet[number] = {
            "id": f"S-{number}",
            "match": match,
            "reason": reason,
            "by": by,
            "until": "2026-11-22T14:15:00Z",
            "ended": None,
            "muted": 0,
        }
        self.commands.append(("silence", match, until, reason, by, via))
        return self.quiet[number]

    async def end_silence(self, number: int, by: str | None, via: str) -> Row | None:
        if number not in self.quiet:
            return None
        self.commands.append(("end", number, by, via))
        self.quiet[number] |= {"ended": "2026-11-22T12:15:00Z"}
        return self.quiet[number]

    async def export(self, person: str) -> Row:
        if person != "anna":
            raise KeyError(person)
        return {"id": "anna", "messages": []}

    async def erase(self, person: str) -> Row:
        if person != "anna":
            raise KeyError(person)
        self.commands.append(("erase", person))
        return {"messages": 3, "alerts": 1, "listed": True}

    async def invite(self, person: str, messenger: str | None) -> Row:
        if person not in ("anna", "vet"):
            raise KeyError(person)
        if messenger not in (None, "telegram"):
            raise ValueError(f"there is no messenger {messenger}")
        return {"code": "7KQ2-9FWM", "links": {"telegram": "https://t.me/lindenau_bot?start=7KQ2-9FWM"}}

    async def send_test(self, person: str, messenger: str | None) -> Row:
        if person not in ("anna", "vet"):
            raise KeyError(person)
        if messenger == "pigeon":
            raise ValueError("there is no messenger pigeon")
        if person == "vet":
            return {"messenger": "telegram", "outcome": "refused", "ref": "", "why": "vet has not agreed"}
        return {"messenger": messenger or "telegram", "outcome": "sent", "ref": "99", "why": ""}

    async def switchings(self, limit: int, cursor: str | None):
        return [{"id": "s1", "action": "fan-3-on", "by": "anna", "stage": "done"}], None

    async def messages(self, limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
        if cursor not in (None, "2"):
            raise ValueError(cursor)
        self.asked.append((limit, cursor))
        return [{"id": "m1"}], "2" if cursor is None else None

    async def readings(self, *asked: Any, labels: bool = False) -> tuple[list[Row], str | None]:
        if asked[5] == "rubbish":
            raise ValueError("rubbish")
        self.asked.append(asked)
        return [{"device": "cow-0421", "metric": "activity", "value": 12.0}], None


def in_two_hours() -> int:
    """Return when a snooze without length ends."""
    return NOW + 2 * HOUR


def secret_of(text: str) -> str:
    """Return what the page's forms carry against forgery."""
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found
    return found[1]

"""Rows as HTTP and the shell show them: plain JSON values, times as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.settings import show_duration
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.ingest.traffic import Seen
    from alertd.model import Switching
    from alertd.web.desk import Row


def device(book: Book, name: str) -> Row:
    """Return a device with what was last heard of it."""
    listed, latest = book.devices.get(name), book.latest(name)
    row: Row = {
        "id": name,
        "name": listed.name or name if listed is not None else name,
        "listed": listed is not None,
        "metrics": {
            **{series.metric: value for series, value in book.retained(name)},
            **{series.metric: value for series, value, _ in latest},
        },
        "last_heard": rfc3339(max((at for *_, at in latest), default=None)),
    }
    if listed is not None:
        row |= listed.model_dump(mode="json", include={"tag", "species", "group", "labels"})
        row["aliases"] = [alias.model_dump(mode="json", by_alias=True) for alias in listed.aliases]
    elif latest:
        row |= {"group": latest[0][0].group, "labels": dict(latest[0][0].labels)}
    return row


def rule(book: Book, number: int) -> Row:
    """Return a rule with how many series it judges, and how many it still learns."""
    rule, panel = book.rules[number], book.panel
    heard = (panel.applies[number, : panel.rows] & (panel.received[: panel.rows] > 0)).nonzero()[0].tolist()
    gaps = sorted(gap for row in heard if (gap := panel.interval(row)) > 0)
    wait = rule.detect.warmup(gaps[len(gaps) // 2] if gaps else 0)
    return {
        "name": rule.name,
        "kind": rule.detect.kind,
        "severity": rule.severity.value,
        "mode": rule.mode,
        "series": len(heard),
        "warming": len(panel.warming(number)),
        "warmup": None if wait is None else show_duration(wait),
    }


def source(label: str, seen: Seen) -> Row:
    """Return what a source brought, with samples of what could not be read."""
    samples = [sample.row(reason) for reason, kept in seen.samples.items() for sample in kept.values()]
    return {
        "name": label,
        "readings": seen.readings,
        "last_read": rfc3339(seen.last_read) if seen.last_read else None,
        "rejected": dict(seen.refused),
        "samples": [sample | {"at": rfc3339(sample["at"])} for sample in samples],
    }


def switching(one: Switching) -> Row:
    """Return who switched what as a row; the chat's address is not shown."""
    return {
        "id": one.id,
        "action": one.action,
        "by": one.by,
        "messenger": one.chat.messenger,
        "alerts": list(one.alerts),
        "stage": one.stage.value,
        "asked": rfc3339(one.asked),
        "confirmed": rfc3339(one.confirmed) if one.confirmed else None,
        "ended": rfc3339(one.ended) if one.ended else None,
        "why": one.why,
    }


def timed(row: Row) -> Row:
    """Return a message's row with times as text."""
    times = {name: rfc3339(row[name]) for name in ("due", "expires", "created", "settled") if row.get(name)}
    tries = [one | {"at": rfc3339(one["at"])} for one in row["deliveries"]]
    return row | times | {"deliveries": tries}


_TIMES: Final = frozenset(
    {
        "at",
        "due",
        "created",
        "settled",
        "expires",
        "used",
        "until",
        "erased",
        "duty_until",
        "stopped",
        "consents",
        "heard",
    }
)
"""Keys whose values, or the values below, are times."""


def with_times(facts: Row, *, within: bool = False) -> Row:
    """Return facts with their times as text."""
    found: Row = {}
    for key, value in facts.items():
        if isinstance(value, dict):
            found[key] = with_times(value, within=key in _TIMES)
        elif isinstance(value, list):
            found[key] = [with_times(one) if isinstance(one, dict) else one for one in value]
        else:
            timed = (within or key in _TIMES) and isinstance(value, int) and not isinstance(value, bool)
            found[key] = rfc3339(value) if timed else value
    return found

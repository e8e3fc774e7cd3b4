"""Made-up readings, alerts and messages for the store's tests."""

from __future__ import annotations

import numpy as np

from alertd.model import (
    MINUTE,
    SECOND,
    Alert,
    Batch,
    Changes,
    Channel,
    Incident,
    Kind,
    Message,
    Series,
    Severity,
    State,
)
from alertd.seams import Flush, Settlement

NOW = 1_790_000_000 * SECOND
PHONE = Channel("telegram", "4711")
OTHER = Channel("whatsapp", "+4915112345678")


def batch(*values: float, at: int = NOW, series: int = 1) -> Batch:
    """One reading a minute from `at` on, of one series."""
    count = len(values)
    times = at + np.arange(count, dtype=np.int64) * MINUTE
    return Batch(
        np.full(count, series, np.int32), times, times + 7, np.array(values, np.float64), np.zeros(count, np.int8)
    )


def fever(number: int = 1, **changed) -> Alert:
    fields = {
        "id": f"alert-{number}",
        "number": number,
        "rule": "fever",
        "device": "cow-0421",
        "metric": "body_temperature",
        "group": "dairy",
        "severity": Severity.CRITICAL,
        "state": State.FIRING,
        "value": 40.1,
        "unit": "degC",
        "normal": 38.6,
        "started": NOW,
        "incident": "incident-1",
    }
    return Alert(**(fields | changed))


def incident(name: str = "incident-1", **changed) -> Incident:
    fields = {"id": name, "number": 1, "rule": "fever", "key": "dairy", "severity": Severity.CRITICAL, "opened": NOW}
    return Incident(**(fields | changed))


def message(name: str, **changed) -> Message:
    fields = {
        "id": name,
        "kind": Kind.FIRING,
        "subscriber": "anna",
        "channels": (PHONE, OTHER),
        "text": f"text of {name}",
        "due": NOW,
        "incident": "incident-1",
        "alerts": ("A-1",),
    }
    return Message(**(fields | changed))


def told(*messages: Message, now: int = NOW) -> Flush:
    return Flush(now, changes=Changes(messages=list(messages)))


def sent(ref: str = "m1", at: int = NOW) -> Settlement:
    return Settlement("sent", "sent", at, ref=ref)


BERTA = Series("cow-0421", "body_temperature", "degC", group="dairy", labels={"barn": "north"})

"""Deliveries for the tests of messengers and courier, with everything a test does not care about filled in."""

from __future__ import annotations

from typing import Any

from alertd.model import Channel, Delivery, Kind, Message, Severity

T0 = 1_795_000_000_000_000
"""A November day in 2026, in microseconds."""


def message(text: str = "Berta: 40.1 °C since 02:10.\nA-217", **facts: Any) -> Message:
    facts = {"channels": (Channel("telegram", "4711"),), **facts}
    severity = Severity.CRITICAL if facts.get("critical") else Severity.WARNING
    defaults = {"id": "m1", "kind": Kind.FIRING, "subscriber": "anna", "due": T0, "severity": severity}
    return Message(text=text, **(defaults | facts))


def delivery(text: str = "Berta: 40.1 °C since 02:10.\nA-217", **facts: Any) -> Delivery:
    """Make the first attempt on the first channel; `channel` is a number, other facts are the message's."""
    about = {name: facts.pop(name) for name in ("key", "attempt", "reply_to", "resent") if name in facts}
    number = facts.pop("channel", 0)
    whole = message(text, **facts)
    return Delivery(whole, whole.channels[number], **({"key": "k1", "attempt": 1} | about))

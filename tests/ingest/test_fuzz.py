"""Hostile bytes: a short run of the fuzz (`make fuzz` is the long one)."""

from __future__ import annotations

from fuzz import run


def test_mutated_messages_of_every_preset_raise_nothing_and_stay_small() -> None:
    report = run(6_000)

    assert report.readings > 300, "the mutations leave some messages readable"
    assert report.grown < 200

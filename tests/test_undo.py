"""A step that raises never happened; one that does not stays until somebody takes it back."""

from __future__ import annotations

import pytest

from alertd.undo import Undo


def stumble(herd: dict[str, float]) -> None:
    with Undo() as undo:
        undo.item(herd, "berta")
        herd["berta"] = 41.2
        undo.item(herd, "alma")
        herd["alma"] = 38.6
        raise ZeroDivisionError


def test_what_raises_is_taken_back_and_goes_on_raising() -> None:
    herd = {"berta": 38.5}
    with pytest.raises(ZeroDivisionError):
        stumble(herd)
    assert herd == {"berta": 38.5}


def test_what_does_not_raise_stays() -> None:
    herd = {"berta": 38.5}
    with Undo() as undo:
        undo.item(herd, "berta")
        herd["berta"] = 41.2
    assert herd == {"berta": 41.2}
    undo.rollback()
    assert herd == {"berta": 38.5}

"""The floors on recorded data; skipped where the recordings are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from alertd.tools.evaluate_collars import evaluate

SHARED = Path(__file__).parents[3] / "shared"


@pytest.mark.skipif(not (SHARED / "data" / "collars").exists(), reason="recorded collars are not on this machine")
def test_the_oestrus_rule_finds_most_episodes_with_few_other_alerts():
    found = evaluate(SHARED)
    assert found["sensitivity"] >= 0.85
    assert found["extra_per_animal_week"] <= 0.10
    assert found["chance_sensitivity"] < 0.1


def test_without_recordings_it_says_which(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"readings\.csv"):
        evaluate(tmp_path)

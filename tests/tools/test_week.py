"""How many messages a week brings: grouping never adds any, and a budget holds."""

from __future__ import annotations

from pathlib import Path

from alertd.alerting.settings import Rule
from alertd.audience.settings import Subscriber
from alertd.config.load import load
from alertd.tools.evaluate_herd import devices, record
from alertd.tools.herd import Herd, cow_names
from alertd.tools.week import DAYS, told, variants

BUSY = {
    "name": "moves",
    "match": {"metric": "activity"},
    "detect": {"kind": "threshold", "above": 30},
    "severity": "warning",
    "resolve": "silent",
}


def test_grouping_quiet_hours_and_a_budget_leave_fewer_messages_each():
    loaded = load(Path("config/evaluation.yaml"))
    assert loaded.config is not None
    herd = Herd(2, 1, [])
    anna = Subscriber.model_validate({"id": "anna", "channels": [{"console": "anna"}], "consent": "2026-01-01"})
    farm = loaded.config.model_copy(
        update={"derived": [], "rules": [Rule.model_validate(BUSY)], "devices": devices(herd), "subscribers": [anna]}
    )
    recording = record(herd, 7200, DAYS)
    assert cow_names(2) == herd.cows
    week = [told(one, recording)["anna"].days for _, one in variants(farm)]
    a_day = [days.total() / 7 for days in week]
    assert a_day == sorted(a_day, reverse=True)
    assert a_day[0] > a_day[-1] > 0
    assert max(week[-1].values()) <= 12  # ten, and the digest of the morning

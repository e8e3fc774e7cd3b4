"""What people answered and what other limits would have done stand beside each other."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from alertd.config.load import load
from alertd.model import DAY, HOUR, MINUTE, Alert, Batch, Changes, Series, Severity, State
from alertd.seams import Flush
from alertd.store.sqlite import SqliteStore
from alertd.tools.tune import main

CONFIG = """
mqtt: {{url: "mqtt://127.0.0.1:1"}}
store: {{path: {store}}}
sources: [{{preset: alertd}}]
rules:
  - {{name: hot, match: {{metric: temperature}}, detect: {{kind: threshold, above: 30, clear: 28}}}}
  - {{name: cold, match: {{metric: temperature}}, detect: {{kind: threshold, below: -10}}, mode: shadow}}
subscribers: [{{id: anna, channels: [{{console: anna}}], consent: 2026-01-01}}]
web: {{listen: "off"}}
"""


def alert(number: int, at: int, by: str | None = None, reason: str = "") -> Alert:
    return Alert(
        str(number), number, "hot", "barn", "temperature", None, Severity.WARNING, State.RESOLVED, 31.0, "degC", None, at, at,
        at + MINUTE, false_alarm_by=by, false_reason=reason,
    )  # fmt: skip


@pytest.fixture
async def farm(tmp_path: Path):
    now = time.time_ns() // 1000
    store = SqliteStore(tmp_path / "a.db")
    await store.open()
    times = now - 2 * DAY + np.arange(40, dtype=np.int64) * HOUR
    values = np.where(np.arange(40) % 10 == 5, 31.0, 20.0)  # four peaks that a limit of 33 would not see
    batch = Batch(np.zeros(40, np.int32), times, times, values, np.zeros(40, np.int8))
    alerts = [
        alert(1, now - DAY, "anna", "limit"),
        alert(2, now - DAY, "anna", "limit"),
        alert(3, now - DAY),
        alert(4, now - 40 * DAY),
    ]
    changes = Changes(alerts={one.id: one for one in alerts})
    await store.commit(
        Flush(now, batch=batch, new_series=[(0, Series("barn", "temperature", "degC"))], changes=changes)
    )
    await store.close()
    path = tmp_path / "alertd.yaml"
    path.write_text(CONFIG.format(store=tmp_path / "a.db"), encoding="utf-8")
    loaded = load(path)
    assert loaded.config is not None
    return loaded.config, path


def test_a_rule_that_people_call_false_is_pointed_at_with_the_limit_that_would_help(farm, capsys) -> None:
    config, path = farm
    assert main(config, path, {}, 30 * DAY, None) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:1] == ["the last 30 days"]
    assert "hot: 3 alerts, 2 judged false (67%): 2 wrong limit" in lines
    assert "    above 33 instead of above 30: 0 alerts" in lines
    assert "    people say the limit is wrong: try the one that raises fewer" in lines
    assert "cold (shadow): 0 alerts" in lines


def test_one_rule_alone_and_a_rule_that_is_none(farm, capsys) -> None:
    config, path = farm
    assert main(config, path, {}, 30 * DAY, "cold") == 0
    assert "hot" not in capsys.readouterr().out
    assert main(config, path, {}, 30 * DAY, "cool") == 2
    assert "there is no rule cool (there are: cold, hot)" in capsys.readouterr().err


def test_without_a_store_one_line_says_so(farm, capsys, tmp_path: Path) -> None:
    config, path = farm
    (tmp_path / "a.db").unlink()
    assert main(config, path, {}, 30 * DAY, None) == 1
    assert capsys.readouterr().err.startswith("alertd tune: the store cannot be read:")

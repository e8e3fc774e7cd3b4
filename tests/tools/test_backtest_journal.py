"""`alertd backtest --last`: what the farm's own store has kept, through the rules of today."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from alertd.cli import main
from alertd.model import DAY, HOUR, Batch, Series
from alertd.seams import Flush
from alertd.store.sqlite import SqliteStore

CONFIG = """
mqtt: {url: "mqtt://127.0.0.1:1"}
sources: [{preset: alertd}]
rules: [{name: hot, match: {metric: temperature}, detect: {kind: threshold, above: 30, clear: 28}}]
subscribers: [{id: anna, channels: [{console: anna}], consent: 2026-01-01}]
web: {listen: "off"}
"""


@pytest.fixture
async def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two days of readings, an hour apart, hot in every tenth; the daemon does not run."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    store = SqliteStore(tmp_path / "alertd.db")
    await store.open()
    now = time.time_ns() // 1000
    times = now - 2 * DAY + np.arange(40, dtype=np.int64) * HOUR
    values = np.where(np.arange(40) % 10 == 5, 31.0, 20.0)
    batch = Batch(np.zeros(40, np.int32), times, times, values, np.zeros(40, np.int8))
    await store.commit(Flush(now, batch=batch, new_series=[(0, Series("barn", "temperature", "degC"))]))
    await store.close()
    path = tmp_path / "alertd.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def left_with(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["alertd", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


@pytest.mark.parametrize(("last", "alerts"), [("30d", 4), ("26h", 2)])
def test_the_farms_own_readings_are_told_again(farm: Path, monkeypatch, capsys, last: str, alerts: int) -> None:
    assert left_with(monkeypatch, "backtest", "-c", str(farm), "--last", last, "--format", "jsonl") == 0
    happened = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    firing = [one for one in happened if one["event"] == "firing"]
    assert [(one["rule"], one["device"], one["value"]) for one in firing] == [("hot", "barn", 31.0)] * alerts


def test_without_a_store_it_says_what_was_tried(farm: Path, monkeypatch, capsys) -> None:
    (farm.parent / "alertd.db").unlink()
    assert left_with(monkeypatch, "backtest", "-c", str(farm), "--last", "1d") == 1
    assert f"and there is no store at {farm.parent / 'alertd.db'}" in capsys.readouterr().err

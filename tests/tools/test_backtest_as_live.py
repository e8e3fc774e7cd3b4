"""The same readings raise the same alerts in a backtest as they do in the daemon, whatever order they come in."""

from __future__ import annotations

import io
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from alertd.alerting.turn import Turn
from alertd.config.config import Config
from alertd.config.load import load
from alertd.model import MINUTE, SECOND, Alert, Batch, Changes, Link, Micros
from alertd.parts import decoder_of, engine_of
from alertd.recovery import expect_listed
from alertd.seams import Raw
from alertd.tools.backtest_read import read_file
from alertd.tools.backtest_recorder import Recorder
from alertd.tools.backtest_replay import Replay
from alertd.undo import Undo
from alertd.wording.times import rfc3339

START = 1_793_600_000 * SECOND
"""A morning in November 2026."""
FARM = """
farm: {name: Hof, timezone: Europe/Berlin, language: en}
mqtt: {url: "mqtt://127.0.0.1:1883"}
sources: [{topic: "t/{device}", format: json, time: {path: ts}, metrics: {x: x, door: {path: door, kind: state}}}]
devices: [{id: a, group: g}, {id: b, group: g}]
rules:
  - {name: high, match: {metric: x}, detect: {kind: threshold, above: 8, clear: 6, hold: 3m, clear_after: 2m}, severity: critical}
  - {name: low, match: {metric: x}, detect: {kind: threshold, below: 2}, reopen: 30m}
  - {name: odd, match: {metric: x}, detect: {kind: robust_zscore, window: 3h, above: 2, min_samples: 4}}
  - {name: tried, match: {metric: x}, detect: {kind: threshold, above: 3, hold: 4m}, mode: shadow}
  - {name: silent, match: {metric: x}, detect: {kind: absence, after: 20m}}
  - {name: open, match: {metric: door}, detect: {kind: state, equals: 1, hold: 5m}}
  - {name: many, match: {metric: x}, detect: {kind: fraction, of: high, by: group, above: 0.4, window: 10m}}
subscribers:
  - {id: anna, channels: [{console: anna}], consent: 2026-01-01}
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory) -> Config:
    path: Path = tmp_path_factory.mktemp("live") / "alertd.yaml"
    path.write_text(FARM, encoding="utf-8")
    loaded = load(path)
    assert loaded.config is not None, loaded.errors
    return loaded.config


Message = tuple[Micros, Micros, str, dict[str, float]]
"""(own time, arrival, device, metrics)."""


def live(config: Config, messages: list[Message]) -> list[tuple[Any, ...]]:
    """Let the daemon's decoder and engine hear one message after the other, and the clock between them."""
    engine = engine_of(config, START)
    decoder = decoder_of(config, engine.book)
    moves: list[tuple[Micros, Alert]] = []

    def take(changes: Changes) -> None:
        moves.extend(changes.moves)

    first = messages[0][1]
    engine.step(Batch.empty(), first, [Link(first, up=True)])
    expect_listed(engine.book, Turn(engine.book, Undo()), first)
    for own, arrival, device, metrics in messages:
        while (due := engine.next_due()) is not None and due < arrival:
            take(engine.step(Batch.empty(), due))
        body = json.dumps({"ts": rfc3339(own)} | metrics).encode()
        made = decoder.decode([Raw(f"t/{device}", body, arrival)])
        columns = (made.row, made.time, made.received, made.value, made.quality)
        kinds = (np.int32, np.int64, np.int64, np.float64, np.int8)
        take(engine.step(Batch(*(np.array(one, kind) for one, kind in zip(columns, kinds, strict=True))), arrival))
    return [said(at, alert) for at, alert in moves]


def replayed(config: Config, messages: list[Message]) -> list[tuple[Any, ...]]:
    """Replay the same as a recording: one line a value."""
    lines = [
        {"time": rfc3339(own), "received": rfc3339(arrival), "device": device, "metric": metric, "value": value}
        for own, arrival, device, metrics in messages
        for metric, value in metrics.items()
    ]
    recorder = Recorder(config)
    complaints: list[str] = []
    file = io.BytesIO("\n".join(map(json.dumps, lines)).encode())
    read_file(recorder, file, lambda _line, why: complaints.append(why), lambda _done: None)
    assert complaints == []
    happened = Replay(config, recorder.recording()).run()
    end = messages[-1][1]
    return [said(one.at, one.alert) for one in happened if one.alert is not None and one.at <= end]


def said(at: Micros, alert: Alert) -> tuple[Any, ...]:
    facts = (alert.number, alert.id, alert.rule, alert.device, alert.state, alert.value, alert.severity, alert.why)
    return (rfc3339(at), *facts, alert.started, alert.fired, alert.resolved)


def said_by_three(seed: int) -> list[Message]:
    """What three devices say over some hours: mostly at once, some of it late, or with an impossible clock."""
    random = Random(seed)
    told: list[Message] = []
    arrival = START
    for _ in range(random.randint(1, 60)):
        arrival += random.choice([1, 40, 60, 120, 300, 1500]) * SECOND + random.randint(1, 999)
        delay = random.choice([0, 0, 0, 0, 1, 3, 8, 45, -3, -20])
        metrics = {"x": float(random.randint(0, 10))}
        if random.randint(0, 5) == 0:
            metrics["door"] = float(random.randint(0, 1))
        told.append((arrival - delay * MINUTE, arrival, random.choice("abc"), metrics))
    return told


@pytest.mark.parametrize("seed", range(20))
def test_a_backtest_raises_the_alerts_that_were_raised_live(farm, seed):
    messages = said_by_three(seed)
    assert replayed(farm, messages) == live(farm, messages)


def test_that_example_raises_alerts_of_several_rules(farm):
    told = [
        (START + n * MINUTE, START + n * MINUTE, "ab"[n % 2], {"x": 9.0 if 20 <= n < 60 else 5.0}) for n in range(90)
    ]
    assert {one[3] for one in live(farm, told)} >= {"high", "many", "tried"}
    assert replayed(farm, told) == live(farm, told)


def test_a_collar_whose_clock_is_wrong_is_judged_reading_by_reading(farm):
    told = [(START + (n + 20) * MINUTE, START + n * MINUTE, "c", {"x": 1.0 if n in (4, 9) else 5.0}) for n in range(40)]
    raised = [one[0] for one in live(farm, told) if one[3] == "low" and one[5].value == "firing"]
    assert len(raised) == 2
    assert replayed(farm, told) == live(farm, told)

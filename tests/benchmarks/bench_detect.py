# ruff: noqa: T201 (a benchmark prints)
"""What judging costs: CPU per reading and memory per series, beside the naive way in the same run.

    python tests/benchmarks/bench_detect.py [RULES...] [--series N,...] [--batch N,...] [--quick]

Without RULES all of them, 1,000 and 100,000 series in batches of 1, 16 and 1,000: two minutes. `memory` alone
is RULES too.

Every series gets one reading every half hour and has 64 in its window: 32 hours, so that all
rules are warm. The naive way is `np.mean` and `np.std` of a window of 60 at every message (no
rule, no order, no undo). Three figures for each: the whole way through the panel (order, late
and repeated readings, windows, undo), the same in arrays where few readings take the scalar
path of `alertd.detect.singly`, and the detector's judgement alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from alertd.config.load import load
from alertd.detect import KINDS, Detector
from alertd.detect.history import Reading
from alertd.detect.jointly import judge_jointly
from alertd.detect.panel import Panel
from alertd.model import HOUR, MINUTE, Batch
from alertd.undo import Undo

START = 1_790_000_000_000_000
RULES: dict[str, tuple[Detector, ...]] = {
    "threshold x2": (KINDS["threshold"](above=39.5, clear=39.2), KINDS["threshold"](below=35)),
    "robust_zscore": (KINDS["robust_zscore"](window={"samples": 60}, above=6),),
    "adaptive": (KINDS["adaptive"](),),
    "robust_zscore 32h": (KINDS["robust_zscore"](window="32h", above=6),),
}

SHIPPED = Path(__file__).parents[2] / "config/rules/dairy.yaml"
FARM = """
mqtt: {{url: "mqtt://127.0.0.1:1883"}}
sources: [{{topic: "t/{{device}}/{{metric}}", format: number}}]
include: [{shipped}]
"""


def readings(first: int, count: int, series: int, noise: np.ndarray) -> Batch:
    """Return `count` readings of all series in turn, one every half hour of each."""
    number = first + np.arange(count)
    when = START + number // series * HOUR // 2 + number % series
    value = 38.5 + noise[number % len(noise)]
    return Batch((number % series).astype(np.int32), when, when, value, np.zeros(count, np.int8))


def panel_of(rules: tuple[Detector, ...], series: int) -> Panel:
    """Return a panel of so many series that all these rules judge."""
    panel = Panel(rules)
    for _ in range(series):
        panel.add(range(len(rules)), state=False)
    return panel


def judge(rules: tuple[Detector, ...], series: int, size: int, total: int) -> tuple[float, float, float]:
    """Return microseconds of CPU per reading with full windows, the same in arrays, and of the judgement alone."""
    panel = panel_of(rules, series)
    noise = np.random.default_rng(7).normal(0, 0.2, 99_991)
    at = 0
    while at < 64 * series:
        count = min(10_000, series)
        panel.judge(readings(at, count, series, noise), Undo())
        at += count
    for extra in range(8):  # not all learn anew with the same reading
        some = readings(at - series, series, series, noise).take(np.flatnonzero(np.arange(series) % 8 > extra))
        some.time[:] += (extra + 1) * MINUTE
        judge_jointly(panel, some, Undo())
    batches = [readings(at + n * size, size, series, noise) for n in range(2 * (total // size))]
    at += 2 * size * (total // size)
    spent = [0.0, 0.0]
    for turn in range(16):  # by turns: what else the machine does slows both alike, and neither pays for the other's
        some, way = batches[turn * len(batches) // 16 : (turn + 1) * len(batches) // 16], turn % 2  # way through caches
        begin = time.process_time()  # asked once a turn: asked of each reading it slowed that by a fifth
        for one in some:
            (Panel.judge, judge_jointly)[way](panel, one, Undo())
        spent[way] += time.process_time() - begin
    alone = sum(
        judgement(panel, rule, readings(at, min(total, series), series, noise), size) for rule in range(len(rules))
    )
    return spent[0] / total * 1e6, spent[1] / total * 1e6, alone


def judgement(panel: Panel, rule: int, batch: Batch, size: int) -> float:
    """Return microseconds of CPU per reading that one detector takes, given window and learned state."""
    detector, learned, spent = panel.detectors[rule], panel.learned, 0.0
    slot = learned.slot.get(rule, 0)
    if size == 1:
        rows, undo = batch.series.tolist(), Undo()
        lines = [learned.line(rule, row, undo) if rule in learned.slot else memoryview(b"") for row in rows]
        each = zip(rows, batch.time.tolist(), batch.value.tolist(), strict=True)
        singles = [Reading(panel.windows, row, when, value) for row, when, value in each]
        begin = time.process_time()
        for reading, line in zip(singles, lines, strict=True):
            detector.judge_one(reading, line, slot=slot)
        return (time.process_time() - begin) / len(batch) * 1e6
    for start in range(0, len(batch), size):
        some = batch.take(slice(start, start + size))
        lines = learned.get(rule, some.series) if rule in learned.slot else np.empty((len(some), 0))
        begin = time.process_time()
        history = panel.windows.history(some.series, some.time, detector.span, detector.samples)
        detector.judge(history, lines, some.time, some.value, slot=slot)
        spent += time.process_time() - begin
    return spent / len(batch) * 1e6


def shipped() -> dict[str, tuple[Detector, ...]]:
    """Return by metric the rules of the shipped catalogue that judge a cow's readings."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(FARM.format(shipped=SHIPPED))
        file.flush()
        config = load(Path(file.name)).config
    assert config is not None
    found: dict[str, list[Detector]] = {}
    for rule in config.rules:
        metric = rule.match.get("metric")
        for one in metric if isinstance(metric, list) else [metric]:
            if one is not None and not rule.detect.step:
                found.setdefault(str(one), []).append(rule.detect)
    return {f"{metric}, {len(some)} shipped": tuple(some) for metric, some in found.items()}


def memory(rules: tuple[Detector, ...]) -> tuple[float, float, float]:
    """Return bytes per series after 64 readings: what the rules learned, window, the rest (rules, last value).

    What is learned is a line and its place for each rule; arrays have up to an eighth more, to grow.
    """
    panel = panel_of(rules, 4096)
    for n in range(64):
        panel.judge(readings(n * 4096, 4096, 4096, np.zeros(1)), Undo())
    learned = sum(8 * panel.detectors[rule].learned + 4 for rule in panel.learned.slot)
    windows = panel.windows.memory() / 4096
    return learned, windows, (panel.memory() - panel.learned.memory()) / 4096 - windows


def naive(total: int) -> float:
    """Return microseconds of CPU per message of the obvious code."""
    window = np.random.default_rng(7).normal(38.5, 0.2, 60)
    begin = time.process_time()
    for n in range(total):
        window[n % 60] = 38.5
        assert abs(38.5 - np.mean(window)) <= 6 * np.std(window)
    return (time.process_time() - begin) / total * 1e6


def main() -> None:
    """Print one line per case."""
    asked = argparse.ArgumentParser(description="what judging costs")
    asked.add_argument("rules", nargs="*", choices=[[], "memory", *RULES])
    asked.add_argument("--series", type=numbers, default=[1_000, 100_000])
    asked.add_argument("--batch", type=numbers, default=[1, 16, 1_000])
    asked.add_argument("--quick", action="store_true", help="1,000 series, a tenth of the readings")
    given = asked.parse_args()
    obvious = naive(2_000)
    print(f"naive numpy per message: {obvious:.1f} us")
    for name, rules in RULES.items():
        for series in [1_000] if given.quick else given.series:
            for size in given.batch:
                if given.rules and name not in given.rules:
                    continue
                total = (8_000 if size == 1 else min(200_000, 1_000 * size)) // (10 if given.quick else 1)
                micros, arrays, alone = judge(rules, series, size, total)
                print(
                    f"{name:18} {series:7,} series  batch {size:5,}: {micros:7.2f} us/reading, judgement alone"
                    f" {alone:6.2f}, in arrays {arrays:7.2f}, 1/{obvious / micros:.1f} of naive"
                )
                sys.stdout.flush()
    if given.rules and "memory" not in given.rules:
        return
    print("bytes per series:")
    for name, rules in (RULES | shipped()).items():
        learned, windows, rest = memory(rules)
        print(
            f"{name:30} learned {learned:6.0f}, window {windows:5.0f}, the rest {rest:4.0f}:"
            f" {learned + windows + rest:6.0f}"
        )


def numbers(text: str) -> list[int]:
    """Read `1,16,1000`."""
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()

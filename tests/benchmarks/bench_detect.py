# ruff: noqa: T201 (a benchmark prints)
"""What judging costs: CPU per reading and memory per series, beside the naive way in the same run.

    python tests/benchmarks/bench_detect.py [--quick]

Every series gets one reading a minute and has 60 in its window. The naive way is
`np.mean` and `np.std` of a window of 60 at every message (no rule, no order, no undo).
Small batches take the scalar path of `alertd.detect.singly`; beside it stands what the
array path costs for the same readings.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from alertd.detect import KINDS, Detector
from alertd.detect.panel import Panel
from alertd.model import MINUTE, Batch
from alertd.undo import Undo

START = 1_790_000_000_000_000
RULES: dict[str, tuple[Detector, ...]] = {
    "threshold x2": (KINDS["threshold"](above=39.5, clear=39.2), KINDS["threshold"](below=35)),
    "robust_zscore": (KINDS["robust_zscore"](window={"samples": 60}, above=6),),
    "adaptive": (KINDS["adaptive"](),),
    "robust_zscore 1h": (KINDS["robust_zscore"](window="1h", above=6),),
}


def readings(first: int, count: int, series: int, noise: np.ndarray) -> Batch:
    """Return `count` readings of all series in turn, one a minute of each."""
    number = first + np.arange(count)
    when = START + number // series * MINUTE + number % series
    value = 38.5 + noise[number % len(noise)]
    return Batch((number % series).astype(np.int32), when, when, value, np.zeros(count, np.int8))


def judge(rules: tuple[Detector, ...], series: int, size: int, total: int) -> tuple[float, float, float]:
    """Return microseconds of CPU per reading with full windows, the same in arrays, and bytes per series."""
    panel = Panel(rules)
    for _ in range(series):
        panel.add(range(len(rules)), state=False)
    noise = np.random.default_rng(7).normal(0, 0.2, 99_991)
    at = 0
    while at < 64 * series:
        count = min(10_000, series)
        panel.judge(readings(at, count, series, noise), Undo())
        at += count
    batches = [readings(at + n * size, size, series, noise) for n in range(2 * (total // size))]
    spent = [0.0, 0.0]
    for number, one in enumerate(batches):  # in turns: whatever else the machine does slows both alike
        way = (panel.judge, panel.judge_together)[number % 2]
        begin = time.process_time()
        way(one, Undo())
        spent[number % 2] += time.process_time() - begin
    return spent[0] / total * 1e6, spent[1] / total * 1e6, panel.memory() / series


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
    quick = "--quick" in sys.argv
    obvious = naive(2_000)
    print(f"naive numpy per message: {obvious:.1f} us")
    for name, rules in RULES.items():
        for series in (1_000,) if quick else (1_000, 10_000, 100_000):
            for size, total in ((1, 1_000), (16, 3_200), (64, 12_800), (1_000, 200_000)):
                micros, arrays, memory = judge(rules, series, size, total // 10 if quick else total)
                print(
                    f"{name:18} {series:7,} series  batch {size:5,}: {micros:8.2f} us/reading, 1/{arrays / micros:.1f}"
                    f" of the array path, 1/{obvious / micros:.1f} of naive  {memory:6.0f} B/series"
                )


if __name__ == "__main__":
    main()

# ruff: noqa: T201 (a benchmark prints)
"""What derived metrics cost: CPU per reading by the size of the herd, beside the obvious way in the same run.

    python tests/benchmarks/bench_deriving.py [--animals N,...] [--batch N,...]

The shipped metrics of dairy.yaml (activity, rumination and temperature beside the group's median, restlessness of two of
them): each cow tells three readings a minute, which make three more. The obvious way keeps a dict of the newest values
and asks `statistics.median` of the group's for every reading: no time, no order, no waiting, no undo.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from alertd.alerting.rules import matches
from alertd.config.load import load
from alertd.detect.deriving import Deriving
from alertd.model import MINUTE, Batch, Series
from alertd.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.detect.derived import Derived

START = 1_790_000_000_000_000
SHIPPED = Path(__file__).parents[2] / "config/rules/dairy.yaml"
FARM = """
mqtt: {{url: "mqtt://127.0.0.1:1883"}}
sources: [{{topic: "t/{{device}}/{{metric}}", format: number}}]
include: [{shipped}]
"""
TOLD = {"activity": 30.0, "rumination_minutes": 20.0, "body_temperature": 38.5}
LABELS = {"species": "cattle", "group": "dairy"}
ROUNDS = 8


def shipped() -> list[Derived]:
    """Return the derived metrics of the shipped dairy rules."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(FARM.format(shipped=SHIPPED))
        file.flush()
        config = load(Path(file.name)).config
    assert config is not None
    return list(config.derived)


def herd(derived: list[Derived], animals: int) -> tuple[Deriving, np.ndarray]:
    """Return the derived metrics of so many cows of one group, and the rows of what each cow tells."""
    deriving, known = Deriving(derived), 0

    def add(series: Series) -> int:
        nonlocal known
        row, known = known, known + 1
        for made, result in deriving.add(row, series, LABELS, lambda match: matches(match, LABELS)):
            deriving.bear(result, add(made))
        return row

    told = [[add(Series(f"cow-{n}", metric, group="dairy")) for metric in TOLD] for n in range(animals)]
    return deriving, np.array(told, np.int32)


def readings(rows: np.ndarray, minute: int, size: int) -> Iterator[Batch]:
    """Yield one minute of all cows, the three readings of a cow together, in batches."""
    series = rows.ravel()
    when = START + minute * MINUTE + np.arange(len(series)) * (MINUTE // len(series))
    own = np.repeat(when[:: len(TOLD)], len(TOLD))
    noise = np.random.default_rng(minute).normal(0, 0.2, len(series))
    value = np.tile(list(TOLD.values()), len(rows)) + noise
    whole = Batch(series, own, when, value, np.zeros(len(series), np.int8))
    for start in range(0, len(series), size):
        yield whole.take(slice(start, start + size))


def deriving_costs(derived: list[Derived], animals: int, size: int) -> float:
    """Return microseconds of CPU per reading that comes."""
    deriving, rows = herd(derived, animals)
    best = np.inf
    for minute in range(ROUNDS):
        batches = list(readings(rows, minute, size))
        begin = time.process_time()
        for batch in batches:
            deriving.extended(batch, int(batch.received[-1]), Undo())
        best = min(best, time.process_time() - begin)
    return float(best) / rows.size * 1e6


def obvious(animals: int) -> float:
    """Return microseconds of CPU per reading of the obvious code."""
    told = np.random.default_rng(7).normal(38.5, 0.2, (ROUNDS + 1, animals)).tolist()
    newest = dict(enumerate(told[0]))
    best = np.inf
    for values in told[1:]:
        begin = time.process_time()
        for cow, value in enumerate(values):
            newest[cow] = value
            assert abs(value - median(newest.values())) < 5
        best = min(best, time.process_time() - begin)
    return float(best) / animals * 1e6


def numbers(text: str) -> list[int]:
    """Read `1,3,1000`."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Print one line per case."""
    asked = argparse.ArgumentParser(description="what derived metrics cost")
    asked.add_argument("--animals", type=numbers, default=[20, 200, 1000])
    asked.add_argument("--batch", type=numbers, default=[1, 3, 100, 1000])
    given = asked.parse_args()
    derived = shipped()
    for animals in given.animals:
        naive = obvious(animals)
        for size in given.batch:
            micros = deriving_costs(derived, animals, size)
            print(
                f"{animals:5,} animals, batch {size:5,}: {micros:6.1f} us/reading,"
                f" {micros / naive:5.2f} of the obvious way ({naive:.1f})"
            )


if __name__ == "__main__":
    main()

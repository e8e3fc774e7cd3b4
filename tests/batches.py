"""Batches written briefly, for the tests of windows and detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alertd.detect.panel import Panel
from alertd.model import MINUTE, Batch, Quality
from alertd.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alertd.detect import Detector

START = 1_790_000_000_000_000
"""A morning in September 2026."""


def batch(told: Iterable[tuple[int, float, float]], *, quality: int = Quality.LIVE, arrived: float = 10_000) -> Batch:
    """Return readings as (series, minute since START, value); the n-th arrives at minute `arrived` and n microseconds."""
    told = list(told)
    return Batch(
        np.array([series for series, _, _ in told], np.int32),
        np.array([START + round(minute * MINUTE) for _, minute, _ in told], np.int64),
        START + round(arrived * MINUTE) + np.arange(len(told), dtype=np.int64),
        np.array([value for _, _, value in told], np.float64),
        np.full(len(told), quality, np.int8),
    )


def panel(*detectors: Detector, series: int = 1) -> Panel:
    """Return a panel whose rules all are meant for each of the series."""
    made = Panel(detectors)
    for _ in range(series):
        made.add(range(len(detectors)), state=False)
    return made


def feed(
    made: Panel, told: Iterable[tuple[int, float, float]], *, sizes: Sequence[int] = ()
) -> list[tuple[object, ...]]:
    """Judge the readings in batches of these sizes (the rest as one); return (rule, series, time, state, score, normal).

    Every (rule, series) is active, so all verdicts are told.
    """
    told = list(told)
    made.active[:] = True
    found: list[tuple[object, ...]] = []
    whole, done = batch(told), 0
    for size in [*sizes, len(told)]:
        one = whole.take(np.arange(done, min(done + size, len(told))))
        done += size
        result = made.judge(one, Undo())
        for n, rule, state, score, normal in zip(
            result.index, result.rule, result.state, result.score, result.normal, strict=True
        ):
            found.append(
                (int(rule), int(one.series[n]), int(one.time[n]), int(state), repr(float(score)), repr(float(normal)))
            )
    return sorted(found)


def everything(made: Panel) -> list[object]:
    """Return all that a panel knows, as comparable values: what a rollback must restore."""
    windows = made.windows
    known: list[object] = [windows.rows]
    for name in ("received", "last_time", "last_value"):
        known.append(getattr(made, name).tobytes())
    known += [windows.ints.tobytes(), windows.floats.tobytes()]
    for pool in windows.pools:
        known += [pool.used, list(pool.free), pool.time.tobytes(), pool.offset.tobytes(), pool.flags.tobytes()]
    facts, arrays = made.learned.dump(made.rows)
    return [*known, facts, {name: array.tobytes() for name, array in arrays.items()}]


def windows_of(made: Panel) -> list[tuple[object, ...]]:
    """Return each series' window: times, offsets, flags, pivot, readings taken. Not where it lies in memory."""
    found = []
    for row in range(made.rows):
        times, offsets, flags = made.windows.columns(row)
        found.append(
            (
                times.tolist(),
                offsets.tolist(),
                flags.tolist(),
                *made.windows.ints[row, 3:6].tolist(),
                repr(made.windows.floats[row]),
            )
        )
    return found

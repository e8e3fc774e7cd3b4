"""The curve of a chart and its normal band, read from the store by the child: the daemon holds none of it.

The band is the series' own: what 90 % of its readings of the days before were, by hour of the day where
there are enough of them, else all together.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.model import DAY, HOUR, Quality
from alertd.store.journal import unpack_batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Micros

BEFORE: Final = 7 * DAY
"""How far before the span the band looks, in microseconds."""
ENOUGH: Final = 20
"""Readings in the span below which a curve says less than the text, and before it below which there is no band."""
HOURLY: Final = 10
"""Readings an hour of the day must have had to get a band of its own."""
POINTS: Final = 1500
"""More points than the picture has columns of pixels are drawn as the extremes of equal parts."""


def read(
    path: str, device: str, metric: str, start: Micros, end: Micros
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return times and values of a series, in order, without those whose time cannot be trusted."""
    times, values = [np.empty(0, np.int64)], [np.empty(0, np.float64)]
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        found = store.execute("SELECT id FROM series WHERE device = ? AND metric = ?", (device, metric)).fetchone()
        if found is None:
            return times[0], values[0]
        bodies = store.execute(
            'SELECT body FROM journal WHERE "count" > 0 AND "last" >= ? AND "first" < ? ORDER BY seq', (start, end)
        )
        for (body,) in bodies:
            try:
                batch = unpack_batch(body)
            except ValueError:  # start-up has set it aside, or will
                continue
            mine = (batch.series == found[0]) & (batch.quality <= Quality.LATE)
            times.append(batch.time[mine])
            values.append(batch.value[mine])
    time, value = np.concatenate(times), np.concatenate(values)
    inside = (time >= start) & (time < end) & np.isfinite(value)
    order = np.argsort(time[inside], kind="stable")
    return time[inside][order], value[inside][order]


def band(time: NDArray[np.int64], value: NDArray[np.float64], now: Micros) -> list[tuple[float, float, float]]:
    """Return (hour, low, high) over the span from readings before it; [] if they are too few."""
    if len(time) < ENOUGH:
        return []
    hour = (time - now) // HOUR % 24
    overall = _percentiles(value)
    found = []
    for back in range(-25, 1):
        same = value[hour == back % 24]
        low, high = _percentiles(same) if len(same) >= HOURLY else overall
        found.append((back + 0.5, low, high))
    return found


def thinned(time: NDArray[np.float64], value: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return at most `POINTS` points that look the same: the lowest and the highest of each part."""
    if len(time) <= POINTS:
        return time, value
    parts = np.array_split(np.arange(len(time)), POINTS // 2)
    kept = np.array(sorted({int(part[pick(value[part])]) for part in parts for pick in (np.argmin, np.argmax)}))
    kept = np.union1d(kept, [len(time) - 1])
    return time[kept], value[kept]


def _percentiles(value: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(value, [5, 95])
    return float(low), float(high)

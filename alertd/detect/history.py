"""What a detector sees of the windows: gathered from the rings only when it looks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from alertd.detect.common import CELLS
from alertd.detect.rings import CLASS, COLUMNS, COUNT, HEAD, LINE, PIVOT, TAKEN, TOP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.rings import Pool, Rows
    from alertd.detect.windows import Windows
    from alertd.model import Micros


class Reading:
    """One reading of one series, and on demand the window before it. To be used before the next push.

    One of a batch after the other: setting three fields costs less than making another.
    """

    __slots__ = ("_windows", "row", "time", "value")

    def __init__(self, windows: Windows, row: int = 0, time: Micros = 0, value: float = 0.0) -> None:
        self._windows = windows
        self.row = row
        self.time = time
        self.value = value

    @property
    def taken(self) -> int:
        """Return how many readings its window ever took."""
        taken: int = self._windows.ints.item(self.row, TAKEN)
        return taken

    def past(self, span: Micros, samples: int) -> Past:
        """Return the window as the view of one series."""
        return Past(self._windows, np.array([self.row]), np.array([self.time]), span, samples)

    @property
    def thinned(self) -> bool:
        """Return whether its window is so full that of the older readings it shows some."""
        return bool(self._windows.numbers[self.row * COLUMNS + CLASS] == TOP)

    def around(self, when: Micros) -> list[tuple[Micros, float]]:
        """Return time and value of the last reading up to `when` and of the first after it, as its window has them."""
        windows, at = self._windows, self.row * COLUMNS
        number, line, head, count = windows.numbers[at : at + TAKEN].tolist()
        pool = windows.pools[number]
        size, (times, offsets, _) = pool.size, pool.cells
        first, oldest = line * size, head - count
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if times[first + (oldest + middle) % size] <= when:
                low = middle + 1
            else:
                high = middle
        pivot = windows.floats.item(self.row, PIVOT)
        cells = [first + (oldest + which) % size for which in (low - 1, low) if 0 <= which < count]
        return [(times[cell], offsets[cell] + pivot) for cell in cells]


class Past:
    """The windows of k rows up to now (`alertd.seams.History`): at most `span`, or the newest `samples`.

    It looks into the living rings: to be used before the next push.
    """

    def __init__(self, windows: Windows, rows: Rows, now: NDArray[np.int64], span: Micros, samples: int) -> None:
        self._windows = windows
        self._rows = rows
        self._now = now
        self._span = span
        self._samples = samples

    @cached_property
    def taken(self) -> NDArray[np.int64]:
        """Return (k,) how many readings each window ever took."""
        taken: NDArray[np.int64] = self._windows.ints[self._rows, TAKEN]
        return taken

    def take(self, index: NDArray[np.intp]) -> Past:
        """Return the view of some of the series."""
        return Past(self._windows, self._rows[index], self._now[index], self._span, self._samples)

    @property
    def time(self) -> NDArray[np.int64]:
        """Return (k, n) times."""
        return self._cells[0]

    @property
    def value(self) -> NDArray[np.float64]:
        """Return (k, n) values, NaN where there is none."""
        return self._cells[1]

    @property
    def flags(self) -> NDArray[np.uint8]:
        """Return (k, n) rule bits."""
        return self._cells[2]

    @cached_property
    def _cells(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]:
        windows, rows = self._windows, self._rows
        ints = windows.ints[rows]
        count = ints[:, COUNT]
        if not self._span:
            count = np.minimum(count, self._samples)
        n = int(count.max(initial=0))
        times = np.zeros((len(rows), n), np.int64)
        there = np.arange(n) >= n - count[:, None]
        cells: list[tuple[Pool, NDArray[np.intp], NDArray[np.int64]]] = []
        for number, pool in enumerate(windows.pools):
            some = np.flatnonzero(ints[:, CLASS] == number)
            if len(some):
                cell = (ints[some, HEAD][:, None] - n + np.arange(n)) % pool.size
                cell += ints[some, LINE][:, None] * pool.size
                times[some] = pool.time.reshape(-1).take(cell)
                cells.append((pool, some, cell))
        if self._span:
            there &= times >= (self._now - self._span)[:, None]
            there &= _first_of_bucket(times, self._span) | (ints[:, CLASS] < TOP)[:, None]
        oldest = int(there.any(axis=0).argmax()) if n else 0  # rings reach further back than anybody asks
        times, there = times[:, oldest:], there[:, oldest:]
        values = np.full(times.shape, np.nan)
        flags = np.zeros(times.shape, np.uint8)
        for pool, some, cell in cells:
            values[some] = pool.offset.reshape(-1).take(cell[:, oldest:])
            flags[some] = pool.flags.reshape(-1).take(cell[:, oldest:])
        values += windows.floats[rows, PIVOT][:, None]
        values[~there] = np.nan
        return times, values, flags


def _first_of_bucket(times: NDArray[np.int64], span: Micros) -> NDArray[np.bool_]:
    """Mark the first reading in every 256th of the span (`Windows` says why not their mean)."""
    bucket = times // max(span // CELLS, 1)
    first = np.ones(times.shape, np.bool_)
    first[:, 1:] = bucket[:, 1:] != bucket[:, :-1]
    return first

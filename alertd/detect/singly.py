"""Few readings are judged one after the other, in Python numbers over the same arrays.

Why two paths: numpy's fixed cost is some forty calls a batch, so a batch of one reading paid
for a thousand. A farm of ten cows sends one reading at a time, a backlog ten thousand; both
are the normal case. Up to `FEW` readings this path is the cheaper one.

What keeps the two equal: the state is the same arrays, changed in place, and a kind's
`judge_one` does the operations of its `judge` in the same order (a kind without one of its
own is handed arrays of one). The property "batches never change a verdict or a window"
(tests/properties) holds them together bit by bit, for all kinds, splits, late, repeated and
contradicting readings, times unknown, and steps taken back.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.detect.judgement import BACKLOG, Judgement
from alertd.detect.places import NEVER
from alertd.detect.rings import COLUMNS, LAST
from alertd.model import BAD, Quality

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from alertd.detect.history import Reading
    from alertd.detect.panel import Panel, Seen
    from alertd.model import Batch, Micros
    from alertd.undo import Undo

FEW: Final = 32
"""Up to so many readings this path costs less (tests/benchmarks/bench_detect.py)."""
LATE: Final = int(Quality.LATE)
UNKNOWN: Final = int(Quality.UNKNOWN_TIME)

Notable = tuple[int, int, int, float, float]
"""(index of the reading, rule, state, score, normal)."""
Found = tuple[list[Notable], set[tuple[int, int]], list[int], list[int]]
"""Of a batch so far: what is notable, which (rule, row) went bad, the readings refused, and those in conflict."""


def judge_singly(panel: Panel, batch: Batch, undo: Undo) -> Judgement:
    """Do as `Panel.judge`, reading by reading."""
    told: list[Notable] = []
    went_bad: set[tuple[int, int]] = set()
    refused: list[int] = []
    conflicts: list[int] = []
    shows: Micros | None
    windows, seen, reading, line, index = panel.windows, panel.seen, panel.reading, panel.learned.line, -1
    newest, (arrived, times, values, profile, active) = windows.numbers, seen
    for row, time, received, value, quality in _each(batch):
        index += 1
        if quality <= LATE and time > newest[row * COLUMNS + LAST] and isfinite(value):
            reading.row, reading.time, reading.value, flags, shows = row, time, value, 0, time
            for rule, judge_one, slot, learns in panel.judges_of[profile[row]]:
                verdict = judge_one(reading, line(rule, row, undo) if learns else NO_LINE, slot=slot)
                if verdict[0] == BAD or went_bad or active[rule, row]:
                    _note(panel, index, (rule, row), verdict, told, went_bad)
                    flags |= (learns and verdict[0] == BAD) << slot
            windows.push_one(row, time, value, flags, undo)
        else:
            found = told, went_bad, refused, conflicts
            shows = _take_other(panel, batch, index, (row, time, received, value, quality), found, undo)
            if shows is None:
                continue
        before = heard, last, _ = arrived[row], times[row], values[row]
        undo.note((_forget, seen, row, before))
        if received > heard:
            arrived[row] = received
        if shows > last:
            times[row] = shows
        if shows != NEVER:
            values[row] = value
    if told or refused or index >= FEW:
        return _judgement(index + 1, refused, conflicts, told)
    return CALM[index + 1]


def _each(batch: Batch) -> Iterable[tuple[int, Micros, Micros, float, int]]:
    """Return the readings as Python numbers: (row, time, received, value, quality)."""
    series, time, received, value, quality = batch.series, batch.time, batch.received, batch.value, batch.quality
    if series.size == 1:  # five lists of one number cost twice as much
        return ((series.item(), time.item(), received.item(), value.item(), quality.item()),)
    return zip(series.tolist(), time.tolist(), received.tolist(), value.tolist(), quality.tolist(), strict=True)


def _comes_again(batch: Batch, index: int) -> bool:
    """Return whether another reading of the same series, of unknown time and finite too, follows at once."""
    later = slice(index + 1, None)
    again = (batch.series[later] == batch.series[index]) & (batch.quality[later] == UNKNOWN)
    again &= batch.received[later] - batch.received[index] <= BACKLOG
    return bool((again & np.isfinite(batch.value[later])).any())


def _take_other(
    panel: Panel, batch: Batch, index: int, one: tuple[int, Micros, Micros, float, int], found: Found, undo: Undo
) -> Micros | None:
    """Take a reading that does not follow its series' last one, if it can be taken.

    Returns the time to show of the series: its own, `NEVER` if it is late, None if it was refused.
    """
    row, time, received, value, quality = one
    told, went_bad, refused, conflicts = found
    if isfinite(value) and quality <= LATE and _take_late(panel, index, (row, time, value), conflicts, undo):
        return NEVER
    if isfinite(value) and quality == UNKNOWN:
        if not _comes_again(batch, index):
            reading = panel.reading
            reading.row, reading.time, reading.value = row, received, value
            _judge_timeless(panel, index, reading, told, went_bad)
        return received
    refused.append(index)
    if isfinite(value) and quality > UNKNOWN and np.isnan(panel.last_value[row]):  # retained
        undo.cells(panel.last_value, row)
        panel.last_value[row] = value
    return None


def _take_late(panel: Panel, index: int, reading: tuple[int, Micros, float], conflicts: list[int], undo: Undo) -> bool:
    """Put a reading older than its series' last in its place; return whether it is new."""
    with np.errstate(over="ignore", invalid="ignore"):  # as in `judge_jointly`
        kept = panel.windows.exists(*reading)
        if kept is False:
            panel.late(*reading, undo)
    if kept is None:
        conflicts.append(index)
    return kept is False


def _judge_timeless(
    panel: Panel, index: int, reading: Reading, told: list[Notable], went_bad: set[tuple[int, int]]
) -> None:
    """Judge a reading whose time is unknown by the rules that need none."""
    for rule, judge_one, slot, learns in panel.judges_of[panel.profile.item(reading.row)]:
        if not learns and panel.detectors[rule].timeless:
            _note(panel, index, (rule, reading.row), judge_one(reading, NO_LINE, slot=slot), told, went_bad)


def _note(
    panel: Panel,
    index: int,
    key: tuple[int, int],
    verdict: tuple[int, float, float],
    told: list[Notable],
    went_bad: set[tuple[int, int]],
) -> None:
    """Keep a verdict if it matters: `Judgement` says when."""
    if verdict[0] == BAD:
        went_bad.add(key)
    elif not (key in went_bad or panel.active.item(*key)):
        return
    told.append((index, key[0], *verdict))


def _forget(seen: Seen, row: int, before: tuple[Micros, Micros, float]) -> None:
    """Undo what a reading changed of what is shown of its series."""
    seen.received[row], seen.last_time[row], seen.last_value[row] = before


NO_LINE: Final = memoryview(b"")


def _calm(accepted: NDArray[np.bool_], conflict: NDArray[np.bool_]) -> Judgement:
    """Return that nothing is notable."""
    nobody, nothing = np.empty(0, np.int32), np.empty(0)
    return Judgement(accepted, conflict, nobody, nobody, np.empty(0, np.int8), nothing, nothing)


CALM: Final = tuple(_calm(np.ones(n, np.bool_), np.zeros(n, np.bool_)) for n in range(FEW + 1))
"""By the number of readings: all are taken, nothing is notable."""


def _judgement(n: int, refused: list[int], conflicts: list[int], told: list[Notable]) -> Judgement:
    """Return what became of n readings. Nearly always all are taken and nothing is notable: that is made once."""
    if not told and not refused and n <= FEW:
        return CALM[n]
    accepted, conflict = np.ones(n, np.bool_), np.zeros(n, np.bool_)
    accepted[refused] = False
    conflict[conflicts] = True
    if not told:
        return _calm(accepted, conflict)
    index, rule, state, score, normal = zip(*told, strict=True)
    return Judgement(
        accepted,
        conflict,
        np.array(index, np.int32),
        np.array(rule, np.int32),
        np.array(state, np.int8),
        np.array(score, np.float64),
        np.array(normal, np.float64),
    )

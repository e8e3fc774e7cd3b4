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

from alertd.detect.history import Reading
from alertd.detect.judgement import Judgement
from alertd.detect.rings import COLUMNS, LAST
from alertd.model import BAD, Quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.panel import Panel, Seen
    from alertd.model import Batch, Micros
    from alertd.undo import Undo

FEW: Final = 32
"""Up to so many readings this path costs less (tests/benchmarks/bench_detect.py)."""
LATE: Final = int(Quality.LATE)
UNKNOWN: Final = int(Quality.UNKNOWN_TIME)

Notable = tuple[int, int, int, float, float]
"""(index of the reading, rule, state, score, normal)."""


def judge_singly(panel: Panel, batch: Batch, undo: Undo) -> Judgement:
    """Do as `Panel.judge`, reading by reading."""
    told: list[Notable] = []
    went_bad: set[tuple[int, int]] = set()
    refused: list[int] = []
    conflicts: list[int] = []
    windows, seen = panel.windows, panel.seen
    numbers, reading = windows.numbers, Reading(windows)
    rows, times, arrivals = batch.series.tolist(), batch.time.tolist(), batch.received.tolist()
    values, qualities = batch.value.tolist(), batch.quality.tolist()
    for index, row in enumerate(rows):
        value, quality = values[index], qualities[index]
        if not isfinite(value):
            refused.append(index)
        elif quality <= LATE:
            time = times[index]
            if time > numbers[row * COLUMNS + LAST]:
                reading.row, reading.time, reading.value = row, time, value
                _judge(panel, index, reading, told, went_bad, undo)
                _remember(seen, row, arrivals[index], time, value, undo)
            elif _take_late(panel, index, (row, time, value), conflicts, undo):
                _remember(seen, row, arrivals[index], None, value, undo)
            else:
                refused.append(index)
        elif quality == UNKNOWN:
            later = range(index + 1, len(rows))
            if not any(rows[at] == row and qualities[at] == UNKNOWN and isfinite(values[at]) for at in later):
                reading.row, reading.time, reading.value = row, arrivals[index], value
                _judge_timeless(panel, index, reading, told, went_bad)
            _remember(seen, row, arrivals[index], arrivals[index], value, undo)
        else:  # retained
            refused.append(index)
            if seen.last_value[row] != seen.last_value[row]:
                undo.cells(panel.last_value, row)
                panel.last_value[row] = value
    return _judgement(len(rows), refused, conflicts, told)


def _judge(
    panel: Panel, index: int, reading: Reading, told: list[Notable], went_bad: set[tuple[int, int]], undo: Undo
) -> None:
    """Judge a reading that follows its series' last one by all rules, and take it into the window."""
    row, flags, line = reading.row, 0, panel.learned.line
    seen = panel.seen
    for rule, judge_one, slot in panel.judges_of[seen.profile[row]]:
        if slot is None:
            verdict = judge_one(reading, NO_LINE, slot=0)
        else:
            verdict = judge_one(reading, line(rule, row, undo), slot=slot)
            if verdict[0] == BAD:
                flags |= 1 << slot
        if verdict[0] == BAD or went_bad or seen.active[rule, row]:
            _note(panel, index, (rule, row), verdict, told, went_bad)
    panel.windows.push_one(row, reading.time, reading.value, flags, undo)


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
    for rule, judge_one, slot in panel.judges_of[panel.profile.item(reading.row)]:
        if slot is None and panel.detectors[rule].timeless:
            _note(panel, index, (rule, reading.row), judge_one(reading, NO_LINE, slot=0), told, went_bad)


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


def _remember(seen: Seen, row: int, received: Micros, time: Micros | None, value: float, undo: Undo) -> None:
    """Keep what is shown of a series: newest arrival, and of a reading that is not late (`time`) time and value."""
    arrived, times, values = seen.received, seen.last_time, seen.last_value
    before = arrived[row], times[row], values[row]
    undo.note((_forget, seen, row, before))
    if received > before[0]:
        arrived[row] = received
    if time is not None:
        if time > before[1]:
            times[row] = time
        values[row] = value


def _forget(seen: Seen, row: int, before: tuple[Micros, Micros, float]) -> None:
    """Undo `_remember`."""
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

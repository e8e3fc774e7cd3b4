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

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.detect.history import Reading
from alertd.detect.judgement import Judgement
from alertd.detect.rings import LAST
from alertd.model import BAD, Quality

if TYPE_CHECKING:
    from alertd.detect.panel import Panel
    from alertd.model import Batch, Micros
    from alertd.undo import Undo

FEW: Final = 24
"""Up to so many readings this path costs less (tests/benchmarks/bench_detect.py)."""
LATE: Final = int(Quality.LATE)
UNKNOWN: Final = int(Quality.UNKNOWN_TIME)

Notable = tuple[int, int, int, float, float]
"""(index of the reading, rule, state, score, normal)."""


def judge_singly(panel: Panel, batch: Batch, undo: Undo) -> Judgement:
    """Do as `Panel.judge`, reading by reading."""
    n = len(batch)
    told: list[Notable] = []
    went_bad: set[tuple[int, int]] = set()
    accepted, conflict = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    rows, qualities = batch.series.tolist(), batch.quality.tolist()
    times, arrivals, values = batch.time.tolist(), batch.received.tolist(), batch.value.tolist()
    for index, (row, quality, value) in enumerate(zip(rows, qualities, values, strict=True)):
        if not math.isfinite(value):
            continue
        received = arrivals[index]
        if quality <= LATE:
            time = times[index]
            if time > panel.windows.ints.item(row, LAST):
                _judge(panel, index, Reading(panel.windows, row, time, value), told, went_bad, undo)
                _remember(panel, row, (received, time, value), undo)
            else:
                with np.errstate(over="ignore", invalid="ignore"):  # as in `judge_jointly`
                    kept = panel.windows.exists(row, time, value)
                    if kept is False:
                        panel.late(row, time, value, undo)
                conflict[index] = kept is None
                if kept is not False:
                    continue
                _remember(panel, row, (received, None, None), undo)
            accepted[index] = True
        elif quality == UNKNOWN:
            later = range(index + 1, n)
            if not any(rows[at] == row and qualities[at] == UNKNOWN and math.isfinite(values[at]) for at in later):
                _judge_timeless(panel, index, Reading(panel.windows, row, received, value), told, went_bad)
            _remember(panel, row, (received, received, value), undo)
            accepted[index] = True
        elif math.isnan(panel.last_value.item(row)):  # retained
            undo.cells(panel.last_value, row)
            panel.last_value[row] = value
    return _judgement(accepted, conflict, told)


def _judge(
    panel: Panel, index: int, reading: Reading, told: list[Notable], went_bad: set[tuple[int, int]], undo: Undo
) -> None:
    """Judge a reading that follows its series' last one by all rules, and take it into the window."""
    row, flags, learned = reading.row, 0, panel.learned
    for rule in panel.rules_of[panel.profile.item(row)]:
        slot = learned.slot.get(rule)
        if slot is None:
            verdict = panel.detectors[rule].judge_one(reading, NO_LINE, slot=0)
        else:
            verdict = panel.detectors[rule].judge_one(reading, learned.line(rule, row, undo), slot=slot)
            if verdict[0] == BAD:
                flags |= 1 << slot
        if verdict[0] == BAD or went_bad or panel.active.item(rule, row):
            _note(panel, index, (rule, row), verdict, told, went_bad)
    panel.windows.push_one(row, reading.time, reading.value, flags, undo)


def _judge_timeless(
    panel: Panel, index: int, reading: Reading, told: list[Notable], went_bad: set[tuple[int, int]]
) -> None:
    """Judge a reading whose time is unknown by the rules that need none."""
    for rule in panel.rules_of[panel.profile.item(reading.row)]:
        detector = panel.detectors[rule]
        if detector.timeless and rule not in panel.learned.slot:
            verdict = detector.judge_one(reading, NO_LINE, slot=0)
            _note(panel, index, (rule, reading.row), verdict, told, went_bad)


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


def _remember(panel: Panel, row: int, new: tuple[Micros, Micros | None, float | None], undo: Undo) -> None:
    """Keep what is shown of a series: newest arrival, and of a reading that is not late time and value."""
    arrived, times, values = panel.received, panel.last_time, panel.last_value
    before = arrived[row], times[row], values[row]
    received, time, value = new

    def restore() -> None:
        arrived[row], times[row], values[row] = before

    undo.call(restore)
    if received > before[0]:
        arrived[row] = received
    if time is not None:
        if time > before[1]:
            times[row] = time
        values[row] = value


NOTHING: Final = np.empty(0)
NO_LINE: Final = memoryview(b"")
NO_ROWS: Final = np.empty(0, np.int32)
NO_STATES: Final = np.empty(0, np.int8)


def _judgement(accepted: np.ndarray, conflict: np.ndarray, told: list[Notable]) -> Judgement:
    if not told:
        return Judgement(accepted, conflict, NO_ROWS, NO_ROWS, NO_STATES, NOTHING, NOTHING)
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

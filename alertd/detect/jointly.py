"""Many readings are judged together, in arrays: each rule all series at once.

Several readings of one series in a batch take their turns in rounds: the first of every
series together, then the second of each; where turns are not needed they are taken at once
(`alertd.detect.runs`). Rules that look at the reading alone judge the whole batch at once.
A few readings are cheaper one by one: `alertd.detect.singly`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.detect.judgement import BACKLOG, Judgement, Opinions, gather, rounds
from alertd.detect.rings import LAST
from alertd.detect.runs import take_runs, take_turn
from alertd.model import Quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.detect.panel import Panel
    from alertd.detect.rings import Rows
    from alertd.model import Batch
    from alertd.undo import Undo

LATE: Final = int(Quality.LATE)
UNKNOWN: Final = int(Quality.UNKNOWN_TIME)
RETAINED: Final = int(Quality.RETAINED)


def judge_jointly(panel: Panel, batch: Batch, undo: Undo) -> Judgement:
    """Do as `Panel.judge`, in arrays."""
    conflict = np.zeros(len(batch), np.bool_)
    known = np.isfinite(batch.value)  # the decoder lets nothing else through, a window never forgets it
    own = known & (batch.quality <= LATE)
    opinions = {rule: Opinions() for rule in _rules_for(panel, batch.series)}
    with np.errstate(over="ignore", invalid="ignore"):  # values near the end of float64 are hostile, not wrong
        ordered, late = _take(panel, batch, own, conflict, opinions, undo)
        if ordered.all():
            _judge_alone(panel, batch, ordered, batch.time, opinions)
            _remember(panel, batch, ordered, batch.time, ordered, undo)
            return gather(opinions, batch.series, panel.active, ordered, conflict)
        unknown = known & (batch.quality == UNKNOWN)
        time = np.where(unknown, batch.received, batch.time)
        _judge_alone(panel, batch, ordered, time, opinions, _newest(batch.series, unknown, batch.received))
    accepted = ordered | late | unknown
    _remember(panel, batch, ordered | unknown, time, accepted, undo)
    return gather(opinions, batch.series, panel.active, accepted, conflict)


def _rules_for(panel: Panel, rows: Rows) -> list[int]:
    of = panel.profile.take(rows)
    profiles = of[:1].tolist() if (of == of[:1]).all() else np.bincount(of).nonzero()[0].tolist()
    return sorted({rule for number in profiles for rule in panel.rules_of[number]})


def _take(
    panel: Panel,
    batch: Batch,
    own: NDArray[np.bool_],
    conflict: NDArray[np.bool_],
    opinions: dict[int, Opinions],
    undo: Undo,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Take readings with a time of their own in rounds; return which of the batch came in order, which late."""
    ordered, late = np.zeros(len(batch), np.bool_), np.zeros(len(batch), np.bool_)
    rest = own.nonzero()[0]
    turns = rounds(batch.series[rest])
    if len(turns) > 1:
        rest = take_runs(panel, batch, rest, ordered, opinions, undo)
        turns = rounds(batch.series[rest])
    for turn in turns:
        now = rest[turn]
        rows, times = batch.series[now], batch.time[now]
        newer = times > panel.windows.ints[rows, LAST]
        if not newer.all():
            for index in now[~newer].tolist():
                late[index] = _take_late(panel, batch, index, conflict, undo)
            now = now[newer]
        if len(now):
            take_turn(panel, batch, now, opinions, undo)
            ordered[now] = True
    return ordered, late


def _take_late(panel: Panel, batch: Batch, index: int, conflict: NDArray[np.bool_], undo: Undo) -> bool:
    """Put a reading older than its series' last in its place; return whether it is new."""
    row, time, value = int(batch.series[index]), int(batch.time[index]), float(batch.value[index])
    kept = panel.windows.exists(row, time, value)
    if kept is None:
        conflict[index] = True
    elif not kept:
        panel.late(row, time, value, undo)
    return kept is False


def _judge_alone(
    panel: Panel,
    batch: Batch,
    ordered: NDArray[np.bool_],
    time: NDArray[np.int64],
    opinions: dict[int, Opinions],
    newest: NDArray[np.bool_] | None = None,
) -> None:
    """Judge the whole batch by the rules that look at the reading alone, backlog without times by its newest."""
    for rule, opinion in opinions.items():
        if rule in panel.learned.slot:
            continue
        detector = panel.detectors[rule]
        current = ordered | newest if newest is not None and detector.timeless else ordered
        index = (panel.applies[rule].take(batch.series) & current).nonzero()[0]
        if len(index):
            nothing = np.empty((len(index), 0))
            verdicts = detector.judge(None, nothing, time.take(index), batch.value.take(index), slot=0)
            opinion.put(index, verdicts, apart=False)


def _remember(
    panel: Panel,
    batch: Batch,
    current: NDArray[np.bool_],
    time: NDArray[np.int64],
    accepted: NDArray[np.bool_],
    undo: Undo,
) -> None:
    """Keep what is shown of a series: newest arrival, newest time and value."""
    every = batch.series
    arrays = panel.received, panel.last_time, panel.last_value
    before = [array.take(every) for array in arrays]

    def restore() -> None:
        for array, was in zip(arrays, before, strict=True):
            array[every] = was

    undo.call(restore)
    if not accepted.all():
        retained = np.flatnonzero((batch.quality == RETAINED) & np.isfinite(batch.value))
        first = retained[np.isnan(panel.last_value[every[retained]])][::-1]  # of several the first is written last
        panel.last_value[every[first]] = batch.value[first]
    heard = every[accepted]
    panel.received[heard] = np.maximum(panel.received.take(heard), batch.received[accepted])
    rows = every[current]
    np.maximum.at(panel.last_time, rows, time[current])  # times of arrival among own ones need not increase
    panel.last_value[rows] = batch.value[current]  # numpy writes in order: the last one stays


def _newest(series: Rows, unknown: NDArray[np.bool_], received: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the readings whose time is unknown, but not those that another of their series follows at once."""
    newest = unknown.copy()
    by_row = np.flatnonzero(unknown)
    by_row = by_row[np.argsort(series[by_row], kind="stable")]
    rows, arrivals = series[by_row], received[by_row]
    followed = (rows[1:] == rows[:-1]) & (arrivals[1:] - arrivals[:-1] <= BACKLOG)
    newest[by_row[:-1][followed]] = False
    return newest

"""Several readings of a series in one batch, taken at once as far as none of them needs the one before.

A rule that learns its normal anew now and then (`Detector.paced`) judges all readings between
two such moments by the same numbers, and most windows take a reading without being rearranged.
So a backlog or a recording costs a turn for every time something is learned, not for every
reading. Whatever else may happen to a reading, it takes its turn as if it had come alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.detect.judgement import rounds
from alertd.detect.rings import LAST
from alertd.model import BAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from alertd.detect.common import Detector
    from alertd.detect.judgement import Opinions
    from alertd.detect.panel import Panel
    from alertd.detect.rings import Rows
    from alertd.model import Batch
    from alertd.undo import Undo

    Marks = NDArray[np.bool_]

NARROW: Final = 16
"""Learned columns up to which a line that did not change is not written back."""
BLOCK: Final = 64
"""Readings of a series looked at together: a normal of at most 256 is learned anew every 32."""


def take_runs(
    panel: Panel,
    batch: Batch,
    own: NDArray[np.intp],
    ordered: Marks,
    opinions: Mapping[int, Opinions],
    undo: Undo,
) -> NDArray[np.intp]:
    """Take the series whose readings come in order and whose rules are all paced; return the rest of `own`."""
    rows: Rows = batch.series[own]
    paced = panel.paced[rows]
    if not paced.any():
        return own
    by_row = np.argsort(rows, kind="stable")
    sorted_rows, times = rows[by_row], batch.time[own[by_row]]
    before = panel.windows.ints[sorted_rows, LAST]
    again = np.flatnonzero(sorted_rows[1:] == sorted_rows[:-1])
    before[again + 1] = times[again]
    wrong = times <= before
    if wrong.any():
        paced &= ~np.isin(rows, sorted_rows[wrong])
    run = own[by_row[paced[by_row]]]
    ordered[run] = True
    for block in _blocks(batch.series[run], panel.windows.looked(batch.series[run])):
        _take_block(panel, batch, run[block], opinions, undo)
    rest: NDArray[np.intp] = own[~paced]
    return rest


def take_turn(panel: Panel, batch: Batch, now: NDArray[np.intp], opinions: Mapping[int, Opinions], undo: Undo) -> None:
    """Judge one reading each of different series by the rules that look back, and take it into the windows."""
    flags = np.zeros(len(now), np.uint8)
    for rule, detector, slot in _looking(panel, opinions):
        flags |= _judge_turn(panel, batch, now, (rule, detector, slot), opinions[rule], undo)
    panel.windows.push(batch.series[now], batch.time[now], batch.value[now], flags, undo)


def _blocks(rows: Rows, looked: Marks) -> list[NDArray[np.intp]]:
    """Split readings, sorted by series, into the first `BLOCK` of each that is looked back on, the next, and so on."""
    start = _starts(rows)
    rank = np.arange(len(rows)) - np.repeat(start, np.diff(start, append=len(rows)))
    block = np.where(looked, rank // BLOCK, 0)
    return np.split(np.argsort(block, kind="stable"), np.cumsum(np.bincount(block))[:-1])


def _starts(rows: Rows) -> NDArray[np.intp]:
    """Return where each series begins."""
    return np.flatnonzero(np.diff(rows, prepend=-1))


def _take_block(
    panel: Panel, batch: Batch, run: NDArray[np.intp], opinions: Mapping[int, Opinions], undo: Undo
) -> None:
    """Take readings sorted by series and then time: of each series what needs no turn, one in its turn, and again."""
    in_vain = 0
    while len(run):
        left = _take_steady(panel, batch, run, opinions, undo)
        in_vain = in_vain + 1 if len(left) == len(run) else 0
        run = left
        if in_vain > 1:  # all have just had their turn, and none is the steadier for it
            for turn in rounds(batch.series[run]):
                take_turn(panel, batch, run[turn], opinions, undo)
            return
        if len(run):
            first = _starts(batch.series[run])
            take_turn(panel, batch, run[first], opinions, undo)
            run = np.delete(run, first)


def _take_steady(
    panel: Panel, batch: Batch, run: NDArray[np.intp], opinions: Mapping[int, Opinions], undo: Undo
) -> NDArray[np.intp]:
    """Take of every series the readings before the first that needs a turn; return what is left."""
    rows = batch.series[run].astype(np.intp)
    start, place = _starts(rows), np.arange(len(run))
    length = np.diff(start, append=len(rows))
    time, value = batch.time[run], batch.value[run]
    steady, taken = panel.windows.steady(rows, place - np.repeat(start, length), time, value)
    looking = []
    for rule, detector, slot in _looking(panel, opinions):
        mine = np.flatnonzero(panel.applies[rule, rows])
        if len(mine):
            learned = panel.learned.get(rule, rows[mine])
            steady[mine] &= detector.steady(learned, taken[mine], time[mine])
            looking.append((rule, detector, slot, mine, learned))
    until = np.minimum.reduceat(np.where(steady, len(rows), place), start)
    taking = place < np.repeat(until, length)
    now = np.flatnonzero(taking)
    if not len(now):
        return run
    flags = np.zeros(len(rows), np.uint8)
    for rule, detector, slot, mine, learned in looking:
        some = taking[mine]
        judged = mine[some]
        if len(judged):
            verdicts = detector.by_learned(learned[some], value[judged])
            opinions[rule].put(run[judged], verdicts, apart=False)
            flags[judged] |= (verdicts.state == BAD).view(np.uint8) << np.uint8(slot)
    panel.windows.push_runs(rows[now], time[now], value[now], flags[now], undo)
    return run[~taking]


def _looking(panel: Panel, opinions: Mapping[int, Opinions]) -> Iterator[tuple[int, Detector, int]]:
    """Yield the rules that look back, with their slots."""
    slots = panel.learned.slot
    return ((rule, panel.detectors[rule], slots[rule]) for rule in opinions if rule in slots)


def _judge_turn(
    panel: Panel, batch: Batch, now: NDArray[np.intp], by: tuple[int, Detector, int], opinions: Opinions, undo: Undo
) -> NDArray[np.uint8]:
    """Judge one reading each of different series by a rule that looks back; return its flag bit on each."""
    rule, detector, slot = by
    meant = panel.applies[rule, batch.series[now]]
    index = now if meant.all() else now[meant]
    if not len(index):
        return np.zeros(len(now), np.uint8)
    rows, times = batch.series[index].astype(np.intp), batch.time[index]
    learned = panel.learned.get(rule, rows)
    before = learned.copy()
    history = None
    if detector.span or detector.samples:
        history = panel.windows.history(rows, times, detector.span, detector.samples)
    verdicts = detector.judge(history, learned, times, batch.value[index], slot=slot)
    if detector.learned > NARROW:  # so wide a line is never left as it was: looking would cost more than writing
        panel.learned.put(rule, rows, before, learned, undo)
    elif len(changed := (learned != before).any(axis=1).nonzero()[0]):
        panel.learned.put(rule, rows[changed], before[changed], learned[changed], undo)
    opinions.put(index, verdicts, apart=True)
    flags = np.zeros(len(now), np.uint8)
    flags[meant] = (verdicts.state == BAD).view(np.uint8) << np.uint8(slot)
    return flags

"""What a batch of readings comes to: verdicts on single readings and complete steps of groups, in order of arrival.

Each is judged when it is taken, so whoever takes one has done with all that came before it. The engine feeds them to
the alerts' machines; the restart does the same with the journal.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from alertd.alerting import absences, herd, lifecycle, shadows
from alertd.detect.singly import FEW
from alertd.detect.together import Step
from alertd.model import Quality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from alertd.alerting.turn import Turn
    from alertd.model import Batch, Micros

Verdict = tuple[int, int, tuple[int, float, float], tuple[int, int, float, int]]
"""(rule, row, (state, score, normal), (time, received, value, quality)): one notable opinion."""
Judged = Verdict | Step
"""What readings come to: an opinion on one of them, or a group whose step is complete."""


def take(turn: Turn, happening: Judged, at: Micros) -> None:
    """Feed a verdict to its machine, or judge a group whose step is complete."""
    if isinstance(happening, Step):
        herd.judge(turn, happening, at)
    else:
        rule, row, verdict, reading = happening
        herd.note(turn, rule, row, verdict[0], reading[0])
        lifecycle.feed(turn, rule, row, verdict, reading)


def unfolded(turn: Turn, batch: Batch, until: Micros) -> Iterator[tuple[Micros, Judged]]:
    """Judge a batch; yield the verdicts that matter and the steps of groups, in order of arrival, as they are taken.

    A group is judged between two readings; whoever takes what is yielded has fed all that came
    before. Groups that compare values need the windows as they were then, so the batch is judged in
    pieces; for those that count verdicts it is judged at once. At the end the changes hold what is to
    be journalled.
    """
    book = turn.book
    accepted = np.zeros(len(batch), np.bool_)
    at_once = len(batch) > FEW and book.together.counts_only
    known = book.panel.last_time.copy() if at_once and book.together.groups else None
    waiting = _judged(turn, batch, accepted) if at_once else deque[tuple[int, Verdict]]()
    start = 0
    while True:
        stop, steps = book.together.complete(batch, start, until, turn.undo)
        if stop > start and not at_once:
            piece = batch if stop - start == len(batch) else batch.take(slice(start, stop))
            waiting = _judged(turn, piece, accepted[start:stop])
        while waiting and (not at_once or waiting[0][0] < stop):
            verdict = waiting.popleft()[1]
            yield verdict[3][1], verdict
        if known is not None:
            _know(known, batch, accepted, slice(start, stop))
        start = stop
        if not steps:
            break
        yield from ((at, step._replace(known=known)) for at, step in steps)
    turn.changes.readings = batch if np.count_nonzero(accepted) == len(batch) else batch.take(accepted)


def _know(known: NDArray[np.int64], batch: Batch, accepted: NDArray[np.bool_], part: slice) -> None:
    """Note the newest times of readings that come before the next step, as `Panel` does of a whole batch."""
    new = accepted[part]
    unknown = batch.quality[part] == int(Quality.UNKNOWN_TIME)
    time = np.where(unknown, batch.received[part], batch.time[part])
    np.maximum.at(known, batch.series[part][new], time[new])


def _judged(turn: Turn, batch: Batch, accepted: NDArray[np.bool_]) -> deque[tuple[int, Verdict]]:
    """Judge readings, mark those that are new; return the verdicts that matter with their reading's place."""
    book, panel = turn.book, turn.book.panel
    before = panel.received.take(batch.series)
    unheard = batch.series[:0] if before.all() else batch.series[before == 0]
    judgement = panel.judge(batch, turn.undo)
    accepted[:] = judgement.accepted
    taken = batch.series, batch.received
    if np.count_nonzero(accepted) < len(batch):
        taken = batch.series[accepted], batch.received[accepted]
        known = ~judgement.accepted & ~judgement.conflict
        turn.changes.conflicts += batch.series[judgement.conflict].tolist()
        turn.changes.repeats += batch.series[known].tolist()
    book.hear(*taken)
    if len(unheard):
        for row in np.unique(unheard[panel.received[unheard] > 0]):
            absences.watch(turn, int(row))
    if book.untold and len(judgement.index):
        judgement = shadows.thinned(book, judgement, batch.series)
    if not len(judgement.index):
        return deque()
    at = judgement.index
    of_verdict = (at, judgement.rule, judgement.state, judgement.score, judgement.normal)
    of_reading = (batch.series[at], batch.time[at], batch.received[at], batch.value[at], batch.quality[at])
    judges = panel.detectors
    return deque(
        (n, (rule, row, (state, score, normal), (time, received, judges[rule].told(value, score, normal), quality)))
        for n, rule, state, score, normal, row, time, received, value, quality in zip(
            *(column.tolist() for column in (*of_verdict, *of_reading)), strict=True
        )
    )

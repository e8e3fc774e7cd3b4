"""What is judged over several series: an animal among its peers, and what happens to many of a group at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.alerting import lifecycle
from alertd.alerting.machine import Phase
from alertd.detect.fraction import Fraction
from alertd.detect.peers import Peers
from alertd.detect.rings import PIVOT
from alertd.model import BAD, GOOD, Quality

if TYPE_CHECKING:
    from alertd.alerting.turn import Turn
    from alertd.detect.together import Group, Step
    from alertd.model import Micros

LIVE: Final = int(Quality.LIVE)
HALF: Final = 2.0**-24
"""Half a step of float32, which windows keep offsets in: what they are off by, of themselves."""
DOUBLE: Final = 2.0**-50
"""What float64 makes of a few sums, of the value."""


def judge(turn: Turn, step: Step, at: Micros) -> None:
    """Judge a group whose step is complete, by what was measured before its edge; it was complete at `at`."""
    match turn.book.rules[step.group.rule].detect:
        case Peers() as detect:
            _peers(turn, step.group, detect, step.edge, at)
        case Fraction() as detect:
            _fraction(turn, step, detect, at)


def _peers(turn: Turn, group: Group, detect: Peers, edge: Micros, at: Micros) -> None:
    book = turn.book
    rows = np.array(group.rows)
    windows = book.panel.windows
    values = windows.history(rows, np.full(len(rows), edge), detect.window, 0).value
    pivot = windows.floats[rows, PIVOT]
    offset = (
        values - pivot[:, None]
    )  # what was kept, in float32: around 1e9 their sum says more than that of the values
    count = np.isfinite(values).sum(axis=1)
    there = count > 0
    mean = pivot + np.divide(np.nansum(offset, axis=1), count, out=np.full(len(rows), np.nan), where=there)
    kept = np.divide(np.nansum(np.abs(offset), axis=1), count, out=np.zeros(len(rows)), where=there)
    found = detect.compare(mean, HALF * kept + DOUBLE * np.abs(mean))
    if found is None:
        return
    judged, verdicts = found
    columns = (judged, verdicts.state, verdicts.score, verdicts.normal)
    for which, state, score, normal in zip(*(column.tolist() for column in columns), strict=True):
        row = group.rows[which]
        if state == BAD or (group.rule, row) in book.machines:
            note(turn, group.rule, row, state, edge)
            reading = (edge, at, float(mean[which]), LIVE)
            lifecycle.feed(turn, group.rule, row, (state, score, normal), reading)


def _fraction(turn: Turn, step: Step, detect: Fraction, at: Micros) -> None:
    book, (group, edge, known) = turn.book, step
    of = book.rule_named(detect.of)
    if of is None or group.row < 0:
        return
    since, machines, bad = edge - detect.window, book.machines, book.together.bad
    told = [row for row in group.rows if (of, row) in machines or (of, row) in bad]  # mostly of nobody
    affected = {book.series[row].device for row in told if _affected(turn, of, row, since)}
    if not affected and (group.rule, group.row) not in book.machines:
        return  # all is well and was
    newest = book.panel.last_time if known is None else known
    heard = {book.series[row].device for row in group.rows if newest[row] > since}
    if len(heard) < detect.min_devices:
        return
    affected &= heard
    share = len(affected) / len(heard)
    state = BAD if share > detect.above else GOOD
    verdict = (state, float(len(affected)), np.nan)
    lifecycle.feed(turn, group.rule, group.row, verdict, (edge, at, share, LIVE))


def _affected(turn: Turn, of: int, row: int, since: Micros) -> bool:
    """Return whether a series has an alert of the rule, one on its way, or had a bad verdict since then."""
    machine = turn.book.machines.get((of, row))
    if machine is not None and machine.phase is not Phase.DISMISSED:
        return True
    return turn.book.together.bad.get((of, row), since) > since


def note(turn: Turn, rule: int, row: int, state: int, time: Micros) -> None:
    """Remember a bad verdict of a rule that `fraction` rules look at."""
    book = turn.book
    if state == BAD and rule in book.watched_by:
        bad = book.together.bad
        turn.undo.item(bad, (rule, row))
        bad[rule, row] = max(time, bad.get((rule, row), time))

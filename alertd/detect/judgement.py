"""What became of a batch, and which verdicts of it matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alertd.model import BAD, BAND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from alertd.detect.rings import Rows
    from alertd.model import Verdicts


@dataclass(slots=True)
class Judgement:
    """Which readings of a batch are new, and the verdicts that matter.

    Per reading: `accepted` are new and to be journalled; `conflict` had the time of one
    already kept and another value. Per notable verdict, ordered by reading and then rule:
    `index` of the reading in the batch, `rule`, and what the detector said. Notable is what
    is BAD, and everything of a (rule, series) that is active or was BAD earlier in the batch.
    """

    accepted: NDArray[np.bool_]
    conflict: NDArray[np.bool_]
    index: NDArray[np.int32]
    rule: NDArray[np.int32]
    state: NDArray[np.int8]
    score: NDArray[np.float64]
    normal: NDArray[np.float64]


class Opinions:
    """The verdicts of one rule on a batch, by reading; `judged` says on which it has one."""

    __slots__ = ("judged", "normal", "score", "state")

    def __init__(self, n: int) -> None:
        self.judged = np.zeros(n, np.bool_)
        self.state = np.full(n, BAND, np.int8)
        self.score = np.zeros(n)
        self.normal = np.full(n, np.nan)

    def put(self, index: NDArray[np.intp], verdicts: Verdicts) -> None:
        """Note the verdicts on the readings at `index`."""
        self.judged[index] = True
        self.state[index] = verdicts.state
        self.score[index] = verdicts.score
        self.normal[index] = verdicts.normal

    def notable(self, series: Rows, active: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the readings whose verdict matters; `active` (rows) are the series not at rest."""
        bad = np.flatnonzero(self.judged & (self.state == BAD))
        if not len(bad):
            return np.flatnonzero(self.judged & active[series])
        notable = self.judged & active[series]
        rows, first = np.unique(series[bad], return_index=True)
        at = np.minimum(np.searchsorted(rows, series), len(rows) - 1)
        since = bad[first][at]
        notable |= self.judged & (rows[at] == series) & (np.arange(len(series)) >= since)
        return np.flatnonzero(notable)


def gather(
    opinions: Mapping[int, Opinions],
    series: Rows,
    active: NDArray[np.bool_],
    accepted: NDArray[np.bool_],
    conflict: NDArray[np.bool_],
) -> Judgement:
    """Put the notable verdicts of all rules (`active` is rules by rows) into the order of the readings."""
    found = {rule: opinion.notable(series, active[rule]) for rule, opinion in opinions.items()}
    found = {rule: index for rule, index in found.items() if len(index)}
    if not found:
        none = np.empty(0, np.int32)
        return Judgement(accepted, conflict, none, none, np.empty(0, np.int8), np.empty(0), np.empty(0))
    index = np.concatenate(list(found.values()))
    rule = np.repeat(np.array(list(found), np.int32), [len(some) for some in found.values()])
    order = np.lexsort((rule, index))
    return Judgement(
        accepted,
        conflict,
        index[order].astype(np.int32),
        rule[order],
        np.concatenate([opinions[number].state[some] for number, some in found.items()])[order],
        np.concatenate([opinions[number].score[some] for number, some in found.items()])[order],
        np.concatenate([opinions[number].normal[some] for number, some in found.items()])[order],
    )


def rounds(rows: Rows) -> list[NDArray[np.intp]]:
    """Return the positions of the first occurrence of every row, of the second, and so on."""
    n = len(rows)
    if n == 0:
        return []
    by_row = np.argsort(rows, kind="stable")
    ordered = rows[by_row]
    repeated = ordered[1:] == ordered[:-1]
    if not repeated.any():
        return [np.arange(n)]
    start = np.flatnonzero(np.r_[True, ~repeated])
    turn = np.arange(n) - np.repeat(start, np.diff(np.r_[start, n]))
    by_turn = np.argsort(turn, kind="stable")
    return np.split(by_row[by_turn], np.cumsum(np.bincount(turn))[:-1])

"""What became of a batch, and which verdicts of it matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.model import BAD, SECOND, Verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from alertd.detect.rings import Rows

BACKLOG: Final = SECOND
"""What arrives within this is a backlog: where no times are known only the newest of each series is judged."""


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
    """The verdicts of one rule on readings of a batch, as they are given: the whole batch at once or by rounds."""

    __slots__ = ("_apart", "_index", "_verdicts")

    def __init__(self) -> None:
        self._index: list[NDArray[np.intp]] = []
        self._verdicts: list[Verdicts] = []
        self._apart = True

    def put(self, index: NDArray[np.intp], verdicts: Verdicts, *, apart: bool) -> None:
        """Note the verdicts on the readings at `index`; `apart`: all of different series."""
        self._apart = apart and not self._index
        self._index.append(index)
        self._verdicts.append(verdicts)

    def notable(self, series: Rows, active: NDArray[np.bool_]) -> tuple[NDArray[np.intp], Verdicts] | None:
        """Return the readings whose verdict matters, with it; `active` (rows) are the series not at rest."""
        if not self._index:
            return None
        index, verdicts = self._index[0], self._verdicts[0]
        if len(self._index) > 1:
            index = np.concatenate(self._index)
            order = np.argsort(index)
            index = index[order]
            verdicts = Verdicts(
                np.concatenate([one.state for one in self._verdicts])[order],
                np.concatenate([one.score for one in self._verdicts])[order],
                np.concatenate([one.normal for one in self._verdicts])[order],
            )
        judged = series[index]
        matters = active[judged]
        bad = (verdicts.state == BAD).nonzero()[0]
        if self._apart:
            matters[bad] = True
        elif len(bad):
            rows, first = np.unique(judged[bad], return_index=True)
            at = np.minimum(np.searchsorted(rows, judged), len(rows) - 1)
            matters |= (rows[at] == judged) & (np.arange(len(judged)) >= bad[first][at])
        keep = matters.nonzero()[0]
        if not len(keep):
            return None
        return index[keep], Verdicts(verdicts.state[keep], verdicts.score[keep], verdicts.normal[keep])


def gather(
    opinions: Mapping[int, Opinions],
    series: Rows,
    active: NDArray[np.bool_],
    accepted: NDArray[np.bool_],
    conflict: NDArray[np.bool_],
) -> Judgement:
    """Put the notable verdicts of all rules (`active` is rules by rows) into the order of the readings."""
    each = [(rule, opinion.notable(series, active[rule])) for rule, opinion in opinions.items()]
    found = [(rule, *some) for rule, some in each if some is not None]
    if not found:
        none = np.empty(0, np.int32)
        return Judgement(accepted, conflict, none, none, np.empty(0, np.int8), np.empty(0), np.empty(0))
    if len(found) == 1:
        number, some, verdicts = found[0]
        whose = np.full(len(some), number, np.int32)
        return Judgement(
            accepted, conflict, some.astype(np.int32), whose, verdicts.state, verdicts.score, verdicts.normal
        )
    index = np.concatenate([some for _, some, _ in found]).astype(np.int32)
    rule = np.repeat(np.array([number for number, _, _ in found], np.int32), [len(some) for _, some, _ in found])
    order = np.lexsort((rule, index))
    return Judgement(
        accepted,
        conflict,
        index[order],
        rule[order],
        np.concatenate([verdicts.state for _, _, verdicts in found])[order],
        np.concatenate([verdicts.score for _, _, verdicts in found])[order],
        np.concatenate([verdicts.normal for _, _, verdicts in found])[order],
    )


def rounds(rows: Rows) -> list[NDArray[np.intp]]:
    """Return the positions of the first occurrence of every row, of the second, and so on."""
    n = len(rows)
    if n <= 1:
        return [np.arange(n)] if n else []
    by_row = np.argsort(rows, kind="stable")
    ordered = rows[by_row]
    repeated = ordered[1:] == ordered[:-1]
    if not repeated.any():
        return [np.arange(n)]
    start = np.concatenate([[0], np.flatnonzero(~repeated) + 1])
    turn = np.arange(n) - np.repeat(start, np.diff(start, append=n))
    by_turn = np.argsort(turn, kind="stable")
    return np.split(by_row[by_turn], np.cumsum(np.bincount(turn))[:-1])

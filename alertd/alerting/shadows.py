"""Alerts told to nobody: of the bad readings that follow each other in one batch, the last is enough.

What a further bad reading changes of a firing alert is the value it shows, which nobody is told
and nobody can look up within a step. A backtest tries every limit a tenth lower, and of a body
temperature that is far below the normal: then every reading of a herd is such a one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from alertd.alerting.machine import Phase
from alertd.model import BAD

if TYPE_CHECKING:
    from alertd.alerting.book import Book
    from alertd.detect.judgement import Judgement
    from alertd.detect.rings import Rows


def thinned(book: Book, judgement: Judgement, series: Rows) -> Judgement:
    """Leave out what changes nothing; `series` are the rows of the batch. A rule that others look at keeps all."""
    candidates = np.flatnonzero(np.isin(judgement.rule, book.untold))
    if len(candidates) <= 1:
        return judgement
    rows = series[judgement.index]
    candidates = candidates[np.lexsort((rows[candidates], judgement.rule[candidates]))]  # stable: by reading within
    rule, row = judgement.rule[candidates], rows[candidates]
    start = np.flatnonzero((np.diff(rule, prepend=-1) != 0) | (np.diff(row, prepend=-1) != 0))
    length = np.diff(start, append=len(candidates))
    firing = [_firing(book, *key) for key in zip(rule[start].tolist(), row[start].tolist(), strict=True)]
    place = np.arange(len(candidates))
    good = np.where(judgement.state[candidates] == BAD, len(candidates), place)
    until = np.minimum(np.minimum.reduceat(good, start), start + length) - 1
    keep = np.ones(len(judgement.index), np.bool_)
    keep[candidates[(place < np.repeat(until, length)) & np.repeat(firing, length)]] = False
    columns = ("index", "rule", "state", "score", "normal")
    return replace(judgement, **{name: getattr(judgement, name)[keep] for name in columns})


def _firing(book: Book, rule: int, row: int) -> bool:
    machine = book.machines.get((rule, row))
    return machine is not None and machine.phase is Phase.FIRING

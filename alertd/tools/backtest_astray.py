"""Readings of another age than the recording: a clock that says 2126 would have a century of digests replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.model import DAY

if TYPE_CHECKING:
    from alertd.model import Batch

APART: Final = 366 * DAY
"""So long nothing is heard of a farm that still is one recording."""
FEW: Final = 0.05
"""A smaller share of the readings than this is astray; more is another season."""


def without_astray(batch: Batch) -> tuple[Batch, Batch]:
    """Return readings in order of arrival without the few that lie more than a year from all others, and those few."""
    edges = np.flatnonzero(np.diff(batch.received) > APART) + 1
    lengths = np.diff(edges, prepend=0, append=len(batch))
    kept = np.repeat(lengths >= FEW * len(batch), lengths)
    return (batch, batch.take(slice(0, 0))) if kept.all() else (batch.take(kept), batch.take(~kept))

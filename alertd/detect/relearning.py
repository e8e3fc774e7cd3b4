"""What a rule would know had it always been there: it lives through the kept readings, beside the farm.

For rules that are new, or edited in what they learn from: a snapshot holds nothing that fits
them. Only what they learn is taken over, and the readings their windows lack; of what they
find bad on the way nobody hears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import structlog

from alertd.detect.panel import Panel
from alertd.detect.rings import SPAN
from alertd.undo import Undo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Batch

log = structlog.get_logger("alertd.relearning")


class Relearning:
    """A panel of the rules that know nothing of what the farm's panel has heard."""

    def __init__(self, panel: Panel) -> None:
        self.rules = tuple(panel.learned.anew)
        self._panel = panel
        self._beside = Panel([panel.detectors[rule] for rule in self.rules])
        applies = panel.applies[list(self.rules), : panel.rows]
        for row in range(panel.rows):
            self._beside.add(np.flatnonzero(applies[:, row]).tolist(), state=bool(panel.state_series[row]))
        self._meant: NDArray[np.bool_] = np.logical_or.reduce(applies)
        # As far back as all rules of the farm look: a ring is one for all of them.
        self._beside.windows.ints[: panel.rows, SPAN:] = panel.windows.ints[: panel.rows, SPAN:]

    def take(self, batch: Batch) -> None:
        """Learn from one flush of the journal; one that makes a rule stumble is left out."""
        undo = Undo()
        try:
            some = batch.take(np.flatnonzero(self._meant[batch.series]))
            if len(some):
                self._beside.judge(some, undo)
        except Exception:
            undo.rollback()
            log.exception("kept readings were left out of what is learned from them", readings=len(batch))

    def done(self) -> None:
        """Hand what was learned to the farm's panel, before it judges anything."""
        self._panel.adopt(self._beside, self.rules)

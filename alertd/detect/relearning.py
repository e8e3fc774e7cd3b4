"""What a rule would know had it always been there: it lives through the kept readings, beside the farm.

For rules that are new, or edited in what they learn from or whom they are meant for, and for series whose
formula is another one now: a snapshot holds nothing that fits them. Only what they learn is taken
over, and the readings that windows lack; of what they find bad on the way nobody hears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alertd.detect.panel import Panel
from alertd.detect.rings import SPAN
from alertd.undo import Undo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alertd.model import Batch


class Relearning:
    """A panel of the rules and series that the farm's panel lacks something of; `needed`: there are any."""

    def __init__(self, panel: Panel) -> None:
        lacking = panel.learned.lacking
        self.rules = tuple(lacking)
        self._panel = panel
        self._beside = Panel([panel.detectors[rule] for rule in self.rules])
        applies = np.zeros((len(self.rules), panel.rows), np.bool_)
        for at, rows in enumerate(lacking.values()):
            applies[at, rows] = True
        for row in range(panel.rows):
            self._beside.add(applies[:, row].nonzero()[0].tolist(), state=bool(panel.state_series[row]))
        self._meant: NDArray[np.bool_] = np.logical_or.reduce(applies, axis=0)
        self._meant[panel.windows.short] = True
        # As far back as all rules of the farm look: a ring is one for all of them.
        self._beside.windows.ints[: panel.rows, SPAN:] = panel.windows.ints[: panel.rows, SPAN:]

    @property
    def needed(self) -> bool:
        """Return whether there is anything to learn."""
        return bool(self._meant.any())

    def take(self, batch: Batch) -> None:
        """Learn from kept readings; where a rule stumbles over one, nothing of them was taken."""
        some = batch.take(np.flatnonzero(self._meant[batch.series]))
        if len(some):
            with Undo() as undo:
                self._beside.judge(some, undo)

    def done(self) -> None:
        """Hand what was learned to the farm's panel, before it judges anything."""
        self._panel.adopt(self._beside, self.rules)

"""What was learned of senders and must survive a restart: bases of counters, names that Sparkplug nodes announced.

Everything that cannot be seen from the readings is written in the transaction of the
readings it explains (`owed`), one row for each counter or node, and only when it changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.ingest.counters import Counters
from alertd.ingest.dialects.sparkplug import Nodes
from alertd.model import Quality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from alertd.model import Batch

COUNTER: Final = "counter "
NODE: Final = "sparkplug "
"""How the rows are called, before the series' row or the node's place."""


class Learned:
    """Restored before the first message is decoded; `owed` goes into every commit."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.nodes = Nodes()
        self._counts: NDArray[np.bool_] = np.zeros(1, np.bool_)
        """Whether a row is a counter; the last one, False, stands for all beyond."""

    def owed(self) -> dict[str, str]:
        """Return what is to be committed with the readings decoded so far, by the name of its row."""
        bases = {f"{COUNTER}{row}": self.counters.written(row) for row in self.counters.changed}
        return bases | {f"{NODE}{place}": text for place, text in self.nodes.changes().items()}

    def committed(self) -> None:
        """What `owed` returned last is on the disk."""
        self.counters.changed.clear()
        self.nodes.committed()

    def restore(self, rows: Mapping[str, str], newest: Any = ()) -> None:
        """Take over the rows of the store and what `newest` returned for the snapshot; `follow` the journal then."""
        for name, text in rows.items():
            if name.startswith(COUNTER):
                self.counters.restore(int(name.removeprefix(COUNTER)), text)
            elif name.startswith(NODE):
                self.nodes.restore(int(name.removeprefix(NODE)), text)
        self.counters.follow(newest)
        counters = self.counters.rows()
        self._counts = np.zeros(max(counters, default=-1) + 2, np.bool_)
        self._counts[np.array(counters, np.int64)] = True

    def newest(self) -> Any:
        """Return what the snapshot must hold, because the journal before it is not read again."""
        return self.counters.newest()

    def follow(self, batch: Batch) -> None:
        """Learn from readings of the journal, in its order."""
        beyond = len(self._counts) - 1
        ours = self._counts[np.minimum(batch.series, beyond)] & (batch.quality <= Quality.LATE)
        if ours.any():
            columns = (batch.series[ours], batch.time[ours], batch.value[ours])
            self.counters.follow(zip(*(column.tolist() for column in columns), strict=True))

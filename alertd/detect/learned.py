"""What rules learned of series: for each rule that looks back a line of float64 per series it is meant for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd.detect.places import put
from alertd.model import stable_id
from alertd.undo import write_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from alertd.detect.common import Detector
    from alertd.detect.rings import Rows
    from alertd.undo import Undo

SLOTS: Final = 8
"""Bits for rules in a cell's flags. The ninth rule that looks back shares with the first, and so on: then
what one of them finds bad stays out of the other's baseline too."""


class Learned:
    """Learned state of the rules that look back; `slot` has their flag bits."""

    def __init__(self, detectors: Sequence[Detector], rows: int) -> None:
        back = [rule for rule, one in enumerate(detectors) if (one.span or one.samples or one.learned) and not one.step]
        self.slot = {rule: at % SLOTS for at, rule in enumerate(back)}
        self._prints = {rule: _fingerprint(detectors[rule]) for rule in back}
        self._place = {rule: np.full(rows, -1, np.int32) for rule in back}
        self._values = {rule: np.zeros((0, detectors[rule].learned)) for rule in back}
        self._used = dict.fromkeys(back, 0)
        self._lines = {rule: self._as_bytes(rule) for rule in back}
        self.lacking: dict[int, NDArray[np.intp]] = {}
        """Rule to the rows of which the snapshot that was loaded knows nothing that fits it."""

    def add(self, rule: int, row: int) -> None:
        """Give the row a line of NaN."""
        used, values = self._used[rule], self._values[rule]
        if used == len(values):
            more = np.full((max(16, used // 8), values.shape[1]), np.nan)
            self._values[rule] = np.concatenate([values, more])
            self._lines[rule] = self._as_bytes(rule)
        self._place[rule][row] = used
        self._used[rule] = used + 1

    def has(self, rule: int, row: int) -> bool:
        """Return whether the row has a line."""
        return bool(self._place[rule][row] >= 0)

    def widen(self, more: int) -> None:
        """Make room for more rows."""
        for rule, place in self._place.items():
            self._place[rule] = np.concatenate([place, np.full(more, -1, np.int32)])
            self._lines[rule] = self._as_bytes(rule)

    def get(self, rule: int, rows: Rows) -> NDArray[np.float64]:
        """Return a copy of the lines of these rows."""
        return self._values[rule].take(self._place[rule].take(rows), axis=0)

    def line(self, rule: int, row: int, undo: Undo) -> memoryview:
        """Return the bytes of a row's line to be changed in place; what they were before is announced."""
        size, place, whole = self._lines[rule]
        start = place[row] * size
        line = whole[start : start + size]
        undo.note((write_back, line, line.tobytes()))
        return line

    def put(self, rule: int, rows: Rows, before: NDArray[np.float64], values: NDArray[np.float64], undo: Undo) -> None:
        """Keep changed lines; `before` is what `get` returned for these rows."""
        lines = self._place[rule].take(rows)
        array = self._values[rule]

        def restore() -> None:
            array[lines] = before

        undo.call(restore)
        put(array, lines, values)

    def _as_bytes(self, rule: int) -> tuple[int, memoryview, memoryview]:
        """Return the bytes of a line, the place of each row, and all lines: read in a third of numpy's time."""
        values = self._values[rule]
        return 8 * values.shape[1], self._place[rule].data, values.reshape(-1).view(np.uint8).data

    def memory(self) -> int:
        """Return the bytes the arrays hold."""
        return sum(self._place[rule].nbytes + self._values[rule].nbytes for rule in self.slot)

    # --- surviving a restart ------------------------------------------------------------------

    def dump(self, rows: int) -> tuple[list[dict[str, Any]], dict[str, NDArray[Any]]]:
        """Return what is known of each rule, and the arrays `learned.0`, `place.0` and so on."""
        facts: list[dict[str, Any]] = []
        arrays: dict[str, NDArray[Any]] = {}
        for at, rule in enumerate(self.slot):
            facts.append({"print": self._prints[rule], "slot": self.slot[rule]})
            arrays[f"place.{at}"] = self._place[rule][:rows]
            arrays[f"learned.{at}"] = self._values[rule][: self._used[rule]]
        return facts, arrays

    def load(self, facts: list[dict[str, Any]], arrays: dict[str, NDArray[Any]]) -> NDArray[np.uint8]:
        """Take over what rules with the same detector settings learned; return old flags to new flags (256)."""
        flags = np.zeros(256, np.uint8)
        self.lacking = {}
        for rule, slot in self.slot.items():
            lacks = self._place[rule] >= 0
            for at, fact in enumerate(facts):
                if fact["print"] != self._prints[rule]:
                    continue
                place = arrays[f"place.{at}"]
                self._take_over(rule, place, arrays[f"learned.{at}"])
                flags |= _moved(fact["slot"], slot)
                # What came after the snapshot stands in the journal behind it, which is replayed anyway.
                lacks[: len(place)] &= place < 0
                lacks[len(place) :] = False
            if lacks.any():
                self.lacking[rule] = lacks.nonzero()[0]
        return flags

    def forget(self, rows: Rows) -> None:
        """Let the rules know nothing of these rows."""
        for rule, place in self._place.items():
            mine = rows[place[rows] >= 0]
            if len(mine):
                self._values[rule][place[mine]] = np.nan
                self.lacking[rule] = np.union1d(self.lacking.get(rule, mine), mine)

    def adopt(self, other: Learned, rules: Sequence[int]) -> NDArray[np.uint8]:
        """Take over what another's n-th rule learned for `rules[n]` here; return its flags to these (256)."""
        flags = np.zeros(256, np.uint8)
        for theirs, ours in enumerate(rules):
            self._take_over(ours, other._place[theirs], other._values[theirs])
            flags |= _moved(other.slot[theirs], self.slot[ours])
        return flags

    def _take_over(self, rule: int, place: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Let the lines of a rule be those of `values`, where both know the row."""
        known = min(len(place), len(self._place[rule]))
        rows = np.flatnonzero((place[:known] >= 0) & (self._place[rule][:known] >= 0))
        self._values[rule][self._place[rule][rows]] = values[place[rows]]


def _moved(before: int, now: int) -> NDArray[np.uint8]:
    """Return what each of the 256 flags is with one bit at another place, and no other bit."""
    return ((np.arange(256, dtype=np.uint8) >> np.uint8(before)) & np.uint8(1)) << np.uint8(now)


def _fingerprint(detector: Detector) -> str:
    """Identify what was learned: everything that it depends on."""
    return stable_id(detector.form, detector.model_dump_json(exclude={"hold", "clear_after", *detector.limits}))

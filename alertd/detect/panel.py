"""All detectors over all series: a batch of readings becomes verdicts.

A reading that follows its series' last one is judged against the window before it, then
taken into it. Many readings are judged in arrays (`alertd.detect.jointly`), a few one by one
(`alertd.detect.singly`), over the same state and to the same end: batches never change a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from alertd.detect.history import Reading
from alertd.detect.jointly import judge_jointly
from alertd.detect.judgement import Judgement
from alertd.detect.learned import Learned
from alertd.detect.rings import LAST, SAMPLES, SPAN, VALUE
from alertd.detect.singly import FEW, judge_singly
from alertd.detect.snapshot import pack, unpack
from alertd.detect.windows import Windows
from alertd.model import BAND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from alertd.detect.common import Detector
    from alertd.detect.rings import Rows
    from alertd.model import Batch, Micros
    from alertd.undo import Undo

__all__ = ["Judgement", "Panel"]

PER_ROW: Final = ("received", "last_time", "last_value", "state_series", "paced", "profile")
KEPT: Final = PER_ROW[:3]
"""Of these, what a snapshot carries: the rest follows from the rules."""


Judge = tuple[int, "Callable[..., tuple[int, float, float]]", int, bool]
"""(rule, its `judge_one`, its slot, whether it looks back or learns: only then it has a line and a bit)."""


class Seen(NamedTuple):
    """Columns of a `Panel` as memory."""

    received: memoryview
    last_time: memoryview
    last_value: memoryview[Any]
    profile: memoryview
    active: memoryview


class Panel:
    """The detectors of all rules, the windows of all series, and what each rule learned of each."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.detectors = tuple(detectors)
        self.windows = Windows()
        self.reading = Reading(self.windows)
        """The one that is being judged, where readings are judged one by one."""
        rules = len(self.detectors)
        self.applies = np.zeros((rules, 64), np.bool_)
        """(rules, rows) whether the rule is meant for the series."""
        self.active = np.zeros((rules, 64), np.bool_)
        """(rules, rows) set by the alert lifecycle: not at rest, so that GOOD and BAND verdicts matter too."""
        self.received = np.zeros(64, np.int64)
        """When the newest accepted reading arrived; 0 never."""
        self.last_time = np.zeros(64, np.int64)
        """The newest reading's time (of arrival, if its own is unknown); 0 none."""
        self.last_value = np.full(64, np.nan)
        self.state_series = np.zeros(64, np.bool_)
        self.paced = np.zeros(64, np.bool_)
        """No rule of the series looks back, or learns, at every reading: they need not take turns."""
        self.profile = np.zeros(64, np.int32)
        """The rules that judge a series' readings, as a place in `rules_of`."""
        self._profiles: dict[tuple[int, ...], int] = {}
        self.rules_of: list[tuple[int, ...]] = []
        self.judges_of: list[tuple[Judge, ...]] = []
        """The same rules as few readings are judged by them."""
        self.learned = Learned(self.detectors, 64)
        self._see()

    @property
    def rows(self) -> int:
        """Return the number of series."""
        return self.windows.rows

    def add(self, rules: Sequence[int], *, state: bool) -> int:
        """Register a series that these rules are meant for and return its row.

        Not within a step (between `judge` and the commit or rollback of its `Undo`): arrays may move.
        """
        mine = tuple(sorted(rules))
        some = [self.detectors[rule] for rule in mine]
        row = self.windows.add(
            max((one.span for one in some), default=0), max((one.samples for one in some), default=0)
        )
        if row == len(self.received):
            self._widen()
        self.applies[list(mine), row] = True
        self.received[row] = self.last_time[row] = 0
        self.last_value[row] = np.nan
        self._mean(row, mine, state=state)
        return row

    def retarget(self, row: int, rules: Sequence[int], *, state: bool) -> None:
        """Mean other rules for a series that nothing was received of yet. Not within a step."""
        assert self.received[row] == 0
        mine = tuple(sorted(rules))
        some = [self.detectors[rule] for rule in mine]
        wanted = max((one.span for one in some), default=0), max((one.samples for one in some), default=0)
        self.windows.ints[row, SPAN], self.windows.ints[row, SAMPLES] = wanted
        self.applies[:, row] = False
        self.applies[list(mine), row] = True
        self._mean(row, mine, state=state)

    def _mean(self, row: int, mine: tuple[int, ...], *, state: bool) -> None:
        """Set what follows from the rules that are meant for a series."""
        self.state_series[row] = state
        single = tuple(rule for rule in mine if not self.detectors[rule].step)  # the others: `alertd.detect.together`
        self.paced[row] = all(self.detectors[rule].paced for rule in single if rule in self.learned.slot)
        if single not in self._profiles:
            self._profiles[single] = len(self.rules_of)
            self.rules_of.append(single)
            slots = self.learned.slot
            judges = [(rule, self.detectors[rule].judge_one, slots.get(rule, 0), rule in slots) for rule in single]
            self.judges_of.append(tuple(judges))
        self.profile[row] = self._profiles[single]
        for rule in single:
            if rule in self.learned.slot and not self.learned.has(rule, row):
                self.learned.add(rule, row)

    def _widen(self) -> None:
        more = max(64, len(self.received) // 8)
        for name in PER_ROW:
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros(more, old.dtype)]))
        for name in ("applies", "active"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros((len(old), more), np.bool_)], axis=1))
        self.learned.widen(more)
        self._see()

    def _see(self) -> None:
        """See what few readings need as memory, too: a number is read and written in a third of numpy's time."""
        self.seen = Seen(
            self.received.data, self.last_time.data, self.last_value.data, self.profile.data, self.active.data
        )

    # --- judging ------------------------------------------------------------------------------

    def judge(self, batch: Batch, undo: Undo) -> Judgement:
        """Judge a batch and take it into the windows; every change is announced to `undo`."""
        return judge_singly(self, batch, undo) if batch.series.size <= FEW else judge_jointly(self, batch, undo)

    def warming(self, rule: int) -> NDArray[np.intp]:
        """Return the rows that were heard and whose next reading the rule could not judge yet."""
        detector, windows = self.detectors[rule], self.windows
        rows = (self.applies[rule, : self.rows] & (windows.ints[: self.rows, LAST] > 0)).nonzero()[0]
        if detector.warmup(SECOND) == 0 or not len(rows):
            return rows[:0]
        gap = np.array([self.interval(row) for row in rows.tolist()])
        time, value = windows.ints[rows, LAST] + gap, windows.floats[rows, VALUE]
        history = windows.history(rows, time, detector.span, detector.samples)
        with np.errstate(over="ignore", invalid="ignore"):  # `get` copies: what is learned here is forgotten
            verdicts = detector.judge(history, self.learned.get(rule, rows), time, value, slot=self.learned.slot[rule])
        unjudged: NDArray[np.intp] = rows[(verdicts.state == BAND) & np.isnan(verdicts.normal)]
        return unjudged

    def interval(self, row: int) -> Micros:
        """Return the usual gap between the series' readings: the median of the last 8 in microseconds; 0 unknown."""
        return self.windows.interval(row)

    def late(self, row: int, time: Micros, value: float, undo: Undo) -> None:
        """Put a new reading that is older than its series' last in its place; rules that learn by the hour learn it."""
        proven = self.windows.reaches(row, time)
        for rule in self.rules_of[self.profile.item(row)]:
            detector = self.detectors[rule]
            if detector.learns_late:
                detector.late(self.learned.line(rule, row, undo), time, value, proven=proven)
        self.windows.insert(row, time, value, undo)

    # --- surviving a restart ------------------------------------------------------------------

    def dump(self) -> bytes:
        """Return windows, last values and learned state as bytes."""
        rules, arrays = self.learned.dump(self.rows)
        arrays |= {name: getattr(self, name)[: self.rows] for name in KEPT}
        facts, more = self.windows.dump()
        return pack({"rows": self.rows, "rules": rules, "windows": facts}, arrays | more)

    def load(self, blob: bytes) -> int | None:
        """Restore a dump, before any judging, after the same series were added in the same order (more may follow).

        What a rule learned is dropped where its detector's settings have changed since, hold and
        clear_after aside. Returns how many series it knew; None, with nothing changed, if the bytes are damaged or
        do not fit.
        """
        found = unpack(blob)
        if found is None or found[0]["rows"] > self.rows:
            return None
        facts, arrays = found
        for name in KEPT:
            getattr(self, name)[: facts["rows"]] = arrays[name]
        self.windows.load(facts["windows"], arrays, self.learned.load(facts["rules"], arrays))
        return int(facts["rows"])

    def forget(self, rows: Rows) -> None:
        """Forget what is known of these series: what they tell means something else now. Not within a step."""
        self.learned.forget(rows)
        self.windows.forget(rows)
        self.windows.short = np.union1d(self.windows.short, rows)

    def adopt(self, other: Panel, rules: Sequence[int]) -> None:
        """Take over what the rules of another panel of the same series learned; its n-th is `rules[n]` here.

        Its windows are put into these, as far as they hold more. Not within a step.
        """
        flags = self.learned.adopt(other.learned, rules)
        heard = np.flatnonzero(other.last_time[: other.rows] > 0)
        for row in heard.tolist():
            self.windows.merge(row, other.windows, flags)
        new = heard[self.received[heard] == 0]
        for name in KEPT:
            getattr(self, name)[new] = getattr(other, name)[new]

    def memory(self) -> int:
        """Return the bytes all arrays hold."""
        mine = sum(int(getattr(self, name).nbytes) for name in ("applies", "active", *PER_ROW))
        return self.windows.memory() + self.learned.memory() + mine

"""All detectors over all series: a batch of readings becomes verdicts.

A reading that follows its series' last one is judged against the window before it, then
taken into it. Several readings of one series in a batch take their turns in rounds: the
first of every series together, then the second of each. Rules that look at the reading
alone judge the whole batch at once. A few readings take another path (`alertd.detect.singly`)
to the same end. So the batches never change a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alertd.detect.judgement import Judgement, Opinions, gather, rounds
from alertd.detect.learned import Learned
from alertd.detect.rings import LAST, SAMPLES, SPAN, VALUE
from alertd.detect.singly import FEW, judge_singly
from alertd.detect.snapshot import pack, unpack
from alertd.detect.windows import Windows
from alertd.model import BAD, BAND, SECOND, Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from alertd.detect.common import Detector
    from alertd.detect.rings import Rows
    from alertd.model import Batch, Micros
    from alertd.undo import Undo

__all__ = ["Judgement", "Panel"]

LATE: Final = int(Quality.LATE)
UNKNOWN: Final = int(Quality.UNKNOWN_TIME)
RETAINED: Final = int(Quality.RETAINED)

NARROW: Final = 16
"""Learned columns up to which a line that did not change is not written back."""
PER_ROW: Final = ("received", "last_time", "last_value", "state_series", "_looks", "profile")
KEPT: Final = PER_ROW[:3]
"""Of these, what a snapshot carries: the rest follows from the rules."""


class Panel:
    """The detectors of all rules, the windows of all series, and what each rule learned of each."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.detectors = tuple(detectors)
        self.windows = Windows()
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
        self._looks = np.zeros(64, np.bool_)
        """Rules look back on the series, or learn of it: its readings must take their turns."""
        self.profile = np.zeros(64, np.int32)
        """The rules that judge a series' readings, as a place in `rules_of`."""
        self._profiles: dict[tuple[int, ...], int] = {}
        self.rules_of: list[tuple[int, ...]] = []
        self.learned = Learned(self.detectors, 64)

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
        some = [self.detectors[rule] for rule in mine]
        self.state_series[row] = state
        single = tuple(rule for rule in mine if not self.detectors[rule].step)  # the others: `alertd.detect.together`
        self._looks[row] = any(one.span or one.samples or one.learned for one in some)
        if single not in self._profiles:
            self._profiles[single] = len(self.rules_of)
            self.rules_of.append(single)
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

    # --- judging ------------------------------------------------------------------------------

    def judge(self, batch: Batch, undo: Undo) -> Judgement:
        """Judge a batch and take it into the windows; every change is announced to `undo`."""
        return judge_singly(self, batch, undo) if len(batch) <= FEW else self.judge_together(batch, undo)

    def judge_together(self, batch: Batch, undo: Undo) -> Judgement:
        """Do as `judge`, in arrays."""
        conflict = np.zeros(len(batch), np.bool_)
        known = np.isfinite(batch.value)  # the decoder lets nothing else through, a window never forgets it
        own = known & (batch.quality <= LATE)
        opinions = {rule: Opinions() for rule in self._rules_for(batch.series)}
        with np.errstate(over="ignore", invalid="ignore"):  # values near the end of float64 are hostile, not wrong
            ordered, late = self._take(batch, own, conflict, opinions, undo)
            if ordered.all():
                self._judge_alone(batch, ordered, batch.time, opinions)
                self._remember(batch, ordered, batch.time, ordered, undo)
                return gather(opinions, batch.series, self.active, ordered, conflict)
            unknown = known & (batch.quality == UNKNOWN)
            time = np.where(unknown, batch.received, batch.time)
            self._judge_alone(batch, ordered, time, opinions, _newest(batch.series, unknown))
        accepted = ordered | late | unknown
        self._remember(batch, ordered | unknown, time, accepted, undo)
        return gather(opinions, batch.series, self.active, accepted, conflict)

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

    def _rules_for(self, rows: Rows) -> list[int]:
        of = self.profile.take(rows)
        profiles = of[:1].tolist() if (of == of[:1]).all() else np.bincount(of).nonzero()[0].tolist()
        return sorted({rule for number in profiles for rule in self.rules_of[number]})

    def _take(
        self,
        batch: Batch,
        own: NDArray[np.bool_],
        conflict: NDArray[np.bool_],
        opinions: dict[int, Opinions],
        undo: Undo,
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Take readings with a time of their own in rounds; return which of the batch came in order, which late."""
        ordered, late = np.zeros(len(batch), np.bool_), np.zeros(len(batch), np.bool_)
        rest = own.nonzero()[0]
        turns = rounds(batch.series[rest])
        if len(turns) > 1:
            rest = self._take_runs(batch, rest, ordered, undo)
            turns = rounds(batch.series[rest])
        looking = [rule for rule in opinions if rule in self.learned.slot]
        for turn in turns:
            now = rest[turn]
            rows, times = batch.series[now], batch.time[now]
            newer = times > self.windows.ints[rows, LAST]
            if not newer.all():
                for index in now[~newer].tolist():
                    late[index] = self._take_late(batch, index, conflict, undo)
                now, rows, times = now[newer], rows[newer], times[newer]
            if len(now):
                flags = np.zeros(len(now), np.uint8)
                for rule in looking:
                    flags |= self._judge_round(batch, now, rule, opinions[rule], undo)
                self.windows.push(rows, times, batch.value[now], flags, undo)
                ordered[now] = True
        return ordered, late

    def _take_runs(
        self, batch: Batch, own: NDArray[np.intp], ordered: NDArray[np.bool_], undo: Undo
    ) -> NDArray[np.intp]:
        """Take at once the series that no rule looks back on and whose readings come in order; return the rest."""
        rows: Rows = batch.series[own]
        ints = self.windows.ints
        simple = ~self._looks[rows]
        if not simple.any():
            return own
        by_row = np.argsort(rows, kind="stable")
        sorted_rows, times = rows[by_row], batch.time[own[by_row]]
        before = ints[sorted_rows, LAST]
        again = np.flatnonzero(sorted_rows[1:] == sorted_rows[:-1])
        before[again + 1] = times[again]
        wrong = times <= before
        if wrong.any():
            simple &= ~np.isin(rows, sorted_rows[wrong])
        take = by_row[simple[by_row]]
        if len(take):
            run = own[take]
            self.windows.push_runs(rows[take], batch.time[run], batch.value[run], undo)
            ordered[run] = True
        rest: NDArray[np.intp] = own[~simple]
        return rest

    def _take_late(self, batch: Batch, index: int, conflict: NDArray[np.bool_], undo: Undo) -> bool:
        """Put a reading older than its series' last in its place; return whether it is new."""
        row, time, value = int(batch.series[index]), int(batch.time[index]), float(batch.value[index])
        kept = self.windows.exists(row, time, value)
        if kept is None:
            conflict[index] = True
        elif not kept:
            self.late(row, time, value, undo)
        return kept is False

    def late(self, row: int, time: Micros, value: float, undo: Undo) -> None:
        """Put a new reading that is older than its series' last in its place; rules that learn by the hour learn it."""
        proven = self.windows.reaches(row, time)
        for rule in self.rules_of[self.profile.item(row)]:
            detector = self.detectors[rule]
            if detector.learns_late:
                detector.late(self.learned.line(rule, row, undo), time, value, proven=proven)
        self.windows.insert(row, time, value, undo)

    def _judge_round(
        self, batch: Batch, now: NDArray[np.intp], rule: int, opinions: Opinions, undo: Undo
    ) -> NDArray[np.uint8]:
        """Judge one reading each of different series by a rule that looks back; return its flag bit on each."""
        detector, slot = self.detectors[rule], self.learned.slot[rule]
        meant = self.applies[rule, batch.series[now]]
        index = now if meant.all() else now[meant]
        if not len(index):
            return np.zeros(len(now), np.uint8)
        rows, times = batch.series[index].astype(np.intp), batch.time[index]
        learned = self.learned.get(rule, rows)
        before = learned.copy()
        history = None
        if detector.span or detector.samples:
            history = self.windows.history(rows, times, detector.span, detector.samples)
        verdicts = detector.judge(history, learned, times, batch.value[index], slot=slot)
        if detector.learned > NARROW:  # so wide a line is never left as it was: looking would cost more than writing
            self.learned.put(rule, rows, before, learned, undo)
        elif len(changed := (learned != before).any(axis=1).nonzero()[0]):
            self.learned.put(rule, rows[changed], before[changed], learned[changed], undo)
        opinions.put(index, verdicts, apart=True)
        flags = np.zeros(len(now), np.uint8)
        flags[meant] = (verdicts.state == BAD).view(np.uint8) << np.uint8(slot)
        return flags

    def _judge_alone(
        self,
        batch: Batch,
        ordered: NDArray[np.bool_],
        time: NDArray[np.int64],
        opinions: dict[int, Opinions],
        newest: NDArray[np.bool_] | None = None,
    ) -> None:
        """Judge the whole batch by the rules that look at the reading alone, backlog without times by its newest."""
        for rule, opinion in opinions.items():
            if rule in self.learned.slot:
                continue
            detector = self.detectors[rule]
            current = ordered | newest if newest is not None and detector.timeless else ordered
            index = (self.applies[rule].take(batch.series) & current).nonzero()[0]
            if len(index):
                nothing = np.empty((len(index), 0))
                verdicts = detector.judge(None, nothing, time.take(index), batch.value.take(index), slot=0)
                opinion.put(index, verdicts, apart=False)

    def _remember(
        self,
        batch: Batch,
        current: NDArray[np.bool_],
        time: NDArray[np.int64],
        accepted: NDArray[np.bool_],
        undo: Undo,
    ) -> None:
        """Keep what is shown of a series: newest arrival, newest time and value."""
        every = batch.series
        arrays = self.received, self.last_time, self.last_value
        before = [array.take(every) for array in arrays]

        def restore() -> None:
            for array, was in zip(arrays, before, strict=True):
                array[every] = was

        undo.call(restore)
        if not accepted.all():
            retained = np.flatnonzero((batch.quality == RETAINED) & np.isfinite(batch.value))
            first = retained[np.isnan(self.last_value[every[retained]])][::-1]  # of several the first is written last
            self.last_value[every[first]] = batch.value[first]
        heard = every[accepted]
        self.received[heard] = np.maximum(self.received.take(heard), batch.received[accepted])
        rows = every[current]
        np.maximum.at(self.last_time, rows, time[current])  # times of arrival among own ones need not increase
        self.last_value[rows] = batch.value[current]  # numpy writes in order: the last one stays

    # --- surviving a restart ------------------------------------------------------------------

    def dump(self) -> bytes:
        """Return windows, last values and learned state as bytes."""
        rules, arrays = self.learned.dump(self.rows)
        arrays |= {name: getattr(self, name)[: self.rows] for name in KEPT}
        facts, more = self.windows.dump()
        return pack({"rows": self.rows, "rules": rules, "windows": facts}, arrays | more)

    def load(self, blob: bytes) -> bool:
        """Restore a dump, before any judging, after the same series were added in the same order (more may follow).

        What a rule learned is dropped where its detector's settings have changed since, hold and
        clear_after aside. Returns False, with nothing changed, if the bytes are damaged or do not fit.
        """
        found = unpack(blob)
        if found is None or found[0]["rows"] > self.rows:
            return False
        facts, arrays = found
        for name in KEPT:
            getattr(self, name)[: facts["rows"]] = arrays[name]
        self.windows.load(facts["windows"], arrays, self.learned.load(facts["rules"], arrays))
        return True

    def memory(self) -> int:
        """Return the bytes all arrays hold."""
        mine = sum(int(getattr(self, name).nbytes) for name in ("applies", "active", *PER_ROW))
        return self.windows.memory() + self.learned.memory() + mine


def _newest(series: Rows, unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark of each series the last of the readings whose time is unknown."""
    newest = np.zeros(len(series), np.bool_)
    backwards = np.flatnonzero(unknown)[::-1]
    newest[backwards[np.unique(series[backwards], return_index=True)[1]]] = True
    return newest

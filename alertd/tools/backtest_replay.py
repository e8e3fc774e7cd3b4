"""Recorded readings through the daemon's own engine, on a clock that follows them.

Nothing is judged, told or merged here: the engine steps as it does live, the outbox is the
store's twin, and a courier delivers everything the moment it is due. What this module adds is
time. A step may take thousands of readings only because a step within which anything
would have happened (a timer, a message) is taken back and taken again up to that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alertd import recovery
from alertd.alerting.turn import Turn
from alertd.detect.windows import GAPS
from alertd.engine import TOGETHER
from alertd.messengers.policy import expired
from alertd.model import DAY, Batch, Delivery, Link, Quality, State
from alertd.parts import engine_of
from alertd.seams import Settlement
from alertd.store.memory_outbox import MemoryOutbox
from alertd.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alertd.config.config import Config
    from alertd.detect import Detector
    from alertd.model import Alert, Changes, Event, Message, Micros
    from alertd.tools.backtest_recorder import Recording

LONGEST: Final = DAY
"""How long the clock runs on behind the last reading (CONTRACT.md section 4)."""
MOST: Final = 16_384
"""Readings of one step at most: the arrays of a step then stay within a processor's cache."""
FEWEST: Final = 256
"""Readings of one step at least: with fewer its fixed costs are more than what may be taken back."""
SHARE: Final = 2
"""A step takes this part of the readings between two moments at which something happened, as it was lately: a quarter
of the work is then done twice, with shorter ones their fixed costs were more than that."""
LATELY: Final = 8
"""Over how many such moments that is averaged."""
HOPES: Final = frozenset({"hold", "clear"})
"""Timers that the next reading takes away more often than not: what if they run is found out by taking the step."""
SILENCE: Final = frozenset({"quiet", "never", "archive"})
"""Timers that say what silence means: behind the last reading it means nothing."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of what a backtest tells: an alert that fires or resolves, or a message that is sent."""

    at: Micros
    alert: Alert | None = None
    message: Message | None = None
    messenger: str = ""

    @property
    def event(self) -> str:
        """Return `firing`, `resolved` or `message`."""
        if self.alert is None:
            return "message"
        return "resolved" if self.alert.state is State.RESOLVED else "firing"

    @property
    def opened(self) -> Alert | None:
        """Return the alert that is new with this; one that reopens is the same again."""
        new = self.alert is not None and self.event == "firing" and self.alert.fired == self.at
        return self.alert if new else None


class Replay:
    """One run of a recording. `left_out` counts readings for whose series there was no room.

    `progress` is told how many readings are done; `most` is how many one step may take.
    """

    def __init__(
        self,
        config: Config,
        recording: Recording,
        progress: Callable[[int], None] = lambda _done: None,
        *,
        most: int = MOST,
    ) -> None:
        self._progress = progress
        self._most = self._between = most
        self._split = 0
        """Where the readings of the last step that something happened within, or at the end of, ended."""
        batch = recording.batch
        self.start: Micros = int(batch.received[0]) if len(batch) else 0
        self.end: Micros = int(batch.received[-1]) if len(batch) else 0
        self.engine = engine_of(config, self.start)
        self._outbox = MemoryOutbox()
        rows = np.array([self.engine.book.row(one) for one in recording.series], np.int32)
        self._batch = batch
        self.left_out = 0
        if len(batch):
            self._batch = Batch(rows[batch.series], batch.time, batch.received, batch.value, batch.quality)
            room = self._batch.series >= 0
            self.left_out = len(batch) - int(room.sum())
            if self.left_out:
                self._batch = self._batch.take(room)
        self._waits = [_silence(rule.detect) for rule in self.engine.book.rules]
        self._span = self._shortest_silence()

    def run(self) -> Iterator[Happened]:
        """Yield what happens, in order of time."""
        if not len(self._batch):
            return
        self._connect()
        done, count, received = 0, len(self._batch), self._batch.received
        while done < count:
            soon = self._next(int(received[self._enough(done) - 1]))
            if soon is not None and soon < received[done]:
                others = self._others_due()
                yield from self._tick(soon if others is None else min(soon, others))
                continue
            until = min(self._day_ends(done), int(np.searchsorted(received, received[done] + self._span, "left")))
            sure = self._sure(soon)
            if sure is not None:
                until = min(until, int(np.searchsorted(received, sure, "right")))
            done, changes, now = self._step(done, self._all_of(until))
            yield from self._tell(changes, now)
            self._progress(done)
        while True:
            self._forgive_silence()
            soon = self._next(None)
            if soon is None or soon > self.end + LONGEST:
                return
            yield from self._tick(soon)

    def _connect(self) -> None:
        """Begin as a daemon does whose broker is there."""
        book = self.engine.book
        self.engine.step(Batch.empty(), self.start, [Link(self.start, up=True)])
        recovery.expect_listed(book, Turn(book, Undo()), self.start)

    def _next(self, horizon: Micros | None) -> Micros | None:
        """Return when something is due by the clock; None: no readings come any more.

        With readings to come, up to `horizon`, groups and derived readings are left to their step, which knows when
        each is due.
        """
        self._move_silence(self.end if horizon is None else horizon)
        clock = self.engine.next_due() if horizon is None else self.engine.book.timers.next_due()
        return min((one for one in (clock, self._outbox.next_due()) if one is not None), default=None)

    def _sure(self, soon: Micros | None) -> Micros | None:
        """Return from when on something will happen whatever comes, if `soon` is when something may."""
        timers = self.engine.book.timers
        first = timers.first()
        if soon is None or first is None or first[0] not in HOPES:
            return soon
        sure = timers.next_other(HOPES), self._outbox.next_due()
        return min((one for one in sure if one is not None), default=None)

    def _day_ends(self, done: int) -> int:
        """Return where the readings of a day end: which days a device was heard on is no part of a step."""
        received = self._batch.received
        midnight = (int(received[done]) // DAY + 1) * DAY
        until = self._enough(done)
        if received[until - 1] >= midnight:
            until = int(np.searchsorted(received, midnight, "left"))
            self.engine.book.forget(midnight)
        return until

    def _enough(self, done: int) -> int:
        """Return where a step ends that takes as many readings as pay."""
        lately = max(self._between, done - self._split) // SHARE
        return min(done + min(max(lately, FEWEST), self._most), len(self._batch))

    def _all_of(self, until: int) -> int:
        """Return where the readings end that arrived together with the last one before `until`: no step parts them."""
        received = self._batch.received
        return int(np.searchsorted(received, received[until - 1], "right"))

    def _step(self, start: int, until: int) -> tuple[int, Changes, Micros]:
        """Step over as many readings as nothing happens within; return where it ended, what changed, and when."""
        received = self._batch.received
        while True:
            now = int(received[until - 1])
            others = self._others_due()
            changes = self.engine.step(self._part(start, until), now)
            moments = [message.due + TOGETHER for message in changes.messages]
            if self.engine.ran is not None:
                moments.append(self.engine.ran)
            moment = min(moments, default=now)
            waited = moment < received[start] and others is not None and others <= moment
            # The timer of a single late reading may be over when it arrives: there is nothing to wait for.
            if moment >= now or (received[start] == now and not waited):
                if moments:
                    self._between += (until - self._split - self._between) // LATELY
                    self._split = until
                return until, changes, now
            self.engine.rollback()
            if waited:
                return start, self.engine.step(Batch.empty(), moment), moment
            until = self._all_of(max(start + 1, int(np.searchsorted(received, moment, "right"))))

    def _others_due(self) -> Micros | None:
        """Return when the clock makes the next derived reading, or completes the next step of a group."""
        book = self.engine.book
        due = (book.deriving.next_due(), book.together.next_due())
        return min((one for one in due if one is not None), default=None)

    def _part(self, start: int, until: int) -> Batch:
        whole, part = self._batch, slice(start, until)
        return Batch(whole.series[part], whole.time[part], whole.received[part], whole.value[part], whole.quality[part])

    def _tick(self, at: Micros) -> Iterator[Happened]:
        """Let the clock speak: timers and messages that are due."""
        due = self._outbox.next_due()
        if due is not None and due <= at:
            yield from self._deliver(at)
        yield from self._tell(self.engine.step(Batch.empty(), at), at)

    def _tell(self, changes: Changes, now: Micros) -> Iterator[Happened]:
        """Yield the alerts that moved, then what is sent of their messages."""
        for at, alert in changes.moves:
            yield Happened(at, alert=alert)
        for message in sorted(changes.messages, key=lambda message: message.due):
            self._outbox.put(message, min(message.due, now))
            yield from self._deliver(min(message.due, now))

    def _deliver(self, now: Micros) -> Iterator[Happened]:
        """Send what is due, as a courier for whom every messenger takes everything."""
        reports: list[Event] = []
        while waiting := self._outbox.waiting(now, 1):
            claimed = self._outbox.claim(waiting[0].id, now)
            if not isinstance(claimed, Delivery):
                continue  # settled there: nobody to send it to, or what it follows was never told
            message, at = claimed.message, claimed.message.due
            end = expired(claimed, at) or Settlement("sent", "sent", at, ref=message.id)
            if not message.text:
                end = Settlement("dropped", "dropped", at, "nothing to change in place")
            settled = self._outbox.settle(claimed, end)
            if end.state == "sent":
                yield Happened(at, message=message, messenger=claimed.channel.messenger)
            if settled is not None:
                reports.append(settled)
        if reports:
            yield from self._tell(self.engine.step(Batch.empty(), now, reports), now)

    def _shortest_silence(self) -> Micros:
        """Return how long no step may last, so that no silence that means something lies within one."""
        shortest = DAY
        for rule, wait in zip(self.engine.book.rules, self._waits, strict=True):
            if wait is not None:
                shortest = min(shortest, wait)
            elif rule.detect.quiet_after(DAY) is not None:
                shortest = min(shortest, rule.detect.quiet_after(self._shortest_interval()) or DAY)
        return max(1, shortest)

    def _shortest_interval(self) -> Micros:
        """Return less than any series' usual interval can become: the median of 8 gaps is no less than the 4th."""
        shortest, batch = DAY, self._batch
        batch = batch.take(batch.quality <= int(Quality.LATE))  # no others are gaps
        order = np.lexsort((batch.time, batch.series))
        edges = np.flatnonzero(np.diff(batch.series[order])) + 1
        for times in np.split(batch.time[order], edges):
            gaps = np.diff(times)
            gaps = gaps[gaps > 0]  # what comes twice is taken once
            if len(gaps) >= GAPS // 2:
                shortest = min(shortest, int(np.partition(gaps, GAPS // 2 - 1)[GAPS // 2 - 1]))
        return max(1, shortest)

    def _move_silence(self, horizon: Micros) -> None:
        """Move the alarms due by then of series that were heard since they were set, as they would be once due.

        One by one at their times they would cut the readings into steps of two or three.
        """
        timers, panel, undo = self.engine.book.timers, self.engine.book.panel, Undo()
        while (due := timers.next_due()) is not None and due <= horizon:
            key = timers.first()
            if key is None or key[0] != "quiet":
                return
            wait = self._waits[key[1]]
            if wait is None:
                detect = self.engine.book.rules[key[1]].detect
                if not panel.interval(key[2]):
                    return
                wait = (detect.quiet_after(panel.interval(key[2])) or 0) + detect.hold
            moved = panel.received.item(key[2]) + wait
            if moved <= due:
                return
            timers.set(key, moved, undo)

    def _forgive_silence(self) -> None:
        timers = self.engine.book.timers
        while (key := timers.first()) is not None and key[0] in SILENCE:
            timers.cancel(key, Undo())


def _silence(detect: Detector) -> Micros | None:
    """Return how long nothing may come, None where that is learned and changes."""
    short, long = detect.quiet_after(1), detect.quiet_after(DAY)
    return short + detect.hold if short is not None and short == long else None

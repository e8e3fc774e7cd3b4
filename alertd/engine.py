"""One step: readings and events in, changes out. The page to read first.

    readings make others         detect        Deriving.extended
    readings are judged          judging       detect.Panel.judge; whole groups: detect.Together, alerting.herd
    verdicts become alerts       alerting      lifecycle.feed, timers, commands
    alerts that belong together  alerting      incidents
    find their people            audience      telling.compose
    and their words              wording       (the same)

Pure: no I/O and no clock. The same book, batch, events and now give the same
`Changes`. What a step changes in place is taken back by `rollback` as long as it has
not been committed, so a step that raises, or whose commit fails, never happened.
"""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING, Any, Final

from alertd import digest, monthly, said, spending
from alertd.alerting import commands, dues, lifecycle, silencing, tells
from alertd.alerting.turn import Turn
from alertd.detect.together import Step
from alertd.judging import Judged, take, unfolded
from alertd.model import (
    Batch,
    Command,
    Event,
    Link,
    Monthly,
    Rota,
    Said,
    Settled,
    Silencing,
    Spending,
    Trouble,
)
from alertd.reached import know
from alertd.telling import closing, compose, trouble
from alertd.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alertd.alerting.book import Book
    from alertd.audience.people import People
    from alertd.model import Changes, Micros
    from alertd.wording import Words

TOGETHER: Final = 100 * 1000
"""What becomes due within a tenth of a second and is judged in one step (one socket read) is told in one message."""

MACHINE_TIMERS: Final = frozenset({"hold", "clear", "quiet", "never", "archive"})
"""Timers of one rule on one series; all others belong to incidents."""
MUTE_TIMERS: Final = frozenset({"silence", "quiet time", "muted"})
"""Timers of silences, of quiet times and of muted alerts."""


class Engine:
    """The book, the people and the words; the engine task owns all three."""

    def __init__(self, book: Book, people: People, words: Words) -> None:
        self.book = book
        self.people = people
        self.words = words
        self.ran: Micros | None = None
        """When the first timer that ran within the last step was due; None: none ran."""
        self.doing: tuple[str, tuple[Any, ...]] | None = None
        """What is being done because it is due: (timer, its key) or (group, its key); None: something else."""
        self._undo = Undo()

    def step(self, batch: Batch, now: Micros, events: Sequence[Event] = ()) -> Changes:
        """Take a batch of readings and what else happened, up to `now`, and return what must be committed.

        Args:
            batch: readings in arrival order; `received` is never after `now`.
            now: what the clock says; timers due by then run, each at its own due time.
            events: commands, chat, settlements, links and troubles, in order.
        """
        self._undo, self.ran, self.doing = Undo(), None, None
        turn = Turn(self.book, self._undo)
        batch = self.book.deriving.extended(batch, now, self._undo)
        for at, happening in self._in_order(turn, batch, now, events):
            self._advance(turn, at - 1)
            if isinstance(happening, Event):
                self._event(turn, happening, at)
            else:
                self.doing = ("group", happening.group.key) if isinstance(happening, Step) else None
                take(turn, happening, at)
                self.doing = None
        self._advance(turn, now)
        tells.flush(turn)
        return self.told(turn)

    def told(self, turn: Turn) -> Changes:
        """Find the people and the words for all that a turn has to tell."""
        due, turn.tells = turn.tells, []
        for tell in due:
            compose(turn, tell, self.people, self.words)
        closed, turn.closed = turn.closed, []
        for silence in closed:
            closing(turn, silence, self.people, self.words)
        return turn.changes

    def rollback(self) -> None:
        """Take the last step back: the book is what it was before it."""
        self._undo.rollback()

    def give_up(self) -> str | None:
        """After a step that raised and was rolled back: if the clock was at fault, let that one thing rest.

        Returns its name, None if the clock asked for nothing that raised. A timer that rests is set again
        by what sets it in life (the next reading, the next change of its incident), or by a restart.
        """
        book = self.book
        if book.deriving.making is not None:
            number, bearer = book.deriving.making
            gone = book.deriving.give_up((number, bearer))
            return f"the derived metric {book.deriving.derived[number].metric} of {bearer}" if gone else None
        if self.doing is None:
            return None
        what, key = self.doing
        if what == "group":
            gone = book.together.give_up((key[0], key[1], key[2]))
            return f"rule {book.rules[key[0]].name} on {key[1]}" if gone else None
        if book.timers.get(key) is None:
            return None
        book.timers.cancel(key, Undo())
        if key[0] in MACHINE_TIMERS and key[1] < len(book.rules) and key[2] < len(book.series):
            series = book.series[key[2]]
            return f"{key[0]} of rule {book.rules[key[1]].name} on {series.device} {series.metric}"
        return " ".join(str(part) for part in key)

    def next_due(self) -> Micros | None:
        """Return when the next timer, derived reading or group wants a step, None if nothing is set."""
        book = self.book
        due = [book.timers.next_due(), book.deriving.next_due(), book.together.next_due()]
        return min((one for one in due if one is not None), default=None)

    def know(self, event: Settled) -> None:
        """Note whom a message reached, outside a step: at a restart, and when nothing real is sent."""
        know(self.book, event, self._undo)

    def _in_order(
        self, turn: Turn, batch: Batch, now: Micros, events: Sequence[Event]
    ) -> Iterator[tuple[Micros, Judged | Event]]:
        """Yield what the batch comes to and the events as one sequence by time; judging goes on as it is taken."""
        judged = unfolded(turn, batch, now)
        if not events:
            return judged
        timed = sorted(((min(event.at, now), event) for event in events), key=lambda pair: pair[0])
        return merge(judged, timed, key=lambda pair: pair[0])  # stable: readings before events of the same microsecond

    def _advance(self, turn: Turn, until: Micros) -> None:
        """Run the timers due by `until`, each at its own due time."""
        while True:
            due = self.book.timers.next_due()
            soon = turn.soon_at
            if soon is None and (due is None or due > until) and not turn.tells:
                return
            if turn.tells:
                self.told(turn)  # before the clock goes on: what waits for a digest must be there when it goes
                continue
            if soon is not None and (due is None or due > soon + TOGETHER) and until > soon + TOGETHER:
                tells.flush(turn)
                continue
            fired = self.book.timers.pop(until, turn.undo)
            if fired is None:
                return
            at, key = fired
            self.ran = at if self.ran is None else self.ran
            self.doing = ("timer", key)
            if key[0] in MACHINE_TIMERS:
                lifecycle.due(turn, (key[0], key[1], key[2]), at)
            elif key[0] == "digest":
                digest.due(turn, key, at, self.people, self.words)
            elif key[0] in MUTE_TIMERS:
                silencing.due(turn, key, at)
            else:
                dues.due(turn, key, at)
            self.doing = None

    def _event(self, turn: Turn, event: Event, at: Micros) -> None:
        match event:
            case Command():
                commands.carry_out(turn, event)
            case Silencing():
                silencing.carry_out(turn, event)
            case Settled():
                know(self.book, event, turn.undo)
                if event.unpaid:
                    digest.unpaid(turn, event, self.people)
            case Link():
                self.book.link(at, up=event.up)
            case Trouble():
                trouble(turn, event, self.people, self.words)
            case Monthly():
                monthly.tell(turn, event, self.people, self.words)
            case Spending():
                spending.tell(turn, event, self.people)
            case Rota():
                undo = self.people.booked(event.calendars)
                if undo is not None:
                    turn.undo.call(undo)
                    turn.changes.why.append("the duty calendar says something new")
            case Said():
                said.take_over(turn, event, self.people)

"""One step: readings and events in, changes out. The page to read first.

    readings make others         detect      Deriving.extended
    readings are judged          detect      Panel.judge; whole groups: Together, alerting.herd
    verdicts become alerts       alerting    lifecycle.feed, timers, commands
    alerts that belong together  alerting    incidents
    find their people            audience      telling.compose
    and their words              wording       (the same)

Pure: no I/O and no clock. The same book, batch, events and now give the same
`Changes`. What a step changes in place is taken back by `rollback` as long as it has
not been committed, so a step that raises, or whose commit fails, never happened.
"""

from __future__ import annotations

from collections import deque
from heapq import merge
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alertd import digest, monthly, spending
from alertd.alerting import commands, dues, herd, lifecycle, shadows, silencing, tells
from alertd.alerting.turn import Turn
from alertd.audience.erasing import anonymous_alert, anonymous_incident, anonymous_switching, names_person
from alertd.detect.singly import FEW
from alertd.detect.together import Step
from alertd.model import (
    Batch,
    Command,
    Event,
    Kind,
    Link,
    Monthly,
    Quality,
    Rota,
    Said,
    Settled,
    Silencing,
    Spending,
    Trouble,
)
from alertd.telling import ACTIONABLE, closing, compose, trouble
from alertd.undo import Undo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from alertd.alerting.book import Book
    from alertd.audience.people import People
    from alertd.model import Changes, Micros
    from alertd.wording import Words

TOGETHER: Final = 100 * 1000
"""What becomes due within a tenth of a second and is judged in one step (one socket read) is told in one message."""

Verdict = tuple[int, int, tuple[int, float, float], tuple[int, int, float, int]]
"""(rule, row, (state, score, normal), (time, received, value, quality)): one notable opinion."""
Judged = Verdict | Step
"""What readings come to: an opinion on one of them, or a group whose step is complete."""

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
        """Note whom a message reached; nothing to commit, the outbox knows it already."""
        book = self.book
        if event.state not in ("merged", "dropped"):  # ended in the outbox unseen, which nobody reports live
            book.settled.add(event.message)
        book.named.setdefault(event.message, (event.subscriber, event.alerts, event.at, event.kind))
        ids = [alert.id for text in event.alerts if (alert := book.numbered(int(text.removeprefix("A-"))))]
        asks = event.kind in (*ACTIONABLE, Kind.DIGEST)
        if asks and event.state in ("sent", "unsure"):
            for alert_id in ids:
                book.reached.setdefault(alert_id, set()).add(event.message)
                book.timers.cancel(("unreached", alert_id), self._undo)
                book.failures.pop(alert_id, None)
        elif asks and event.state in ("dead", "expired"):
            book.failures |= dict.fromkeys(ids, f"{event.subscriber}: {event.why}")
            for alert_id in ids:
                self._not_after_all(alert_id, event)
        elif event.kind is Kind.UNREACHED:
            if event.state == "sent":
                for alert_id in ids:
                    book.unreached.pop(alert_id, None)
            elif event.state in ("dead", "expired", "unsure"):
                book.unreached |= dict.fromkeys(ids, event.at)

    def _not_after_all(self, alert_id: str, event: Settled) -> None:
        """A message that had been taken did not arrive after all: if it was the only one, nobody was reached."""
        reached = self.book.reached.get(alert_id)
        if reached is None:
            return
        reached.discard(event.message)
        alert = self.book.alerts.get(alert_id)
        if not reached:
            del self.book.reached[alert_id]
            if alert is not None and alert.open and alert.unreached_due is not None:
                self.book.timers.set(("unreached", alert_id), max(alert.unreached_due, event.at), self._undo)

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
                self.know(event)
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
                self._said(turn, event)

    def _said(self, turn: Turn, said: Said) -> None:
        """Take over what a person said: consent, channels, language, and what is answered."""
        changes, book = turn.changes, self.book
        if said.position is not None:
            changes.positions[said.position[0]] = said.position[1]
        if said.update in book.commands:
            return
        turn.undo.item(book.commands, said.update)
        book.commands[said.update] = said.at
        changes.commands.append(said.update)
        if said.people or said.invites:
            turn.undo.call(self.people.apply(said.people, said.invites))
            changes.people |= {state.id: state for state in said.people}
            changes.invites |= {invite.code_hash: invite for invite in said.invites}
        for switching in said.switchings:
            turn.undo.item(book.switchings, switching.id)
            book.switchings[switching.id] = switching
            changes.switchings[switching.id] = switching
            fault = f": {switching.why}" if switching.why else ""
            changes.why.append(f"{switching.action}: {switching.stage} by {switching.by}{fault}")
        changes.consents += said.consents
        changes.messages += said.replies
        if said.erases is not None:
            self._erase(turn, said.erases)

    def _erase(self, turn: Turn, person: str) -> None:
        """Take a person out of what the book knows; the store does the same with what is older."""
        book = turn.book
        for key, alert in list(book.alerts.items()):
            if names_person(alert, person):
                turn.undo.item(book.alerts, key)
                turn.changes.alerts[key] = book.alerts[key] = anonymous_alert(alert, person)
        for key, incident in list(book.incidents.items()):
            if person in incident.told or any(one.person == person for one in incident.aside):
                turn.undo.item(book.incidents, key)
                turn.changes.incidents[key] = book.incidents[key] = anonymous_incident(incident, person)
        for key, switching in [pair for pair in book.switchings.items() if pair[1].by == person]:
            turn.undo.item(book.switchings, key)
            turn.changes.switchings[key] = book.switchings[key] = anonymous_switching(switching)


def take(turn: Turn, happening: Judged, at: Micros) -> None:
    """Feed a verdict to its machine, or judge a group whose step is complete."""
    if isinstance(happening, Step):
        herd.judge(turn, happening, at)
    else:
        rule, row, verdict, reading = happening
        herd.note(turn, rule, row, verdict[0], reading[0])
        lifecycle.feed(turn, rule, row, verdict, reading)


def unfolded(turn: Turn, batch: Batch, until: Micros) -> Iterator[tuple[Micros, Judged]]:
    """Judge a batch; yield the verdicts that matter and the steps of groups, in order of arrival, as they are taken.

    A group is judged between two readings; whoever takes what is yielded has fed all that came
    before. Groups that compare values need the windows as they were then, so the batch is judged in
    pieces; for those that count verdicts it is judged at once. At the end the changes hold what is to
    be journalled.
    """
    book = turn.book
    accepted = np.zeros(len(batch), np.bool_)
    at_once = len(batch) > FEW and book.together.counts_only
    known = book.panel.last_time.copy() if at_once and book.together.groups else None
    waiting = _judged(turn, batch, accepted) if at_once else deque[tuple[int, Verdict]]()
    start = 0
    while True:
        stop, steps = book.together.complete(batch, start, until, turn.undo)
        if stop > start and not at_once:
            piece = batch if stop - start == len(batch) else batch.take(slice(start, stop))
            waiting = _judged(turn, piece, accepted[start:stop])
        while waiting and (not at_once or waiting[0][0] < stop):
            verdict = waiting.popleft()[1]
            yield verdict[3][1], verdict
        if known is not None:
            _know(known, batch, accepted, slice(start, stop))
        start = stop
        if not steps:
            break
        yield from ((at, step._replace(known=known)) for at, step in steps)
    turn.changes.readings = batch if np.count_nonzero(accepted) == len(batch) else batch.take(accepted)


def _know(known: NDArray[np.int64], batch: Batch, accepted: NDArray[np.bool_], part: slice) -> None:
    """Note the newest times of readings that come before the next step, as `Panel` does of a whole batch."""
    new = accepted[part]
    unknown = batch.quality[part] == int(Quality.UNKNOWN_TIME)
    time = np.where(unknown, batch.received[part], batch.time[part])
    np.maximum.at(known, batch.series[part][new], time[new])


def _judged(turn: Turn, batch: Batch, accepted: NDArray[np.bool_]) -> deque[tuple[int, Verdict]]:
    """Judge readings, mark those that are new; return the verdicts that matter with their reading's place."""
    book, panel = turn.book, turn.book.panel
    before = panel.received.take(batch.series)
    unheard = batch.series[:0] if before.all() else batch.series[before == 0]
    judgement = panel.judge(batch, turn.undo)
    accepted[:] = judgement.accepted
    taken = batch.series, batch.received
    if np.count_nonzero(accepted) < len(batch):
        taken = batch.series[accepted], batch.received[accepted]
        known = ~judgement.accepted & ~judgement.conflict
        turn.changes.conflicts += batch.series[judgement.conflict].tolist()
        turn.changes.repeats += batch.series[known].tolist()
    book.hear(*taken)
    if len(unheard):
        for row in np.unique(unheard[panel.received[unheard] > 0]):
            lifecycle.watch(turn, int(row))
    if book.untold and len(judgement.index):
        judgement = shadows.thinned(book, judgement, batch.series)
    if not len(judgement.index):
        return deque()
    at = judgement.index
    of_verdict = (at, judgement.rule, judgement.state, judgement.score, judgement.normal)
    of_reading = (batch.series[at], batch.time[at], batch.received[at], batch.value[at], batch.quality[at])
    judges = panel.detectors
    return deque(
        (n, (rule, row, (state, score, normal), (time, received, judges[rule].told(value, score, normal), quality)))
        for n, rule, state, score, normal, row, time, received, value, quality in zip(
            *(column.tolist() for column in (*of_verdict, *of_reading)), strict=True
        )
    )

"""The book again after a restart: what was committed is the truth, the journal fills in the rest.

Alerts, incidents, people and counters come from their tables. Windows, what rules
have learned and holds under way come from the snapshot and the journal behind it,
by the same judging and the same machines as live; only effects are left out. Where
the two disagree, the tables win: a restart changes no state and tells nothing again.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import structlog

from alertd import digest, monthly
from alertd.alerting import absences, dues, guard, incidents, lifecycle, silencing, tells
from alertd.alerting.machine import Machine, Phase
from alertd.alerting.turn import Turn
from alertd.judging import take, unfolded
from alertd.model import BAD, Kind, State
from alertd.undo import Undo

log = structlog.get_logger("alertd.recovery")

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.alerting.book import Book
    from alertd.detect.deriving import Deriving
    from alertd.engine import Engine
    from alertd.ingest.learned import Learned
    from alertd.model import Alert, Batch, Changes, Message, Micros
    from alertd.seams import Kept


@dataclass(frozen=True, slots=True)
class Restored:
    """What of the snapshot holds. `damaged`: nothing of it. `edited` are series whose formula is another one now."""

    damaged: bool = False
    edited: frozenset[int] = frozenset()
    deriving: Deriving | None = None
    """Derived metrics as they are before any reading; None where nothing was edited."""

    def again(self, batch: Batch) -> list[Batch]:
        """Return kept readings as the formulas of today have them, without those that one stumbles over."""
        parts: list[Batch] = []
        deriving = self.deriving
        if deriving is None:
            return [batch]

        def remake(part: Batch) -> None:
            with Undo() as undo:
                parts.append(deriving.remade(part, self.edited, undo))

        piecewise(batch, remake)
        return parts


def restore(engine: Engine, kept: Kept, learned: Learned | None = None) -> Restored:
    """Enter what the store remembers, before the journal is replayed (and `learned.follow` takes it, too)."""
    book = engine.book
    for row in sorted(kept.series):
        assert book.row(kept.series[row], always=True) == row  # rows are series ids
    book.unsaved = len(book.series)
    for row in range(book.unsaved):
        book.relate(row)
    for alert in kept.alerts:
        book.keep(alert)
    for incident in kept.incidents:
        book.incidents[incident.id] = incident
        book.firing[incident.id] = sum(alert.open for alert in tells.members(book, incident))
        if incident.closed is None:
            book.open_incidents[incident.rule, incident.key] = incident.id
    guard.recount(book)
    book.silences |= {silence.number: silence for silence in kept.silences}
    book.switchings |= {switching.id: switching for switching in kept.switchings}
    book.counters |= kept.counters
    book.commands |= dict.fromkeys(kept.commands, int(kept.marks.get("alive", 0)))
    book.troubles |= {key: int(at) for key, at in kept.marks.get("troubles", {}).items()}
    book.outages = [(int(start), int(stop)) for start, stop in kept.marks.get("outages", [])]
    if "alive" in kept.marks:
        book.down_since = int(kept.marks["alive"])
    snapshot = {} if kept.snapshot is None else _unpacked(kept.snapshot)
    if learned is not None:
        learned.restore(kept.positions, (snapshot or {}).get("counters", ()))
    if snapshot == {}:
        return Restored()
    restored = None if snapshot is None else _load(book, snapshot, len(kept.series))
    if restored is None:
        log.warning("the snapshot is damaged or of another version", remedy="all that is kept is read again")
    return restored or Restored(damaged=True)


def replay(engine: Engine, batch: Batch) -> int:
    """Run one flush of the journal through windows and machines, without effects; return how many were left out."""

    def run(part: Batch) -> None:
        with Undo() as undo:
            turn = Turn(book, undo)
            book.deriving.follow(part, undo)
            for at, judged in unfolded(turn, part, int(part.received.max(initial=0))):
                take(turn, judged, at)

    book = engine.book
    book.replaying = True
    try:
        return piecewise(batch, run)
    finally:
        book.replaying = False


def piecewise(batch: Batch, run: Callable[[Batch], None]) -> int:
    """Run kept readings through something that changes nothing where it raises; return how many were left out.

    A rule that is new may stumble over an old reading, and must not keep alertd from starting.
    """
    try:
        run(batch)
    except Exception:
        if len(batch) == 1:
            log.exception("a kept reading was left out")
            return 1
        half = len(batch) // 2
        return piecewise(batch.take(slice(half)), run) + piecewise(batch.take(slice(half, None)), run)
    return 0


def ready(engine: Engine, kept: Kept, now: Micros) -> Changes:
    """After the replay: let the tables win, set the timers, and know who was reached; return what to commit."""
    book = engine.book
    book.resumed = now
    turn = Turn(book, Undo())
    rules = {rule.name: number for number, rule in enumerate(book.rules)}
    owners: dict[tuple[int, int], Alert] = {}
    for alert in book.alerts.values():
        rule = rules.get(alert.rule)
        row = book.row_of(alert)
        if (alert.open or alert.dismissed) and rule is not None and row is not None:
            owners[rule, row] = alert
    unproven = set()
    for key, machine in list(book.machines.items()):
        if key not in owners and machine.phase is not Phase.PENDING:
            # Replayed readings opened what no table knows: a rule that is new or has changed. Its hold
            # is over, but only the next reading may say that it is still bad.
            unproven.add(key)
            if machine.phase is Phase.CLEARING:
                lifecycle.rest(turn, machine)
            else:
                machine.phase, machine.alert = Phase.PENDING, None
    for key, alert in owners.items():
        _own(turn, key, alert)
    for message in kept.messages:
        recall(book, message)
    for settled in kept.settled:
        engine.know(settled)
    _arm_machines(turn, unproven)
    dues.rearm(turn, now)
    silencing.rearm(turn, now)
    digest.rearm(turn, engine.people, now)
    monthly.begin(turn, engine.people, now)
    expect_listed(book, turn, now)
    return turn.changes


def recall(book: Book, message: Message) -> None:
    """Know again what a message named: what an answer to it means, and what a later one may take the place of."""
    book.named[message.id] = (message.subscriber, message.alerts, message.due, message.kind)
    if message.kind is Kind.DELTA:
        joined = book.carried.get(message.replaces or "", ())
        book.carried[message.id] = tuple(dict.fromkeys((*joined, *message.alerts)))


def expect_listed(book: Book, turn: Turn, now: Micros) -> None:
    """Watch listed devices from the day they were listed, heard or not."""
    for row in book.expect_listed():
        device = book.series[row].device
        name = f"listed {device}"
        if name not in book.counters:
            book.counters[name] = now
            turn.changes.counters[name] = now
        for number in np.flatnonzero(book.panel.applies[:, row]):
            rule = int(number)
            if book.rules[rule].detect.quiet_after(0) is not None and not book.ever_heard(device):
                due = book.counters[name] + absences.NEVER_HEARD
                book.timers.set(("never", rule, row), due, turn.undo)


def close_orphans(engine: Engine, now: Micros) -> Changes:
    """Close open alerts whose rule was removed, renamed or disabled, told like a resolve; return what to commit."""
    book = engine.book
    names = {rule.name for rule in book.rules}
    turn = Turn(book, Undo())
    for alert in [one for one in book.alerts.values() if one.open and one.rule not in names]:
        turn.alert(alert)
        alert.state, alert.resolved, alert.dismissed = State.RESOLVED, now, False
        turn.changes.why.append(f"A-{alert.number} {alert.rule}: resolved, the rule is gone from the configuration")
        turn.moved(alert, now)
        if not alert.shadow:
            incidents.resolved(turn, alert, now)
    tells.flush(turn)
    return engine.told(turn)


def snapshot(book: Book, learned: Learned | None = None) -> bytes:
    """Return windows, learned state and holds under way as one blob; `learned` is the decoder's."""
    machines = [(book.rules[one.rule].name, one.row, one.phase.value, *_facts(one)) for one in book.machines.values()]
    return msgspec.msgpack.encode(
        {
            "format": 1,
            "panel": book.panel.dump(),
            "machines": machines,
            "derived": book.deriving.dump(),
            "together": book.together.dump([rule.name for rule in book.rules]),
            "heard": {device: list(days) for device, days in book.heard.items()},
            "counters": learned.newest() if learned is not None else [],
        }
    )


def _unpacked(blob: bytes) -> dict[str, Any] | None:
    """Return a snapshot's parts, None if it is damaged or of another version."""
    try:
        found = msgspec.msgpack.decode(blob, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.get("format") == 1 else None


def _load(book: Book, kept: dict[str, Any], stored: int) -> Restored | None:
    """Enter a snapshot; `stored` is how many series the store knows. None, with nothing entered: it is damaged."""
    known = book.panel.load(kept["panel"])
    if known is None:
        return None
    derived = kept.get("derived", {})
    edited = book.deriving.edited(derived, known, stored)
    restored = Restored(edited=frozenset(edited), deriving=deepcopy(book.deriving) if edited else None)
    if edited:
        book.panel.forget(np.array(sorted(edited)))
    if book.panel.learned.lacking:  # new, edited in what they learn from, or written by another version
        log.info(
            "rules learn anew from what is kept", rules=[book.rules[rule].name for rule in book.panel.learned.lacking]
        )
    book.deriving.load(derived)
    book.together.load(kept.get("together", {}), {rule.name: number for number, rule in enumerate(book.rules)})
    book.heard = {device: (int(first), bool(twice)) for device, (first, twice) in kept["heard"].items()}
    rules = {rule.name: number for number, rule in enumerate(book.rules)}
    for name, row, phase, since, value, normal, score, last_time, last_state, good_since in kept["machines"]:
        rule = rules.get(name)
        if rule is not None and row < len(book.series) and book.panel.applies[rule, row]:
            book.machines[rule, row] = Machine(
                rule, row, Phase(phase), since, value, normal, score, last_time, last_state, good_since
            )
            book.panel.active[rule, row] = True
    return restored


def _facts(one: Machine) -> tuple[Any, ...]:
    return one.since, one.value, one.normal, one.score, one.last_time, one.last_state, one.good_since


def _own(turn: Turn, key: tuple[int, int], alert: Alert) -> None:
    """Give an open or dismissed alert its machine."""
    book = turn.book
    machine = book.machines.get(key)
    if machine is None:
        value = alert.value if alert.value is not None else np.nan
        machine = Machine(*key, Phase.FIRING, alert.started, value, np.nan, np.nan, alert.started, BAD)
        book.machines[key] = machine
        book.panel.active[key] = True
    machine.alert = alert.id
    if alert.dismissed:
        machine.phase = Phase.DISMISSED
    elif machine.phase is not Phase.CLEARING:
        machine.phase = Phase.FIRING


def _arm_machines(turn: Turn, unproven: set[tuple[int, int]]) -> None:
    book = turn.book
    for key, machine in book.machines.items():
        detect = book.rules[machine.rule].detect
        if machine.phase is Phase.PENDING and key not in unproven:
            due = max(machine.since + detect.hold, machine.last_time)
            book.timers.set(("hold", *key), due, turn.undo)
        elif machine.phase is Phase.CLEARING and machine.good_since is not None:
            book.timers.set(("clear", *key), machine.good_since + detect.clear_after, turn.undo)
    for row in np.flatnonzero(book.panel.received[: len(book.series)] > 0):
        absences.watch(turn, int(row))

"""The wall clock is set while alertd runs: what came of it is what would have come of a clock that was right."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from farm import ANNA, START, hot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_recovery import EVENTS, RULES, Broker, Clock, Node

from alertd.model import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    UNTIL_RESOLVED,
    Alert,
    Batch,
    Changes,
    Command,
    Invite,
    Kind,
    Message,
    Move,
    PersonState,
    Severity,
    Silencing,
    State,
)
from alertd.moving import moved, moved_batch, moved_marks, moved_message
from alertd.seams import Flush, Kept, Raw
from alertd.store.memory_disk import Disk

YEARS = 56 * 365 * DAY
STEPS = st.lists(st.sampled_from([-3 * HOUR, -90 * SECOND, 61 * SECOND, 2 * HOUR, YEARS]), max_size=3).filter(
    lambda steps: steps.count(YEARS) < 2  # no clock shows less than 1970
)
SILENT = {
    "name": "silent",
    "match": {"device": "a", "metric": "temperature"},
    "detect": {"kind": "absence", "after": "2m"},
    "severity": "warning",
}
LASTING = ({"detect": {"hold": "90s"}, "severity": "warning", "repeat": "2m"}, *RULES)


class Farm:
    """A daemon whose clock is off by all that it is set by later; `truth` is what a right clock shows."""

    def __init__(self, rules, steps) -> None:
        self.rules, self.steps = rules, list(steps)
        self.since = START - sum(steps)
        self.disk, self.broker, self.clock = Disk(), Broker(), Clock(self.since)
        self.begin()

    def begin(self) -> None:
        self.node = Node(self.rules, self.disk, self.broker, self.clock, ANNA)

    @property
    def truth(self) -> int:
        return self.clock.now() + sum(self.steps)

    async def set_clock(self, *, snapshot: bool = False) -> None:
        """What the daemon does when the clock is set: it commits, moves what it has written, and starts again."""
        await self.node.keeper.holding.commit(Changes(), snapshot=snapshot)
        self.clock.advance(SECOND)
        if self.steps:
            by = self.steps.pop(0)
            move = Move(self.since, self.clock.now(), by)
            self.clock.advance(by)
            self.since += by
            kept = await self.node.store.load()
            marks = moved_marks(kept.marks, move)
            await self.node.store.commit(Flush(self.clock.now(), changes=moved(kept, move), marks=marks, move=move))
        self.begin()
        await self.node.start()

    async def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(SECOND)
            now = self.clock.now()
            if (self.node.engine.next_due() or now + 1) <= now or self.node.keeper.holding.due(now):
                await self.node.keeper.turn([])

    def told(self) -> list[tuple]:
        """What was told; of what is told at the same moment the alerts' ids decide who is first, and ids do not move."""
        slips = self.disk.outbox.slips.values()
        found = [(one.due, one.message.alerts, one.message.kind, one.state, one.message.expires) for one in slips]
        return sorted(found, key=repr)

    def alerts(self) -> list[Alert]:
        return [replace(one, id="", incident="") for one in self.disk.alerts.values()]


async def live(events, at, steps, more, *, own: bool) -> Farm:
    farm = Farm([hot(**more), SILENT], steps)
    await farm.node.start()
    clock = farm.clock
    for number, (what, first, second) in enumerate(events, 1):
        if number in at:
            await farm.set_clock(snapshot=number % 2 == 0)
        clock.advance(SECOND)
        turn = farm.node.keeper.turn
        if what == "reading":
            payload = {"t": second} | ({"ts": clock.now() / SECOND} if own else {})
            raw = Raw(f"c/{first}", json.dumps(payload).encode(), clock.now(), packet=number)
            await farm.node.receive(number, raw)
        elif what == "wait":
            await farm.wait(first)
        elif what == "silence":
            until = clock.now() + second * SECOND
            wish = Silencing(f"silence {number}", clock.now(), {"device": first}, until, "new fans", by="anna")
            await turn([(wish, None)])
        elif what == "end":
            await turn([(Silencing(f"end {number}", clock.now(), ends=first, by="anna"), None)])
        elif what == "deliver":
            await farm.node.deliver(first, second)
        else:
            until = clock.now() + 50 * SECOND if what == "snooze" else None
            command = Command(f"command {number}", clock.now(), what, (first,), by="anna", until=until)
            await turn([(command, None)])
    for _ in range(len(at) + len(steps)):
        await farm.set_clock()
    await farm.wait(400)
    await farm.node.keeper.holding.commit(Changes())
    return farm


HELD = [("reading", "b", 35.0), ("wait", 60, None), ("reading", "b", 35.0), ("wait", 60, None)]


@example(
    events=[("reading", "a", 35.0), ("silence", "a", 120), ("wait", 119, None)],
    at=set(),
    steps=[-3 * HOUR],
    more=LASTING[0],
    own=False,
)
@example(events=HELD, at={4}, steps=[YEARS], more=LASTING[0], own=False)
@example(events=HELD, at={4}, steps=[-3 * HOUR], more=LASTING[0], own=True)
@settings(max_examples=40, deadline=None)
@given(
    events=EVENTS,
    at=st.sets(st.integers(1, 30), max_size=3),
    steps=STEPS,
    more=st.sampled_from(LASTING),
    own=st.booleans(),
)
async def test_whatever_was_under_way_goes_on_as_if_the_clock_had_been_right(events, at, steps, more, own):
    wrong = await live(events, at, steps, more, own=own)
    right = await live(events, at, [0] * len(steps), more, own=own)
    assert wrong.clock.now() == right.clock.now()
    assert wrong.alerts() == right.alerts()
    assert wrong.told() == right.told()


# --- what moves and what does not ------------------------------------------------------------------

SPAN = Move(START, START + HOUR, 2 * HOUR)
BACK = Move(START, START + HOUR, -2 * HOUR)
IN, BEFORE = START + 10 * MINUTE, START - DAY


def alert(**facts) -> Alert:
    some = {"id": "x", "number": 1, "rule": "hot", "device": "a", "metric": "temperature", "group": None}
    more = {"severity": Severity.CRITICAL, "state": State.FIRING, "value": 1.0, "unit": "", "normal": None}
    return Alert(**(some | more | {"started": IN, "fired": IN} | facts))


@pytest.mark.parametrize(
    ("move", "facts", "wanted"),
    [
        (SPAN, {"started": IN - 60, "fired": IN}, {"started": IN - 60 + SPAN.by, "fired": IN + SPAN.by}),
        (SPAN, {"started": IN + SPAN.by - 60, "fired": IN}, {"started": IN + SPAN.by - 60}),  # the collar knew
        (SPAN, {"started": BEFORE, "fired": BEFORE + 60}, {"started": BEFORE, "fired": BEFORE + 60}),
        (SPAN, {"acknowledged_at": IN, "acknowledged_until": IN + DAY}, {"acknowledged_until": IN + DAY + SPAN.by}),
        (SPAN, {"acknowledged_at": BEFORE, "acknowledged_until": IN}, {"acknowledged_until": IN}),
        (SPAN, {"snoozed": {"anna": IN + DAY}}, {"snoozed": {"anna": IN + DAY + SPAN.by}}),
        (SPAN, {"fired": BEFORE, "snoozed": {"anna": IN + DAY}}, {"snoozed": {"anna": IN + DAY}}),  # perhaps yesterday
        (BACK, {"fired": BEFORE, "snoozed": {"anna": IN + DAY}}, {"snoozed": {"anna": IN + DAY + BACK.by}}),
        (SPAN, {"snoozed": {"*": UNTIL_RESOLVED}}, {"snoozed": {"*": UNTIL_RESOLVED}}),
        (SPAN, {"unreached_due": IN + HOUR}, {"unreached_due": IN + HOUR + SPAN.by}),
    ],
)
def test_what_lasts_from_a_moment_that_moved_ends_as_much_later(move, facts, wanted):
    given = alert(**facts)
    new = moved(Kept(alerts=[given]), move).alerts.get("x", given)
    assert {name: getattr(new, name) for name in wanted} == wanted


def test_stop_said_to_a_clock_of_1970_is_newer_than_the_consent_of_the_file():
    early = Move(0, HOUR, START)
    person = PersonState("anna", stopped={"telegram:4711": MINUTE}, heard={"telegram:4711": MINUTE}, duty_until=DAY)
    [found] = moved(Kept(people={"anna": person}), early).people.values()
    assert (found.stopped, found.heard) == ({"telegram:4711": START + MINUTE},) * 2
    assert found.duty_until == DAY, "that was said by the clock"


def test_an_invite_lasts_as_long_as_it_was_to_and_what_is_older_is_not_written_again():
    invites = {name: Invite(name, "anna", at, at + DAY) for name, at in (("new", IN), ("old", BEFORE))}
    changes = moved(Kept(invites=invites, alerts=[alert(started=BEFORE, fired=BEFORE)]), SPAN)
    assert {name: (one.created, one.expires) for name, one in changes.invites.items()} == {
        "new": (IN + SPAN.by, IN + DAY + SPAN.by)
    }
    assert not changes.alerts


def test_months_before_the_first_start_stay_nobodys_business_and_those_since_are_told():
    counters = {"monthly": 12 * 1970 - 1, "daily anna": MINUTE, "listed barn": MINUTE, "alert": 7}
    found = moved(Kept(counters=counters), Move(0, HOUR, START)).counters
    assert found == {"monthly": 12 * 2026 + 9, "daily anna": START + MINUTE, "listed barn": START + MINUTE}
    assert "monthly" not in moved(Kept(counters=counters), Move(0, HOUR, START, seq=3)).counters


def test_the_power_was_off_until_the_clock_that_was_set_says_so():
    marks = {"alive": IN, "newest": IN, "outages": [[BEFORE, START], [IN, IN + 60]], "troubles": {"broker": IN}}
    found = moved_marks(marks | {"traffic": {"barn": [BEFORE // SECOND, IN // SECOND, 0]}}, SPAN)
    after = IN + SPAN.by
    assert found["outages"] == [[BEFORE, START + SPAN.by], [after, after + 60]]
    assert (found["alive"], found["newest"], found["troubles"]) == (after, after, {"broker": after})
    assert found["traffic"] == {"barn": [BEFORE // SECOND, after // SECOND, 0]}


def test_a_device_that_knows_the_time_keeps_it_and_one_that_goes_by_our_clock_moves_with_it():
    received = np.array([IN, IN, IN], np.int64)
    time = received + np.array([0, SPAN.by, 20 * SECOND])
    batch = Batch(np.zeros(3, np.int32), time, received, np.ones(3), np.zeros(3, np.int8))
    found = moved_batch(batch, SPAN)
    assert found.received.tolist() == [IN + SPAN.by] * 3
    assert found.time.tolist() == [IN + SPAN.by, IN + SPAN.by, IN + 20 * SECOND + SPAN.by]


@pytest.mark.parametrize(
    ("due", "wanted"),
    [
        (BEFORE, BEFORE),
        (IN, IN + SPAN.by),
        (SPAN.until + MINUTE, SPAN.until + MINUTE + SPAN.by),
        (SPAN.until + 8 * HOUR, SPAN.until + SPAN.by),  # quiet hours: looked at now, and again by the right clock
    ],
)
def test_a_message_that_waits_is_tried_as_much_later_and_never_lapses_by_the_step(due, wanted):
    message = Message("m", Kind.FIRING, "anna", (), "hot", IN, expires=IN + HOUR)
    found = moved_message(message, IN, due, SPAN)
    assert (found.due, found.expires) == (wanted, IN + HOUR + SPAN.by)
    assert moved_message(message, BEFORE, due, SPAN).expires == IN + HOUR


async def test_a_hold_of_a_collar_that_knows_the_time_is_not_over_by_the_step():
    farm = Farm([hot(detect={"hold": "10m"}, severity="warning")], [8 * HOUR])
    await farm.node.start()

    async def say(value: float, number: int) -> None:
        payload = json.dumps({"ts": farm.truth / SECOND, "t": value}).encode()
        await farm.node.receive(number, Raw("c/a", payload, farm.clock.now(), packet=number))

    farm.clock.trusted = lambda newest_known: not farm.steps
    await say(35.0, 1)
    await farm.wait(5 * 60)
    await farm.set_clock()
    await farm.wait(60)
    await say(35.0, 2)
    await farm.wait(1)
    assert not farm.disk.alerts, "six minutes"
    await farm.wait(5 * 60)
    [one] = farm.disk.alerts.values()
    assert (one.fired or 0) - one.started == 10 * MINUTE

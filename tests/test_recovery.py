"""A kill at any moment: after the restart the book is what it was, and nothing is told again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from farm import ANNA, START, hot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ingest.samples import metric, sparkplug
from manual_clock import ManualClock

from alertd import recovery
from alertd.alerting.book import Book
from alertd.alerting.settings import Inhibit, QuietTime, Rule
from alertd.audience.hours import local
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.detect.derived import Derived
from alertd.detect.rings import PIVOT
from alertd.engine import Engine
from alertd.holding import Holding
from alertd.ingest.decoder import Decoder
from alertd.ingest.ledger import Ledger
from alertd.ingest.settings import Device, Limits, Source
from alertd.keeping import Keeper
from alertd.model import HOUR, MINUTE, SECOND, Changes, Command, Delivery, Kind, Link, Silencing
from alertd.rereading import StoppedError, reread
from alertd.seams import Raw, RawBatch, Settlement
from alertd.store.memory import MemoryStore
from alertd.store.memory_disk import Disk
from alertd.wording import Words


class Clock(ManualClock):
    def trusted(self, newest_known: int) -> bool:
        return True


class Silent:
    def judged(self, counts, labels, done, received) -> None: ...

    def refused(self, source, reason, count) -> None: ...


@dataclass
class Broker:
    """Keeps what is not acknowledged, and sends it again after a kill. Stands in for the source."""

    unacknowledged: list[tuple[int, Raw]] = field(default_factory=list)

    def acknowledge(self, position: int) -> None:
        self.unacknowledged = [(number, raw) for number, raw in self.unacknowledged if number > position]

    def pressing(self, held: int) -> bool:
        return held >= 7


SOURCES = [
    {"topic": "c/{device}", "format": "json", "time": "ts", "metrics": {"temperature": "t"}},
    {
        "topic": "s/{device}",
        "format": "json",
        "time": "ts",
        "metrics": {"steps": {"path": "n", "kind": "counter", "wrap": 1000}},
    },
    {"preset": "sparkplug_b"},
]


class Node:
    """One life of a daemon on a disk."""

    def __init__(self, rules, disk: Disk, broker: Broker, clock: Clock, person=ANNA, devices=(), mutes=None) -> None:
        self.mutes = mutes or {}
        self.store, self.broker, self.clock = MemoryStore(disk), broker, clock
        self.devices = [Device.model_validate(device) for device in devices]
        self.rules = [Rule.model_validate(rule) for rule in rules]
        self.person = Subscriber.model_validate(person)

    async def start(self, alive=lambda: None) -> None:
        await self.store.open()
        kept = await self.store.load()
        animals = [Device(id=name, group="dairy") for name in ("a", "b")]
        inhibit = [Inhibit.model_validate(one) for one in self.mutes.get("inhibit", ())]
        quiet_times = [QuietTime.model_validate(one) for one in self.mutes.get("quiet_times", ())]
        derived = [Derived.model_validate(one) for one in self.mutes.get("derived", ())]
        book = Book(
            self.rules,
            animals,
            cap=100,
            now=self.clock.now(),
            inhibit=inhibit,
            quiet_times=quiet_times,
            derived=derived,
        )
        people = People([self.person], {}, operator=None, language="en", timezone="UTC", invites={})
        self.engine = Engine(book, people, Words(self.rules, []))
        sources = [Source.model_validate(source) for source in SOURCES]
        decoder = Decoder(sources, self.devices, Limits(), timezone="UTC", register=book.row)
        _, left_out = await reread(self.engine, decoder.learned, self.store, kept, alive)
        assert left_out == 0
        owed = recovery.ready(self.engine, kept, self.clock.now())
        ledger = Ledger(kept.ledger, kept.session)
        holding = Holding(self.engine, self.store, self.broker, ledger, self.clock, lambda changes: None)
        holding.owed = owed
        self.keeper = Keeper(
            self.engine, decoder, holding, ledger, self.clock, answer=lambda update, now: (), observer=Silent()
        )
        await self.keeper.turn([(Link(self.clock.now(), up=True), None)])
        waiting, self.broker.unacknowledged = self.broker.unacknowledged, []
        for number, raw in waiting:
            await self.receive(number, raw)

    async def receive(self, number: int, raw: Raw) -> None:
        self.broker.unacknowledged.append((number, raw))
        again = Raw(raw.topic, raw.payload, self.clock.now() + number, raw.packet, duplicate=True)
        await self.keeper.turn([(RawBatch([again], number), None)])

    async def deliver(self, count: int, outcome: str) -> None:
        """Have the next messages end like this, as the courier would."""
        for waiting in (await self.store.waiting(self.clock.now()))[:count]:
            delivery = await self.store.claim(waiting.id, self.clock.now())
            if isinstance(delivery, Delivery):
                ended = Settlement(outcome, outcome, self.clock.now())
                await self.keeper.turn([(await self.store.settle(delivery, ended), None)])


def state(engine) -> list[tuple]:
    return sorted(
        (
            a.id,
            a.number,
            a.state,
            a.started,
            a.resolved is not None,
            a.acknowledged_by,
            a.dismissed,
            a.muted,
            a.told,
            a.severity,
        )
        for a in engine.book.alerts.values()
    )


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("reading"), st.sampled_from(["a", "b"]), st.sampled_from([20.0, 29.0, 35.0, 36.0])),
        st.tuples(st.just("wait"), st.integers(1, 200), st.none()),
        st.tuples(st.sampled_from(["ack", "unack", "snooze", "false_alarm", "resolve"]), st.integers(1, 3), st.none()),
        st.tuples(st.just("silence"), st.sampled_from(["a", "b"]), st.integers(20, 300)),
        st.tuples(st.just("end"), st.integers(1, 2), st.none()),
        st.tuples(st.just("deliver"), st.integers(1, 3), st.sampled_from(["sent", "sent", "unsure", "dead"])),
    ),
    max_size=30,
)
RULES = (
    {},
    {"detect": {"hold": "90s"}},
    {"detect": {"clear_after": "90s"}, "severity": "warning"},
    {"repeat": "3m", "group_by": ["device"]},
    {"repeat": "2m", "escalate": [{"after": "90s", "to": "anna"}, {"after": "4m", "to": "anna"}]},
    {"severity": "warning", "group_by": ["device"], "group_wait": "0s", "reopen": "1m"},
    {"ack_expires": "2m", "repeat": "3m"},
    {
        "severity": "warning",
        "worse": [{"above": 35.5, "severity": "critical"}, {"after": "3m", "severity": "critical"}],
    },
    {"severity": "warning", "group_by": ["device"], "herd": {"above": 0.5, "least": 2}, "repeat": "3m"},
)


def clock_time(seconds: int) -> str:
    """What the clock shows (UTC) so long after the start, to the minute."""
    return f"{local('UTC', START + seconds * SECOND):%H:%M}"


PEOPLE = (
    {},
    {"quiet_hours": {"from": clock_time(-60), "to": clock_time(150)}},
    {"budget": {"per_day": 1}, "digest": {"at": [clock_time(120), clock_time(300)]}},
    {"digest": {"at": clock_time(200), "daily": True, "collect": "warning"}},
)


CAUSE = hot(name="cause", match={"metric": "temperature", "device": "a"}, detect={"above": 35.5}, severity="warning")
"""On one of the two animals: what it means for the other one is in `MUTES`."""
MUTES = (
    {},
    {"inhibit": [{"when": {"rule": "cause"}, "mute": {"rule": "hot", "device": "b"}, "same": ["group"]}]},
    {"quiet_times": [{"name": "milking", "match": {"device": "a"}, "from": clock_time(30), "to": clock_time(150)}]},
    {
        "inhibit": [{"when": {"rule": "cause"}, "mute": {"rule": "hot"}, "same": ["group"]}],
        "quiet_times": [{"name": "milking", "match": {"rule": "cause"}, "from": clock_time(60), "to": clock_time(240)}],
    },
)


UNREACHED_BEFORE_THE_KILL = [
    ("reading", "a", 20.0),
    ("reading", "a", 35.0),
    ("wait", 1, None),
    ("wait", 58, None),
    ("reading", "a", 29.0),
]
GOOD_AFTER_THE_KILL = [("reading", "a", 35.0), ("wait", 30, None), ("wait", 40, None), ("reading", "a", 20.0)]

ENDED_WHILE_IT_FLAPPED = [
    ("reading", "b", 35.0),
    ("reading", "b", 20.0),
    ("wait", 1, None),
    ("reading", "b", 35.0),
    ("false_alarm", 1, None),
    ("wait", 193, None),
]


HERD_IN_PART = [
    ("reading", "a", 20.0),
    ("reading", "b", 20.0),
    ("reading", "a", 35.0),
    ("wait", 5, None),
    ("reading", "b", 35.0),
    ("wait", 200, None),
    ("reading", "a", 20.0),
]


OVER_BEFORE_ANYBODY_READ_OF_IT = [
    ("wait", 5, None),
    ("reading", "a", 35.0),
    ("reading", "a", 20.0),
    ("wait", 20, None),
    ("reading", "a", 20.0),
]


@example(events=OVER_BEFORE_ANYBODY_READ_OF_IT, kills={5}, more=RULES[2], person=PEOPLE[2], mutes={})
@example(
    events=[("wait", 157, None), ("reading", "a", 20.0), ("wait", 1, None)],
    kills={3},
    more={},
    person=PEOPLE[3],
    mutes={},
)
@example(events=HERD_IN_PART, kills={5, 6, 7}, more=RULES[-1], person={}, mutes={})
@example(events=UNREACHED_BEFORE_THE_KILL, kills={5}, more={}, person={}, mutes={})
@example(events=ENDED_WHILE_IT_FLAPPED, kills={6}, more={}, person={}, mutes={})
@example(events=GOOD_AFTER_THE_KILL, kills={3}, more={}, person={}, mutes={})
@settings(max_examples=30, deadline=None)
@given(
    events=EVENTS,
    kills=st.sets(st.integers(0, 30), max_size=4),
    more=st.sampled_from(RULES),
    person=st.sampled_from(PEOPLE),
    mutes=st.sampled_from(MUTES),
)
async def test_a_kill_changes_no_state_and_tells_nothing_again(events, kills, more, person, mutes):
    rules = [hot(**more), CAUSE] if mutes else [hot(**more)]

    async def live(killed):
        disk, broker, clock = Disk(), Broker(), Clock(START)
        node = Node(rules, disk, broker, clock, ANNA | person, mutes=mutes)
        await node.start()
        for number, (what, first, second) in enumerate(events, 1):
            if number in killed:
                node = Node(rules, disk, broker, clock, ANNA | person, mutes=mutes)  # the old one is gone: kill -9
                await node.start()
            clock.advance(SECOND)
            if what == "reading":
                payload = json.dumps({"ts": clock.now() / SECOND, "t": second}).encode()
                await node.receive(number, Raw(f"c/{first}", payload, clock.now(), packet=number))
            elif what == "wait":
                for _ in range(first):
                    clock.advance(SECOND)
                    if (node.engine.next_due() or clock.now() + 1) <= clock.now() or node.keeper.holding.due(
                        clock.now()
                    ):
                        await node.keeper.turn([])
            elif what == "silence":
                until = clock.now() + second * SECOND
                wish = Silencing(f"silence {number}", clock.now(), {"device": first}, until, "new fans", by="anna")
                await node.keeper.turn([(wish, None)])
            elif what == "end":
                await node.keeper.turn([(Silencing(f"end {number}", clock.now(), ends=first, by="anna"), None)])
            elif what == "deliver":
                await node.deliver(first, second)
            else:
                until = clock.now() + 50 * SECOND if what == "snooze" else None
                command = Command(f"command {number}", clock.now(), what, (first,), by="anna", until=until)
                await node.keeper.turn([(command, None)])
        for _ in range(400):
            clock.advance(SECOND)
            await node.keeper.turn([])
        await node.keeper.holding.commit(Changes(), snapshot=True)
        told = {(slip.message.id, slip.message.kind, slip.message.alerts) for slip in disk.outbox.slips.values()}
        return state(node.engine), told

    assert await live(kills) == await live(set())


COLLARS = st.lists(
    st.one_of(
        st.tuples(st.just("steps"), st.sampled_from(["collar-1", "collar-2"]), st.sampled_from([1, 40, 300, 950, 999])),
        st.tuples(st.just("wear"), st.sampled_from(["collar-1", "collar-2"]), st.none()),
        st.tuples(st.sampled_from(["flush", "snapshot"]), st.none(), st.none()),
    ),
    max_size=25,
)
WRAPPED_BEFORE_THE_KILL = [("steps", "collar-1", 950), ("steps", "collar-1", 40), ("flush", None, None)]
MOVED_WHILE_STOPPED = [("steps", "collar-1", 300), ("wear", "collar-2", None), ("steps", "collar-2", 950)]


@example(events=[*WRAPPED_BEFORE_THE_KILL, ("steps", "collar-1", 300)], kills={4})
@example(events=[*WRAPPED_BEFORE_THE_KILL, ("snapshot", None, None), ("steps", "collar-1", 1)], kills={5})
@example(events=[*MOVED_WHILE_STOPPED, ("steps", "collar-2", 999)], kills={3})
@settings(max_examples=30, deadline=None)
@given(events=COLLARS, kills=st.sets(st.integers(1, 25), max_size=5))
async def test_the_total_of_a_counter_only_grows_whatever_wraps_resets_swaps_and_kills_come(events, kills):
    async def live(killed):
        disk, broker, clock = Disk(), Broker(), Clock(START)
        worn = "collar-1"

        async def start():
            cow = {"id": "cow-1", "aliases": [worn]}
            node = Node([hot()], disk, broker, clock, devices=[cow])
            await node.start()
            return node

        node = await start()
        for number, (what, collar, count) in enumerate(events, 1):
            if number in killed:
                node = await start()  # the old one is gone: kill -9
            clock.advance(SECOND)
            if what == "steps" and collar == worn:
                payload = json.dumps({"ts": clock.now() / SECOND, "n": count}).encode()
                await node.receive(number, Raw(f"s/{collar}", payload, clock.now(), packet=number))
            elif what == "wear":
                worn = collar
                await node.keeper.holding.commit(Changes())  # a reload commits first, as a stop does
                node = await start()
            elif what in ("flush", "snapshot"):
                await node.keeper.holding.commit(Changes(), snapshot=what == "snapshot")
        await node.keeper.holding.commit(Changes())
        return [float(value) for page in disk.journal for value in page.batch.value]

    totals = await live(kills)
    assert totals == sorted(totals)
    assert totals == await live(set())


async def test_a_counter_goes_on_after_a_restart_by_what_it_counted_and_no_more():
    disk, broker, clock = Disk(), Broker(), Clock(START)
    totals = []
    for number, (collar, count) in enumerate(
        [("collar-1", 950), ("collar-1", 40), ("collar-1", 60), ("collar-2", 700), ("collar-2", 720)], 1
    ):
        clock.advance(SECOND)
        node = Node([hot()], disk, broker, clock, devices=[{"id": "cow-1", "aliases": [collar]}])
        await node.start()
        payload = json.dumps({"ts": clock.now() / SECOND, "n": count}).encode()
        await node.receive(number, Raw(f"s/{collar}", payload, clock.now(), packet=number))
        await node.keeper.holding.commit(Changes())
        totals.append(float(disk.journal[-1].batch.value[0]))

    assert totals == [950.0, 1040.0, 1060.0, 1060.0, 1080.0]


async def test_the_names_a_node_announced_are_known_after_a_kill_and_the_death_of_an_older_session_is_not_its_own():
    disk, broker, clock = Disk(), Broker(), Clock(START)
    node = Node([hot()], disk, broker, clock)
    await node.start()

    async def told(number, kind, payload):
        clock.advance(SECOND)
        await node.receive(number, Raw(f"spBv1.0/Farm1/{kind}/Edge1", payload, clock.now(), packet=number))
        await node.keeper.holding.commit(Changes())

    millis = START // 1000
    await told(1, "NBIRTH", sparkplug(metric("bdSeq", value=4), metric("Tank/Temp", 7, 41.0), seq=0, time=millis))
    node = Node([hot()], disk, broker, clock)
    await node.start()
    await told(2, "NDATA", sparkplug(metric(alias=7, value=50.0), seq=9, time=millis + 2000))
    await told(3, "NDEATH", sparkplug(metric("bdSeq", value=3), seq=None, time=None))

    book = node.engine.book
    journal = [
        (book.series[row].metric, value)
        for page in disk.journal
        for row, value in zip(page.batch.series.tolist(), page.batch.value.tolist(), strict=True)
    ]
    assert journal == [("online", 1.0), ("tank_temp", 41.0), ("tank_temp", 50.0)]


async def test_a_night_without_power_ends_in_one_reminder_and_one_word_of_the_chain():
    chain = [{"after": "20m", "to": "anna"}, {"wait": "20m", "again": True}]
    disk, broker, clock = Disk(), Broker(), Clock(START)
    rules = [hot(repeat="1h", escalate=chain)]
    before = Node(rules, disk, broker, clock)
    await before.start()
    payload = json.dumps({"ts": clock.now() / SECOND, "t": 35.0}).encode()
    await before.receive(1, Raw("c/a", payload, clock.now(), packet=1))
    clock.advance(10 * HOUR + 30 * MINUTE)
    again = Node(rules, disk, broker, clock)
    await again.start()

    def told():
        return Counter(slip.message.kind for slip in disk.outbox.slips.values())

    async def wait(span: int) -> None:
        clock.advance(span)
        await again.keeper.turn([])

    await wait(SECOND)
    assert told() == {Kind.FIRING: 1, Kind.REPEAT: 1, Kind.ESCALATE: 1}
    await wait(25 * MINUTE)
    assert told()[Kind.REPEAT] == 1
    await wait(5 * MINUTE)
    assert told()[Kind.REPEAT] == 2, "the rhythm of the hours is kept"
    steps = told()[Kind.ESCALATE]
    third = Node(rules, disk, broker, clock)
    await third.start()
    await third.keeper.turn([])
    assert told()[Kind.ESCALATE] == steps, "what was passed over stays so"


async def test_a_gateway_that_thought_it_was_1970_is_started_again_at_once_and_tells_each_thing_once():
    silent = {
        "name": "silent",
        "match": {"device": "a", "metric": "temperature"},
        "detect": {"kind": "absence", "after": "30m"},
    }
    rules = [hot(repeat="1h"), silent | {"severity": "warning"}]
    disk, broker, clock = Disk(), Broker(), Clock(10 * MINUTE)
    before = Node(rules, disk, broker, clock)
    await before.start()
    await before.receive(1, Raw("c/a", b'{"t": 35.0}', clock.now(), packet=1))
    await before.keeper.holding.commit(Changes(), snapshot=True)
    clock.advance(START)
    again = Node(rules, disk, broker, clock)
    await again.start()
    for _ in range(3):
        clock.advance(SECOND)
        await again.keeper.turn([])
    told = Counter((slip.message.kind, slip.message.alerts) for slip in disk.outbox.slips.values())
    assert told == {(Kind.FIRING, ("A-1",)): 1, (Kind.REPEAT, ("A-1",)): 1}


async def test_a_stop_while_rules_learn_anew_leaves_nothing_learned_by_half():
    disk, broker, clock = Disk(), Broker(), Clock(START)
    rule = hot(name="odd", detect={"kind": "zscore", "window": "5h", "above": 6})
    rule["detect"].pop("clear")
    before = Node([rule], disk, broker, clock)
    await before.start()
    for n in range(20):
        clock.advance(MINUTE)
        body = json.dumps({"ts": clock.now() / SECOND, "t": 20 + n % 3}).encode()
        await before.receive(n, Raw("c/a", body, clock.now()))
        await before.keeper.holding.commit(Changes(), snapshot=n == 19)
    after = Node([{**rule, "detect": {**rule["detect"], "window": "9h"}}], disk, Broker(), clock)
    flushes = []

    def alive() -> None:
        flushes.append(1)
        if len(flushes) == 5:
            raise StoppedError

    with pytest.raises(StoppedError):
        await after.start(alive)
    panel = after.engine.book.panel
    assert list(panel.learned.lacking) == [0]
    assert np.isnan(panel.learned.get(0, np.array([0]))).all()


ODD = {"name": "odd", "severity": "info", "match": {"metric": "temperature"}}
DOUBLE = {"metric": "double", "from": {"t": "temperature"}, "formula": "2 * t"}
PEERS = {"kind": "peers", "above": 4, "min_peers": 2}
EDITS = {
    "a rule is meant for more": (
        {
            "rule": {
                "match": {"metric": "temperature", "device": "a"},
                "detect": {"kind": "zscore", "window": "5h", "above": 6},
            }
        },
        {"rule": {"detect": {"kind": "zscore", "window": "5h", "above": 6}}},
    ),
    "peers look further back": (
        {"rule": {"detect": PEERS | {"window": "5m"}}},
        {"rule": {"detect": PEERS | {"window": "80m"}}},
    ),
    "a formula is another": (
        {
            "rule": {"match": {"metric": "double"}, "detect": {"kind": "zscore", "window": "2h", "above": 6}},
            "derived": [DOUBLE],
        },
        {
            "rule": {"match": {"metric": "double"}, "detect": {"kind": "zscore", "window": "2h", "above": 6}},
            "derived": [DOUBLE | {"formula": "3 * t + 1"}],
        },
    ),
    "a formula is new": (
        {"rule": {"match": {"metric": "double"}, "detect": {"kind": "zscore", "window": "2h", "above": 6}}},
        {
            "rule": {"match": {"metric": "double"}, "detect": {"kind": "zscore", "window": "2h", "above": 6}},
            "derived": [DOUBLE],
        },
    ),
    "a formula looks at another that is edited": (
        {
            "rule": {
                "match": {"metric": "more"},
                "detect": {"kind": "baseline", "window": "5m", "baseline": "30m", "ratio_above": 2},
            },
            "derived": [DOUBLE, {"metric": "more", "from": {"d": "double"}, "formula": "d + 1"}],
        },
        {
            "rule": {
                "match": {"metric": "more"},
                "detect": {"kind": "baseline", "window": "5m", "baseline": "30m", "ratio_above": 2},
            },
            "derived": [DOUBLE | {"formula": "4 * t"}, {"metric": "more", "from": {"d": "double"}, "formula": "d + 1"}],
        },
    ),
}


def edition(edit, disk, broker, clock) -> Node:
    return Node([ODD | edit["rule"]], disk, broker, clock, mutes={"derived": edit.get("derived", ())})


async def lived(edit, *, minutes: int = 100, snapshot: int = 80, then: int = 0) -> tuple[Disk, Broker, Clock, Node]:
    """Let two animals tell something every minute, with a snapshot in between."""
    disk, broker, clock = Disk(), Broker(), Clock(START)
    node = edition(edit, disk, broker, clock)
    await node.start()
    await told_on(node, minutes, snapshot)
    return disk, broker, clock, node


async def told_on(node: Node, minutes: int, snapshot: int = -1) -> None:
    for n in range(minutes):
        node.clock.advance(MINUTE)
        for animal, more in (("a", 0), ("b", 0.5), ("c", 0.25)):
            body = json.dumps({"ts": node.clock.now() / SECOND, "t": 20 + more + n * 7 % 11 / 10}).encode()
            await node.receive(3 * n, Raw(f"c/{animal}", body, node.clock.now()))
        await node.keeper.holding.commit(Changes(), snapshot=n == snapshot)


def remembered(node: Node) -> dict[tuple[str, str], tuple[list[tuple[int, float]], bytes]]:
    """What a node knows of each series: its window, and what its rule learned."""
    book, found = node.engine.book, {}
    learned, windows = book.panel.learned, book.panel.windows
    for row, series in enumerate(book.series):
        times, offsets, _ = windows.columns(row)
        values = (windows.floats[row, PIVOT] + offsets).round(4)
        line = learned.get(0, np.array([row])).tobytes() if 0 in learned.slot and learned.has(0, row) else b""
        found[series.device, series.metric] = (list(zip(times.tolist(), values.tolist(), strict=True)), line)
    return found


@pytest.mark.parametrize("edit", EDITS)
async def test_after_an_edit_a_rule_knows_what_it_would_know_had_it_always_been_so(edit):
    before, after = EDITS[edit]
    disk, _, clock, _ = await lived(before)
    _, _, _, always = await lived(after)
    again = edition(after, disk, Broker(), clock)
    await again.start()
    ours, theirs = remembered(again), remembered(always)
    assert ours.keys() >= theirs.keys()
    for key, known in theirs.items():
        assert ours[key][1] == known[1], key
        assert ours[key][0][-len(known[0]) :] == known[0], key


async def test_where_nothing_was_edited_nothing_is_read_again():
    edit = EDITS["a formula is another"][0]
    disk, _, clock, _ = await lived(edit)
    flushes = []
    again = edition(edit, disk, Broker(), clock)
    await again.start(lambda: flushes.append(1))
    assert len(flushes) == 100 - 81, "only what came after the snapshot"


@pytest.mark.parametrize("damage", ["cut", "bits", "emptied"])
async def test_a_damaged_snapshot_costs_nothing_that_is_kept(damage):
    edit = EDITS["a rule is meant for more"][1]
    disk, _, clock, before = await lived(edit)
    blob = disk.kept.snapshot
    disk.kept.snapshot = {
        "cut": blob[: len(blob) // 2],
        "bits": blob[: len(blob) // 2] + bytes([blob[len(blob) // 2] ^ 0xFF]) + blob[len(blob) // 2 + 1 :],
        "emptied": b"",
    }[damage]
    again = edition(edit, disk, Broker(), clock)
    await again.start()
    assert remembered(again) == remembered(before)

"""What every store promises: the same facts for the SQLite file and its twin in memory."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alertd.model import (
    DAY,
    HOUR,
    SECOND,
    Changes,
    Channel,
    ConsentEntry,
    Delivery,
    Figures,
    Invite,
    Kind,
    Move,
    PersonState,
    Receipt,
    Reject,
    RuleFigures,
    Sent,
    Settled,
    Silence,
    Stage,
    State,
    Switching,
)
from alertd.seams import FencedError, Flush, Quarantined, Settlement
from alertd.store.memory import MemoryStore
from alertd.store.memory_disk import Disk
from alertd.store.sqlite import SqliteStore

sys.path.append(str(Path(__file__).parents[1] / "store"))
from store_samples import BERTA, NOW, OTHER, PHONE, batch, fever, incident, message, sent, told


class MemoryMachine:
    """A machine that can be restarted, and whose store somebody else can take."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.store = MemoryStore(self.disk)

    async def restart(self):
        self.store = MemoryStore(self.disk)
        await self.store.open()
        return self.store

    def usurp(self) -> None:
        self.disk.epoch += 1


class SqliteMachine:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SqliteStore(path, ballast=4096)

    async def restart(self):
        await self.store.close()
        self.store = SqliteStore(self.path, ballast=4096)
        await self.store.open()
        return self.store

    def usurp(self) -> None:
        with sqlite3.connect(self.path) as other:
            other.execute("UPDATE partitions SET epoch = epoch + 1")
        other.close()


@pytest.fixture(params=["memory", "sqlite"])
async def machine(request, tmp_path):
    machine = MemoryMachine() if request.param == "memory" else SqliteMachine(tmp_path / "alertd.db")
    await machine.store.open()
    yield machine
    await machine.store.close()


@pytest.fixture
def store(machine):
    return machine.store


async def readings(store, seq=0):
    return [(number, part.value.tolist()) async for number, part in store.readings_since(seq)]


async def due(store, now=NOW):
    return [one.id for one in await store.waiting(now)]


async def test_a_new_store_remembers_nothing(store):
    kept = await store.load()
    assert (kept.series, kept.alerts, kept.people, kept.ledger, kept.snapshot, kept.snapshot_seq) == (
        {},
        [],
        {},
        [],
        None,
        0,
    )
    assert await readings(store) == []
    assert await store.next_due() is None


async def test_everything_of_a_flush_is_there_after_a_restart(machine):
    person = PersonState("anna", [PHONE], {"telegram:4711": NOW}, {"telegram:4711": NOW}, "de", duty=False)
    invite = Invite("hash", "anna", NOW, NOW + DAY)
    consent = ConsentEntry("anna", "telegram", "f00", "given", "joined", "I agree", NOW)
    changes = Changes(
        alerts={"alert-1": fever(snoozed={"*": NOW + HOUR}, labels={"barn": "north"})},
        incidents={"incident-1": incident(told={"anna": ["alert-1"]}, ordinals={"firing": 1})},
        people={"anna": person},
        consents=[consent],
        invites={"hash": invite},
        commands=["telegram:9"],
        positions={"telegram": "10"},
        counters={"alert": 1},
    )
    await machine.store.commit(
        Flush(
            NOW,
            batch(38.6, 40.1),
            [(1, BERTA)],
            changes,
            [(7, 0xFFFFFFFF), (65535, 1)],
            "session-1",
            {"connected": 5},
            [Quarantined("mqtt", "a/b", b"\x00", "Traceback", NOW)],
            b"snapshot",
        )
    )
    kept = await (await machine.restart()).load()
    assert kept.series == {1: BERTA}
    assert kept.alerts == [fever(snoozed={"*": NOW + HOUR}, labels={"barn": "north"})]
    assert kept.incidents == [incident(told={"anna": ["alert-1"]}, ordinals={"firing": 1})]
    assert kept.people == {"anna": person}
    assert kept.invites == {"hash": invite}
    assert kept.commands == {"telegram:9"}
    assert kept.positions == {"telegram": "10"}
    assert kept.counters == {"alert": 1}
    assert kept.ledger == [(7, 0xFFFFFFFF), (65535, 1)]
    assert kept.session == "session-1"
    assert kept.marks == {"connected": 5}
    assert (kept.snapshot, kept.snapshot_seq) == (b"snapshot", 1)
    assert await machine.store.consents("anna") == [consent]
    assert await machine.store.consents("vet") == []
    assert await machine.store.quarantined() == [Quarantined("mqtt", "a/b", b"\x00", "Traceback", NOW)]


async def test_silences_come_back_until_two_days_after_they_ended(machine):
    running = Silence(
        1, {"rule": ["fever"], "labels": {"barn": "north"}}, NOW, NOW + HOUR, "new fans", "anna", numbers=[7]
    )
    fresh = Silence(2, {"device": "fan-3"}, NOW, NOW + HOUR, "oil", ended=NOW - HOUR, ended_by="bob")
    old = Silence(3, {"device": "fan-4"}, NOW, NOW + HOUR, "oil", ended=NOW - 2 * DAY - 1)
    await machine.store.commit(Flush(NOW, changes=Changes(silences={one.number: one for one in (running, fresh, old)})))
    store = await machine.restart()
    assert (await store.load()).silences == [running, fresh]
    await store.commit(Flush(NOW, changes=Changes(silences={1: replace(running, ended=NOW, muted=3)})))
    assert next((one.number, one.ended, one.muted) for one in (await store.load()).silences) == (1, NOW, 3)


async def test_who_switched_what_comes_back_for_two_days_and_is_listed_newest_first(machine):
    def wish(name: str, asked: int, **facts) -> Switching:
        return Switching(name, "fan-3-on", "anna", Channel("telegram", "4711"), asked, **facts)

    fresh, same = wish("b", NOW - HOUR, stage=Stage.CONFIRMED, confirmed=NOW, alerts=("A-7",)), wish("a", NOW - HOUR)
    old = wish("c", NOW - 2 * DAY - 1, stage=Stage.DONE)
    found = {one.id: one for one in (fresh, same, old)}
    await machine.store.commit(Flush(NOW, changes=Changes(switchings=found)))
    store = await machine.restart()
    assert (await store.load()).switchings == [same, fresh]
    done = replace(fresh, stage=Stage.UNKNOWN, ended=NOW, why="it was cut")
    await store.commit(Flush(NOW, changes=Changes(switchings={"b": done})))
    assert await store.switchings(2) == [done, same]
    assert await store.switchings(2, (same.asked, same.id)) == [old]
    await store.retain(NOW + 366 * DAY, DAY)
    assert await store.switchings(2) == []


async def test_a_later_commit_wins_over_an_earlier_one(store):
    await store.commit(Flush(NOW, changes=Changes(alerts={"alert-1": fever()}, counters={"alert": 1})))
    over = fever(state=State.RESOLVED, resolved=NOW + 1)
    await store.commit(Flush(NOW + 1, changes=Changes(alerts={"alert-1": over}, counters={"alert": 2})))
    kept = await store.load()
    assert kept.alerts == [over]
    assert kept.counters == {"alert": 2}


async def test_what_the_engine_does_to_its_alert_afterwards_does_not_reach_the_store(store):
    alert = fever()
    await store.commit(Flush(NOW, changes=Changes(alerts={alert.id: alert})))
    alert.snoozed["anna"] = NOW
    assert (await store.load()).alerts == [fever()]


async def test_alerts_resolved_over_two_days_ago_stay_out_of_the_book_unless_dismissed(store):
    long_ago = {"state": State.RESOLVED, "resolved": NOW - 2 * DAY - 1}
    lately = {"state": State.RESOLVED, "resolved": NOW - HOUR, "incident": "incident-2"}
    alerts = [fever(1, **long_ago), fever(2, **lately), fever(3, dismissed=True, **long_ago)]
    changes = Changes(
        alerts={one.id: one for one in alerts},
        incidents={name: incident(name) for name in ("incident-1", "incident-2", "incident-3")},
    )
    await store.commit(Flush(NOW, changes=changes))
    kept = await store.load()
    assert [one.number for one in kept.alerts] == [2, 3]
    assert sorted(one.id for one in kept.incidents) == ["incident-1", "incident-2"]
    assert [one.number for one in await store.alert_history(2)] == [3, 2]
    assert [one.number for one in await store.alert_history(2, before_number=2)] == [1]


async def test_flushes_come_back_in_order_and_after_any_of_them(machine):
    for value in (1.0, 2.0, 3.0):
        await machine.store.commit(Flush(NOW, batch(value)))
    await machine.store.commit(Flush(NOW, marks={"tick": 1}))
    store = await machine.restart()
    assert await readings(store) == [(1, [1.0]), (2, [2.0]), (3, [3.0])]
    assert await readings(store, 2) == [(3, [3.0])]
    await store.commit(Flush(NOW, batch(4.0)))
    assert await readings(store, 3) == [(4, [4.0])]
    assert [await store.before_newest(most) for most in (0, 1, 2, 3, 4, 5)] == [4, 3, 2, 1, 0, 0]


async def test_only_the_newest_2000_messages_of_this_session_are_recognised(store):
    await store.commit(Flush(NOW, ledger=[(1, 1)], session="old"))
    await store.commit(Flush(NOW, ledger=[(n, n) for n in range(1500)], session="new"))
    await store.commit(Flush(NOW, ledger=[(n, n) for n in range(1500, 2100)], session="new"))
    assert (await store.load()).ledger == [(n, n) for n in range(100, 2100)]
    await store.commit(Flush(NOW, ledger=[(5, 5)], session="newest"))
    assert (await store.load()).ledger == [(5, 5)]


async def test_whoever_lost_the_store_writes_nothing_more(machine):
    store = machine.store
    await store.commit(told(message("a"), message("b")))
    delivery = await store.claim("a", NOW)
    machine.usurp()
    with pytest.raises(FencedError):
        await store.commit(Flush(NOW, batch(1.0), changes=Changes(counters={"alert": 9})))
    with pytest.raises(FencedError):
        await store.claim("b", NOW)
    with pytest.raises(FencedError):
        await store.settle(delivery, sent())
    store = await machine.restart()
    assert await readings(store) == []
    assert (await store.load()).counters == {}


async def test_a_message_is_claimed_once_and_reported_once(store):
    await store.commit(told(message("a")))
    [waiting] = await store.waiting(NOW)
    assert (waiting.id, waiting.channel_messenger, waiting.channel_address) == ("a", "telegram", "4711")
    assert (waiting.attempts, waiting.critical, waiting.expires) == (0, False, None)
    delivery = await store.claim("a", NOW)
    assert delivery.message == message("a")
    assert (delivery.channel, delivery.attempt, delivery.resent, delivery.reply_to) == (PHONE, 1, False, None)
    assert await store.claim("a", NOW) is None
    assert await due(store) == []
    report = await store.settle(delivery, sent("m1", NOW + 3))
    assert (report.message, report.state, report.at, report.messenger) == ("a", "sent", NOW + 3, "telegram")
    assert (report.incident, report.subscriber, report.kind, report.alerts) == (
        "incident-1",
        "anna",
        Kind.FIRING,
        ("A-1",),
    )
    assert await store.settle(delivery, sent()) is None
    assert await store.claim("a", NOW) is None
    [page] = await store.messages(10)
    assert len(page["deliveries"]) == 1


async def test_an_unknown_message_cannot_be_claimed(store):
    assert await store.claim("nobody", NOW) is None


async def test_the_same_message_committed_again_changes_nothing(store):
    await store.commit(told(message("a")))
    await store.commit(told(message("b")))
    await store.commit(told(message("a", text="other", due=NOW - 1, replaces="b", merged_text="both")))
    assert await due(store) == ["a", "b"]
    assert (await store.claim("a", NOW)).message.text == "text of a"


async def test_critical_messages_come_first_then_the_oldest(store):
    await store.commit(
        told(
            message("young", due=NOW - 1),
            message("old", due=NOW - 9),
            message("critical", due=NOW, critical=True),
            message("future", due=NOW + SECOND),
        )
    )
    assert await due(store) == ["critical", "old", "young"]
    assert [one.id for one in await store.waiting(NOW, limit=1)] == ["critical"]
    assert await store.next_due() == NOW - 9


async def test_a_refused_attempt_waits_for_its_time_and_the_next_channel(store):
    await store.commit(told(message("a")))
    first = await store.claim("a", NOW)
    again = Settlement("queued", "reject", NOW, "blocked", due=NOW + 5, channel=1)
    assert await store.settle(first, again) is None
    assert await due(store, NOW + 4) == []
    assert await store.next_due() == NOW + 5
    [waiting] = await store.waiting(NOW + 5)
    assert (waiting.channel_messenger, waiting.attempts) == ("whatsapp", 1)
    second = await store.claim("a", NOW + 5)
    assert (second.channel, second.attempt) == (OTHER, 2)
    assert second.key != first.key


async def test_a_repeated_attempt_has_the_same_key_and_a_marked_one_another(store):
    await store.commit(told(message("a")))
    keys = []
    for resend in (False, True, True):
        delivery = await store.claim("a", NOW)
        keys.append(delivery.key)
        await store.settle(delivery, Settlement("queued", "retry", NOW, due=NOW, resend=resend))
    assert keys[0] == keys[1]
    assert (await store.claim("a", NOW)).resent
    assert keys[2] != keys[0]


async def test_a_follow_up_waits_until_what_it_follows_is_told(store):
    await store.commit(told(message("f"), message("r", follows="f", due=NOW - 5)))
    assert await due(store) == ["f"]
    assert await store.next_due() == NOW
    assert await store.claim("r", NOW) is None
    delivery = await store.claim("f", NOW)
    assert await due(store) == []
    assert await store.claim("r", NOW) is None
    await store.settle(delivery, sent("ref-f"))
    assert await store.next_due() == NOW - 5
    reply = await store.claim("r", NOW)
    assert (reply.channel, reply.reply_to) == (PHONE, "ref-f")


@pytest.mark.parametrize("early", [True, False], ids=["queued before", "queued after"])
async def test_a_follow_up_goes_first_to_the_channel_its_predecessor_arrived_on(store, early):
    third = Channel("sms", "+49")
    follow_up = message("r", follows="f", channels=(PHONE, third, OTHER))
    await store.commit(told(message("f"), *([follow_up] if early else [])))
    await store.settle(await store.claim("f", NOW), Settlement("queued", "reject", NOW, due=NOW, channel=1))
    await store.settle(await store.claim("f", NOW), sent("wamid"))
    if not early:
        await store.commit(told(follow_up))
    assert (await store.waiting(NOW))[0].channel_messenger == "whatsapp"
    delivery = await store.claim("r", NOW)
    assert (delivery.channel, delivery.reply_to) == (OTHER, "wamid")
    assert delivery.message.channels == (OTHER, PHONE, third)


async def test_on_another_channel_a_follow_up_is_no_reply(store):
    await store.commit(told(message("f"), message("r", follows="f", channels=(OTHER,))))
    await store.settle(await store.claim("f", NOW), sent("m1"))
    delivery = await store.claim("r", NOW)
    assert (delivery.channel, delivery.reply_to) == (OTHER, None)


async def test_after_an_unsure_message_the_follow_up_goes_out_as_no_reply(store):
    await store.commit(told(message("f"), message("r", follows="f")))
    await store.settle(await store.claim("f", NOW), Settlement("unsure", "unsure", NOW, "time-out"))
    assert (await store.claim("r", NOW)).reply_to is None


@pytest.mark.parametrize("end", ["dead", "expired"])
async def test_nobody_hears_the_end_of_what_they_never_heard(store, end):
    await store.commit(told(message("f"), message("r", follows="f"), message("rr", follows="r")))
    await store.settle(await store.claim("f", NOW), Settlement(end, "reject", NOW, "blocked"))
    assert await due(store) == ["r"]
    dropped = await store.claim("r", NOW + 1)
    assert (dropped.state, dropped.outcome, dropped.at) == ("dropped", "dropped", NOW + 1)
    assert end in dropped.why
    assert (await store.claim("rr", NOW + 2)).state == "dropped"
    assert await store.next_due() is None


async def test_a_message_without_a_channel_is_dead_not_stuck(store):
    await store.commit(told(message("a", channels=())))
    assert await due(store) == ["a"]
    assert (await store.claim("a", NOW)).state == "dead"
    assert await due(store) == []


async def test_a_resolve_takes_the_place_of_a_firing_message_nobody_has_seen(store):
    await store.commit(told(message("f")))
    await store.settle(await store.claim("f", NOW), Settlement("queued", "retry", NOW, due=NOW + 5))
    resolve = message("r", kind=Kind.RESOLVE, follows="f", replaces="f", merged_text="40.1, now normal")
    await store.commit(told(resolve, now=NOW + 1))
    assert await due(store, NOW + 9) == ["r"]
    delivery = await store.claim("r", NOW + 9)
    assert (delivery.message.text, delivery.message.follows) == ("40.1, now normal", None)
    assert await store.claim("f", NOW + 9) is None
    states = {page["id"]: page["state"] for page in await store.messages(10)}
    assert states == {"f": "merged", "r": "claimed"}


@pytest.mark.parametrize("finish", [None, "sent", "unsure"])
async def test_a_message_under_way_or_told_is_not_taken_back(store, finish):
    await store.commit(told(message("f")))
    delivery = await store.claim("f", NOW)
    if finish:
        await store.settle(delivery, Settlement(finish, finish, NOW))
    await store.commit(told(message("r", follows="f", replaces="f", merged_text="both")))
    if not finish:
        assert await due(store) == []
        await store.settle(delivery, sent())
    assert (await store.claim("r", NOW)).message.text == "text of r"


async def test_the_newest_delta_takes_the_place_of_older_ones_and_still_follows_the_first_message(store):
    await store.commit(told(message("f"), message("d1", follows="f")))
    await store.commit(told(message("d2", follows="f", replaces="d1", merged_text="five animals")))
    await store.settle(await store.claim("f", NOW), sent("m1"))
    assert await due(store) == ["d2"]
    delivery = await store.claim("d2", NOW)
    assert (delivery.message.text, delivery.reply_to) == ("five animals", "m1")


async def test_what_follows_a_merged_message_follows_the_one_that_told_its_words(store):
    await store.commit(told(message("f"), message("d", follows="f")))
    await store.commit(told(message("r", follows="f", replaces="f", merged_text="was hot, now normal")))
    await store.commit(told(message("again", follows="f")))
    assert await due(store) == ["r"]
    await store.settle(await store.claim("r", NOW), sent("m1"))
    assert await due(store) == ["d", "again"]
    assert [(await store.claim(name, NOW)).reply_to for name in ("d", "again")] == ["m1", "m1"]


async def test_what_somebody_quotes_is_found_by_the_providers_name_for_it(store):
    await store.commit(told(message("a"), message("b")))
    first, second = await store.claim("a", NOW), await store.claim("b", NOW)
    await store.settle(first, sent("m1"))
    await store.settle(second, sent("m2"))
    assert [await store.sent_as(first.channel, ref) for ref in ("m1", "m2", "m3")] == ["a", "b", ""]
    assert await store.sent_as(Channel("telegram", "another"), "m1") == ""


async def test_after_a_crash_claimed_messages_are_found_on_the_channel_they_were_on(machine):
    await machine.store.commit(told(message("a"), message("b")))
    await machine.store.settle(
        await machine.store.claim("a", NOW), Settlement("queued", "reject", NOW, due=NOW, channel=1)
    )
    before = await machine.store.claim("a", NOW)
    for _ in range(2):
        store = await machine.restart()
        assert await store.abandoned() == [before]
        assert await due(store) == ["b"]
    await store.settle(before, Settlement("unsure", "unsure", NOW, "crash between request and answer"))
    assert await store.abandoned() == []


async def tried(store, settlement, **facts):
    """A message after one attempt with this end."""
    await store.commit(told(message("m1", **facts)))
    delivery = await store.claim("m1", NOW)
    await store.settle(delivery, settlement)
    return delivery


async def test_an_unsure_message_that_arrived_after_all_is_sent(store):
    await tried(store, Settlement("unsure", "unsure", NOW))
    found = await store.receipt(Receipt("m1", "telegram", Sent("r1"), "r1"), NOW + SECOND)
    assert isinstance(found, Settled)
    assert (found.message, found.state) == ("m1", "sent")
    assert await store.receipt(Receipt("m1", "telegram", Sent("r1"), "r1"), NOW + SECOND) is None


async def test_what_arrived_is_not_repeated(store):
    await tried(store, Settlement("queued", "unsure", NOW, due=NOW + SECOND, resend=True), critical=True)
    await store.receipt(Receipt("m1", "telegram", Sent("r1"), "r1"), NOW)
    assert await store.waiting(NOW + HOUR) == []
    assert [row["state"] for row in await store.messages(10)] == ["sent"]


async def test_a_sent_message_that_failed_after_all_is_handed_back_once(machine):
    store = machine.store
    first = await tried(store, sent("r1"))
    failed = Receipt("m1", "telegram", Reject("not on this phone"), "r1")
    again = await store.receipt(failed, NOW + SECOND)
    assert isinstance(again, Delivery)
    assert (again.message.id, again.channel, again.key) == ("m1", PHONE, first.key)
    assert await store.receipt(failed, NOW + SECOND) is None
    await store.settle(again, Settlement("queued", "reject", NOW + SECOND, due=NOW + SECOND, channel=1))
    store = await machine.restart()
    assert await store.receipt(failed, NOW + 2 * SECOND) is None, "it waits for another channel now"
    assert [one.channel_messenger for one in await store.waiting(NOW + HOUR)] == ["whatsapp"]


@pytest.mark.parametrize("receipt", [
    Receipt("m2", "telegram", Reject("no")),
    Receipt("m1", "whatsapp", Reject("no")),
    Receipt("m1", "telegram", Reject("no"), "r0"),
    Receipt("m1", "telegram", Sent("r1"), "r1"),
])  # fmt: skip
async def test_receipts_of_other_messages_messengers_and_attempts_change_nothing(store, receipt):
    await tried(store, sent("r1"))
    assert await store.receipt(receipt, NOW + SECOND) is None
    assert [row["state"] for row in await store.messages(10)] == ["sent"]


async def test_what_messages_cost_is_added_up_by_month(machine):
    store = machine.store
    await store.commit(told(message("m1"), message("m2"), message("m3")))
    for name in ("m1", "m2"):
        delivery = await store.claim(name, NOW)
        await store.settle(delivery, Settlement("sent", "sent", NOW, cost=0.05, currency="EUR"))
    store = await machine.restart()
    await store.pay("telegram", 0.02, NOW)
    assert (await store.claim("m3", NOW)).spent == pytest.approx(0.12), "what followed a text counts too"
    await store.commit(told(message("m4")))
    assert (await store.claim("m4", NOW + 40 * DAY)).spent == 0


async def test_a_month_in_numbers_counts_what_began_in_it_and_what_reached_somebody(machine):
    store, later = machine.store, NOW + 3 * DAY
    raised = [
        fever(1, started=NOW - 1),
        fever(2, started=NOW),
        fever(3, started=NOW + DAY, false_alarm_by="anna", false_reason="limit"),
        fever(4, started=NOW + DAY, false_alarm_by="bob"),
        fever(5, started=NOW + DAY, rule="lame", shadow=True),
        fever(6, started=later),
    ]
    letters = [message(name, follows=None) for name in ("a", "b", "c", "d")]
    await store.commit(Flush(NOW, changes=Changes(alerts={one.id: one for one in raised}, messages=letters)))
    for name, at, state in (("a", NOW, "sent"), ("b", NOW + DAY, "unsure"), ("c", NOW, "dead"), ("d", later, "sent")):
        attempt = await store.claim(name, NOW)
        await store.settle(attempt, replace(sent(at=at), state=state, cost=0.25))
    store = await machine.restart()
    month = await store.figures(NOW, later)
    fevers = RuleFigures("fever", 3, 2, {"limit": 1, "": 1})
    assert month.rules == (fevers, RuleFigures("lame", 1, shadow=True))
    assert month.messages == {"telegram": 2}
    assert month.costs == {"telegram": 1.0}
    assert (await store.figures(NOW + 300 * DAY, NOW + 330 * DAY)) == Figures()


async def test_the_book_hears_what_became_of_the_messages_of_its_alerts(machine):
    await machine.store.commit(Flush(NOW, changes=Changes(alerts={"alert-1": fever()})))
    await machine.store.commit(told(message("f"), message("x", incident="incident-9"), message("open")))
    for name in ("f", "x"):
        await machine.store.settle(await machine.store.claim(name, NOW), sent(name, NOW + 1))
    kept = await (await machine.restart()).load()
    assert [(one.message, one.state, one.at) for one in kept.settled] == [("f", "sent", NOW + 1)]
    assert [(one.id, one.subscriber, one.alerts) for one in kept.messages] == [
        (name, "anna", ("A-1",)) for name in ("f", "open")
    ]
    assert kept.messages[1] == message("open")


async def test_messages_are_shown_newest_first_with_every_attempt(store):
    await store.commit(told(message("a"), message("b"), message("c")))
    await store.settle(await store.claim("b", NOW), Settlement("queued", "retry", NOW, "HTTP 500", due=NOW))
    await store.settle(await store.claim("b", NOW), sent("m9", NOW + 4))
    page = await store.messages(2)
    assert [one["id"] for one in page] == ["c", "b"]
    assert [one["id"] for one in await store.messages(2, before=page[-1]["row"])] == ["a"]
    shown = page[1]
    assert (shown["state"], shown["attempts"], shown["settled"], shown["text"]) == ("sent", 2, NOW + 4, "text of b")
    assert (shown["messenger"], shown["severity"], shown["alerts"]) == ("telegram", "info", ["A-1"])
    assert shown["deliveries"] == [
        {"messenger": "telegram", "outcome": "retry", "why": "HTTP 500", "ref": "", "at": NOW},
        {"messenger": "telegram", "outcome": "sent", "why": "", "ref": "m9", "at": NOW + 4},
    ]


async def test_readings_of_a_span_come_by_time_whenever_they_arrived(store):
    await store.commit(Flush(NOW, batch(5.0, 6.0, at=NOW), [(1, BERTA)]))
    await store.commit(Flush(NOW, batch(1.0, 2.0, at=NOW - HOUR)))
    await store.commit(Flush(NOW, batch(99.0, series=2)))
    found = await store.readings("cow-0421", "body_temperature", NOW - HOUR, NOW + 1, 10)
    assert [one.value for one in found] == [1.0, 2.0, 5.0]
    assert (found[0].unit, found[0].group, found[0].labels, found[0].received) == (
        "degC",
        "dairy",
        {"barn": "north"},
        NOW - HOUR + 7,
    )
    assert [one.value for one in await store.readings(None, None, 0, NOW + DAY, 1)] == [1.0]
    assert await store.readings("cow-9", None, 0, NOW + DAY, 10) == []


async def test_readings_are_forgotten_by_age_but_never_those_the_windows_are_rebuilt_from(store):
    for day in range(4):
        await store.commit(Flush(NOW + day * DAY, batch(float(day)), snapshot=b"s" if day == 1 else None))
    await store.retain(NOW + 30 * DAY, 30 * DAY)
    assert len(await readings(store)) == 4
    await store.retain(NOW + 30 * DAY + 1, 30 * DAY)
    assert [values for _, values in await readings(store)] == [[1.0], [2.0], [3.0]]
    await store.retain(NOW + 99 * DAY, 30 * DAY)
    assert [values for _, values in await readings(store)] == [[2.0], [3.0]]


async def test_bodies_of_messages_are_forgotten_after_90_days_and_commands_after_two(store):
    await store.commit(told(message("told"), message("open")))
    await store.commit(Flush(NOW, changes=Changes(commands=["telegram:1"])))
    await store.settle(await store.claim("told", NOW), sent())
    await store.retain(NOW + 90 * DAY, 30 * DAY)
    assert [one["text"] for one in await store.messages(2)] == ["text of open", "text of told"]
    await store.retain(NOW + 90 * DAY + 1, 30 * DAY)
    assert [one["text"] for one in await store.messages(2)] == ["text of open", None]
    assert (await store.load()).commands == set()


async def test_when_the_clock_was_set_what_it_told_moves_in_one_commit_and_nothing_else(machine):
    store = machine.store
    told_before = [ConsentEntry("anna", "telegram", "f00", "given", "joined", "I agree", NOW - DAY)]
    early = Changes(messages=[message("old", due=NOW - DAY)], consents=told_before)
    await store.commit(Flush(NOW - DAY, batch(1.0, at=NOW - DAY), changes=early, snapshot=b"good"))
    stopped = ConsentEntry("anna", "telegram", "f00", "withdrawn", "stop", "", NOW + 5)
    waiting = [message("soon", expires=NOW + HOUR), message("morning"), message("told"), message("unread")]
    late = Changes(messages=waiting, consents=[stopped], commands=["press"])
    poison = [Quarantined("update", "t", b"", "", NOW + 5)]
    own = batch(2.0, 3.0)
    own.time[1] += 2 * HOUR  # a device that knew the time all along
    await store.commit(Flush(NOW + 5, own, changes=late, quarantine=poison, snapshot=b"of a wrong clock"))
    for name, due in (("soon", NOW + 60 * SECOND), ("morning", NOW + 9 * HOUR)):
        delivery = await store.claim(name, NOW)
        await store.settle(delivery, Settlement("queued", "retry", NOW + 5, due=due))
    await store.settle(await store.claim("told", NOW + 5), sent(at=NOW + 6))

    move = Move(NOW, NOW + 10 * SECOND, 2 * HOUR, seq=1)
    marks = {"alive": NOW + 2 * HOUR}
    await store.commit(Flush(NOW + 3 * HOUR, marks=marks, move=move))

    store = await machine.restart()
    kept = await store.load()
    assert (kept.at, kept.seq, kept.marks) == (NOW + 3 * HOUR, 2, marks)
    assert (kept.snapshot, kept.snapshot_seq) == (None, 0)
    found = [(part.time.tolist(), part.received.tolist()) async for _, part in store.readings_since(0)]
    assert found == [
        ([NOW - DAY], [NOW - DAY + 7]),
        (
            [NOW + 2 * HOUR, NOW + 2 * HOUR + 60 * SECOND],
            [NOW + 2 * HOUR + 7, NOW + 2 * HOUR + 60 * SECOND + 7],
        ),
    ]
    pages = {one["id"]: one for one in await store.messages(9)}
    assert {name: (one["created"], one["due"], one["expires"]) for name, one in pages.items()} == {
        "old": (NOW - DAY, NOW - DAY, None),
        "soon": (NOW + 2 * HOUR + 5, NOW + 2 * HOUR + 60 * SECOND, NOW + 3 * HOUR),
        "morning": (NOW + 2 * HOUR + 5, NOW + 2 * HOUR + 10 * SECOND, None),  # a time of day is looked up anew
        "told": (NOW + 2 * HOUR + 5, NOW + 2 * HOUR, None),
        "unread": (NOW + 2 * HOUR + 5, NOW + 2 * HOUR, None),
    }
    assert (pages["told"]["settled"], pages["told"]["deliveries"][0]["at"]) == (NOW + 2 * HOUR + 6,) * 2
    assert [one.at for one in await store.consents()] == [NOW - DAY, NOW + 2 * HOUR + 5]
    assert [one.at for one in await store.quarantined()] == [NOW + 2 * HOUR + 5]
    claimed = await store.claim("soon", NOW + 3 * HOUR)
    assert claimed.message.expires == NOW + 3 * HOUR
    await store.retain(NOW + 2 * HOUR + 2 * DAY, 30 * DAY)
    assert (await store.load()).commands == {"press"}


async def test_a_snapshot_from_before_the_clock_was_wrong_is_kept(store):
    await store.commit(Flush(NOW, batch(1.0), snapshot=b"good"))
    await store.commit(Flush(NOW + HOUR, batch(2.0, at=NOW + HOUR), move=Move(NOW + HOUR, NOW + HOUR, HOUR, seq=1)))
    kept = await store.load()
    assert (kept.snapshot, kept.snapshot_seq) == (b"good", 1)


async def test_the_quarantine_keeps_the_newest_thousand(store):
    for start in (0, 600):
        rows = [Quarantined("mqtt", str(n), b"", "", NOW) for n in range(start, start + 600)]
        await store.commit(Flush(NOW, quarantine=rows))
    topics = [one.topic for one in await store.quarantined(2000)]
    assert topics == [str(n) for n in range(1199, 199, -1)]


async def test_a_batch_comes_back_with_its_types(store):
    given = batch(38.6, float("nan"), -0.0)
    await store.commit(Flush(NOW, given))
    [(_, found)] = [pair async for pair in store.readings_since(0)]
    for name in ("series", "time", "received", "value", "quality"):
        one, other = getattr(given, name), getattr(found, name)
        assert one.dtype == other.dtype
        assert np.array_equal(one.view(np.uint8), other.view(np.uint8))


async def test_what_is_held_of_a_person_is_found_and_taken_away_and_the_ledger_stays(machine):
    store = machine.store
    raised = [
        fever(1, acknowledged_by="anna", acknowledged_note="my back"),
        fever(2, snoozed={"anna": NOW, "bob": NOW}),
    ]
    changes = Changes(
        alerts={one.id: one for one in raised},
        incidents={"incident-1": incident(told={"anna": ["alert-1"], "bob": ["alert-1"]})},
        messages=[message("a"), message("b"), message("c"), message("bobs", subscriber="bob")],
        invites={name: Invite(name, name, NOW, NOW + DAY) for name in ("anna", "bob")},
        consents=[ConsentEntry("anna", "telegram", "f00", "given", "joined", "I agree", NOW)],
        switchings={"s": Switching("s", "fan", "anna", PHONE, NOW)},
    )
    poison = [Quarantined(kind, "t", b"from 4711", "", NOW) for kind in ("update", "message")]
    await store.commit(Flush(NOW, changes=changes, quarantine=poison))
    await store.settle(await store.claim("a", NOW), sent())
    await store.claim("b", NOW)

    told, alerts, invites = await store.held_of("anna")
    assert sorted((one["id"], one["state"], one["text"]) for one in told) == [
        ("a", "sent", "text of a"),
        ("b", "claimed", "text of b"),
        ("c", "queued", "text of c"),
    ]
    assert [one["deliveries"][0]["ref"] for one in told if one["id"] == "a"] == ["m1"]
    assert {one.number for one in alerts} == {1, 2}
    assert [one.subscriber for one in invites] == ["anna"]

    assert await store.erase("anna", ["4711"], NOW) == (2, 2)
    store = await machine.restart()
    told, alerts, invites = await store.held_of("anna")
    assert [one["id"] for one in told] == ["b"], "what is being sent is not torn out of the courier's hands"
    assert (alerts, invites) == ([], [])
    page = {one["id"]: one for one in await store.messages(10)}
    assert (page["a"]["subscriber"], page["a"]["text"], page["a"]["deliveries"][0]["ref"]) == ("erased", None, "")
    assert (page["c"]["state"], page["bobs"]["state"]) == ("dropped", "queued")
    kept = await store.load()
    assert [one.acknowledged_by for one in kept.alerts if one.number == 1] == ["erased"]
    assert [set(one.snoozed) for one in kept.alerts if one.number == 2] == [{"bob"}]
    assert [set(one.told) for one in kept.incidents] == [{"bob"}]
    assert [one.by for one in await store.switchings(5)] == ["erased"]
    assert [one.kind for one in await store.quarantined()] == ["message"]
    assert [one.subscriber for one in await store.consents()] == ["anna"]

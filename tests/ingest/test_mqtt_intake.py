"""Arrival times are unique, and a message in the engine's hands is not handed to it again."""

from __future__ import annotations

from alertd.ingest.ledger import Ledger
from alertd.ingest.mqtt_intake import Intake
from alertd.seams import Raw

NOW = 1_800_000_000_000_000


def raws(*packets: int, dup: bool = False) -> list[Raw]:
    return [Raw("t", str(packet).encode(), 0, packet, duplicate=dup) for packet in packets]


def test_arrival_times_step_by_one_microsecond_within_a_read_and_never_repeat() -> None:
    intake = Intake(Ledger())
    first, _ = intake.take(raws(1, 2, 3), NOW, backlog=False)
    second, _ = intake.take(raws(4), NOW, backlog=False)
    assert first is not None
    assert second is not None
    times = [raw.received for raw in first.messages + second.messages]
    assert times == [NOW, NOW + 1, NOW + 2, NOW + 3]


def test_after_a_restart_arrival_times_go_on_above_those_in_the_store() -> None:
    intake = Intake(Ledger())
    intake.high_water = NOW + 500
    batch, _ = intake.take(raws(1), NOW, backlog=False)
    assert batch is not None
    assert batch.messages[0].received == NOW + 501
    assert intake.high_water == NOW + 501


def test_acknowledging_a_position_acknowledges_everything_before_it_in_order() -> None:
    intake = Intake(Ledger())
    batches = [intake.take(raws(*packets), NOW, backlog=False)[0] for packets in ((1, 2), (3,), (4, 5))]
    assert batches[1] is not None
    assert intake.acknowledge(batches[1].position) == [1, 2, 3]
    assert intake.unacknowledged == 2


def test_what_was_committed_is_acknowledged_again_and_not_judged_again() -> None:
    ledger = Ledger()
    ledger.committed([ledger.entry(raw) for raw in raws(1, 2)])
    batch, repeated = Intake(ledger).take(raws(1, 2, 3, dup=True), NOW, backlog=True)
    assert repeated == [1, 2]
    assert batch is not None
    assert [raw.packet for raw in batch.messages] == [3]


def test_what_the_engine_holds_is_not_given_to_it_again_and_acknowledged_with_its_batch() -> None:
    intake = Intake(Ledger())
    held, _ = intake.take(raws(1, 2), NOW, backlog=False)
    intake.lost()
    assert held is not None
    again, repeated = intake.take(raws(1, 2, 3, dup=True), NOW, backlog=True)
    assert again is not None
    assert [raw.packet for raw in again.messages] == [3]
    assert repeated == []
    assert intake.acknowledge(held.position) == [1, 2]
    assert intake.acknowledge(again.position) == [3]


def test_nothing_is_acknowledged_on_a_connection_that_did_not_bring_it() -> None:
    intake = Intake(Ledger())
    held, _ = intake.take(raws(1, 2), NOW, backlog=False)
    intake.lost()
    assert held is not None
    assert intake.acknowledge(held.position) == []
    assert intake.unacknowledged == 0


def test_what_was_committed_while_the_connection_was_away_is_acknowledged_when_it_comes_again() -> None:
    intake = Intake(Ledger())
    held, _ = intake.take(raws(1), NOW, backlog=False)
    intake.lost()
    assert held is not None
    intake.acknowledge(held.position)
    batch, repeated = intake.take(raws(1, dup=True), NOW, backlog=True)
    assert (batch, repeated) == (None, [1])


def test_a_packet_id_used_for_another_message_is_new() -> None:
    intake = Intake(Ledger())
    intake.take(raws(1), NOW, backlog=False)
    intake.lost()
    batch, repeated = intake.take([Raw("t", b"other", 0, 1, duplicate=True)], NOW, backlog=True)
    assert batch is not None
    assert repeated == []


def test_a_broker_that_lost_the_session_sends_only_new_messages() -> None:
    intake = Intake(Ledger())
    intake.take(raws(1), NOW, backlog=False)
    intake.lost()
    intake.new_session()
    batch, _ = intake.take(raws(1, dup=True), NOW, backlog=False)
    assert batch is not None
    assert len(batch.messages) == 1


def test_a_message_the_broker_sends_again_is_backlog_even_on_a_live_stream() -> None:
    batch, _ = Intake(Ledger()).take([*raws(1, dup=True), *raws(2)], NOW, backlog=False)
    assert batch is not None
    assert [raw.backlog for raw in batch.messages] == [True, False]


def test_qos_0_takes_a_position_but_owes_nothing() -> None:
    intake = Intake(Ledger())
    batch, _ = intake.take(raws(0, 0), NOW, backlog=False)
    assert batch is not None
    assert intake.unacknowledged == 0
    assert intake.acknowledge(batch.position) == []

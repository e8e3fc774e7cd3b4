"""What is committed is not told twice, and nothing else is taken for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alertd.ingest.ledger import KEPT, Ledger
from alertd.seams import Raw


def raw(packet: int, payload: bytes = b"39.6", *, topic: str = "farm/cow/t", dup: bool = False) -> Raw:
    return Raw(topic, payload, 0, packet, duplicate=dup)


def committed(*messages: Raw) -> Ledger:
    ledger = Ledger()
    ledger.committed([ledger.entry(message) for message in messages])
    return ledger


def test_a_committed_message_that_comes_again_is_recognised() -> None:
    assert committed(raw(7)).repeats(raw(7, dup=True))


def test_it_is_recognised_as_often_as_it_comes() -> None:
    ledger = committed(raw(7))
    assert [ledger.repeats(raw(7, dup=True)) for _ in range(3)] == [True, True, True]


def test_a_message_that_was_not_committed_is_new() -> None:
    assert not committed(raw(7)).repeats(raw(8, dup=True))


def test_another_value_under_the_same_packet_id_is_new() -> None:
    assert not committed(raw(7)).repeats(raw(7, b"40.1", dup=True))


def test_another_topic_under_the_same_packet_id_is_new() -> None:
    assert not committed(raw(7)).repeats(raw(7, topic="farm/cow/u", dup=True))


def test_the_same_value_sent_later_is_new_and_so_is_its_repeat() -> None:
    ledger = committed(raw(7))
    assert not ledger.repeats(raw(7))
    assert not ledger.repeats(raw(7, dup=True))


def test_a_new_session_forgets_the_old_one() -> None:
    ledger = committed(raw(7))
    ledger.new_session("alertd/2")
    assert not ledger.repeats(raw(7, dup=True))
    assert ledger.session == "alertd/2"


def test_qos_0_has_no_packet_id_and_never_repeats() -> None:
    assert not committed(raw(0)).repeats(raw(0, dup=True))


def test_what_the_store_kept_counts_after_a_restart() -> None:
    before = committed(raw(7))
    after = Ledger([before.entry(raw(7))], "alertd/1")
    assert after.repeats(raw(7, dup=True))
    assert after.session == "alertd/1"


def test_only_the_newest_entries_are_kept() -> None:
    ledger = committed(*(raw(packet) for packet in range(1, KEPT + 11)))
    assert not ledger.repeats(raw(10, dup=True))
    assert ledger.repeats(raw(11, dup=True))


def test_an_entry_committed_again_is_as_young_as_its_last_commit() -> None:
    ledger = committed(*(raw(packet) for packet in range(1, KEPT + 1)), raw(1), raw(KEPT + 1))
    assert ledger.repeats(raw(1, dup=True))
    assert not ledger.repeats(raw(2, dup=True))


@given(st.text(max_size=40), st.binary(max_size=200), st.integers(1, 65535))
def test_an_entry_fits_a_signed_64_bit_column_whatever_was_sent(topic: str, payload: bytes, packet: int) -> None:
    assert Ledger().entry(raw(packet, payload, topic=topic))[0] == packet
    assert 0 <= Ledger().entry(raw(packet, payload, topic=topic))[1] < 1 << 63

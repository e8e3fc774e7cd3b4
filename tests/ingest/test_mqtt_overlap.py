"""One message counts once, however many subscriptions it matches."""

from __future__ import annotations

import pytest

from alertd.ingest.mqtt_overlap import Copies, needed
from alertd.ingest.topics import covers


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("farm/#", "farm/+/t", True),
        ("farm/#", "farm", True),
        ("farm/+/t", "farm/cow/t", True),
        ("farm/+", "farm/#", False),
        ("farm/+/t", "farm/cow/#", False),
        ("farm/cow", "farm/cow/t", False),
        ("farm/+/+", "farm/+", False),
        ("farm/cow/t", "farm/+/t", False),
        ("#", "farm/#", True),
        ("#", "$SYS/#", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/broker", True),
        ("farm/#", "$share/g/farm/x", False),
    ],
)
def test_a_filter_covers_another_when_it_matches_all_of_its_topics(wide: str, narrow: str, expected: bool) -> None:
    assert covers(wide, narrow) is expected


def test_a_covered_filter_is_not_subscribed() -> None:
    assert needed({"farm/+/t": 1, "farm/#": 1, "yard/#": 0}) == {"farm/#": 1, "yard/#": 0}


def test_a_covered_filter_that_asks_for_more_certainty_is_kept() -> None:
    assert needed({"farm/cow/t": 1, "farm/#": 0}) == {"farm/cow/t": 1, "farm/#": 0}


def test_copies_are_recognised_and_acknowledged_with_their_message() -> None:
    copies = Copies()
    told = [copies.is_copy(packet, "t", b"1", [subscription]) for packet, subscription in ((1, 7), (2, 8), (3, 9))]
    assert told == [False, True, True]
    assert copies.waiting == 2
    assert list(copies.with_copies([1])) == [1, 2, 3]
    assert copies.waiting == 0


def test_the_same_value_measured_twice_is_two_messages() -> None:
    copies = Copies()
    told = [copies.is_copy(packet, "t", b"1", [7 + packet % 2]) for packet in (1, 2, 3, 4)]
    assert told == [False, True, False, True]


def test_a_message_sent_once_for_all_subscriptions_is_no_copy_of_the_one_before() -> None:
    copies = Copies()
    assert [copies.is_copy(packet, "t", b"1", [7, 8]) for packet in (1, 2)] == [False, False]


def test_without_subscription_ids_nothing_is_taken_for_a_copy() -> None:
    copies = Copies()
    assert [copies.is_copy(packet, "t", b"1", []) for packet in (1, 2)] == [False, False]


def test_another_value_or_topic_is_no_copy() -> None:
    copies = Copies()
    assert not copies.is_copy(1, "t", b"1", [7])
    assert not copies.is_copy(2, "t", b"2", [8])
    assert not copies.is_copy(3, "u", b"2", [9])


def test_a_copy_that_comes_after_the_acknowledgement_of_its_message_is_due_at_once() -> None:
    copies = Copies()
    copies.is_copy(1, "t", b"1", [7])
    assert list(copies.with_copies([1])) == [1]
    assert copies.is_copy(2, "t", b"1", [8])
    assert copies.due == [2]


def test_a_message_at_qos_0_does_not_stand_for_its_copy_at_qos_1() -> None:
    copies = Copies()
    assert not copies.is_copy(0, "t", b"1", [7])
    assert not copies.is_copy(1, "t", b"1", [8])
    assert copies.is_copy(0, "t", b"1", [9])

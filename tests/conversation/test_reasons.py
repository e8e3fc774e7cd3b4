"""A false alarm asks once why; the answer is kept with the alert."""

from __future__ import annotations

import pytest
from farm import Farm, hot

from alertd.conversation.reasons import pressed, split
from alertd.conversation.vocabulary import Word


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("A-217 sensor", ("A-217", "sensor")),
        ("A-217 Grenze!", ("A-217", "limit")),
        ("sensor", ("", "sensor")),
        ("A-217", ("A-217", "")),
        ("", ("", "")),
    ],
)
def test_the_reason_is_the_last_word(rest: str, found: tuple[str, str]) -> None:
    assert split(Word.FALSE, rest) == found
    assert split(Word.ACK, rest) == (rest, "")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("why:limit:217,218", ("limit", (217, 218))),
        ("why:weather:217", ("", ())),
        ("why:limit:x", ("", ())),
        ("ack:0123", ("", ())),
        ("why:limit", ("", ())),
    ],
)
def test_only_our_own_buttons_count(data: str, found: tuple[str, tuple[int, ...]]) -> None:
    assert pressed(data) == found


def test_the_reason_stays_with_the_alert_and_only_with_a_false_one() -> None:
    farm = Farm(hot())
    farm.say((0, "a", 35.0), (1, "b", 35.0))
    farm.do(10, "false_alarm", 1)
    farm.do(20, "label", 1, comment="sensor")
    farm.do(21, "label", 2, comment="sensor")
    one, two = farm.book.numbered(1), farm.book.numbered(2)
    assert one is not None
    assert two is not None
    assert (one.false_reason, two.false_reason) == ("sensor", "")

"""What another program may ask on the command topic, and what it may not."""

from __future__ import annotations

import pytest

from alertd.model import HOUR, MINUTE, Command, Rejected
from alertd.publishing.orders import order
from alertd.seams import Raw

NOW = 1_795_000_000_000_000


def asked(payload: str, **raw) -> Command | Rejected:
    return order(Raw("alertd/hof/command", payload.encode(), NOW, **raw), ["anna"])


def test_an_acknowledgement_is_recorded_as_anna_via_mqtt() -> None:
    command = asked('{"ack": "A-217", "by": "anna"}')
    assert isinstance(command, Command)
    assert (command.action, command.numbers, command.signed) == ("ack", (217,), "anna via MQTT")


@pytest.mark.parametrize(
    ("length", "until"), [("", 2 * HOUR), (', "for": "30m"', 30 * MINUTE), (', "for": "2h"', 2 * HOUR)]
)
def test_a_snooze_is_anna_s_own_and_lasts_at_most_two_hours(length: str, until: int) -> None:
    command = asked(f'{{"snooze": "A-217", "by": "anna"{length}}}')
    assert isinstance(command, Command)
    assert (command.action, command.by, command.until) == ("snooze", "anna", NOW + until)


REFUSED = {
    "a person who is not listed": '{"ack": "A-217", "by": "bob"}',
    "nobody named": '{"ack": "A-217"}',
    "no alert": '{"by": "anna"}',
    "two things at once": '{"ack": "A-217", "snooze": "A-217", "by": "anna"}',
    "an incident": '{"ack": "I-31", "by": "anna"}',
    "a number that is none": '{"ack": 217, "by": "anna"}',
    "a false alarm": '{"false_alarm": "A-217", "by": "anna"}',
    "a longer snooze": '{"snooze": "A-217", "by": "anna", "for": "3h"}',
    "a snooze of no time": '{"snooze": "A-217", "by": "anna", "for": "0s"}',
    "a bare number of seconds": '{"snooze": "A-217", "by": "anna", "for": "7200"}',
    "words": "OK",
    "nothing": "",
    "a list": '["A-217"]',
}


@pytest.mark.parametrize("payload", REFUSED.values(), ids=REFUSED)
def test_is_refused_with_a_reason(payload: str) -> None:
    found = asked(payload)
    assert isinstance(found, Rejected)
    assert found.detail


def test_a_retained_command_is_refused_since_the_broker_would_repeat_it_for_ever() -> None:
    found = asked('{"ack": "A-217", "by": "anna"}', retained=True)
    assert isinstance(found, Rejected)
    assert found.reason == "retained"


def test_bytes_that_are_no_text_are_refused() -> None:
    assert isinstance(order(Raw("t", b'{"ack": "A-\xff", "by": "anna"}', NOW), ["anna"]), Rejected)

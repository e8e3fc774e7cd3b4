"""What follows from an attempt."""

from __future__ import annotations

import pytest
from deliveries import T0, delivery
from hypothesis import given
from hypothesis import strategies as st

from alertd.messengers.policy import (
    CRITICAL_PATIENCE,
    LONGEST_PAUSE,
    NOTHING,
    PATIENCE,
    SOON,
    SOON_FAILURES,
    Past,
    after,
    back_off,
    decide,
    expired,
)
from alertd.model import MINUTE, SECOND, Channel, Kind, Reject, Retry, Sent, Unsure

TWO = (Channel("telegram", "4711"), Channel("console", "anna"))
THREE = (*TWO, Channel("webhook", "https://example.org/"))
CALM = {"critical": False}
GRAVE = {"critical": True}
SENT, REFUSED, LOST, LATER = Sent("17"), Reject("no"), Unsure("time-out"), Retry("429", after=7)

# what was attempted, how it went -> state, outcome, channel, resend
TABLE = {
    "taken is told": (CALM, SENT, ("sent", "sent", 0, False)),
    "refused with one channel is dead": (CALM, REFUSED, ("dead", "reject", 0, False)),
    "refused goes to the next channel": ({"channels": TWO}, REFUSED, ("queued", "reject", 1, False)),
    "refused on the last channel is dead": ({"channels": TWO, "channel": 1}, REFUSED, ("dead", "reject", 1, False)),
    "a lost answer is not repeated": (CALM, LOST, ("unsure", "unsure", 0, False)),
    "nor taken elsewhere": ({"channels": TWO}, LOST, ("unsure", "unsure", 0, False)),
    "a critical one is repeated once, marked": (GRAVE, LOST, ("queued", "unsure", 0, True)),
    "on the same channel first": (GRAVE | {"channels": TWO}, LOST, ("queued", "unsure", 0, True)),
    "and then goes to the next": (
        GRAVE | {"channels": TWO, "resent": True},
        LOST,
        ("queued", "unsure", 1, False),
    ),
    "or stays unsure": (GRAVE | {"resent": True}, LOST, ("unsure", "unsure", 0, False)),
    "a refused repeat stays unsure": (GRAVE | {"resent": True}, REFUSED, ("unsure", "reject", 0, False)),
    "not taken is tried again": (CALM, LATER, ("queued", "retry", 0, False)),
    "a repeat not taken keeps its mark": (GRAVE | {"resent": True}, LATER, ("queued", "retry", 0, True)),
    "a wrong token keeps messages queued": (GRAVE, Retry("401", config=True), ("queued", "retry", 0, False)),
    "a wrong token is no reason to wait where there is another way": (
        GRAVE | {"channels": TWO},
        Retry("401", config=True),
        ("queued", "retry", 1, False),
    ),
    "the operator hears of it by another channel": (
        {"kind": Kind.OPERATOR, "channels": TWO},
        Retry("401", config=True),
        ("queued", "retry", 1, False),
    ),
    "no consent is no channel": ({"channels": TWO, "channel": 1}, Reject("no consent"), ("dead", "reject", 1, False)),
}


@pytest.mark.parametrize(("facts", "outcome", "expected"), TABLE.values(), ids=TABLE)
def test_what_follows(facts, outcome, expected) -> None:
    settlement = decide(delivery(**facts), outcome, T0)

    assert (settlement.state, settlement.outcome, settlement.channel, settlement.resend) == expected


def test_the_provider_says_when_to_come_back() -> None:
    assert decide(delivery(), LATER, T0).due == T0 + 7 * SECOND


def test_without_a_word_the_pauses_grow_to_half_a_minute_and_after_an_hour_to_five() -> None:
    pauses = [back_off(n, "k") for n in range(1, 30)]

    assert all(0.8 * SECOND * 2**n <= pauses[n] <= SECOND * 2**n for n in range(5))
    assert all(0.8 * SOON <= pause <= SOON for pause in pauses[5:])
    assert 0.8 * LONGEST_PAUSE <= back_off(SOON_FAILURES, "k") <= LONGEST_PAUSE
    assert pauses == [back_off(n, "k") for n in range(1, 30)]


def test_a_fault_of_ours_is_asked_about_once_a_minute_then_less() -> None:
    assert 48 * SECOND <= back_off(1, "k", config=True) <= MINUTE
    assert back_off(9, "k", config=True) <= LONGEST_PAUSE


@pytest.mark.parametrize(("critical", "patience"), [(True, CRITICAL_PATIENCE), (False, PATIENCE)])
def test_patience_ends_and_the_next_channel_is_taken(critical, patience) -> None:
    attempt = delivery(critical=critical, channels=TWO)
    past = Past(refused={0: T0})

    assert decide(attempt, Retry("503"), T0 + patience - 1, past).channel == 0
    moved = decide(attempt, Retry("503"), T0 + patience, past)
    assert (moved.channel, moved.due) == (1, T0 + patience)


def test_a_long_wait_is_cut_to_the_patience_where_there_is_another_way() -> None:
    asked = Retry("429", after=3600)

    assert decide(delivery(critical=True, channels=TWO), asked, T0).due == T0 + CRITICAL_PATIENCE
    assert decide(delivery(critical=True), asked, T0).due == T0 + 3600 * SECOND


def test_a_channel_that_was_only_busy_is_come_back_to() -> None:
    past = after(NOTHING, delivery(critical=True, channels=TWO), Retry("503"), T0)

    back = decide(delivery(critical=True, channels=TWO, channel=1), REFUSED, T0 + MINUTE, past)

    assert (back.state, back.channel) == ("queued", 0)


def test_a_channel_that_may_have_told_it_is_not_come_back_to() -> None:
    past = NOTHING
    for attempt, outcome in [
        (delivery(critical=True, channels=TWO, resent=True), Retry("503")),
        (delivery(critical=True, channels=TWO, channel=1), REFUSED),
    ]:
        settlement = decide(attempt, outcome, T0 + MINUTE, past)
        past = after(past, attempt, outcome, T0)

    assert settlement.state == "unsure"


def test_a_message_comes_back_in_time_to_expire() -> None:
    attempt = delivery(expires=T0 + 2 * SECOND)

    assert decide(attempt, LATER, T0).due == T0 + 2 * SECOND
    assert expired(attempt, T0 + 2 * SECOND - 1) is None
    ended = expired(attempt, T0 + 2 * SECOND)
    assert ended is not None
    assert (ended.state, ended.outcome) == ("expired", "expired")


def test_what_may_have_been_told_does_not_expire_untold() -> None:
    ended = expired(delivery(expires=T0, resent=True), T0)

    assert ended is not None
    assert ended.state == "unsure"


OUTCOMES = st.sampled_from([REFUSED, LOST, LATER, Retry("503"), Retry("401", config=True, whole_account=True)])


@given(st.lists(OUTCOMES, min_size=1, max_size=60), st.booleans())
def test_whatever_happens_nothing_unsure_is_repeated_more_than_once(outcomes, critical) -> None:
    """Play any course of failures over three channels: at most one repeat a channel, and it is always marked."""
    past, number, resent, now = NOTHING, 0, False, T0
    unsure: dict[int, int] = {}
    for nth, outcome in enumerate(outcomes, 1):
        attempt = delivery(critical=critical, channels=THREE, channel=number, resent=resent, attempt=nth)
        assert resent == (number in unsure), "a channel that may have told it is used again only with the mark"
        if isinstance(outcome, Unsure):
            unsure[number] = unsure.get(number, 0) + 1
        settlement = decide(attempt, outcome, now, past)
        assert 0 <= settlement.channel < 3
        if settlement.state != "queued":
            assert settlement.state == ("unsure" if unsure else "dead")
            break
        assert settlement.due >= now
        if not settlement.resend or isinstance(outcome, Retry):
            past = after(past, attempt, outcome, now)
        number, resent, now = settlement.channel, settlement.resend, settlement.due
    assert all(count <= (2 if critical else 1) for count in unsure.values())

"""How fast a messenger may be used."""

from __future__ import annotations

from deliveries import T0

from alertd.messengers.pace import Bucket, Pace
from alertd.model import SECOND, Retry
from alertd.seams import Abilities


def pace(**facts: float) -> Pace:
    return Pace("telegram", Abilities(4096, **facts))  # type: ignore[arg-type]


def fill(one: Pace, chat: str, now: int = T0) -> int:
    """Send as many as may go at once; return how many."""
    count = 0
    while one.ready(chat, now) == now and count < 1000:
        one.begin(chat, now)
        one.end(chat, None, now)
        count += 1
    return count


def test_five_at_once_then_one_a_second() -> None:
    one = pace()

    assert fill(one, "4711") == 5
    assert one.ready("4711", T0) == T0 + SECOND
    assert fill(one, "4711", T0 + SECOND) == 1
    assert fill(one, "4711", T0 + 100 * SECOND) == 5


def test_one_chat_does_not_slow_another() -> None:
    one = pace()
    fill(one, "4711")

    assert one.ready("4712", T0) == T0


def test_all_chats_together_keep_the_accounts_pace() -> None:
    one = pace(per_account=25)

    assert sum(fill(one, str(chat)) for chat in range(100)) == 25


def test_any_second_holds_no_more_than_burst_and_rate() -> None:
    bucket, now, went = Bucket(1.0, 5), T0, []
    for _ in range(60):
        now = bucket.ready(now)
        bucket.take(now)
        went.append(now)

    assert max(sum(at <= other < at + 10 * SECOND for other in went) for at in went) == 5 + 10 - 1


def test_a_chat_is_left_alone_as_long_as_the_provider_asks() -> None:
    one = pace()
    one.begin("4711", T0)
    one.end("4711", Retry("429", after=7), T0)

    assert one.blocked("4711", T0) == T0 + 7 * SECOND
    assert one.blocked("4712", T0) == T0


def test_a_second_chat_told_to_wait_means_the_whole_bot() -> None:
    one = pace()
    for chat in ("4711", "4712"):
        one.begin(chat, T0)
        one.end(chat, Retry("429", after=7), T0)

    assert one.blocked("4713", T0) == T0 + 7 * SECOND


def test_while_the_line_is_down_one_message_tries_for_all() -> None:
    one = pace()
    one.begin("4711", T0)
    one.end("4711", Retry("no connection", whole_account=True), T0)
    until = one.blocked("4712", T0)
    assert T0 + 0.8 * SECOND <= until <= T0 + SECOND

    one.begin("4712", until)
    assert one.ready("4713", until) is None, "the others wait for the one on trial"

    one.end("4712", None, until)
    assert one.ready("4713", until) == until


def test_an_unused_trial_is_given_back() -> None:
    one = pace()
    one.end("4711", Retry("no connection", whole_account=True), T0)
    one.begin("4711", T0 + SECOND)
    one.unused()

    assert one.ready("4712", T0 + SECOND) == T0 + SECOND


def test_the_longer_the_line_is_down_the_rarer_it_is_tried() -> None:
    one, now, tries = pace(), T0, 0
    while now < T0 + 24 * 3600 * SECOND:
        one.begin("4711", now)
        one.end("4711", Retry("no connection", whole_account=True), now)
        now, tries = one.blocked("4711", now), tries + 1

    assert 380 <= tries <= 480  # 120 in the first hour, then every five minutes


def test_thousands_of_chats_are_forgotten_when_they_are_quiet() -> None:
    one = pace(per_account=1e6)
    for chat in range(3000):
        one.begin(str(chat), T0 + chat * SECOND)

    assert len(one._chats) <= 1002

"""Who is told how much when several alerts come together, and what people's answers change."""

from __future__ import annotations

from farm import ANNA, BOB, START, Farm, hot, kinds

from alertd.model import MINUTE, SECOND, Kind, State

WARNING = {"severity": "warning"}
BOTH = (ANNA, BOB)


def test_what_fires_within_group_wait_is_one_message_that_says_how_many():
    farm = Farm(hot(**WARNING))
    farm.say(*((second, f"barn-{second}", 35) for second in range(7)))
    assert farm.told == []
    (message,) = farm.tick(10)
    assert len(message.alerts) == 7
    assert "7" in message.text
    assert message.text.endswith("I-1")


def test_later_members_are_one_delta_an_interval():
    farm = Farm(hot(**WARNING, group_wait="0s"))
    farm.say((0, "a", 35), (60, "b", 35), (120, "c", 35))
    assert kinds(farm.told) == [Kind.FIRING]
    (delta,) = farm.tick(300)
    assert delta.kind is Kind.DELTA
    assert delta.alerts == ("A-2", "A-3")
    assert delta.follows == farm.told[0].id


def test_ten_thousand_at_once_are_one_message_each_group_and_person():
    farm = Farm(hot(), people=BOTH)
    told = farm.step(1, farm.batch([(0.5, f"cow-{number}", 40) for number in range(9_000)]))
    told += farm.tick(301)
    assert kinds(told) == [Kind.FIRING, Kind.FIRING]
    assert sum(len(message.alerts) for message in told) == 18_000
    assert max(len(message.text) for message in told) < 4096


def test_the_end_is_told_only_to_those_who_got_the_alert():
    only_b = BOB | {"subscriptions": [{"device": "b"}]}
    farm = Farm(hot(group_by=["device"]), people=(ANNA, only_b))
    farm.say((0, "a", 35), (60, "a", 20))
    assert [(message.kind, message.subscriber) for message in farm.told] == [
        (Kind.FIRING, "anna"),
        (Kind.RESOLVE, "anna"),
    ]
    assert farm.told[1].follows == farm.told[0].id


def test_an_alert_that_ends_before_it_could_be_told_is_told_with_its_end():
    farm = Farm(hot(**WARNING))
    farm.say((0, "barn", 35), (5, "barn", 20))
    (message,) = farm.tick(10)
    assert "now normal" in message.text
    assert message.buttons == ()
    assert farm.tick(3600) == []


def test_an_unsent_message_is_replaced_by_one_that_tells_the_end_but_not_a_critical_one():
    farm = Farm(hot(**WARNING, group_wait="0s"), delivers=False)
    farm.say((0, "barn", 35))
    (end,) = farm.say((60, "barn", 20))
    assert end.replaces == farm.told[0].id
    assert "now normal" in end.merged_text
    critical = Farm(hot(), delivers=False)
    critical.say((0, "barn", 35))
    assert critical.say((30, "barn", 20))[0].replaces is None


def test_deltas_that_wait_for_a_line_are_one_message_in_the_end():
    farm = Farm(hot(**WARNING, group_wait="0s"), delivers=False)
    farm.say((0, "a", 35), (10, "b", 35))
    first = farm.tick(300)[0]
    farm.say((310, "c", 35))
    second = farm.tick(600)[0]
    assert second.replaces == first.id
    assert second.alerts == ("A-3",)
    assert "2" in second.merged_text
    farm.deliver(700, second)
    farm.say((710, "d", 35))
    assert farm.tick(900)[0].replaces is None


def test_when_somebody_takes_it_the_others_are_told_and_nobody_is_reminded():
    farm = Farm(hot(repeat="10m", escalate=[{"after": "15m", "to": "bob"}]), people=BOTH)
    farm.say((0, "barn", 35))
    told = farm.do(60, "ack", 1)
    assert {(message.kind, message.subscriber) for message in told} == {(Kind.TAKEN, "anna"), (Kind.TAKEN, "bob")}
    to_bob = next(message for message in told if message.subscriber == "bob")
    assert "Anna" in to_bob.text
    assert to_bob.edits
    assert farm.do(70, "ack", 1, by="bob") == []
    farm.say((700, "barn", 36))
    assert farm.tick(3600) == []
    assert farm.book.numbered(1).acknowledged_by == "anna"


def test_the_same_command_again_changes_nothing():
    farm = Farm(hot())
    farm.say((0, "barn", 35))
    first = farm.do(60, "ack", 1)
    farm.do(61, "unack", 1)
    assert first
    assert farm.do(60, "ack", 1) == []
    assert farm.book.numbered(1).acknowledged_by is None


def test_a_snooze_quiets_the_one_who_pressed_and_reminds_when_it_ends():
    farm = Farm(hot(repeat="10m"), people=BOTH)
    farm.say((0, "barn", 35))
    farm.do(60, "snooze", 1, until=START + 25 * MINUTE)
    assert [message.subscriber for message in farm.tick(600)] == ["bob"]
    assert [message.subscriber for message in farm.tick(1200)] == ["bob"]
    assert [(message.kind, message.subscriber) for message in farm.tick(1500)] == [(Kind.REPEAT, "anna")]
    assert {message.subscriber for message in farm.tick(1800)} == {"anna", "bob"}


def test_nobody_answers_so_the_vet_is_told_who_has_no_subscription():
    vet = BOB | {"id": "vet", "subscriptions": []}
    farm = Farm(hot(escalate=[{"after": "15m", "to": "vet"}]), people=(ANNA, vet))
    farm.say((0, "barn", 35))
    assert farm.tick(899) == []
    assert [(message.kind, message.subscriber) for message in farm.tick(900)] == [(Kind.ESCALATE, "vet")]
    told = farm.say((1000, "barn", 20))
    assert {message.subscriber for message in told} == {"anna", "vet"}


def test_an_alert_that_reaches_nobody_goes_to_the_operator_with_the_reason():
    silent = BOB | {"consent": None}
    farm = Farm(hot(), people=(ANNA | {"subscriptions": []}, silent))
    farm.say((0, "barn", 35))
    (message,) = farm.tick(61)
    assert (message.kind, message.subscriber) == (Kind.UNREACHED, "anna")
    assert "bob has no channel with consent" in message.text


def test_a_refused_message_is_reported_and_if_that_fails_too_health_knows():
    farm = Farm(hot(), delivers=False)
    farm.say((0, "barn", 35))
    farm.deliver(5, farm.told[0], "dead", "403 blocked")
    (report,) = farm.tick(61)
    assert report.kind is Kind.UNREACHED
    assert "403 blocked" in report.text
    farm.deliver(70, report, "dead", "no channel left")
    assert farm.book.unreached


def test_a_delivered_message_is_reported_to_nobody():
    farm = Farm(hot())
    farm.say((0, "barn", 35))
    assert farm.tick(3600) == []
    assert farm.book.numbered(1).state is State.FIRING


def test_a_group_ends_with_one_message_for_those_that_end_together():
    farm = Farm(hot(group_wait="1s"))
    farm.say(*((0.1 * number, f"cow-{number}", 35) for number in range(5)))
    farm.tick(2)
    told = farm.step(60, farm.batch([(60, f"cow-{number}", 20) for number in range(5)]))
    assert kinds(told) == [Kind.RESOLVE]
    assert len(told[0].alerts) == 5


def test_ends_that_trickle_in_are_told_at_once_first_then_once_an_interval_and_when_all_is_over():
    farm = Farm(hot(group_wait="1s"))
    farm.say(*((0.1 * number, f"cow-{number}", 35) for number in range(4)))
    farm.tick(2)
    assert len(farm.say((60, "cow-0", 20))) == 1
    assert farm.say((70, "cow-1", 20)) == []
    (second,) = farm.tick(360)
    assert second.alerts == ("A-2",)
    assert farm.say((380, "cow-2", 20)) == []
    (last,) = farm.say((390, "cow-3", 20))
    assert last.alerts == ("A-3", "A-4")


def test_a_message_too_old_is_not_sent():
    farm = Farm(hot(not_after="10m"))
    farm.say((0, "barn", 35))
    assert farm.told[0].expires == farm.told[0].due + 600 * SECOND

"""Who has it, for how long, and how bad it gets: one column a minute.

in:  `.` normal  `!` bad (35)  `^` much worse (45)  `a` bad, Anna takes it  `b` bad, Bob takes it  `u` bad, given back  ` ` no reading
out: `.` nothing, else one letter for each message that Anna or Bob get: `F` firing  `P` still so  `W` worse  `T` taken
     `R` over  `A` again; small letters are Bob's
"""

from __future__ import annotations

import pytest
from farm import ANNA, BOB, START, Farm, hot, kinds
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.alerting.settings import Rule
from alertd.model import MINUTE, UNTIL_RESOLVED, Kind, Severity, State

LETTERS = {
    Kind.FIRING: "F",
    Kind.DELTA: "D",
    Kind.REPEAT: "P",
    Kind.WORSE: "W",
    Kind.TAKEN: "T",
    Kind.RESOLVE: "R",
    Kind.AGAIN: "A",
}
VALUES = {".": 20.0, "^": 45.0}
WARNING = {"severity": "warning", "group_wait": "0s"}
LIMIT = WARNING | {"worse": [{"above": 40, "severity": "critical"}]}
LASTING = WARNING | {"worse": [{"after": "4m", "severity": "critical"}]}
EXPIRES = {"ack_expires": "8m", "repeat": "5m"}
BOB_CRITICAL = BOB | {"subscriptions": [{"min_severity": "critical"}]}
STORIES = {
    "who takes it is told to the other and ends the reminders": (EXPIRES, BOB, "!a!!!!", "Ff Tt . . . ."),
    "an acknowledgement is reminded of in its last quarter, then everybody is asked again": (
        EXPIRES,
        BOB,
        "!a!!!!!!!!!!!!!!",
        "Ff Tt . . . . . . P . Pp . . . . Pp",
    ),
    "taking it again keeps it, and tells nobody else": (
        EXPIRES,
        BOB,
        "!a!!!!!a!!!!!!!!!",
        "Ff Tt . . . . . . . . . . . . P . Pp",
    ),
    "given back, everybody hears it and reminders go on": (EXPIRES, BOB, "!a!u!!!!!!", "Ff Tt . Pp . . . . . Pp"),
    "worse beyond a further limit is told at once, once": ({**LIMIT}, BOB, "!!^^!.", "Ff . Ww . . Rr"),
    "who wants only critical ones hears of it when it becomes critical": (LIMIT, BOB_CRITICAL, "!!^!.", "F . Ww . Rr"),
    "worse from the start is simply critical": (LIMIT, BOB_CRITICAL, "^!.", "Ff . Rr"),
    "lasting makes it worse": (LASTING, BOB_CRITICAL, "!!!!!!.", "F . . . Ww . Rr"),
    "what Anna has taken is still told when it gets worse": (LIMIT, BOB, "!a^!", "Ff Tt Ww ."),
}


def play(rule: dict, other: dict, fed: str) -> str:
    farm, out = Farm(hot(**rule), people=(ANNA, other)), []
    for minute, sign in enumerate(fed):
        told = farm.tick(60 * minute)
        if sign != " ":
            told = [*told, *farm.say((60 * minute + 0.5, "barn", VALUES.get(sign, 35.0)))]
        if sign in "abu":
            action, by = ("unack", "anna") if sign == "u" else ("ack", {"a": "anna", "b": "bob"}[sign])
            told = [*told, *farm.do(60 * minute + 1, action, 1, by=by)]
        letters = [LETTERS[one.kind] if one.subscriber == "anna" else LETTERS[one.kind].lower() for one in told]
        out.append("".join(letters) or ".")
    return " ".join(out)


@pytest.mark.parametrize(("rule", "other", "fed", "expected"), STORIES.values(), ids=STORIES)
def test_who_has_an_alert_and_how_bad_it_is(rule, other, fed, expected):
    assert play(rule, other, fed) == expected


def test_an_acknowledgement_says_who_when_and_why():
    farm = Farm(hot(ack_expires="1h"))
    farm.say((0, "barn", 35))
    farm.do(60, "ack", 1, comment="on my way")
    alert = farm.book.numbered(1)
    assert (alert.acknowledged_by, alert.acknowledged_at, alert.acknowledged_note, alert.acknowledged_until) == (
        "anna",
        START + MINUTE,
        "on my way",
        START + 61 * MINUTE,
    )
    (reminder,) = farm.tick(60 + 45 * 60)
    assert "everybody is asked again" in reminder.text


def test_an_acknowledgement_without_a_name_says_through_which_door_it_came():
    farm = Farm(hot())
    farm.say((0, "barn", 35))
    farm.do(10, "ack", 1, by=None, via="api")
    assert farm.book.numbered(1).acknowledged_by == "api"


def test_a_snooze_until_resolved_ends_with_the_alert_and_not_before():
    farm = Farm(hot(repeat="1h"))
    farm.say((0, "barn", 35))
    farm.do(10, "snooze", 1, until=UNTIL_RESOLVED)
    assert farm.tick(86_400) == []
    assert kinds(farm.say((90_000, "barn", 20))) == [Kind.RESOLVE]
    assert farm.book.numbered(1).snoozed == {}


def test_a_snooze_for_everybody_quiets_everybody():
    farm = Farm(hot(repeat="10m"), people=(ANNA, BOB))
    farm.say((0, "barn", 35))
    farm.do(10, "snooze", 1, by=None, until=START + 25 * MINUTE)
    assert farm.tick(1499) == []
    assert len(farm.tick(1500)) == 2


def test_two_snoozes_of_one_alert_end_each_at_its_time():
    farm = Farm(hot(), people=(ANNA, BOB))
    farm.say((0, "barn", 35))
    farm.do(10, "snooze", 1, by="anna", until=START + 5 * MINUTE)
    farm.do(10, "snooze", 1, by="bob", until=START + 9 * MINUTE)
    assert [message.subscriber for message in farm.tick(300)] == ["anna"]
    assert [message.subscriber for message in farm.tick(540)] == ["bob"]


def test_getting_worse_breaks_a_snooze():
    farm = Farm(hot(**LIMIT))
    farm.say((0, "barn", 35))
    farm.do(10, "snooze", 1, until=START + 60 * MINUTE)
    (message,) = farm.say((60, "barn", 45))
    assert (message.kind, message.critical) == (Kind.WORSE, True)
    assert farm.book.numbered(1).severity is Severity.CRITICAL


def test_a_hundred_that_get_worse_at_once_are_one_message():
    farm = Farm(hot(**LIMIT))
    farm.step(1, farm.batch([(0.5, f"cow-{n}", 35) for n in range(100)]))
    (message,) = farm.step(60, farm.batch([(60, f"cow-{n}", 45) for n in range(100)]))
    assert (message.kind, len(message.alerts)) == (Kind.WORSE, 100)


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        ([{"above": 40, "severity": "warning"}], "must be above the rule's own"),
        ([{"severity": "critical"}], "one of above, below and after"),
        ([{"above": 40, "after": "1h", "severity": "critical"}], "one of above, below and after"),
    ],
)
def test_a_further_limit_must_make_it_worse_one_way(worse, why):
    with pytest.raises(ValueError, match=why):
        Rule.model_validate(hot(severity="warning", worse=worse))


# --- what holds whatever happens ------------------------------------------------------------------

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(["a", "b", "c"]), st.sampled_from([20.0, 29.0, 35.0, 45.0])),
        st.tuples(st.just("wait"), st.integers(1, 900), st.none()),
        st.tuples(
            st.sampled_from(["ack", "unack", "snooze", "false_alarm", "resolve"]),
            st.integers(1, 4),
            st.sampled_from(["anna", "bob", None]),
        ),
        st.tuples(st.just("silence"), st.sampled_from(["a", "b", "c"]), st.integers(30, 900)),
        st.tuples(st.just("end"), st.integers(1, 2), st.none()),
    ),
    max_size=40,
)
RULES = st.sampled_from(
    [
        {},
        {"repeat": "3m", "group_by": ["device"]},
        EXPIRES,
        LIMIT,
        {"severity": "warning", "reopen": "2m", "group_interval": "1m"},
        {"detect": {"hold": "1m", "clear_after": "1m"}, "resolve": "silent"},
    ]
)


def live(farm: Farm, events) -> None:
    second = 0
    for what, first, more in events:
        second += 7
        if what == "say":
            farm.say((second, first, more))
        elif what == "wait":
            second += first
            farm.tick(second)
        elif what == "silence":
            farm.silence(second, second + more, device=first)
        elif what == "end":
            farm.end_silence(second, first)
        else:
            farm.do(second, what, first, by=more)
    farm.tick(second + 4000)


@settings(max_examples=120, deadline=None)
@given(events=EVENTS, rule=RULES)
def test_never_two_open_alerts_of_one_identity_and_never_an_end_without_a_told_beginning(events, rule):
    farm = Farm(hot(**rule), people=(ANNA, BOB))
    live(farm, events)
    firing = [(a.rule, a.device, a.metric) for a in farm.book.alerts.values() if a.state is State.FIRING]
    assert len(firing) == len(set(firing))
    knows: set[tuple[str, str]] = set()
    for message in farm.told:
        told = {(message.subscriber, number) for number in message.alerts}
        if message.kind in (Kind.FIRING, Kind.DELTA, Kind.AGAIN, Kind.WORSE):
            knows |= told
        elif message.kind is Kind.RESOLVE:
            assert told <= knows
            knows -= told  # and never a second end of one beginning
    assert len({message.id for message in farm.told}) == len(farm.told)


@settings(max_examples=60, deadline=None)
@given(events=EVENTS, rule=RULES)
def test_a_history_played_twice_tells_the_very_same_and_the_second_time_of_a_wish_changes_nothing(events, rule):
    first, second = Farm(hot(**rule), people=(ANNA, BOB)), Farm(hot(**rule), people=(ANNA, BOB))
    live(first, events)
    live(second, events)
    facts = [(m.id, m.kind, m.subscriber, m.text, m.due, m.alerts) for m in first.told]
    assert facts == [(m.id, m.kind, m.subscriber, m.text, m.due, m.alerts) for m in second.told]
    before = {alert.id: alert for alert in first.book.alerts.values()}, dict(first.book.silences)
    again = [one for one in events if one[0] not in ("say", "wait")]
    at = 0
    for what, number, more in events:
        at += 7 + (number if what == "wait" else 0)
        if (what, number, more) not in again:
            continue
        if what == "silence":
            first.silence(at, at + more, device=number)
        elif what == "end":
            first.end_silence(at, number)
        else:
            first.do(at, what, number, by=more)
    assert first.told[len(facts) :] == []
    assert ({alert.id: alert for alert in first.book.alerts.values()}, dict(first.book.silences)) == before

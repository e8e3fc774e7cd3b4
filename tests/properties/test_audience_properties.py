"""What no person ever gets, whatever their animals do: a message at night, more than the budget, one without consent."""

from __future__ import annotations

from collections import Counter

from farm import ANNA, BOB, START, Farm, hot
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.audience.hours import local_day
from alertd.audience.timing import quiet_until
from alertd.model import HOUR, SECOND, Channel, Kind, Said, Severity
from alertd.telling import POSTPONABLE

CLOCKS = st.integers(0, 23).map("{:02}:00".format)
QUIET = st.none() | st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]).map(
    lambda pair: {"from": pair[0], "to": pair[1]}
)
PERSON = st.fixed_dictionaries(
    {
        "timezone": st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
        "quiet_hours": QUIET,
        "budget": st.none() | st.integers(0, 3).map(lambda count: {"per_day": count}),
        "digest": st.none() | CLOCKS | st.just({"at": ["06:00", "18:00"], "daily": True}),
    }
)
RULES = (
    hot(name="hot-a", match={"device": ["a", "b"]}, severity="warning", group_wait="0s", repeat="5h"),
    hot(name="hot-c", match={"device": "c"}, severity="critical", escalate=[{"after": "1h", "to": "bob"}]),
    hot(name="hot-d", match={"device": "d"}, severity="info", group_by=["device"]),
)
EVENTS = st.lists(
    st.tuples(
        st.integers(1, 9 * 60),  # minutes later
        st.sampled_from(["a", "b", "c", "d", "ack", "false_alarm", "stop", "start"]),
        st.sampled_from([20.0, 29.0, 35.0]),
    ),
    max_size=25,
)


def run(farm: Farm, until: int) -> None:
    """Every timer at its own time up to `until`, as the daemon's clock would."""
    while (due := farm.engine.next_due()) is not None and due <= until:
        farm.step(max((due - START) / SECOND, farm.second))
    farm.step((until - START) / SECOND)


@settings(max_examples=150, deadline=None)
@given(person=PERSON, events=EVENTS)
def test_nights_are_quiet_budgets_hold_consent_is_kept_and_no_open_alert_is_lost(person, events) -> None:
    farm = Farm(*RULES, people=(ANNA | person, BOB))
    people = farm.engine.people
    channel = Channel("console", "anna")
    stopped, at = False, START
    seen = len(farm.told)
    for number, (minutes, what, value) in enumerate(events):
        at += minutes * 60 * SECOND
        run(farm, at)
        second = (at - START) / SECOND
        if what in ("stop", "start"):
            change = people.stopped if what == "stop" else people.started
            state, entries = change("anna", channel, at)
            farm.step(second, events=[Said(f"said {number}", at, people=[state], consents=entries)])
            stopped = what == "stop"
        elif what in ("ack", "false_alarm"):
            farm.do(second, what, 1 + number % 3)
        else:
            farm.say((second, what, value))
        if stopped:
            new = [message for message in farm.told[seen:] if message.due >= at]
            assert not [message for message in new if message.subscriber == "anna"]
        seen = len(farm.told)
    run(farm, at + 60 * HOUR)
    anna = people.get("anna")
    assert anna is not None
    mine = [message for message in farm.told if message.subscriber == "anna"]
    mild = [message for message in mine if message.severity is not Severity.CRITICAL]
    assert [message for message in mild if message.text and quiet_until(anna, message.severity, message.due)] == []
    if anna.budget is not None:
        counted = Counter(local_day(anna.timezone, one.due) for one in mild if one.kind in POSTPONABLE and one.text)
        own = Counter(local_day(anna.timezone, one.due) for one in mild if one.kind is Kind.TAKEN)
        assert all(count - own[day] <= anna.budget.per_day for day, count in counted.items())
    if "stop" not in [what for _, what, _ in events]:
        named = {number for message in mine for number in message.alerts}
        assert {f"A-{alert.number}" for alert in farm.book.open_alerts() if alert.acknowledged_by is None} <= named
    consents = [entry for changes in farm.changes for entry in changes.consents]
    assert [entry.at for entry in consents] == sorted(entry.at for entry in consents)

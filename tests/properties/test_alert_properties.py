"""Whatever comes and whoever answers: one open alert of an identity, no end without a beginning, nothing told twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from farm import ANNA, BOB, START, Farm, hot
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.alerting.machine import identity_of
from alertd.model import SECOND, Changes, Command, Kind

FAMILIES = st.lists(
    st.sampled_from(
        [
            {"severity": "warning"},
            {"group_by": ["device"], "reopen": "1m"},
            {"detect": {"hold": "20s"}, "repeat": "1m"},
            {"detect": {"clear_after": "20s"}, "severity": "warning", "group_wait": "0s"},
            {"escalate": [{"after": "30s", "to": "bob"}], "group_interval": "30s"},
            {"severity": "warning", "worse": [{"above": 39, "severity": "critical"}]},
            {"severity": "info", "resolve": "silent"},
            {"mode": "shadow", "repeat": "1m", "escalate": [{"after": "30s", "to": "bob"}]},
        ]
    ),
    min_size=1,
    max_size=3,
)
PEOPLE = st.lists(
    st.sampled_from(
        [
            ANNA,
            BOB,
            {"id": "carl", "channels": [{"console": "carl"}]},
            {"id": "dora", "channels": [{"console": "d"}], "consent": "2026-01-01", "budget": {"per_day": 1}},
            {"id": "vet", "channels": [{"console": "vet"}], "consent": "2026-01-01", "subscriptions": []},
        ]
    ),
    min_size=1,
    unique_by=lambda person: person["id"],
)
HAPPENINGS = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.one_of(
            st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([20.0, 29.0, 35.0, 40.0])),
            st.tuples(st.sampled_from(["ack", "unack", "resolve", "false_alarm"]), st.integers(1, 4)),
        ),
    ),
    max_size=40,
)
TELLS = (Kind.FIRING, Kind.DELTA, Kind.AGAIN, Kind.REPEAT, Kind.WORSE, Kind.ESCALATE, Kind.DIGEST)


def lived(families, people, happenings) -> list[tuple[Farm, Changes]]:
    """The farm after each step, with what the step changed."""
    rules = [hot(**family) | {"name": f"hot-{number}"} for number, family in enumerate(families)]
    known = {person["id"] for person in people}
    for rule in rules:
        rule["escalate"] = [step for step in rule.get("escalate", []) if step["to"] in known]
    farm = Farm(*rules, people=tuple(people))
    second, steps = 0, []
    for after, (what, value) in happenings:
        second += after
        if what in ("a", "b"):
            farm.step(second, farm.batch([(second, what, value)]))
        else:
            at = START + second * SECOND
            farm.step(second, events=[Command(f"{what}{second}", at, what, (value,), people[0]["id"])])
        steps.append((farm, farm.changes[-1]))
    farm.tick(second + 4000)
    steps.append((farm, farm.changes[-1]))
    return steps


@settings(max_examples=60, deadline=None)
@given(families=FAMILIES, people=PEOPLE, happenings=HAPPENINGS)
def test_one_open_alert_of_an_identity_and_no_end_without_a_beginning(families, people, happenings):
    opened: set[str] = set()
    open_now: dict[tuple, str] = {}
    told: dict[str, set[str]] = {}
    for farm, changes in lived(families, people, happenings):
        for _, alert in changes.moves:
            identity = identity_of(alert)
            if alert.open:
                assert open_now.get(identity, alert.id) == alert.id, "a second open alert of one identity"
                open_now[identity] = alert.id
                opened.add(alert.id)
            else:
                assert open_now.pop(identity) == alert.id, "an end of what was not open"
        for message in changes.messages:
            assert farm.engine.people.reachable(message.subscriber), "a message without consent"
            named = [farm.book.numbered(int(number.removeprefix("A-"))) for number in message.alerts]
            assert not any(alert.shadow for alert in named), "a message of a rule in the shadow"
            heard = told.setdefault(message.subscriber, set())
            if message.kind in TELLS:
                heard |= set(message.alerts)
            elif message.kind is Kind.RESOLVE:
                assert set(message.alerts) <= heard, "the end of something this person never heard of"
    ids = Counter(message.id for message in farm.told)
    assert not [one for one, count in ids.items() if count > 1], "one message twice"
    assert len({alert.number for alert in farm.book.alerts.values()}) == len(farm.book.alerts)


@settings(max_examples=30, deadline=None)
@given(families=FAMILIES, people=PEOPLE, happenings=HAPPENINGS)
def test_a_history_lived_twice_is_the_same(families, people, happenings):
    first, again = lived(families, people, happenings), lived(families, people, happenings)
    assert [replace(one, readings=None) for _, one in first] == [replace(one, readings=None) for _, one in again]

"""What of a barn's alerts reaches the farmer's phone, and when: one column an hour, from 18 o'clock on, the farmer's own time.

in: `!` bad  `.` normal  ` ` nothing new     out: `F` firing  `R` resolved  `D` digest  `P` repeat  `A` again  `.` nothing
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from farm import ANNA, BOB, START, Farm, hot, kinds

from alertd import digest
from alertd.alerting.turn import Turn
from alertd.audience.hours import instant, local
from alertd.model import DAY, HOUR, MINUTE, SECOND, Kind, Message
from alertd.undo import Undo

BERLIN = "Europe/Berlin"
EVENING = instant(BERLIN, local(BERLIN, START).date(), "18:00")
LETTERS = {
    Kind.FIRING: "F",
    Kind.RESOLVE: "R",
    Kind.DIGEST: "D",
    Kind.REPEAT: "P",
    Kind.AGAIN: "A",
    Kind.UNREACHED: "U",
    Kind.TAKEN: "T",
    Kind.DELTA: "d",
}
VALUES = {"!": 35.0, ".": 20.0}
WARNING = {"severity": "warning", "group_wait": "0s"}
NIGHT = {"quiet_hours": {"from": "21:30", "to": "05:30"}}


def second(hour: float) -> float:
    """Seconds since the farm's start of so many hours after 18:00 of its first evening."""
    return (EVENING - START) / SECOND + hour * 3600


def anna(**more: Any) -> dict[str, Any]:
    return ANNA | {"timezone": BERLIN} | more


def advance(farm: Farm, until: float) -> list[Message]:
    """Run every timer at its own time, as the daemon does."""
    told: list[Message] = []
    end = START + round(until * SECOND)
    while (due := farm.engine.next_due()) is not None and due <= end:
        told += farm.step(max((due - START) / SECOND, farm.second))
    return told + farm.step(until)


def play(farm: Farm, fed: str, columns: int, device: str = "barn") -> str:
    out = ""
    for hour in range(columns):
        told = advance(farm, second(hour))
        if hour < len(fed) and fed[hour] in VALUES:
            told += farm.say((second(hour), device, VALUES[fed[hour]]))
        told += advance(farm, second(hour + 1) - 1)
        out += "".join(LETTERS[message.kind] for message in told) or "."
    return out


BUDGET = {"budget": {"per_day": 2}}
STORIES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    #                                                        18h 21h         5h
    "in the evening a warning comes at once": (NIGHT, {}, "!", "F..........."),
    "at night it waits until the morning": (NIGHT, {}, "    !", "...........D"),
    "what ends by night is not told": (NIGHT, {}, "    !.", "..............."),
    "what was told before is told when it ends, in the morning": (NIGHT, {}, "!    .", "F..........D..."),
    "a critical one wakes": (NIGHT, {"severity": "critical"}, "    !.", "....FR........."),
    "a warning wakes whom it may wake": (
        {"quiet_hours": NIGHT["quiet_hours"] | {"except": "warning"}},
        {},
        "    !",
        "....F...........",
    ),
    "reminders wait too, and are one": (NIGHT, {"repeat": "1h"}, "  !", "..FP.......DPPP"),
    "what comes back by night is told once": (NIGHT, {"reopen": "2h"}, "    !.!", "...........D..."),
    "two a day, the rest in the morning": (BUDGET, {"group_by": ["device"]}, "!.!", "FR..........D.."),
    "what the budget held is told with its end": (BUDGET, {"reopen": "0s"}, "!.!.", "FR..........D..."),
    "midnight brings a new budget": (BUDGET, {"reopen": "0s"}, "!.    !.!", "FR....FR....D"),
    "no budget at all is a digest a day": ({"budget": {"per_day": 0}}, {}, "!", "............D"),
    "the digest has the time that was chosen": (
        BUDGET | {"digest": "07:00"},
        {"reopen": "0s"},
        "!.!",
        "FR...........D",
    ),
    "a digest never wakes": (NIGHT | BUDGET | {"digest": "03:00"}, {"reopen": "0s"}, "!.!", "FR.........D.."),
    "of two digest times the next": (
        {"budget": {"per_day": 0}, "digest": {"at": ["06:00", "20:00"]}},
        {},
        "!",
        "..D.....",
    ),
    "collected severities are told in digests only": ({"digest": {"collect": "warning"}}, {}, "!", "............D.."),
    "critical is never collected": (
        {"digest": {"collect": "warning"}},
        {"severity": "critical"},
        "!",
        "F.............",
    ),
}


@pytest.mark.parametrize(("person", "rule", "fed", "told"), STORIES.values(), ids=STORIES)
def test_what_reaches_the_phone(person: dict[str, Any], rule: dict[str, Any], fed: str, told: str) -> None:
    assert play(Farm(hot(**WARNING | rule), people=(anna(**person),)), fed, len(told)) == told


def night_farm(**more: Any) -> Farm:
    return Farm(hot(**WARNING, group_by=["device"]), people=(anna(**NIGHT),), **more)


def test_the_morning_digest_says_what_is_open_and_since_when() -> None:
    farm = night_farm()
    farm.say((second(4), "barn-1", 35), (second(5), "barn-2", 36), (second(6), "barn-2", 20))
    farm.say((second(7), "barn-3", 37))
    told = advance(farm, second(14))
    assert kinds(told) == [Kind.DIGEST]
    (digest,) = told
    assert digest.due == EVENING + 11 * HOUR + 30 * MINUTE
    assert digest.alerts == ("A-1", "A-3")
    assert digest.text.splitlines() == [
        "Summary: 2 alerts",
        "A-1 Hot – barn-1, 35.0 °C since 23 Nov 22:00",
        "A-3 Hot – barn-3, 37.0 °C since 01:00",
    ]


def test_an_end_that_waited_is_told_as_it_was() -> None:
    farm = night_farm()
    farm.say((second(1), "barn", 40.1), (second(8), "barn", 20))
    (digest,) = advance(farm, second(14))
    assert digest.alerts == ("A-1",)
    assert "02:00, now normal" in digest.text
    assert not digest.buttons


def test_a_digest_of_one_alert_is_its_own_message_with_buttons() -> None:
    farm = night_farm()
    farm.say((second(4), "barn", 35))
    (digest,) = advance(farm, second(14))
    assert digest.text.endswith("\nA-1")
    assert len(digest.buttons) == 3
    (end,) = farm.say((second(15), "barn", 20))
    assert (end.kind, end.follows) == (Kind.RESOLVE, digest.id)


def test_many_alerts_of_a_group_are_one_line() -> None:
    farm = Farm(hot(**WARNING), people=(anna(**NIGHT),))
    for number in range(300):
        farm.say((second(4) + number, f"cow-{number}", 35))
    (digest,) = advance(farm, second(14))
    assert len(digest.alerts) == 300
    assert len(digest.text.splitlines()) == 2
    assert digest.text.splitlines()[1].startswith("I-1 Hot – 300 devices")


def test_a_hundred_incidents_fit_into_a_message() -> None:
    farm = night_farm()
    for number in range(100):
        farm.say((second(4) + number, f"a-rather-long-name-of-an-animal-{number}", 35))
    (digest,) = advance(farm, second(14))
    assert len(digest.text) < 4096
    assert "88 more" in digest.text


def test_everybody_has_their_own_night() -> None:
    bob = BOB | {"timezone": "America/New_York"} | NIGHT
    farm = Farm(hot(**WARNING), people=(anna(**NIGHT), bob))
    assert [message.subscriber for message in farm.say((second(5), "barn", 35))] == ["bob"]
    assert [message.subscriber for message in advance(farm, second(14))] == ["anna"]


def test_nobody_reached_counts_from_the_morning_on() -> None:
    farm = night_farm(delivers=False)
    farm.say((second(4), "barn", 35))
    (digest,) = advance(farm, second(12.4))
    assert digest.kind is Kind.DIGEST
    told = advance(farm, second(12.6))
    assert kinds(told) == [Kind.UNREACHED]


def test_a_digest_that_arrived_has_reached_somebody() -> None:
    farm = night_farm()
    farm.say((second(4), "barn", 35))
    assert kinds(advance(farm, second(20))) == [Kind.DIGEST]


@pytest.mark.parametrize("ends", [None, 3.0])
def test_what_a_spent_budget_held_back_comes_with_the_next_digest(ends: float | None) -> None:
    farm = Farm(hot(**WARNING), people=(anna(), BOB), delivers=False)
    told = farm.say((second(1), "barn", 35))
    firing, bobs = sorted(told, key=lambda message: message.subscriber)
    farm.deliver(second(1) + 1, bobs)
    dead = farm.report(firing, START + round((second(1) + 1) * SECOND), "dead", "the monthly budget is spent")
    farm.step(second(1) + 1, events=[replace(dead, unpaid=True)])
    if ends is not None:
        told = farm.say((second(ends), "barn", 20))
        assert "anna" not in {message.subscriber for message in told}, "of which she has not heard"
    (digest,) = [one for one in advance(farm, second(13)) if one.kind is Kind.DIGEST]
    assert digest.subscriber == "anna"
    assert ("Over" in digest.text) == (ends is not None)
    if ends is None:
        (resolve,) = [one for one in farm.say((second(14), "barn", 20)) if one.subscriber == "anna"]
        assert (resolve.kind, resolve.follows) == (Kind.RESOLVE, digest.id)


def test_until_the_clock_is_trusted_digests_wait() -> None:
    farm = night_farm()
    farm.say((second(4), "barn", 35))
    farm.book.clock_trusted = False
    assert kinds(advance(farm, second(12.4))) == []
    farm.book.clock_trusted = True
    assert kinds(advance(farm, second(12.45))) == [Kind.DIGEST]


@pytest.mark.parametrize(("hour", "waits_until"), [(5, 11.5), (-4, -4)])
def test_what_waits_by_a_clock_that_was_ahead_waits_for_the_right_morning_or_no_longer(hour, waits_until) -> None:
    farm = night_farm()
    farm.say((second(4), "barn", 35))
    [incident] = farm.book.incidents.values()
    incident.aside = [replace(one, until=one.until + DAY) for one in incident.aside]
    digest.rearm(Turn(farm.book, Undo()), farm.engine.people, EVENING + round(hour * HOUR))
    assert [one.until for one in incident.aside] == [EVENING + round(waits_until * HOUR)]


def test_somebody_who_said_stop_by_night_gets_no_digest() -> None:
    farm = night_farm()
    farm.say((second(4), "barn", 35))
    person = farm.engine.people.get("anna")
    assert person is not None
    state, _ = farm.engine.people.stopped("anna", person.channels[0], START)
    farm.engine.people.apply([state], [])
    assert Kind.DIGEST not in kinds(advance(farm, second(12)))


def test_what_was_taken_by_night_is_marked_in_the_morning() -> None:
    farm = Farm(hot(**WARNING), people=(anna(**NIGHT), BOB))
    farm.say((second(4), "barn-1", 35), (second(4) + 600, "barn-2", 35))
    farm.do(second(5), "ack", 1, by="bob")
    farm.do(second(5), "false_alarm", 2, by="bob")
    digest = next(message for message in advance(farm, second(12)) if message.subscriber == "anna")
    assert digest.alerts == ("A-1",)


def test_what_is_silenced_in_the_morning_is_told_when_the_silence_ends() -> None:
    farm = night_farm()
    farm.say((second(4), "barn", 35))
    farm.silence(second(5), second(15), rule="hot")
    assert kinds(advance(farm, second(14.9))) == []
    told = advance(farm, second(15.1))
    assert [(one.kind, one.alerts) for one in told if one.alerts] == [(Kind.DIGEST, ("A-1",))]


def test_a_message_too_old_by_morning_is_not_told() -> None:
    farm = Farm(hot(**WARNING, not_after="2h"), people=(anna(**NIGHT),))
    farm.say((second(4), "barn", 35))
    assert Kind.DIGEST not in kinds(advance(farm, second(12)))


def test_a_daily_digest_comes_every_day_and_says_that_all_is_well() -> None:
    farm = Farm(hot(**WARNING), people=(anna(digest={"daily": True}),))
    advance(farm, second(0))
    farm.ready()
    told = advance(farm, second(13))
    assert kinds(told) == [Kind.DIGEST]
    assert "All normal" in told[0].text
    farm.say((second(14), "barn", 35))
    told = advance(farm, second(38))
    assert kinds(told) == [Kind.DIGEST]
    assert told[0].alerts == ("A-1",)


def test_the_operator_is_not_woken_for_a_refused_file_but_for_a_lost_broker() -> None:
    farm = Farm(hot(), people=(anna(**NIGHT),))
    (mild,) = farm.trouble(second(5), "reload 1")
    (blind,) = farm.trouble(second(5), "broker")
    assert mild.due == EVENING + 11 * HOUR + 30 * MINUTE
    assert blind.due < EVENING + 6 * HOUR

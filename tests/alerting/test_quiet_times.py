"""Planned quiet that comes back: milking time, every day or on some, across midnight and the changing of clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from farm import START, Farm, hot, kinds

from alertd.alerting import silencing
from alertd.alerting.schedules import next_start, quiet_until
from alertd.alerting.settings import QuietTime
from alertd.alerting.turn import Turn
from alertd.model import MINUTE, SECOND, Kind
from alertd.undo import Undo

BERLIN = ZoneInfo("Europe/Berlin")
MILKING = {"name": "milking", "match": {"rule": "hot"}, "from": "05:00", "to": "07:00"}


def at(text: str) -> int:
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo else when.replace(tzinfo=BERLIN)).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("more", "now", "until", "begins"),
    [
        ({}, "2026-11-23 05:00", "2026-11-23 07:00", "2026-11-24 05:00"),
        ({}, "2026-11-23 06:59", "2026-11-23 07:00", "2026-11-24 05:00"),
        ({}, "2026-11-23 07:00", None, "2026-11-24 05:00"),
        ({"days": ["mon", "wed"]}, "2026-11-24 06:00", None, "2026-11-25 05:00"),
        ({"from": "22:00", "to": "02:00"}, "2026-11-24 01:00", "2026-11-24 02:00", "2026-11-24 22:00"),
        ({"from": "22:00", "to": "02:00", "days": ["mon"]}, "2026-11-24 01:00", "2026-11-24 02:00", "2026-11-30 22:00"),
        ({"from": "22:00", "to": "02:00", "days": ["mon"]}, "2026-11-23 01:00", None, "2026-11-23 22:00"),
        ({"from": "01:00", "to": "04:00"}, "2026-10-25 03:30", "2026-10-25 04:00", "2026-10-26 01:00"),
        ({"from": "02:15", "to": "02:45"}, "2026-10-25 02:20", "2026-10-25 02:45+01:00", "2026-10-26 02:15"),
        ({"from": "02:15", "to": "02:45"}, "2026-10-25 02:20+01:00", "2026-10-25 02:45+01:00", "2026-10-26 02:15"),
    ],
)
def test_quiet_times_are_the_farms_own(more, now, until, begins):
    one = QuietTime.model_validate(MILKING | more)
    assert quiet_until(one, at(now), BERLIN) == (None if until is None else at(until))
    assert next_start(one, at(now), BERLIN) == at(begins)


def clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(START / SECOND + seconds, UTC):%H:%M}"


def milked() -> Farm:
    """A farm whose milking begins two minutes after the start and lasts for ten."""
    farm = Farm(hot(repeat="3m"), quiet_times=(MILKING | {"from": clock(120), "to": clock(720)},))
    silencing.rearm(Turn(farm.book, Undo()), START)
    return farm


def minute(text: str) -> float:
    """Seconds from the start to a whole minute of the clock."""
    return ((START // MINUTE) * MINUTE - START) / SECOND + 60 * int(text)


def test_what_fires_while_milking_is_told_after_it_if_it_still_fires():
    farm = milked()
    assert farm.say((200, "a", 35), (210, "b", 35), (300, "b", 20)) == []
    assert farm.book.numbered(1).muted == "quiet time milking"
    told = farm.tick(730)
    assert [(message.kind, message.alerts) for message in told] == [(Kind.FIRING, ("A-1",))]


def test_reminders_of_what_was_told_before_wait_until_after_the_milking():
    farm = milked()
    farm.say((10, "a", 35))
    assert kinds(farm.told) == [Kind.FIRING]
    assert farm.tick(minute("11")) == []
    assert kinds(farm.tick(730)) == [Kind.REPEAT]


def test_it_is_quiet_the_next_day_too():
    farm = milked()
    farm.tick(86_400)
    assert farm.say((86_400 + 200, "a", 35)) == []

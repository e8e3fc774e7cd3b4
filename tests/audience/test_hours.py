"""Local times of day are the person's own, and exact on the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.audience.hours import end_of_span, instant, local, local_day, next_time
from alertd.model import DAY, HOUR, MINUTE

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
MOMENTS = st.integers(1_700_000_000, 1_900_000_000).map(lambda seconds: seconds * 1_000_000)


def micros(text: str) -> int:
    return (datetime.fromisoformat(text).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


@pytest.mark.parametrize(
    ("day", "clock", "utc"),
    [
        ("2026-11-23", "05:30", "2026-11-23T04:30Z"),
        ("2026-07-01", "05:30", "2026-07-01T03:30Z"),
        ("2026-03-29", "01:59", "2026-03-29T00:59Z"),
        ("2026-03-29", "02:00", "2026-03-29T01:00Z"),  # skipped: the moment clocks go from 2 to 3
        ("2026-03-29", "02:30", "2026-03-29T01:00Z"),
        ("2026-03-29", "03:00", "2026-03-29T01:00Z"),
        ("2026-03-29", "05:30", "2026-03-29T03:30Z"),
        ("2026-10-25", "02:30", "2026-10-25T00:30Z"),  # comes twice: the first
        ("2026-10-25", "05:30", "2026-10-25T04:30Z"),
    ],
)
def test_a_time_of_day_in_berlin(day: str, clock: str, utc: str) -> None:
    assert instant("Europe/Berlin", date.fromisoformat(day), clock) == micros(utc)


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-11-22T20:29:59Z", None),  # 21:29:59 there
        ("2026-11-22T20:30Z", "2026-11-23T04:30Z"),
        ("2026-11-23T01:00Z", "2026-11-23T04:30Z"),
        ("2026-11-23T04:29:59Z", "2026-11-23T04:30Z"),
        ("2026-11-23T04:30Z", None),
        ("2026-03-28T20:30Z", "2026-03-29T03:30Z"),  # seven hours
        ("2026-10-24T19:30Z", "2026-10-25T04:30Z"),  # nine hours
    ],
)
def test_the_night_ends_when_the_clock_says_so(at: str, ends: str | None) -> None:
    found = end_of_span("Europe/Berlin", "21:30", "05:30", micros(at))
    assert found == (None if ends is None else micros(ends))


@pytest.mark.parametrize(
    ("start", "end", "at", "ends"),
    [
        ("02:15", "02:45", "2026-10-25T00:20Z", "2026-10-25T01:45Z"),  # 02:20, the first time
        ("02:15", "02:45", "2026-10-25T01:20Z", "2026-10-25T01:45Z"),  # 02:20 once more
        ("21:30", "02:30", "2026-10-25T01:10Z", "2026-10-25T01:30Z"),
        ("21:30", "02:30", "2026-10-25T01:30Z", None),
        ("02:30", "05:30", "2026-10-25T00:29Z", None),
        ("02:30", "05:30", "2026-10-25T01:10Z", "2026-10-25T04:30Z"),  # the clock is back at 02:10: nobody is woken
        ("21:30", "02:30", "2026-03-29T00:59Z", "2026-03-29T01:00Z"),  # skipped: the moment clocks go from 2 to 3
    ],
)
def test_in_the_hour_that_comes_twice_it_is_quiet_both_times(start: str, end: str, at: str, ends: str | None) -> None:
    found = end_of_span("Europe/Berlin", start, end, micros(at))
    assert found == (None if ends is None else micros(ends))


def test_a_span_within_a_day() -> None:
    assert end_of_span("UTC", "12:00", "14:00", micros("2026-11-23T13:00Z")) == micros("2026-11-23T14:00Z")
    assert end_of_span("UTC", "12:00", "14:00", micros("2026-11-23T15:00Z")) is None


def test_the_next_of_several_times() -> None:
    times = ("18:00", "06:00")
    assert next_time("Europe/Berlin", times, micros("2026-11-23T05:00Z")) == micros("2026-11-23T17:00Z")
    assert next_time("Europe/Berlin", times, micros("2026-11-23T17:00Z")) == micros("2026-11-24T05:00Z")


def test_the_day_begins_at_local_midnight() -> None:
    before, after = micros("2026-11-22T22:59:59Z"), micros("2026-11-22T23:00Z")
    assert local_day("Europe/Berlin", after) == local_day("Europe/Berlin", before) + 1


def test_a_zone_this_machine_does_not_know_is_utc() -> None:
    assert local("Mars/Olympus", 0).utcoffset() == timedelta(0)


@given(zone=ZONES, clock=CLOCKS, at=MOMENTS)
def test_the_next_time_is_less_than_a_long_day_ahead_and_shows_that_time(zone: str, clock: str, at: int) -> None:
    due = next_time(zone, (clock,), at)
    assert 0 < due - at <= DAY + 2 * HOUR
    shown = local(zone, due)
    before = local(zone, due - MINUTE)
    assert f"{shown:%H:%M}" == clock or shown.utcoffset() != before.utcoffset()


@given(zone=ZONES, start=CLOCKS, end=CLOCKS, at=MOMENTS)
def test_a_span_ends_after_the_moment_and_what_is_after_it_is_outside(zone: str, start: str, end: str, at: int) -> None:
    ends = end_of_span(zone, start, end, at)
    if start == end or ends is None:
        return
    assert at < ends <= at + DAY + 2 * HOUR
    assert end_of_span(zone, start, end, ends) is None or start == end


@given(zone=ZONES, at=MOMENTS)
def test_the_calendar_is_that_of_the_zone(zone: str, at: int) -> None:
    expected = datetime.fromtimestamp(at // 1_000_000, ZoneInfo(zone))
    assert local(zone, at - at % 1_000_000) == expected
    assert local_day(zone, at) == expected.date().toordinal()

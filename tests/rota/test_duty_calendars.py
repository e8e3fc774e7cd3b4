"""Duty calendars: read in their own time zones, kept when the line is down, and known again after a restart."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web
from farm import ANNA, BOB
from manual_clock import ManualClock
from serving import Serving

from alertd.audience.calendar import Calendar
from alertd.audience.duty import Plan
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.engine import Engine
from alertd.model import DAY, HOUR, MINUTE, Batch, Rota, Trouble
from alertd.rota.fetching import UnreachableError, fetch, shown
from alertd.rota.rota import DutyCalendars, UnreadableError, read_calendar

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000


NOW = at("2026-10-20 12:00")


def calendar(*events: str) -> bytes:
    """A calendar of events as lines; each has its own id."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//"]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20261001T000000Z", *event.split("\n"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


OUTLOOK = b"""\
BEGIN:VCALENDAR\r
VERSION:2.0\r
BEGIN:VTIMEZONE\r
TZID:W. Europe Standard Time\r
BEGIN:STANDARD\r
DTSTART:16010101T030000\r
TZOFFSETFROM:+0200\r
TZOFFSETTO:+0100\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r
END:STANDARD\r
BEGIN:DAYLIGHT\r
DTSTART:16010101T020000\r
TZOFFSETFROM:+0100\r
TZOFFSETTO:+0200\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r
END:DAYLIGHT\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
UID:1\r
DTSTART;TZID=W. Europe Standard Time:20261021T060000\r
DTEND;TZID=W. Europe Standard Time:20261021T140000\r
SUMMARY:Anna\r
END:VEVENT\r
END:VCALENDAR\r
"""


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        (
            calendar("SUMMARY:Anna\nDTSTART:20261021T040000Z\nDTEND:20261021T120000Z"),
            [("2026-10-21 06:00", "2026-10-21 14:00")],
        ),
        (  # without a zone it is the farm's time
            calendar("SUMMARY:Anna\nDTSTART:20261021T060000\nDURATION:PT8H"),
            [("2026-10-21 06:00", "2026-10-21 14:00")],
        ),
        (
            calendar("SUMMARY:Anna\nDTSTART;TZID=America/New_York:20261021T000000\nDURATION:PT1H"),
            [("2026-10-21 06:00", "2026-10-21 07:00")],
        ),
        (OUTLOOK, [("2026-10-21 06:00", "2026-10-21 14:00")]),
        (  # days of the farm: the one on which the clocks go back has 25 hours
            calendar("SUMMARY:Anna\nDTSTART;VALUE=DATE:20261025\nDTEND;VALUE=DATE:20261026"),
            [("2026-10-25 00:00", "2026-10-26 00:00")],
        ),
        (  # every night over that day it begins at the same time on the wall
            calendar(
                "SUMMARY:Anna\nDTSTART;TZID=Europe/Berlin:20261024T200000\nDTEND;TZID=Europe/Berlin:20261025T050000\n"
                "RRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20261026T200000"
            ),
            [("2026-10-24 20:00", "2026-10-25 05:00"), ("2026-10-25 20:00", "2026-10-26 05:00")],
        ),
        (
            calendar("SUMMARY:Anna\nSTATUS:CANCELLED\nDTSTART:20261021T040000Z\nDTEND:20261021T120000Z"),
            [],
        ),
        (calendar("SUMMARY:Anna\nDTSTART:20261021T040000Z\nDTEND:20261021T040000Z"), []),
        (calendar(), []),
    ],
)
async def test_events_are_read_in_their_own_time_zone(text, spans):
    found = await read_calendar(text, BERLIN, NOW)
    assert [(one.start, one.end) for one in found] == [(at(start), at(end)) for start, end in spans]


async def test_the_night_of_the_clock_change_lasts_an_hour_longer():
    night = calendar("SUMMARY:Anna\nDTSTART;VALUE=DATE:20261025\nDTEND;VALUE=DATE:20261026")
    (found,) = await read_calendar(night, BERLIN, NOW)
    assert found.end - found.start == 25 * HOUR


@pytest.mark.parametrize(
    "text",
    [b"", b"<html>Please log in</html>", b"\xff\x00" * 40, b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", b"BEGIN:VCALENDAR\r\n"],
)
async def test_what_is_no_calendar_is_said_to_be_none(text):
    with pytest.raises(UnreadableError, match="is no calendar"):
        await read_calendar(text, BERLIN, NOW)


async def test_who_declined_is_no_attendee():
    invited = (
        'ATTENDEE;CN="Bob";PARTSTAT=DECLINED:mailto:bob@farm.example\n'
        'ATTENDEE;CN="Anna Huber";PARTSTAT=ACCEPTED:mailto:anna@farm.example\n'
        "DTSTART:20261021T040000Z\nDTEND:20261021T120000Z"
    )
    (found,) = await read_calendar(calendar(invited), BERLIN, NOW)
    assert found.attendees == ("Anna Huber", "anna@farm.example")


class Server:
    """A calendar server of its own on this machine."""

    def __init__(self) -> None:
        self.text, self.status, self.asked = calendar(), 200, 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(body=self.text, status=self.status, content_type="text/calendar")


@pytest.fixture
async def server():
    served, app = Server(), web.Application()
    app.router.add_get("/secret-token/rota.ics", served.answer)
    hearing = await Serving.start(app)
    served.url = f"http://127.0.0.1:{hearing.port}/secret-token/rota.ics"
    served.stop = hearing.stop
    yield served
    await hearing.stop()


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


def engine(entry: Calendar) -> Engine:
    from alertd.alerting.book import Book  # noqa: PLC0415
    from alertd.wording import Words  # noqa: PLC0415

    people = People(
        [Subscriber.model_validate(one) for one in (ANNA, BOB)],
        {},
        operator=None,
        language="en",
        timezone=BERLIN,
        invites={},
        plan=Plan([entry], BERLIN),
    )
    return Engine(Book([], [], cap=10, now=NOW), people, Words([], []))


def on(engine: Engine, when: int) -> list[str]:
    return [one.id for one in engine.people.all() if engine.people.duty(one.id, when).on]


EARLY = "SUMMARY:Early: Anna\nDTSTART:20261021T040000Z\nDTEND:20261021T120000Z"
LATE = "SUMMARY:Bob\nDTSTART:20261021T120000Z\nDTEND:20261021T200000Z"


async def test_the_plan_follows_the_calendar_and_outlives_a_line_that_is_down_and_a_restart(server, http, tmp_path):
    entry, clock = Calendar(calendar=server.url, who=["anna", "bob"]), ManualClock(NOW)
    server.text = calendar(EARLY, LATE)
    calendars = DutyCalendars([entry], BERLIN, tmp_path / "alertd.db", clock)
    assert await calendars.recall() == Rota(NOW, ((),))
    farm = engine(entry)

    farm.step(Batch.empty(), NOW, await calendars.look(http))
    assert on(farm, at("2026-10-21 07:00")) == ["anna"]
    assert on(farm, at("2026-10-21 15:00")) == ["bob"]
    assert on(farm, at("2026-10-21 23:00")) == []
    assert farm.people.plan.next_change("anna", at("2026-10-21 07:00")) == at("2026-10-21 14:00")

    assert await calendars.look(http) == [], "it is not looked at again at once"
    assert server.asked == 1
    clock.advance(15 * MINUTE)
    assert [type(one) for one in await calendars.look(http)] == [Trouble], "nothing new: only that it can be read"

    server.text = calendar(EARLY.replace("Anna", "Bob"))
    clock.advance(15 * MINUTE)
    farm.step(Batch.empty(), clock.now(), await calendars.look(http))
    assert on(farm, at("2026-10-21 07:00")) == ["bob"]

    await server.stop()
    clock.advance(15 * MINUTE)
    assert await calendars.look(http) == [], "an hour without the server is nobody's business"
    again = DutyCalendars([entry], BERLIN, tmp_path / "alertd.db", clock)
    rota = await again.recall()
    later = engine(entry)
    assert rota is not None
    later.people.booked(rota.calendars)
    assert on(later, at("2026-10-21 07:00")) == ["bob"]
    clock.advance(DAY)
    (told,) = await again.look(http)
    assert isinstance(told, Trouble)
    assert "its last copy counts" in told.text
    assert "secret" not in told.text, "the address is never shown"


async def test_a_page_to_log_in_or_a_fault_of_the_server_does_not_take_the_plan_away(server, http, tmp_path):
    entry, clock = Calendar(calendar=server.url), ManualClock(NOW)
    server.text = calendar(EARLY)
    calendars = DutyCalendars([entry], BERLIN, tmp_path / "alertd.db", clock)
    (rota, *_) = await calendars.look(http)
    for text, status in ((b"<html>", 200), (b"", 404), (b"", 500)):
        server.text, server.status = text, status
        clock.advance(15 * MINUTE)
        assert await calendars.look(http) == []
    server.text, server.status = calendar(EARLY), 200
    clock.advance(15 * MINUTE)
    assert [type(one) for one in await calendars.look(http)] == [Trouble]
    assert (await calendars.recall()).calendars == rota.calendars


async def test_weeks_without_a_line_the_copy_is_expanded_further(server, http, tmp_path):
    entry, clock = Calendar(calendar=server.url), ManualClock(NOW)
    server.text = calendar("SUMMARY:Anna\nDTSTART:20261021T040000Z\nDTEND:20261021T120000Z\nRRULE:FREQ=WEEKLY")
    calendars = DutyCalendars([entry], BERLIN, tmp_path / "alertd.db", clock)
    farm = engine(entry)
    farm.step(Batch.empty(), NOW, await calendars.look(http))
    await server.stop()
    clock.advance(60 * DAY)
    events = await calendars.look(http)
    farm.step(Batch.empty(), clock.now(), events)
    assert on(farm, at("2026-12-23 07:00")) == ["anna", "bob"]
    assert on(farm, at("2026-12-23 15:00")) == ["bob"]
    assert [one.key.partition(" ")[0] for one in events if isinstance(one, Trouble)] == ["duty"]


async def test_whom_a_calendar_names_is_free_at_other_times_and_others_are_always_on_duty(server, http, tmp_path):
    entry = Calendar(calendar=server.url)
    server.text = calendar("SUMMARY:Anna\nDTSTART:20261001T040000Z\nDTEND:20261001T120000Z")
    farm = engine(entry)
    assert on(farm, at("2026-10-21 07:00")) == ["anna", "bob"], "before anything is known everybody is"
    farm.step(
        Batch.empty(), NOW, await DutyCalendars([entry], BERLIN, tmp_path / "alertd.db", ManualClock(NOW)).look(http)
    )
    assert on(farm, at("2026-10-21 07:00")) == ["bob"]


async def test_a_step_that_is_taken_back_takes_the_plan_back_with_it(tmp_path, http):
    file = tmp_path / "rota.ics"
    file.write_bytes(calendar(EARLY))
    entry = Calendar(calendar=str(file))
    calendars = DutyCalendars([entry], BERLIN, tmp_path / "alertd.db", ManualClock(NOW))
    farm = engine(entry)
    farm.step(Batch.empty(), NOW, await calendars.look(http))
    assert on(farm, at("2026-10-21 23:00")) == ["bob"]
    farm.rollback()
    assert on(farm, at("2026-10-21 23:00")) == ["anna", "bob"]


async def test_a_file_that_is_gone_and_a_secret_that_is_missing_are_named(tmp_path, http, monkeypatch):
    gone = Calendar(calendar=str(tmp_path / "rota.ics"))
    with pytest.raises(UnreachableError, match=r"rota\.ics: No such file"):
        await fetch(gone, http)
    monkeypatch.delenv("ROTA", raising=False)
    hidden = Calendar.model_validate({"calendar": {"env": "ROTA"}})
    with pytest.raises(UnreachableError, match="ROTA is not set"):
        await fetch(hidden, http)
    monkeypatch.setenv("ROTA", "webcal://calendar.example/secret")
    assert shown(hidden) == "the duty calendar of calendar.example"

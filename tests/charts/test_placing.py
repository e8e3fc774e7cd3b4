"""After the text the place: who left the pasture is shown on a map, as an answer to the text, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from fake_telegram import FakeTelegram
from farm import ANNA, START, Farm, hot
from manual_clock import ManualClock

from alertd.charts.placing import Placing
from alertd.detect.formula import compile_formula
from alertd.detect.geofence import POSITION
from alertd.messengers.exchange import session
from alertd.messengers.telegram import Telegram, TelegramSettings
from alertd.model import DAY, HOUR, SECOND, Channel, Delivery, Kind, Message, Series
from alertd.seams import Abilities

PHONE = Channel("telegram", "4711")
PHONED = ANNA | {"channels": [{"telegram": "4711"}]}
PASTURE = {
    "name": "out",
    "match": {"metric": "position"},
    "severity": "critical",
    "detect": {"kind": "geofence", "polygon": [[12.0, 53.0], [12.1, 53.0], [12.1, 53.1], [12.0, 53.1]], "fixes": 1},
}
PACK = compile_formula(POSITION.formula, POSITION.from_)
BERTA = {"id": "cow-1", "name": "Berta"}


class Shown:
    """A messenger with a map on the wall."""

    name = "telegram"
    abilities = Abilities(limit=100, places=True)


def fix(farm, second, latitude, longitude, device="cow-1"):
    """A collar says where it is: what the decoder makes of it."""
    said = {"latitude": latitude, "longitude": longitude, "position": PACK({"lat": latitude, "lon": longitude})}
    rows = [farm.book.row(Series(device, metric, unit="deg")) for metric in said]
    batch = farm.batch([(second, device, value) for value in said.values()])
    batch.series[:], batch.time[:] = rows, START + second * SECOND
    return farm.step(second, batch)


@pytest.fixture
def farm():
    return Farm(PASTURE, hot(), people=(PHONED,), devices=(BERTA,))


def placing(farm, at, messenger=None):
    return Placing(farm.engine, {"telegram": messenger or Shown()}, ManualClock(START + at * SECOND), None)


async def test_who_left_the_pasture_is_shown_where_she_is_now(farm):
    fix(farm, 10, 53.05, 12.05)
    (told,) = fix(farm, 70, 53.2, 12.05)
    fix(farm, 80, 53.21, 12.06)
    async with FakeTelegram(chats=[4711]) as api, session() as http:
        telegram = Telegram(TelegramSettings.model_validate({"token": api.token, "api_base": api.base}), http, int)
        one = placing(farm, 90, telegram)
        one.sent(Delivery(told, PHONE, "k1", 1), "10")
        task = asyncio.create_task(one.run())
        async with asyncio.timeout(30):
            while not api.places:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert [(chat, *place, ref) for chat, *place, _address, ref in api.places] == [(4711, 53.21, 12.06, "Berta", 10)]
    assert api.unknown == []


@pytest.mark.parametrize("kind", [Kind.RESOLVE, Kind.TAKEN, Kind.DIGEST, Kind.REPLY])
def test_nobody_has_to_look_for_who_is_back_or_taken_care_of(farm, kind):
    (told,) = fix(farm, 70, 53.2, 12.05)
    one = placing(farm, 90)
    assert one.wanted(Shown(), Delivery(told, PHONE, "k1", 1))
    assert not one.wanted(Shown(), Delivery(replace(told, kind=kind), PHONE, "k1", 1))


def test_a_fever_is_shown_on_no_map(farm):
    (told,) = farm.say((70, "barn", 35.0))
    assert not placing(farm, 90).wanted(Shown(), Delivery(told, PHONE, "k1", 1))


async def test_a_place_of_another_day_is_none(farm):
    (told,) = fix(farm, 70, 53.2, 12.05)
    one = placing(farm, 71 + DAY // SECOND)
    assert await one.follow(Shown(), Delivery(told, PHONE, "k1", 1), "10") is None


async def test_who_said_stop_in_the_meantime_is_shown_nothing(farm):
    (told,) = fix(farm, 70, 53.2, 12.05)
    state, _ = farm.engine.people.stopped("anna", PHONE, START + 80 * SECOND, "stop", "")
    farm.engine.people.apply([state], [])
    assert await placing(farm, 90).follow(Shown(), Delivery(told, PHONE, "k1", 1), "10") is None


async def test_whose_place_was_asked_for_is_shown_with_the_answer(farm):
    fix(farm, 70, 53.05, 12.05)
    asked = Message("r", Kind.REPLY, "anna", (PHONE,), "Berta", START, data={"place": "cow-1"})
    assert placing(farm, 90).wanted(Shown(), Delivery(asked, PHONE, "k1", 1))


@pytest.mark.parametrize(("ago", "made"), [(None, 0), (25, 0), (23, 1)])
def test_where_only_a_template_reaches_somebody_nothing_is_made(farm, ago, made):
    (told,) = fix(farm, 70, 53.2, 12.05)
    closed = Shown()
    closed.abilities = replace(Shown.abilities, window=DAY)
    one = placing(farm, 90, closed)
    heard = None if ago is None else START + 90 * SECOND - ago * HOUR
    one.sent(replace(Delivery(told, PHONE, "k1", 1), heard=heard), "10")
    assert one._waiting.qsize() == made

"""After the text the picture, where it can be shown: a real store, a real child, Telegram's API."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from fake_telegram import FakeTelegram
from farm import ANNA, START, Farm, hot
from manual_clock import ManualClock

from alertd.charts.drawing import Drawing, available
from alertd.charts.showing import Showing
from alertd.holding import concatenated
from alertd.messengers.telegram import Telegram, TelegramSettings
from alertd.model import SECOND, Channel, Delivery, Kind, Message
from alertd.seams import Flush
from alertd.store.sqlite import SqliteStore

pytestmark = pytest.mark.skipif(not available(), reason="the extra charts is not installed")
PHONE = Channel("telegram", "4711")


async def test_an_alarm_s_picture_follows_its_text_without_a_sound_and_chart_brings_one_any_time(tmp_path) -> None:
    farm = Farm(hot(), people=(ANNA | {"channels": [{"telegram": "4711"}]},))
    farm.say(*((number * 600, "barn", 20.0 + number % 3) for number in range(30)))
    told = farm.say((18_000, "barn", 35.0))
    store = SqliteStore(tmp_path / "a.db")
    await store.open()
    readings = concatenated([changes.readings for changes in farm.changes if len(changes.readings)])
    await store.commit(Flush(START, batch=readings, new_series=list(enumerate(farm.book.series))))
    async with FakeTelegram(chats=[4711]) as api, aiohttp.ClientSession() as http:
        settings = TelegramSettings.model_validate({"token": api.token, "api_base": api.base})
        clock = ManualClock(START + 18_001 * SECOND)
        telegram = Telegram(settings, http, clock.now)
        drawing = Drawing(tmp_path / "cache", patience=100)
        showing = Showing(farm.engine, {"telegram": telegram}, clock, store, path=store.path, drawing=drawing)
        task = asyncio.create_task(showing.run())
        asked = Message(
            "r",
            Kind.REPLY,
            "anna",
            (PHONE,),
            "Barn",
            START,
            data={"chart": {"device": "barn", "metric": "temperature"}},
        )
        silent = Message("s", Kind.RESOLVE, "anna", (PHONE,), "Barn", START, alerts=("A-1",))
        showing.sent(Delivery(told[0], PHONE, "k1", 1), "10")
        showing.sent(Delivery(silent, PHONE, "k2", 1), "11")
        showing.sent(Delivery(asked, PHONE, "k3", 1), "12")
        async with asyncio.timeout(200):
            while len(api.pictures) < 2:
                clock.advance(SECOND)
                await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
    await store.close()
    assert [(chat, answers, quiet) for chat, _, answers, quiet in api.pictures] == [
        (4711, 10, "true"),
        (4711, 12, "true"),
    ]
    assert all(picture.startswith(b"\x89PNG") for _, picture, _, _ in api.pictures)
    assert api.unknown == []

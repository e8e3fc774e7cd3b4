"""Our stand-in for the Bot API speaks as the real one does: a client that nobody here wrote understands it.

aiogram refuses an answer that lacks a field of its type. Install it to run this: `pip install aiogram`.
"""

from __future__ import annotations

import pytest
from fake_telegram import FakeTelegram

aiogram = pytest.importorskip("aiogram", minversion="3", reason="aiogram is not installed")
from aiogram import Bot  # noqa: E402
from aiogram.client.session.aiohttp import AiohttpSession  # noqa: E402
from aiogram.client.telegram import TelegramAPIServer  # noqa: E402
from aiogram.exceptions import (  # noqa: E402
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import BufferedInputFile, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters  # noqa: E402

KEYS = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Take it", callback_data="ack:m1")]])


@pytest.fixture
async def api():
    async with FakeTelegram() as api:
        yield api


def client(api: FakeTelegram, token: str = "") -> Bot:
    return Bot(token or api.token, session=AiohttpSession(api=TelegramAPIServer.from_base(api.base)))


@pytest.fixture
async def bot(api):
    async with client(api) as bot:
        yield bot


async def test_it_sends_answers_and_edits(api, bot) -> None:
    assert (await bot.get_me()).username == "alertd_fake_bot"
    first = await bot.send_message(4711, "<b>40.1</b> &lt; 41", parse_mode="HTML", reply_markup=KEYS)
    place = ReplyParameters(message_id=first.message_id, allow_sending_without_reply=True)
    await bot.send_message(4711, "now normal", reply_parameters=place)
    await bot.edit_message_text("taken by Anna", chat_id=4711, message_id=first.message_id)
    assert api.to(4711) == ["taken by Anna", "now normal"]
    assert api.sent[1].reply_to == first.message_id
    assert not api.unknown


async def test_it_shows_pictures_and_places(api, bot) -> None:
    first = await bot.send_message(4711, "Berta is out")
    below = ReplyParameters(message_id=first.message_id, allow_sending_without_reply=True)
    photo = BufferedInputFile(b"\x89PNG...", "chart.png")
    await bot.send_photo(4711, photo, disable_notification=True, reply_parameters=below)
    await bot.send_venue(4711, 53.2, 12.05, "Berta", "02:10", disable_notification=True, reply_parameters=below)
    assert api.pictures == [(4711, b"\x89PNG...", first.message_id, "true")]
    assert api.places == [(4711, 53.2, 12.05, "Berta", "02:10", first.message_id)]
    assert not api.unknown


async def test_it_hears(api, bot) -> None:
    sent = await bot.send_message(4711, "40.1", reply_markup=KEYS)
    api.say(4711, "/start K7Q2-9MXW")
    api.press(sent.message_id, 0, user=4712)
    api.block(4713)
    said, press, left = await bot.get_updates(timeout=0)
    assert said.message.text == "/start K7Q2-9MXW"
    assert (press.callback_query.data, press.callback_query.from_user.id) == ("ack:m1", 4712)
    assert left.my_chat_member.new_chat_member.status == "kicked"
    assert await bot.answer_callback_query(press.callback_query.id, "Taken")
    assert await bot.get_updates(offset=left.update_id + 1, timeout=0) == []


async def test_a_webhook_is_set_and_taken_down(api, bot) -> None:
    await bot.set_webhook("https://farm.example/hooks/telegram", secret_token="s3cret", max_connections=1)
    assert (await bot.get_webhook_info()).url == "https://farm.example/hooks/telegram"
    with pytest.raises(TelegramConflictError):
        await bot.get_updates(timeout=0)
    await bot.delete_webhook()
    with pytest.raises(TelegramBadRequest, match="HTTPS"):
        await bot.set_webhook("http://farm.example")


async def test_it_refuses_in_telegrams_words(api, bot) -> None:
    api.fail("429", seconds=7)
    with pytest.raises(TelegramRetryAfter) as busy:
        await bot.send_message(4711, "x")
    assert busy.value.retry_after == 7
    api.fail("403")
    with pytest.raises(TelegramForbiddenError):
        await bot.send_message(4711, "x")
    api.fail("500")
    with pytest.raises(TelegramServerError):
        await bot.send_message(4711, "x")
    api.migrated[-5] = -1005
    with pytest.raises(TelegramMigrateToChat) as moved:
        await bot.send_message(-5, "x")
    assert moved.value.migrate_to_chat_id == -1005
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(1, "x")
    async with client(api, "1:wrong") as stranger:
        with pytest.raises(TelegramUnauthorizedError):
            await stranger.get_me()

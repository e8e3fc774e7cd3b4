"""What people do in Telegram reaches us once, and nothing they send can stop us listening."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import aiohttp
import pytest
from deliveries import T0, delivery
from fake_telegram import FakeTelegram
from hypothesis import given
from hypothesis import strategies as st

from alertd.messengers.telegram import Telegram, TelegramSettings
from alertd.messengers.telegram_inbound import Hook, read_update
from alertd.messengers.telegram_moves import Moves
from alertd.model import OBJECT, Button, Channel
from alertd.seams import HookCall
from alertd.settings import Secret


@pytest.fixture
async def api():
    async with FakeTelegram() as server:
        yield server


async def until(condition) -> None:
    """Let the server work until it is so."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


class Listener:
    """A connected messenger and the pauses it made."""

    def __init__(self, api: FakeTelegram, http: aiohttp.ClientSession, token: str = "", **facts) -> None:
        self.pauses: list[float] = []
        secret = facts.pop("webhook_secret", None)
        settings = TelegramSettings(
            token=Secret.parse(token or api.token),
            api_base=api.base,
            webhook_secret=Secret.parse(secret) if secret else None,
        )
        self.telegram = Telegram(settings, http, lambda: T0, poll_seconds=5, pause=self.pause, **facts)
        self.calm = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.calm.set()
        await asyncio.sleep(0)

    async def hear(self, batches: int = 1, position: str = ""):
        heard = []
        async with aclosing(self.telegram.inbound(position)) as inbound:
            async for batch in inbound:
                heard.extend(batch)
                batches -= 1
                if not batches:
                    break
        return heard


@pytest.fixture
async def listener(api):
    async with aiohttp.ClientSession() as http:
        yield Listener(api, http)


async def test_words_commands_and_presses_arrive(listener, api) -> None:
    api.say(4711, "/start K7Q2-9M")
    api.say(-100, "ACK A-217", user=4712, kind="supergroup")
    await listener.telegram.send(delivery(buttons=(Button("Gesehen", "ack:217"),)))
    callback = api.press(api.sent[0], 0, user=4713)

    start, ack, press = await listener.hear()

    assert (start.text, start.sender, start.address, start.messenger) == ("/start K7Q2-9M", "4711", "4711", "telegram")
    assert (ack.text, ack.sender, ack.address) == ("ACK A-217", "4712", "-100")
    assert (press.data, press.sender, press.address, press.ref) == ("ack:217", "4713", "4711", "3")
    assert (press.callback, press.at) == (callback, T0)


async def test_ids_and_positions_make_redelivery_harmless(listener, api) -> None:
    number = api.say(4711, "STATUS")
    (once,) = await listener.hear()
    (again,) = await listener.hear()
    assert (once.id, once.position) == (f"telegram:{number}", str(number + 1))
    assert once == again, "not confirmed, so it comes again"

    api.say(4711, "LIST")
    (after,) = await listener.hear(position=once.position)
    assert after.text == "LIST"


async def test_what_was_there_before_we_heard_is_marked_and_what_comes_now_is_not(listener, api) -> None:
    api.say(4711, "before")
    heard = asyncio.create_task(listener.hear(batches=2))
    await until(lambda: any(arguments.get("timeout") for _, arguments in api.calls))
    api.say(4711, "now")

    assert [(one.text, one.waited) for one in await heard] == [("before", True), ("now", False)]


async def test_asking_for_more_confirms_what_was_handled(listener, api) -> None:
    api.say(4711, "one")
    heard = asyncio.create_task(listener.hear(batches=2))
    await until(lambda: api.pending == 0 and api.calls and api.calls[-1][1].get("offset"))
    api.say(4711, "two")

    assert [one.text for one in await heard] == ["one", "two"]


async def test_blocking_and_unblocking_the_bot_is_heard(listener, api) -> None:
    api.block(4711)
    api.block(4711, blocked=False)

    gone, back = await listener.hear()

    assert (gone.gone, gone.back) == (True, False)
    assert (back.gone, back.back) == (False, True)


async def test_an_update_we_do_not_know_blocks_nothing(listener, api) -> None:
    api.update({"message": {"chat": "poison", "from": None}})
    api.update({"message": {"message_id": 1, "chat": {"id": 4711}, "from": {"id": 4711}, "date": 1, "poll_answer": {}}})
    known = asyncio.create_task(listener.hear())
    await until(lambda: not api.pending)
    api.say(4711, "HELP")

    assert [one.text for one in await known] == ["HELP"]


async def test_a_wrong_token_is_waited_out(api) -> None:
    async with aiohttp.ClientSession() as http:
        lost = Listener(api, http, token="1:wrong")
        task = asyncio.create_task(lost.hear())
        await lost.calm.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert lost.pauses[0] == 60


async def test_a_second_poller_is_waited_out(listener, api) -> None:
    first = asyncio.create_task(listener.hear())
    await until(lambda: any(arguments.get("timeout") for _, arguments in api.calls))
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{api.base}/bot{api.token}/getUpdates") as answer:
            assert (await answer.json())["ok"]
        await listener.calm.wait()
    api.say(4711, "still here")

    assert [one.text for one in await first] == ["still here"]
    assert listener.pauses[0] == 60


async def test_a_webhook_left_from_before_is_taken_down(listener, api) -> None:
    api.hook = "https://old.example/"
    api.say(4711, "HELP")

    assert [one.text for one in await listener.hear()] == ["HELP"]
    assert api.hook == ""


async def test_telegram_down_for_a_while_costs_no_words(listener, api) -> None:
    await api.down()
    heard = asyncio.create_task(listener.hear())
    await listener.calm.wait()
    await api.up()
    api.say(4711, "HELP")

    assert [one.text for one in await heard] == ["HELP"]


@pytest.mark.parametrize("told_by", ["refusal", "update"])
async def test_what_a_moved_group_says_comes_from_the_chat_that_is_configured(listener, api, told_by) -> None:
    api.migrated[-5] = -1005
    if told_by == "refusal":
        await listener.telegram.send(delivery(channels=(Channel("telegram", "-5"),)))
    else:
        chat = {"id": -5, "type": "group"}
        api.update({"message": {"message_id": 1, "date": 1, "chat": chat, "migrate_to_chat_id": -1005}})
    api.say(-1005, "ACK A-217", user=4712, kind="supergroup")

    (said,) = await listener.hear()
    assert (said.address, said.sender, said.text) == ("-5", "4712", "ACK A-217")


async def test_with_a_webhook_telegram_is_told_our_address_until_it_knows(api) -> None:
    async with aiohttp.ClientSession() as http:
        listener = Listener(api, http, webhook_secret="s3cret", public_url="https://farm.example/")
        api.fail("500", 2, method="setWebhook")
        hearing = asyncio.create_task(listener.hear())
        await until(lambda: api.hook)
        hearing.cancel()
        assert api.hook == "https://farm.example/hooks/telegram"
        (told,) = {json.dumps(arguments) for method, arguments in api.calls if method == "setWebhook"}
        assert json.loads(told) == {
            "url": api.hook,
            "secret_token": "s3cret",
            "allowed_updates": ["message", "callback_query", "my_chat_member"],
            "max_connections": 1,
        }
        assert listener.pauses == [1.0, 2.0]
        assert await listener.telegram.check() == "@alertd_fake_bot"
        api.hook_fault = "Wrong response from the webhook: 502 Bad Gateway"
        with pytest.raises(ConnectionError, match="502 Bad Gateway"):
            await listener.telegram.check()


async def test_a_secret_that_telegram_does_not_take_is_waited_out(api) -> None:
    async with aiohttp.ClientSession() as http:
        listener = Listener(api, http, webhook_secret="no blanks", public_url="https://farm.example")
        hearing = asyncio.create_task(listener.hear())
        await listener.calm.wait()
        hearing.cancel()
        assert listener.pauses[0] == 60


async def test_a_webhook_without_an_address_of_ours_is_what_doctor_says(api) -> None:
    async with aiohttp.ClientSession() as http:
        listener = Listener(api, http, webhook_secret="s3cret")
        with pytest.raises(ConnectionError, match=r"set web\.public_url"):
            await listener.telegram.check()
        api.hook = "https://relay.example/hooks/telegram"
        assert await listener.telegram.check() == "@alertd_fake_bot"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["message", "callback_query", "my_chat_member", "poll"]), JSON, JSON, JSON)
def test_no_update_makes_reading_raise(kind, number, one, other) -> None:
    read_update({"update_id": 1, kind: {"from": one, "chat": other, "message": {"chat": one}, "data": other}}, T0)
    read_update({"update_id": number, kind: one}, T0)
    read_update(one, T0)


def test_a_hook_believes_only_who_knows_the_secret() -> None:
    hook = Hook("s3cret", lambda: T0, Moves())
    update = {"update_id": 9, "message": {"from": {"id": 1}, "chat": {"id": 1}, "date": 1, "text": "HELP"}}
    body = json.dumps(update).encode()

    def call(secret: str | None, body: bytes = body):
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        return hook(HookCall("POST", "https://a.example/hooks/telegram", {}, headers, body))

    assert call(None).answer.status == call("wröng").answer.status == 403
    assert not call("wröng").updates
    (heard,) = call("s3cret").updates
    assert heard.text == "HELP"
    assert call("s3cret", b"{").answer.status == 400
    assert call("s3cret", b'{"update_id": 1, "poll": {}}').updates == []


async def test_a_press_by_webhook_says_that_nobody_knows_how_old_it_is(api) -> None:
    hook = Hook("s3cret", lambda: T0, Moves())
    message = {"message_id": 7, "chat": {"id": 4711}, "date": 1}
    press = {"id": "c1", "from": {"id": 4711, "first_name": "Anna"}, "data": "act:fan:m1", "message": message}
    text = {"from": {"id": 4711}, "chat": {"id": 4711}, "date": 1, "text": "HELP"}

    def heard(update):
        headers = {"X-Telegram-Bot-Api-Secret-Token": "s3cret"}
        call = HookCall("POST", "https://a.example/hooks/telegram", {}, headers, json.dumps(update).encode())
        (one,) = hook(call).updates
        return one

    assert heard({"update_id": 9, "callback_query": press}).timeless
    assert not heard({"update_id": 10, "message": text}).timeless, "it has its time"


@pytest.mark.parametrize(("quoted", "ref"), [({"message_id": 7, "text": "Fever"}, "7"), (None, ""), ({}, "")])
def test_what_a_text_quotes_is_named(quoted, ref):
    message = {"from": {"id": 4711}, "chat": {"id": 4711}, "date": 1, "text": "OK", "reply_to_message": quoted}
    assert read_update({"update_id": 1, "message": message}, T0).ref == ref


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"voice": {"file_id": "1"}}, OBJECT),
        ({"photo": [{}], "caption": "ACK A-217"}, "ACK A-217"),
        ({"photo": [{}]}, OBJECT),
        ({"new_chat_members": [{}]}, None),
        ({"text": 7}, None),
    ],
)
def test_a_voice_message_or_a_picture_is_heard_as_one_and_its_words_as_words(said, text):
    update = {"update_id": 1, "message": {"from": {"id": 4711}, "chat": {"id": 4711}, "date": 1} | said}
    found = read_update(update, T0)
    assert (found and found.text) == text

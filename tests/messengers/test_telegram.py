"""Telegram, against a strict stand-in for its API."""

from __future__ import annotations

from dataclasses import replace

import aiohttp
import pytest
from deliveries import T0, delivery
from fake_telegram import FakeTelegram

from alertd.messengers.classes import Class
from alertd.messengers.exchange import Answer
from alertd.messengers.telegram import Telegram, TelegramSettings
from alertd.messengers.telegram_errors import REFUSALS, classify
from alertd.model import Button, Channel, Inbound, Reject, Retry, Sent, Unsure
from alertd.settings import Secret

BUTTONS = (Button("Gesehen", "ack:217"), Button("Später", "snooze:217"), Button("Fehlalarm", "false:217"))


@pytest.fixture
async def api():
    async with FakeTelegram(prefix="/proxy") as server:
        yield server
        assert not server.unknown, "parameters the Bot API does not have"


def connect(api: FakeTelegram, http: aiohttp.ClientSession, token: str = "") -> Telegram:
    settings = TelegramSettings(token=Secret.parse(token or api.token), api_base=api.base + "/")
    return Telegram(settings, http, lambda: T0, timeout=2, poll_seconds=1)


@pytest.fixture
def telegram(api, http):
    return connect(api, http)


async def test_a_message_arrives_with_its_buttons(telegram, api) -> None:
    outcome = await telegram.send(delivery("Berta: 40.1 °C\nA-217", buttons=BUTTONS))

    assert outcome == Sent("1")
    assert api.to(4711) == ["Berta: 40.1 °C\nA-217"]
    assert [button["callback_data"] for button in api.sent[0].buttons] == [button.data for button in BUTTONS]


@pytest.mark.parametrize("text", ["a < b & c > d", "<b>Berta</b>", "&lt;", "1.5 *_[]()~`", '"x"', "100 %\n&amp;"])
async def test_every_sign_arrives_as_it_was_written(telegram, api, text) -> None:
    assert isinstance(await telegram.send(delivery(text)), Sent)
    assert api.to(4711) == [text]


async def test_a_long_message_is_cut_and_keeps_its_number(telegram, api) -> None:
    assert isinstance(await telegram.send(delivery("🐄<&" * 3000 + "\nA-217")), Sent)
    assert api.to(4711)[0].endswith("…\nA-217")


async def test_a_button_that_is_too_long_costs_the_button_and_not_the_message(telegram, api) -> None:
    outcome = await telegram.send(delivery(buttons=(Button("x", "ä" * 33), BUTTONS[0])))

    assert isinstance(outcome, Sent)
    assert [button["text"] for button in api.sent[0].buttons] == ["Gesehen"]


async def test_a_resolve_answers_the_alert(telegram, api) -> None:
    first = await telegram.send(delivery())
    await telegram.send(delivery("now normal", reply_to=first.ref))

    assert api.sent[1].reply_to == api.sent[0].message_id


async def test_a_resolve_is_told_even_if_the_alert_was_deleted(telegram, api) -> None:
    assert isinstance(await telegram.send(delivery("now normal", reply_to="999")), Sent)
    assert api.to(4711) == ["now normal"]


async def test_a_taken_alert_is_changed_in_place_and_twice_is_once(telegram, api) -> None:
    first = await telegram.send(delivery("40.1 °C", buttons=BUTTONS))
    change = delivery("40.1 °C\nTaken by Anna", reply_to=first.ref, edits=True)

    assert await telegram.send(change) == first
    assert await telegram.send(change) == first
    assert api.to(4711) == ["40.1 °C\nTaken by Anna"]
    assert api.sent[0].buttons == []


async def test_an_edit_without_text_takes_the_buttons_away(telegram, api) -> None:
    first = await telegram.send(delivery("40.1 °C", buttons=BUTTONS))

    assert await telegram.send(delivery("", reply_to=first.ref, edits=True)) == first
    assert (api.to(4711), api.sent[0].buttons) == (["40.1 °C"], [])


async def test_what_can_no_longer_be_edited_is_sent(telegram, api) -> None:
    outcome = await telegram.send(delivery("Taken by Anna", reply_to="999", edits=True))

    assert outcome == Sent("1")
    assert api.to(4711) == ["Taken by Anna"]


@pytest.mark.parametrize(
    ("fault", "expected", "arrived"),
    [
        ("429", Retry("Too Many Requests: retry after 7", after=7.0), 0),
        ("500", Retry("Internal Server Error"), 0),
        ("503", Retry("Service Unavailable"), 0),
        ("403", Reject("Forbidden: bot was blocked by the user", gone=True), 0),
        ("400-unreadable", Reject("HTTP 400"), 0),
        ("502", Unsure("HTTP 502"), 0),
        ("504", Unsure("HTTP 504"), 0),
        ("timeout", Unsure("no answer within 2 s"), 1),
        ("cut", Unsure("answer lost: ServerDisconnectedError"), 1),
        ("abort", Unsure("answer lost: ServerDisconnectedError"), 0),
        ("garbage", Unsure("HTTP 200"), 1),
    ],
)
async def test_faults(telegram, api, fault, expected, arrived) -> None:
    api.fail(fault, seconds=7)

    assert await telegram.send(delivery()) == expected
    assert len(api.sent) == arrived


EXPECTED = {
    Class.GONE: Reject("", gone=True),
    Class.PERSON: Reject(""),
    Class.OURS: Reject("", ours=True),
    Class.ACCOUNT: Retry("", whole_account=True, config=True),
}


@pytest.mark.parametrize(("status", "words", "kind"), REFUSALS)
async def test_every_refusal_has_its_outcome(status, words, kind) -> None:
    answer = Answer(status, {"ok": False, "error_code": status, "description": f"Telegram says: {words}."})

    outcome = classify(answer)
    assert replace(outcome, why="") == EXPECTED[kind]
    assert outcome.why.startswith(f"Telegram says: {words}.")


async def test_an_unknown_chat_is_refused(telegram) -> None:
    outcome = await telegram.send(delivery(channels=(Channel("telegram", "1"),)))

    assert outcome == Reject("Bad Request: chat not found")


@pytest.mark.parametrize("token", ["1:wrong", "no token at all"])
async def test_a_wrong_token_is_ours_to_mend(api, http, token) -> None:
    outcome = await connect(api, http, token).send(delivery())

    assert isinstance(outcome, Retry)
    assert outcome.config
    assert token not in outcome.why


async def test_a_group_that_moved_still_gets_its_messages(telegram, api) -> None:
    api.migrated[-5] = -1005
    group = (Channel("telegram", "-5"),)

    first = await telegram.send(delivery("one", channels=group))
    assert first == Sent("-1005/1")
    await telegram.send(delivery("two", channels=group, reply_to=first.ref))
    await telegram.send(delivery("three", channels=group, reply_to=first.ref, edits=True))

    assert api.to(-1005) == ["three", "two"]
    assert api.sent[1].reply_to == 1


async def test_telegram_down_for_a_while_takes_nothing(telegram, api) -> None:
    await api.down()
    outcome = await telegram.send(delivery())
    await api.up()

    assert isinstance(outcome, Retry)
    assert outcome.whole_account
    assert isinstance(await telegram.send(delivery()), Sent)


async def test_a_press_is_answered_with_a_short_note(telegram, api) -> None:
    await telegram.send(delivery(buttons=BUTTONS))
    callback = api.press(api.sent[0], 0, user=4711)
    press = Inbound("telegram:1", T0, "telegram", "4711", "4711", callback=callback)

    await telegram.answered(press, "x" * 500)
    assert len(api.notes[callback]) == 200
    await telegram.answered(press, "too late, and harmless")


async def test_doctor_learns_who_we_are(telegram, api, http) -> None:
    assert await telegram.check() == "@alertd_fake_bot"
    with pytest.raises(ConnectionError, match="token is wrong"):
        await connect(api, http, "1:wrong").check()
    await api.down()
    with pytest.raises(ConnectionError, match="no connection"):
        await telegram.check()

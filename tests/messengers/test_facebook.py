"""Facebook Messenger: the window, the template, quick replies, every class of error, webhook and echoes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from deliveries import T0, delivery
from fake_facebook import AT, SECRET, TOKEN, VERIFY, FakeFacebook
from hypothesis import given
from hypothesis import strategies as st

from alertd.audience.invites import link
from alertd.conversation.menu import menus
from alertd.messengers.classes import Class
from alertd.messengers.facebook import Facebook, FacebookSettings
from alertd.messengers.facebook_errors import ERRORS
from alertd.messengers.facebook_inbound import Hook
from alertd.model import HOUR, MINUTE, OBJECT, Button, Channel, Receipt, Reject, Retry, Sent, Unsure
from alertd.seams import HookCall

ANNA = "24681357"
BUTTONS = (Button("Take it", "ack:m1"), Button("Snooze 2 h", "snz:m1"), Button("False alarm", "fa:m1"))
PARTS = {"what": "Fever – Berta", "bad": "40.1 °C", "since": "since 02:10. Look at her.", "number": "A-217"}


@pytest.fixture
async def api():
    async with FakeFacebook() as api:
        yield api


def made(api, http, *, pause=asyncio.sleep, **facts):
    written = {
        "page_id": api.page,
        "token": TOKEN,
        "app_secret": SECRET,
        "verify_token": VERIFY,
        "template": "alert",
        "api_base": api.base,
    }
    settings = FacebookSettings.model_validate(written | facts)
    return Facebook(settings, http, lambda: T0, timeout=2, pause=pause)


@pytest.fixture
def messenger(api, http):
    return made(api, http)


def to_anna(text="Fever – Berta\n40.1 °C\nA-217", *, heard=None, **facts):
    facts = {"channels": (Channel("messenger", ANNA),), "data": {"parts": PARTS}, "buttons": BUTTONS} | facts
    return replace(delivery(text, **facts), heard=heard)


async def test_within_a_day_of_their_message_it_is_written_freely_with_quick_replies(messenger, api):
    api.open.add(ANNA)
    assert await messenger.send(to_anna(heard=T0 - HOUR)) == Sent("m_1")
    sent = api.taken[0]
    assert sent["messaging_type"] == "RESPONSE"
    assert sent["message"]["text"] == "Fever – Berta\n40.1 °C\nA-217"
    assert [one["payload"] for one in sent["message"]["quick_replies"]] == ["ack:m1", "snz:m1", "fa:m1"]


@pytest.mark.parametrize("heard", [None, T0 - 24 * HOUR + MINUTE])
async def test_outside_the_window_the_template_goes(messenger, api, heard):
    assert await messenger.send(to_anna(heard=heard, language="de")) == Sent("m_1")
    sent = api.taken[0]
    assert (sent["messaging_type"], sent["message"]["template"]["language"]) == ("UTILITY", {"code": "de"})
    (body,) = sent["message"]["template"]["components"]
    texts = [one["text"] for one in body["parameters"]]
    assert texts == ["Fever – Berta", "40.1 °C", "since 02:10. Look at her. · A-217"]


async def test_where_meta_says_the_window_is_closed_the_template_goes_at_once_and_from_then_on(messenger, api):
    for _ in range(2):
        assert isinstance(await messenger.send(to_anna(heard=T0 - HOUR)), Sent)
    assert [one["messaging_type"] for one in api.taken] == ["UTILITY", "UTILITY"]
    api.open.add(ANNA)
    await messenger.send(to_anna(heard=T0 + 1))
    assert api.taken[-1]["messaging_type"] == "RESPONSE"


async def test_a_page_without_a_template_leaves_it_to_the_next_channel(api, http):
    messenger = made(api, http, template=None)
    outcome = await messenger.send(to_anna())
    assert outcome == Reject("24 hours have passed since they last wrote, and there is no template")
    api.open.add(ANNA)
    assert isinstance(await messenger.send(to_anna()), Sent)


@pytest.mark.parametrize("text", ["x" * 9000, "line\n\n\tbreak     blanks", "🐄" * 3000, "\ud800"])
@pytest.mark.parametrize("heard", [None, T0 - HOUR])
async def test_any_text_fits_what_meta_takes(messenger, api, text, heard):
    api.open.add(ANNA)
    parts = PARTS | {"what": text, "bad": text, "since": text}
    buttons = (*BUTTONS, *(Button(f"Fan {number} in the barn on", f"act:{number}") for number in range(20)))
    outcome = await messenger.send(to_anna(f"{text}\nA-217", heard=heard, buttons=buttons, data={"parts": parts}))
    assert isinstance(outcome, Sent)


EXPECTED = {
    Class.BUSY: Retry("", whole_account=True),
    Class.LIMIT: Retry("", after=3600.0, whole_account=True, config=True),
    Class.TRANSIENT: Retry(""),
    Class.PERSON: Reject(""),
    Class.OURS: Reject("", ours=True),
    Class.ACCOUNT: Retry("", whole_account=True, config=True),
}


@pytest.mark.parametrize("code", [code for code, kind in ERRORS.items() if kind is not Class.WINDOW])
async def test_every_documented_error_has_its_outcome(messenger, api, code):
    api.fail(code)
    outcome = await messenger.send(to_anna())
    assert replace(outcome, why="") == EXPECTED[ERRORS[code]]
    assert "on demand" in outcome.why
    assert not api.taken


async def test_an_error_nobody_knows_is_judged_by_its_status(messenger, api):
    api.fail((999_999, 7))
    assert isinstance(await messenger.send(to_anna()), Reject)


@pytest.mark.parametrize("fault", ["timeout", "cut"])
async def test_an_answer_that_is_lost_is_unsure_and_the_echo_settles_it(messenger, api, fault):
    api.open.add(ANNA)
    api.fail(fault)
    assert isinstance(await messenger.send(to_anna(heard=T0 - HOUR)), Unsure)
    heard = messenger.hook(api.echo(api.taken[0]))
    assert heard.receipts == [Receipt("m1", "messenger", Sent("m_1"), "m_1")]
    assert not heard.updates


async def test_what_people_write_and_press_is_heard(messenger, api):
    (wrote,) = messenger.hook(api.said(ANNA, "ACK A-217")).updates
    assert (wrote.address, wrote.sender, wrote.text, wrote.id) == (ANNA, ANNA, "ACK A-217", "messenger:m_in1")
    await messenger.send(to_anna(heard=T0))
    (press,) = messenger.hook(api.pressed(ANNA, api.taken[0], 1)).updates
    assert (press.data, press.text) == ("snz:m1", "")


@pytest.mark.parametrize(
    "event",
    [
        {"postback": {"mid": "m_in3", "payload": "start", "referral": {"ref": "K7Q2-9MXW", "source": "SHORTLINK"}}},
        {"referral": {"ref": "K7Q2-9MXW", "source": "SHORTLINK", "type": "OPEN_THREAD"}},
        {"optin": {"ref": "K7Q2-9MXW"}},
    ],
)
def test_whoever_follows_an_invitation_joins_by_it(messenger, api, event):
    (joined,) = messenger.hook(api.call({"sender": {"id": ANNA}, "timestamp": AT} | event)).updates
    assert (joined.text, joined.address) == ("JOIN K7Q2-9MXW", ANNA)
    assert link("messenger", "hof.lindenau", "K7Q2-9MXW") == "https://m.me/hof.lindenau?ref=K7Q2-9MXW"


def test_a_call_may_bring_many_things_and_what_says_nothing_is_passed_over(messenger, api):
    base = {"sender": {"id": ANNA}, "timestamp": AT}
    call = api.call(
        base | {"message": {"mid": "a", "text": "LIST"}},
        base | {"delivery": {"mids": ["m_1"], "watermark": AT}},
        base | {"read": {"watermark": AT}},
        base | {"message": {"mid": "b", "attachments": [{"type": "image"}]}},
        base | {"postback": {"payload": "start"}},
        {"message": {"mid": "c", "text": "from nobody"}},
        "no object",
    )
    assert [one.text for one in messenger.hook(call).updates] == ["LIST", OBJECT, "HELP"]


def test_nobody_is_believed_without_the_signature_of_the_raw_body(messenger, api):
    call = api.said(ANNA, "STOP")
    for wrong in (replace(call, headers={}), replace(call, body=call.body + b" "), api.call(secret="another")):
        heard = messenger.hook(wrong)
        assert (heard.answer.status, heard.updates, heard.receipts) == (403, (), ())


def test_meta_makes_sure_that_the_address_is_ours(messenger):
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1158201444"}
    assert messenger.hook(HookCall("GET", "", asked, {}, b"")).answer.body == b"1158201444"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["message", "postback", "referral", "optin", "delivery"]), JSON, JSON)
def test_no_signed_event_makes_reading_raise(kind, one, other):
    hook, api = Hook(SECRET, VERIFY, lambda: T0), FakeFacebook()
    for event in ({kind: one}, {"sender": {"id": "1"}, "timestamp": 1, kind: {"mid": one, "payload": other}}, one):
        assert hook(api.call(event)).answer.status == 200


async def test_the_page_gets_its_start_button_and_trouble_is_waited_out(api, http):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    messenger = made(api, http, pause=pause)
    api.fail((190, 0), 2)
    hearing = asyncio.ensure_future(anext(messenger.inbound("")))
    async with asyncio.timeout(30):
        while not api.profile:
            await asyncio.sleep(0)
    hearing.cancel()
    assert api.profile == {"get_started": {"payload": "start"}}
    assert pauses == [1.0, 2.0]


async def test_the_page_keeps_its_own_menu_unless_the_file_says_otherwise(messenger, api):
    await messenger.show_menu(menus("de"))
    assert api.profile == {}


async def test_the_page_shows_its_first_words_in_a_menu(api, http):
    messenger = made(api, http, menu=True)
    await messenger.show_menu(menus("de"))
    (menu,) = api.profile["persistent_menu"]
    assert api.profile["get_started"], "Meta takes a menu only with it"
    assert menu["call_to_actions"][0]["title"].startswith("LIST")
    assert len(menu["call_to_actions"]) == 3
    assert all(len(one["title"]) <= 30 for one in menu["call_to_actions"])
    who = {"sender": {"id": ANNA}, "timestamp": AT}
    pressed = messenger.hook(api.call(who | {"postback": {"payload": menu["call_to_actions"][0]["payload"]}}))
    assert [one.text.casefold() for one in pressed.updates] == ["liste"]


async def test_the_check_names_the_page_or_what_is_wrong(messenger, api, http):
    assert await messenger.check() == "hof.lindenau"
    with pytest.raises(ConnectionError, match="check page_id and token"):
        await made(api, http, token="wrong").check()


async def test_no_secret_is_shown(messenger, api):
    for fault in ((190, 0), "cut", "timeout"):
        api.fail(fault)
        assert TOKEN not in repr(await messenger.send(to_anna()))


def test_a_voice_message_or_a_picture_is_heard_as_one(messenger, api):
    told = {"mid": "m_in9", "attachments": [{"type": "audio", "payload": {"url": "https://x.example"}}]}
    (heard,) = messenger.hook(api.call({"sender": {"id": "4711"}, "timestamp": 1, "message": told})).updates
    assert (heard.text, heard.id) == (OBJECT, "messenger:m_in9")

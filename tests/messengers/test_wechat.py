"""WeChat: the token, templates and their fields, replies in their quota, every errcode, callbacks plain and encrypted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from deliveries import T0, delivery
from hypothesis import given
from hypothesis import strategies as st

from alertd.messengers.classes import Class
from alertd.messengers.wechat import QUOTA, RESERVE, WeChat, WeChatSettings
from alertd.messengers.wechat_errors import CODES, ERRORS
from alertd.messengers.wechat_inbound import Hook, read_xml
from alertd.model import HOUR, MINUTE, OBJECT, Channel, Kind, Receipt, Reject, Retry, Sent, Unsure
from alertd.seams import HookCall, MakesLinks
from alertd.settings import SecretMissingError

pytest.importorskip("cryptography", reason="cryptography is not installed (extra wechat)")
from fake_wechat import AES_KEY, ANNA, APP, SECRET, TOKEN, FakeWeChat, signature

PNG = b"\x89PNG\r\n\x1a\n"
DATA = {
    "parts": {
        "what": "Fever – Berta (DE 09 12300421), dairy",
        "short": "Berta: Fever",
        "bad": "40.1 °C",
        "since": "since 02:10. Look at her.",
        "moment": "2026-11-22 02:10",
        "number": "A-217",
    },
    "alerts": [{"id": "A-217", "fired": "2026-11-22T01:10:00Z", "normal": 38.5}],
}


@pytest.fixture
async def api():
    async with FakeWeChat() as api:
        yield api


def made(api, http, now=lambda: T0, **facts):
    written = {
        "app_id": APP,
        "app_secret": SECRET,
        "template_id": "T1",
        "fields": {"thing1": "what", "time2": "since", "character_string3": "number", "phrase4": "severity"},
        "token": TOKEN,
        "api_base": api.base,
    }
    return WeChat(WeChatSettings.model_validate(written | facts), http, now, timeout=1.5)


@pytest.fixture
def wechat(api, http):
    return made(api, http)


def to_anna(text="Fever – Berta\n40.1 °C\nA-217", *, heard=None, **facts):
    facts = {"channels": (Channel("wechat", ANNA),), "data": DATA, "alerts": ("A-217",)} | facts
    return replace(delivery(text, **facts), heard=heard)


async def test_an_alert_fills_the_template(wechat, api):
    assert await wechat.send(to_anna()) == Sent("200228333")
    (sent,) = api.templates
    assert (sent["touser"], sent["client_msg_id"]) == (ANNA, "m1")
    assert {name: one["value"] for name, one in sent["data"].items()} == {
        "thing1": "Berta: Fever",
        "time2": "2026-11-22 02:10",
        "character_string3": "A-217",
        "phrase4": "警告",
    }


@pytest.mark.parametrize(
    ("kind", "state", "phrase"),
    [
        (Kind.FIRING, "firing", "警告"),
        (Kind.ESCALATE, "firing", "警告"),
        (Kind.TAKEN, "firing", "已有人处理"),
        (Kind.TAKEN, "resolved", "已结束"),
        (Kind.RESOLVE, "resolved", "已恢复正常"),
    ],
)
async def test_what_is_over_or_taken_does_not_look_like_the_alert(wechat, api, kind, state, phrase):
    data = DATA | {"alerts": [DATA["alerts"][0] | {"state": state}]}
    await wechat.send(to_anna(data=data, kind=kind))
    assert api.templates[0]["data"]["phrase4"]["value"] == phrase


async def test_a_message_about_no_alert_has_the_time_at_which_it_is_told(wechat, api):
    await wechat.send(to_anna("Summary: nothing is open. All normal.", data={}, alerts=(), kind=Kind.DIGEST))
    values = {name: one["value"] for name, one in api.templates[0]["data"].items()}
    told = datetime.fromtimestamp(T0 // 1_000_000, ZoneInfo("Asia/Shanghai"))
    assert values["time2"] == f"{told:%Y-%m-%d %H:%M}"
    assert values["thing1"] == "Summary: nothing is…"


@pytest.mark.parametrize("text", ["x" * 9000, "🐄" * 3000, "\ud800", "", "\n\n"])
async def test_any_text_fits_the_template(wechat, api, text):
    parts = dict.fromkeys(DATA["parts"], text) | {"moment": DATA["parts"]["moment"]}
    for data in ({}, {"parts": parts}, {"parts": parts, "alerts": [{}]}):
        assert isinstance(await wechat.send(to_anna(text, data=data, alerts=())), Sent)


async def test_an_answer_is_written_freely_while_the_quota_lasts(wechat, api):
    api.quota = 5
    for number in range(6):
        assert isinstance(await wechat.send(to_anna("STATUS\nBerta", heard=T0 - HOUR, kind=Kind.REPLY)), Sent), number
    assert (len(api.replies), len(api.templates)) == (5, 1)
    api.quota = 5
    await wechat.send(to_anna("STATUS", heard=T0 - 1, kind=Kind.REPLY))
    assert len(api.replies) == 6
    await wechat.send(to_anna("STATUS", heard=T0 - 48 * HOUR, kind=Kind.REPLY, id="late"))
    await wechat.send(to_anna(heard=T0, id="alert"))
    assert len(api.templates) == 3


async def test_where_wechat_says_that_the_quota_is_used_up_the_template_goes_at_once(wechat, api):
    for number in range(2):
        await wechat.send(to_anna("STATUS", heard=T0, kind=Kind.REPLY, id=f"m{number}"))
    assert (len(api.replies), len(api.templates)) == (0, 2)


async def test_a_token_serves_until_it_ends_and_is_renewed_once(api, http):
    now = [T0]
    wechat = made(api, http, now=lambda: now[0])
    for _ in range(2):
        await wechat.send(to_anna())
    assert api.tokens == [False]
    api.expire()
    assert isinstance(await wechat.send(to_anna()), Sent)
    assert api.tokens == [False, True]
    now[0] += 2 * HOUR
    await wechat.send(to_anna())
    assert api.tokens == [False, True, False]


EXPECTED = {
    Class.TOKEN: Retry("", whole_account=True, config=True),
    Class.TRANSIENT: Retry(""),
    Class.BUSY: Retry("", after=60.0, whole_account=True),
    Class.LIMIT: Retry("", after=3600.0, whole_account=True, config=True),
    Class.GONE: Reject("", gone=True),
    Class.PERSON: Reject(""),
    Class.WINDOW: Reject(""),
    Class.OURS: Reject("", ours=True),
    Class.ACCOUNT: Retry("", whole_account=True, config=True),
}


@pytest.mark.parametrize("code", ERRORS)
async def test_every_documented_errcode_has_its_outcome(wechat, api, code):
    for _ in range(2 if ERRORS[code] is Class.TOKEN else 1):
        api.fail(code)
    outcome = await wechat.send(to_anna())
    assert replace(outcome, why="") == EXPECTED[ERRORS[code]]
    assert outcome.why == f"on demand ({code})"
    assert not api.templates


def test_no_code_stands_in_two_classes():
    codes = [code for group in CODES.values() for code in group]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("fault", ["timeout", "cut"])
async def test_an_answer_that_is_lost_is_unsure(wechat, api, fault):
    api.fail(fault)
    assert isinstance(await wechat.send(to_anna()), Unsure)


@pytest.mark.parametrize("facts", [{"app_secret": "wrong"}, {"app_id": "wx-other"}, {"api_base": "http://127.0.0.1:9"}])
async def test_without_a_token_nothing_was_sent(api, http, facts):
    wechat = made(api, http, **facts)
    assert isinstance(await wechat.send(to_anna()), Retry)
    with pytest.raises(ConnectionError, match="check app_id, app_secret"):
        await wechat.check()


async def test_what_became_of_a_template_is_told_later(wechat, api):
    ref = (await wechat.send(to_anna())).ref

    def told(status):
        return wechat.hook(api.event("TEMPLATESENDJOBFINISH", MsgID=ref, Status=status)).receipts

    assert told("success") == [Receipt("m1", "wechat", Sent(ref), ref)]
    assert told("failed:user block") == [Receipt("m1", "wechat", Reject("WeChat: failed:user block", gone=True), ref)]
    assert told("failed: system failed") == [Receipt("m1", "wechat", Retry("WeChat: failed: system failed"), ref)]
    assert wechat.hook(api.event("TEMPLATESENDJOBFINISH", MsgID="1", Status="success")).receipts == []


def test_what_followers_do_is_heard(wechat, api):
    def one(call):
        heard = wechat.hook(call)
        assert (heard.answer.status, heard.answer.body) == (200, b"success")
        (update,) = heard.updates
        return update

    said = one(api.said("OK"))
    assert (said.address, said.sender, said.text, said.id) == (ANNA, ANNA, "OK", "wechat:23456789")
    assert one(api.event("subscribe", EventKey="qrscene_K7Q2-9MXW")).text == "JOIN K7Q2-9MXW"
    assert one(api.event("SCAN", EventKey="K7Q2-9MXW")).text == "JOIN K7Q2-9MXW"
    assert one(api.event("CLICK", EventKey="LIST")).text == "LIST"
    assert one(api.event("subscribe", EventKey="")).back
    assert one(api.event("unsubscribe")).gone
    assert wechat.hook(api.event("LOCATION")).updates == []


def test_nobody_is_believed_without_the_signature(wechat, api):
    call = api.said("STOP")
    for wrong in (api.call({"MsgType": "text", "Content": "STOP"}, token="other"), replace(call, query={})):
        heard = wechat.hook(wrong)
        assert (heard.answer.status, heard.updates) == (403, ())
    asked = call.query | {"echostr": "7011"}
    assert wechat.hook(HookCall("GET", "", asked, {}, b"")).answer.body == b"7011"
    assert wechat.hook(HookCall("GET", "", asked | {"nonce": "x"}, {}, b"")).answer.status == 403


def test_an_encrypted_account_believes_only_what_is_encrypted_for_it(api, http):
    wechat = made(api, http, aes_key=AES_KEY)
    fields = {"MsgType": "text", "Content": "OK", "MsgId": "1"}
    (said,) = wechat.hook(api.sealed(fields)).updates
    assert said.text == "OK"
    sealed = api.sealed(fields)
    for wrong in (
        api.call(fields),
        api.sealed(fields, app="wx-other"),
        replace(sealed, body=sealed.body.replace(b"<Encrypt>", b"<Encrypt>AA")),
        replace(sealed, query=sealed.query | {"nonce": "43"}),
    ):
        heard = wechat.hook(wrong)
        assert (heard.answer.status, heard.updates) == (403, ())


@given(st.binary(max_size=120))
def test_no_callback_makes_the_hook_raise(body):
    hook = Hook(TOKEN, None, {}, lambda: T0)
    query = {"timestamp": "1", "nonce": "2", "signature": signature(TOKEN, "1", "2")}
    for sent in (body, b"<xml><FromUserName>a</FromUserName>" + body + b"</xml>"):
        assert hook(HookCall("POST", "", query, {}, sent)).answer.status in (200, 400)


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE xml [<!ENTITY a "x">]><xml><Content>&a;</Content></xml>',
        b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml/>',
        b"<xml>" + b"x" * 100_000 + b"</xml>",
    ],
)
def test_xml_that_wants_more_than_elements_is_refused(body):
    assert read_xml(body) is None


def test_what_wechatpy_encrypts_is_read(api, http):
    crypto = pytest.importorskip("wechatpy.crypto", reason="wechatpy is not installed")
    inner = "<xml><FromUserName>oAnna</FromUserName><MsgType>text</MsgType><Content>OK</Content></xml>"
    box = crypto.WeChatCrypto(TOKEN, AES_KEY, APP).encrypt_message(inner, "42", "1795000000")
    query = {"timestamp": "1795000000", "nonce": "42"}
    query["msg_signature"] = signature(TOKEN, "1795000000", "42", read_xml(box.encode())["Encrypt"])
    (said,) = made(api, http, aes_key=AES_KEY).hook(HookCall("POST", "", query, {}, box.encode())).updates
    assert said.text == "OK"


async def test_an_aes_key_that_is_none_is_named(api, http):
    with pytest.raises(SecretMissingError, match="aes_key: must be the EncodingAESKey"):
        made(api, http, aes_key="short")


async def test_no_secret_is_shown(wechat, api):
    for fault in (40001, "cut", "timeout"):
        api.fail(fault)
        shown = repr(await wechat.send(to_anna()))
        assert SECRET not in shown
        assert "token-0" not in shown


@pytest.mark.parametrize(
    ("menu", "shown"),
    [
        (["STAND", "LISTE", "HILFE"], ["STAND", "LISTE", "HILFE"]),
        ([], None),
        (None, []),
    ],
    ids=["its words", "none", "left as it is"],
)
async def test_the_account_shows_the_menu_of_the_file(api, http, menu, shown):
    wechat = made(api, http, **({} if menu is None else {"menu": menu}))
    api.menu = [{"name": "old", "key": "old"}] if menu == [] else []
    hearing = asyncio.ensure_future(anext(wechat.inbound("")))
    async with asyncio.timeout(30):
        while (shown and api.menu == []) or (shown is None and api.menu is not None):
            await asyncio.sleep(0.01)
    hearing.cancel()
    assert (None if api.menu is None else [one["name"] for one in api.menu]) == shown
    if shown:
        pressed = Hook(TOKEN, None, {}, lambda: T0)(api.event("CLICK", EventKey=api.menu[0]["key"]))
        assert [one.text for one in pressed.updates] == ["STAND"]


async def test_a_menu_that_is_refused_is_asked_for_again(api, http):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)
        await asyncio.sleep(0)

    wechat = made(api, http, menu=["LIST"])
    wechat._pause = pause
    api.fail(48001, 2)
    hearing = asyncio.ensure_future(anext(wechat.inbound("")))
    async with asyncio.timeout(30):
        while not api.menu:
            await asyncio.sleep(0.01)
    hearing.cancel()
    assert pauses == [1.0, 2.0]


@pytest.mark.parametrize("menu", [["A" * 17], ["ONE", "TWO", "THREE", "FOUR"], [""]])
def test_a_menu_that_does_not_fit_is_an_error_of_the_file(menu):
    written = {"app_id": APP, "app_secret": SECRET, "template_id": "T1", "token": TOKEN}
    with pytest.raises(ValueError, match="menu"):
        WeChatSettings.model_validate(written | {"menu": menu})


async def test_a_code_is_a_scene_that_joins_whoever_scans_it(wechat, api):
    assert isinstance(wechat, MakesLinks)
    assert await wechat.join_link("K7Q2-9MXW") == "http://weixin.qq.com/q/1"
    assert api.scenes == ["K7Q2-9MXW"]
    for call in (api.event("subscribe", EventKey="qrscene_K7Q2-9MXW"), api.event("SCAN", EventKey="K7Q2-9MXW")):
        assert [one.text for one in wechat.hook(call).updates] == ["JOIN K7Q2-9MXW"]


async def test_without_a_scene_there_is_no_link(api, http):
    with pytest.raises(ConnectionError, match="40125"):
        await made(api, http, app_secret="wrong").join_link("K7Q2-9MXW")


def test_a_voice_is_its_words_where_wechat_wrote_them_down(wechat, api):
    voice = {"MsgType": "voice", "MediaId": "1", "MsgId": "2"}
    texts = [
        wechat.hook(api.call(fields)).updates[0].text
        for fields in (voice | {"Recognition": "OK"}, voice, {"MsgType": "image", "MsgId": "3"})
    ]
    assert texts == ["OK", OBJECT, OBJECT]


async def test_a_curve_is_shown_to_who_has_just_written_while_the_quota_lasts(wechat, api):
    api.quota = 99
    refused = await wechat.show(to_anna(heard=None), PNG, "")
    assert refused == Reject("WeChat takes pictures only for who has just written")
    assert isinstance(await wechat.show(to_anna(heard=T0 - HOUR, kind=Kind.REPLY), PNG, ""), Sent)
    assert api.pictures == [("", PNG)]
    shown = [await wechat.show(to_anna(heard=T0 - HOUR), PNG, "") for _ in range(QUOTA)]
    assert [isinstance(one, Sent) for one in shown] == [True, True, False, False, False]
    for _ in range(RESERVE):
        await wechat.send(to_anna("A-217 taken by you", heard=T0 - HOUR, kind=Kind.REPLY))
    assert len(api.replies) == RESERVE, "words are not crowded out by pictures"
    assert isinstance(await wechat.show(to_anna(heard=T0 - MINUTE), PNG, ""), Sent), "they wrote again"


async def test_a_picture_that_is_not_taken_is_given_up(wechat, api):
    api.valid = "another"  # also after a renewal
    assert isinstance(await wechat.show(to_anna(heard=T0), PNG, ""), Reject)

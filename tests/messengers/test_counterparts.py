"""Clients that nobody here wrote, beside our stand-ins and our webhooks: pywa, wechatpy and Threema's own SDK.

`make counterparts` installs them apart and runs this; without them each test says what is missing. Telegram's
(aiogram) stands in test_telegram_stand_in.py, the real servers in test_real_servers.py.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import parse_qs

import aiohttp
import fake_whatsapp
import pytest
from deliveries import T0, delivery
from fake_whatsapp import TOKEN, VERIFY, FakeWhatsApp

from alertd.messengers import whatsapp_errors
from alertd.messengers.whatsapp import WhatsApp, WhatsAppSettings
from alertd.model import Button, Channel, Sent
from alertd.seams import HookCall

BUTTONS = (Button("Take it", "ack:m1"), Button("Snooze 2 h", "snz:m1"), Button("False alarm", "fa:m1"))
DIGITS = "4915112345678"
BODY = "application/x-www-form-urlencoded"


# --- WhatsApp: pywa -------------------------------------------------------------------------------


@pytest.fixture
def pywa():
    return pytest.importorskip("pywa", minversion="4", reason="pywa is not installed: make counterparts")


@pytest.fixture
async def whatsapp():
    async with FakeWhatsApp() as api:
        api.open.add(DIGITS)
        yield api


@pytest.fixture
def client(pywa, whatsapp):
    """Return pywa's client, talking to our stand-in."""
    client = pywa.WhatsApp(whatsapp.number, TOKEN, verify_token=VERIFY, app_secret=fake_whatsapp.SECRET)
    client.api._session.base_url = f"{whatsapp.base}/v26.0"
    yield client
    client.api._session.close()


async def test_pywa_sends_to_our_stand_in_and_reads_its_answers(client, whatsapp):
    from pywa.types import Button as Press  # noqa: PLC0415 (only where it is installed)

    first = await asyncio.to_thread(client.send_message, DIGITS, "40.1 °C", tracker="m1")
    assert first.id == whatsapp.taken[0]["id"]
    assert whatsapp.taken[0]["biz_opaque_callback_data"] == "m1"
    presses = [Press(title=one.label, callback_data=one.data) for one in BUTTONS]
    await asyncio.to_thread(client.send_message, DIGITS, "Take it?", buttons=presses, reply_to_message_id=first.id)
    theirs = whatsapp.taken[1]
    async with aiohttp.ClientSession() as http:
        written = {
            "phone_number_id": whatsapp.number,
            "token": TOKEN,
            "app_secret": fake_whatsapp.SECRET,
            "verify_token": VERIFY,
        }
        settings = WhatsAppSettings.model_validate(written | {"template": "alert", "api_base": whatsapp.base})
        own = delivery("Take it?", channels=(Channel("whatsapp", f"+{DIGITS}"),), buttons=BUTTONS, reply_to=first.id)
        ours = WhatsApp(settings, http, lambda: T0)
        assert isinstance(await ours.send(replace(own, heard=T0)), Sent)
    for name in ("messaging_product", "recipient_type", "to", "type", "interactive", "context"):
        assert whatsapp.taken[2].get(name) == theirs.get(name), name


async def test_pywa_shows_pictures_and_places_as_we_do(client, whatsapp):
    first = await asyncio.to_thread(client.send_message, DIGITS, "Berta is out")
    about = {"mime_type": "image/png", "filename": "chart.png"}
    medium = await asyncio.to_thread(lambda: client.upload_media(b"\x89PNG...", **about))
    below = {"reply_to_message_id": first.id}
    await asyncio.to_thread(lambda: client.send_image(DIGITS, medium, **below))
    where = {"latitude": 53.2, "longitude": 12.05, "name": "Berta", "address": "02:10"}
    await asyncio.to_thread(lambda: client.send_location(DIGITS, **where))
    assert whatsapp.pictures == [(first.id, b"\x89PNG...")]
    assert whatsapp.places == [("", 53.2, 12.05)]


@pytest.mark.parametrize("code", [131056, 131047, 130429, 190, 132001])
async def test_pywa_knows_our_stand_ins_errors(pywa, client, whatsapp, code):
    whatsapp.fail(code)
    with pytest.raises(pywa.errors.WhatsAppError) as told:
        await asyncio.to_thread(client.send_message, DIGITS, "x")
    assert told.value.code == code
    assert type(told.value) is not pywa.errors.WhatsAppError, "a code of its own class"


def test_every_error_code_pywa_knows_of_sending_is_in_our_table(pywa):
    errors = pywa.errors
    kinds = (errors.AuthorizationError, errors.ThrottlingError, errors.IntegrityError, errors.SendMessageError)
    codes = {code for kind in kinds for one in kind.__subclasses__() for code in one.__error_codes__ or ()}
    assert len(codes) > 100
    assert codes <= set(whatsapp_errors.ERRORS)


async def test_pywa_believes_and_reads_our_stand_ins_webhooks(pywa, client, whatsapp):
    heard = []
    client.add_handlers(
        pywa.handlers.MessageHandler(lambda _, message: heard.append(("text", message.text, message.from_user.wa_id))),
        pywa.handlers.CallbackButtonHandler(lambda _, press: heard.append(("press", press.data))),
        pywa.handlers.MessageStatusHandler(
            lambda _, told: heard.append(("status", told.status.value, told.tracker, told.error and told.error.code))
        ),
    )
    sent = delivery(channels=(Channel("whatsapp", DIGITS),), buttons=BUTTONS)
    await asyncio.to_thread(client.send_message, DIGITS, sent.message.text, tracker="m1")
    calls = (
        whatsapp.said(DIGITS, "STATUS Berta"),
        whatsapp.status("delivered", whatsapp.taken[0]),
        whatsapp.status("failed", whatsapp.taken[0], 131026),
    )
    for call in calls:
        assert client.webhook_update_validator(call.body, call.headers["X-Hub-Signature-256"]) is None
        assert client.webhook_update_handler(call.body) == ("ok", 200)
    assert heard == [
        ("text", "STATUS Berta", DIGITS),
        ("status", "delivered", "m1", None),
        ("status", "failed", "m1", 131026),
    ]


# --- WeChat: wechatpy -----------------------------------------------------------------------------


async def test_wechatpy_reads_our_stand_ins_callbacks():
    wechatpy = pytest.importorskip("wechatpy", reason="wechatpy is not installed: make counterparts")
    import fake_wechat  # noqa: PLC0415 (needs the extra)

    api = fake_wechat.FakeWeChat()
    call = api.said("OK")
    query = call.query
    wechatpy.utils.check_signature(fake_wechat.TOKEN, query["signature"], query["timestamp"], query["nonce"])
    said = wechatpy.parse_message(call.body)
    assert (said.type, said.content, said.source, said.id) == ("text", "OK", fake_wechat.ANNA, 23456789)
    joined = wechatpy.parse_message(api.event("subscribe", EventKey="qrscene_K7Q2-9MXW", Ticket="T").body)
    assert (joined.event, joined.scene_id) == ("subscribe_scan", "K7Q2-9MXW")
    told = wechatpy.parse_message(api.event("TEMPLATESENDJOBFINISH", MsgID="200", Status="success").body)
    assert (told.event, told.status) == ("templatesendjobfinish", "success")


async def test_wechatpys_client_is_understood_by_our_stand_in():
    wechatpy = pytest.importorskip("wechatpy", reason="wechatpy is not installed: make counterparts")
    import fake_wechat  # noqa: PLC0415 (needs the extra)

    async with fake_wechat.FakeWeChat() as api:
        client = wechatpy.WeChatClient(fake_wechat.APP, fake_wechat.SECRET, access_token=api.valid)
        client.API_BASE_URL = f"{api.base}/cgi-bin/"
        scene = {"expire_seconds": 86_400, "action_name": "QR_STR_SCENE"}
        scene["action_info"] = {"scene": {"scene_str": "K7Q2-9MXW"}}
        made = await asyncio.to_thread(client.qrcode.create, scene)
        assert (made["url"], api.scenes) == ("http://weixin.qq.com/q/1", ["K7Q2-9MXW"])
        buttons = [{"type": "click", "name": "LISTE", "key": "LISTE"}]
        await asyncio.to_thread(client.menu.create, {"button": buttons})
        assert api.menu == buttons
        await asyncio.to_thread(client.menu.delete)
        assert api.menu is None
        api.quota = 1
        await asyncio.to_thread(client.message.send_text, fake_wechat.ANNA, "STATUS")
        assert api.replies[0]["text"] == {"content": "STATUS"}


# --- Threema: its SDK -----------------------------------------------------------------------------


@pytest.fixture
def sdk():
    pytest.importorskip("nacl", reason="PyNaCl is not installed (extra threema)")
    pytest.importorskip("threema.gateway", reason="threema.gateway is not installed: make counterparts")
    from threema.gateway import e2e  # noqa: PLC0415 (only where it is installed)

    return e2e


def connected(base, session, identity, secret, key):
    from threema.gateway import Connection  # noqa: PLC0415

    connection = Connection(identity, secret, key=key, session=session)
    connection.urls = {name: url.replace("https://msgapi.threema.ch", base) for name, url in Connection.urls.items()}
    return connection


async def test_threemas_sdk_sends_to_our_stand_in_and_opens_what_we_seal(sdk):
    from fake_threema import PERSON, SECRET, FakeThreema  # noqa: PLC0415 (needs the extra)
    from threema.gateway.simple import TextMessage as Simple  # noqa: PLC0415

    from alertd.messengers.threema_e2e import EndToEnd  # noqa: PLC0415

    async with FakeThreema() as api, aiohttp.ClientSession() as http:
        key = "private:" + bytes(api.ours).hex()
        gateway = connected(api.base, http, api.gateway, SECRET, key)
        assert await gateway.get_credits() == 100
        await Simple(connection=gateway, to_id=PERSON, text="40.1 °C").send()
        await sdk.TextMessage(connection=gateway, to_id=PERSON, text="Fever").send()
        assert api.read() == ["40.1 °C", "Fever"]

        ours = EndToEnd(key, SECRET, lambda: T0)
        assert ours.learn(PERSON, bytes(api.theirs.public_key).hex())
        nonce, box = ours.seal(PERSON, "Fever – Berta\nA-217")
        phone = connected(api.base, http, PERSON, "", "private:" + bytes(api.theirs).hex())
        phone.get_public_key = lambda _: _known("public:" + bytes(api.ours.public_key).hex())
        opened = await sdk.Message.receive(phone, {"from_id": api.gateway, "message_id": b"", "date": None}, nonce, box)
        assert opened.text == "Fever – Berta\nA-217"

        secret, locked = ours.lock(b"\x89PNG...")
        phone.download = lambda _: _stream(locked)
        nonce, box = ours.seal_file(PERSON, "00" * 16, secret, len(b"\x89PNG..."))
        shown = await sdk.Message.receive(phone, {"from_id": api.gateway, "message_id": b"", "date": None}, nonce, box)
        assert (shown.mime_type, shown.file_content) == ("image/png", b"\x89PNG...")


async def test_what_threemas_sdk_seals_and_taps_is_read(sdk):
    from fake_threema import PERSON, FakeThreema  # noqa: PLC0415

    from alertd.messengers.threema_e2e import EndToEnd  # noqa: PLC0415

    async with FakeThreema() as api, aiohttp.ClientSession() as http:
        ours = EndToEnd("private:" + bytes(api.ours).hex(), "x", lambda: T0)
        ours.learn(PERSON, bytes(api.theirs.public_key).hex())
        ours.thumbs.sent("00" * 8, BUTTONS)
        phone = connected(api.base, http, PERSON, "", "private:" + bytes(api.theirs).hex())
        to_us = {"to_id": api.gateway, "key": "public:" + bytes(api.ours.public_key).hex()}
        text = sdk.TextMessage(phone, text="STATUS Berta", **to_us)
        up = sdk.DeliveryReceipt(
            phone, receipt_type=sdk.DeliveryReceipt.ReceiptType.user_acknowledge, message_ids=[b"\0" * 8], **to_us
        )
        heard = []
        for message in (text, up):
            nonce, box = await message.send(get_data_only=True)
            heard += ours.read({"from": PERSON, "messageId": "1", "nonce": nonce.hex(), "box": box.hex()})
        assert [(one.text, one.data) for one in heard] == [("STATUS Berta", ""), ("", "ack:m1")]


async def test_threemas_sdk_believes_our_stand_ins_callbacks(sdk):
    from fake_threema import SECRET, FakeThreema  # noqa: PLC0415 (needs the extra)

    async with FakeThreema() as api:
        call = api.said("OK")
        fields = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        sdk._validate_hmac(SECRET.encode(), fields["mac"], fields)
        with pytest.raises(Exception, match="MACs do not match"):
            sdk._validate_hmac(b"wrong", fields["mac"], fields)
        assert isinstance(call, HookCall)


async def _stream(content):
    reader = asyncio.StreamReader()
    reader.feed_data(content)
    reader.feed_eof()
    return reader


async def _known(key):
    from threema.gateway.key import Key  # noqa: PLC0415

    return Key.decode(key, Key.Type.public)

"""WhatsApp: the window, the template, buttons, every class of error, webhooks and receipts, what it costs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from deliveries import T0, delivery
from fake_whatsapp import SECRET, TOKEN, VERIFY, FakeWhatsApp

from alertd.conversation.menu import menus
from alertd.messengers import whatsapp_errors
from alertd.messengers.classes import Class
from alertd.messengers.whatsapp import WhatsApp, WhatsAppSettings
from alertd.messengers.whatsapp_errors import ERRORS
from alertd.model import HOUR, MINUTE, OBJECT, Button, Channel, Kind, Receipt, Reject, Retry, Sent, Unsure
from alertd.seams import HookCall

ANNA = "+4915112345678"
DIGITS = ANNA.removeprefix("+")
BUTTONS = (Button("Take it", "ack:m1"), Button("Snooze 2 h", "snz:m1"), Button("False alarm", "fa:m1"))
PARTS = {
    "what": "Fever – Berta",
    "bad": "40.1 °C (limit 39.5 °C)",
    "since": "since 02:10. Look at her.",
    "number": "A-217",
}


@pytest.fixture
async def api():
    async with FakeWhatsApp() as api:
        yield api


def made(api, http, **facts):
    written = {
        "phone_number_id": api.number,
        "token": TOKEN,
        "app_secret": SECRET,
        "verify_token": VERIFY,
        "template": "alert",
        "api_base": api.base,
    }
    return WhatsApp(WhatsAppSettings.model_validate(written | facts), http, lambda: T0, timeout=1.5)


@pytest.fixture
def whatsapp(api, http):
    return made(api, http)


def to_anna(
    text="Fever – Berta\n40.1 °C (limit 39.5 °C) since 02:10\nLook at her.\nA-217", *, heard=None, spent=0.0, **facts
):
    facts = {"channels": (Channel("whatsapp", ANNA),), "data": {"parts": PARTS}, "buttons": BUTTONS} | facts
    return replace(delivery(text, **facts), heard=heard, spent=spent)


async def test_somebody_who_never_wrote_gets_the_template(whatsapp, api):
    assert await whatsapp.send(to_anna(language="de")) == Sent("wamid.1")
    assert api.texts() == ["Fever – Berta\n40.1 °C (limit 39.5 °C)\nsince 02:10. Look at her. · A-217"]
    sent = api.taken[0]
    assert (sent["to"], sent["biz_opaque_callback_data"]) == (DIGITS, "m1")
    assert sent["template"]["language"] == {"code": "de"}
    payloads = [one["parameters"][0]["payload"] for one in sent["template"]["components"] if one["type"] == "button"]
    assert payloads == ["ack:m1", "snz:m1", "fa:m1"]


async def test_a_message_of_one_line_fills_the_template_with_its_sentences(whatsapp, api):
    await whatsapp.send(to_anna("Test from Hof, 10:48. Alerts come like this. Nothing to do. Really.", data={}))
    assert api.texts() == ["Test from Hof, 10:48\nAlerts come like this\nNothing to do. Really"]


async def test_within_a_day_of_their_message_it_is_written_freely_with_buttons(whatsapp, api):
    api.open.add(DIGITS)
    await whatsapp.send(to_anna(heard=T0 - HOUR, reply_to="wamid.0"))
    sent = api.taken[0]
    assert [one["reply"]["title"] for one in sent["interactive"]["action"]["buttons"]] == [one.label for one in BUTTONS]
    assert sent["context"] == {"message_id": "wamid.0"}
    assert api.texts()[0].endswith("A-217")


async def test_more_choices_than_three_become_a_list(whatsapp, api):
    api.open.add(DIGITS)
    await whatsapp.send(to_anna(heard=T0 - HOUR, buttons=(*BUTTONS, Button("Fan 3 on", "act:fan"))))
    assert api.taken[0]["interactive"]["type"] == "list"


async def test_the_last_minute_of_the_window_is_not_trusted(whatsapp, api):
    await whatsapp.send(to_anna(heard=T0 - 24 * HOUR + MINUTE))
    assert api.taken[0]["type"] == "template"


async def test_where_meta_says_the_window_is_closed_the_template_goes_at_once_and_from_then_on(whatsapp, api):
    for _ in range(2):
        assert isinstance(await whatsapp.send(to_anna(heard=T0 - HOUR)), Sent)
    assert [one["type"] for one in api.taken] == ["template", "template"]
    assert not api.faults
    api.open.add(DIGITS)
    await whatsapp.send(to_anna(heard=T0 + 1))
    assert api.taken[-1]["type"] == "interactive"


async def test_a_closed_window_told_by_webhook_is_sent_again_as_template(whatsapp, api):
    api.open.add(DIGITS)
    first = await whatsapp.send(to_anna(heard=T0 - HOUR))
    heard = whatsapp.hook(api.status("failed", api.taken[0], 131047))
    (receipt,) = heard.receipts
    assert (receipt.message, receipt.ref) == ("m1", first.ref)
    assert receipt.outcome == Retry("on demand (131047)", after=0.0)
    await whatsapp.send(to_anna(heard=T0 - HOUR))
    assert [one["type"] for one in api.taken] == ["interactive", "template"]


@pytest.mark.parametrize("text", ["x" * 9000, "*Berta* _cow_ ~x~ `y`", "line\n\n\tbreak     blanks", "🐄" * 3000])
@pytest.mark.parametrize("heard", [None, T0 - HOUR])
async def test_any_text_fits_what_meta_takes(whatsapp, api, text, heard):
    api.open.add(DIGITS)
    parts = PARTS | {"what": text, "bad": text, "since": text}
    for buttons in ((), BUTTONS):
        outcome = await whatsapp.send(to_anna(f"{text}\nA-217", heard=heard, buttons=buttons, data={"parts": parts}))
        assert isinstance(outcome, Sent)
    assert all(text.endswith("A-217") for text in api.texts())


async def test_signs_that_would_be_markup_are_left_out_but_not_inside_names(whatsapp, api):
    api.open.add(DIGITS)
    await whatsapp.send(to_anna("*Berta* cow_0421 _x_\nA-1", heard=T0, buttons=()))
    assert api.texts() == ["Berta cow_0421 x\nA-1"]


async def test_somebody_without_a_visible_number_is_reached_by_their_opaque_id(whatsapp, api):
    await whatsapp.send(to_anna(channels=(Channel("whatsapp", "DE.13491208655302741918"),)))
    assert api.taken[0]["recipient"] == "DE.13491208655302741918"
    assert "to" not in api.taken[0]


EXPECTED = {
    Class.BUSY: Retry("", whole_account=True),
    Class.LIMIT: Retry("", after=3600.0, whole_account=True, config=True),
    Class.CHAT_BUSY: Retry("", after=4.0),
    Class.TRANSIENT: Retry(""),
    Class.PERSON: Reject(""),
    Class.OURS: Reject("", ours=True),
    Class.ACCOUNT: Retry("", whole_account=True, config=True),
}


@pytest.mark.parametrize("code", [code for code, kind in ERRORS.items() if kind is not Class.WINDOW and code])
async def test_every_documented_error_has_its_outcome(whatsapp, api, code):
    api.fail(code)
    outcome = await whatsapp.send(to_anna())
    assert replace(outcome, why="") == EXPECTED[ERRORS[code]]
    assert outcome.why == f"on demand ({code})"
    assert not api.taken


async def test_a_pair_that_stays_busy_waits_ever_longer(whatsapp, api):
    api.fail(131056)
    assert (await whatsapp.send(replace(to_anna(), attempt=3))).after == 64.0


async def test_an_error_nobody_knows_is_judged_by_its_status(whatsapp, api):
    api.fail(999_999)
    assert await whatsapp.send(to_anna()) == Reject("on demand (999999)")


@pytest.mark.parametrize("fault", ["timeout", "cut"])
async def test_an_answer_that_is_lost_is_unsure_and_a_webhook_settles_it(whatsapp, api, fault):
    api.fail(fault)
    assert isinstance(await whatsapp.send(to_anna()), Unsure)
    heard = whatsapp.hook(api.status("delivered", api.taken[0]))
    assert heard.receipts == [Receipt("m1", "whatsapp", Sent("wamid.1"), "wamid.1")]


def test_what_people_write_and_press_is_heard(whatsapp, api):
    (wrote,) = whatsapp.hook(api.said(DIGITS, "ACK A-217")).updates
    assert (wrote.address, wrote.sender, wrote.text, wrote.id) == (ANNA, ANNA, "ACK A-217", "whatsapp:wamid.in1")


async def test_a_button_of_either_form_brings_its_data_back(whatsapp, api):
    api.open.add(DIGITS)
    await whatsapp.send(to_anna())
    await whatsapp.send(to_anna(heard=T0))
    for message in api.taken:
        (press,) = whatsapp.hook(api.pressed(DIGITS, message, 1)).updates
        assert (press.data, press.text, press.ref) == ("snz:m1", "", message["id"])


def test_a_call_may_bring_many_things_at_once(whatsapp, api):
    call = api.call(
        contacts=[{"profile": {"name": "Anna"}, "wa_id": DIGITS, "user_id": "DE.1"}],
        messages=[
            {"from": DIGITS, "id": "a", "timestamp": "1795000000", "type": "text", "text": {"body": "LIST"}},
            {"from_user_id": "DE.1", "id": "b", "timestamp": "x", "type": "text", "text": {"body": "STOP"}},
            {"from": DIGITS, "id": "c", "type": "image", "image": {"id": "1"}},
        ],
        statuses=[{"id": "w", "status": "read"}, {"id": "w", "status": "read", "biz_opaque_callback_data": "m9"}],
    )
    heard = whatsapp.hook(call)
    assert [(one.address, one.name, one.text) for one in heard.updates] == [
        (ANNA, "Anna", "LIST"),
        ("DE.1", "Anna", "STOP"),
        (ANNA, "Anna", OBJECT),
    ]
    assert [one.message for one in heard.receipts] == ["m9"]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"type": "audio", "audio": {"id": "1", "voice": True}}, OBJECT),
        ({"type": "image", "image": {"id": "2", "caption": "ACK A-217"}}, "ACK A-217"),
        ({"type": "image", "image": {"id": "2"}}, OBJECT),
        ({"type": "location", "location": {"latitude": 1, "longitude": 2}}, OBJECT),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, None),
        ({"type": "image", "image": 7}, OBJECT),
    ],
)
def test_a_voice_message_or_a_picture_is_heard_as_one_and_its_words_as_words(whatsapp, api, message, text):
    heard = whatsapp.hook(api.call(messages=[{"from": DIGITS, "id": "wamid.in", "timestamp": "1795000000"} | message]))
    assert [one.text for one in heard.updates] == ([] if text is None else [text])


async def test_a_thumb_under_our_message_is_its_button_and_under_another_nothing(whatsapp, api):
    def thumb(ref, emoji):
        reaction = {"type": "reaction", "reaction": {"message_id": ref, "emoji": emoji}}
        return api.call(messages=[{"from": DIGITS, "id": "wamid.in", "timestamp": "1795000000"} | reaction])

    for heard in (T0, None):  # freely, and by template
        api.open.add(DIGITS)
        sent = await whatsapp.send(to_anna(heard=heard, buttons=BUTTONS))
        (up,), (down,) = (
            whatsapp.hook(thumb(sent.ref, sign)).updates for sign in ("\U0001f44d\U0001f3fd", "\U0001f44e")
        )
        assert (up.data.partition(":")[0], down.data.partition(":")[0], up.ref) == ("ack", "fa", sent.ref)
        assert not whatsapp.hook(thumb(sent.ref, "")).updates, "taken back"
    assert not whatsapp.hook(thumb("wamid.theirs", "\U0001f44d")).updates


def test_nobody_is_believed_without_the_signature_of_the_raw_body(whatsapp, api):
    call = api.said(DIGITS, "STOP")
    for wrong in (
        replace(call, headers={}),
        replace(call, body=call.body + b" "),
        api.call(secret="another", messages=[]),
        replace(call, headers={"X-Hub-Signature-256": "sha256=ä"}),
    ):
        heard = whatsapp.hook(wrong)
        assert (heard.answer.status, heard.updates, heard.receipts) == (403, (), ())


@pytest.mark.parametrize("body", ["[]", "{", '{"entry": 7}', '{"entry": [{"changes": [{"value": []}]}]}'])
def test_a_signed_call_that_makes_no_sense_brings_nothing(whatsapp, api, body):
    import hashlib  # noqa: PLC0415 (this test signs by hand)
    import hmac  # noqa: PLC0415

    signature = "sha256=" + hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    heard = whatsapp.hook(HookCall("POST", "", {}, {"X-Hub-Signature-256": signature}, body.encode()))
    assert not heard.updates
    assert heard.answer.status in (200, 400)


def test_meta_makes_sure_that_the_address_is_ours(whatsapp):
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1158201444"}
    assert whatsapp.hook(HookCall("GET", "", asked, {}, b"")).answer.body == b"1158201444"
    assert whatsapp.hook(HookCall("GET", "", asked | {"hub.verify_token": "x"}, {}, b"")).answer.status == 403


async def test_messages_cost_by_country_and_the_budget_stops_what_is_not_critical(api, http):
    prices = {"DE": 0.05, "FR": {"utility": 0.04, "service": 0.02}}
    whatsapp = made(api, http, prices=prices, monthly_budget={"amount": 1.0, "currency": "EUR"})
    api.open.update({"33612345678"})
    french = (Channel("whatsapp", "+33612345678"),)
    assert await whatsapp.send(to_anna()) == Sent("wamid.1", 0.05, "EUR")
    assert (await whatsapp.send(to_anna(channels=french, heard=T0))).cost == 0.02
    assert (await whatsapp.send(to_anna(channels=(Channel("whatsapp", "+12125550123"),)))).cost == 0
    assert await whatsapp.send(to_anna(spent=0.98)) == Reject("the monthly budget of 1 EUR is spent", unpaid=True)
    assert isinstance(await whatsapp.send(to_anna(spent=9.0, critical=True)), Sent)
    for kind in (Kind.REPLY, Kind.DIGEST, Kind.OPERATOR, Kind.UNREACHED):
        assert isinstance(await whatsapp.send(to_anna(spent=9.0, kind=kind)), Sent)


async def test_the_check_names_our_number_or_what_is_wrong(whatsapp, api, http):
    assert await whatsapp.check() == "+49 30 901820"
    with pytest.raises(ConnectionError, match="check phone_number_id and token"):
        await made(api, http, token="wrong").check()


def test_no_code_stands_in_two_classes():
    codes = [code for group in whatsapp_errors.CODES.values() for code in group]
    assert sorted(codes) == sorted(set(codes))


async def test_no_secret_is_shown(whatsapp, api):
    api.fail(190)
    assert TOKEN not in repr(await whatsapp.send(to_anna()))
    assert SECRET not in json.dumps(repr(whatsapp.hook(api.call(secret="x"))))


async def test_the_number_keeps_its_own_commands_unless_the_file_says_otherwise(whatsapp, api):
    await whatsapp.show_menu(menus("de"))
    assert api.commands == []


async def test_a_slash_offers_the_words(api, http):
    await made(api, http, menu=True).show_menu(menus("de"))
    assert [one["command_name"] for one in api.commands][:3] == ["liste", "stand", "quitt"]
    assert all(one["command_description"] for one in api.commands)


async def test_a_menu_that_is_refused_is_asked_for_again(api, http):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    one = made(api, http, menu=True)
    one._pause = pause
    api.fail(200, 2)
    await one.show_menu(menus("en"))
    assert pauses == [1.0, 2.0]
    assert api.commands


async def test_a_burst_does_not_go_beyond_the_budget(api, http):
    budget = {"prices": {"DE": 0.05}, "monthly_budget": {"amount": 1.0, "currency": "EUR"}}
    whatsapp = made(api, http, **budget)
    burst = await asyncio.gather(*(whatsapp.send(to_anna(spent=0.85)) for _ in range(8)))
    assert [isinstance(one, Sent) for one in burst].count(True) == 3, "all were claimed when 0.85 were spent"
    assert len(api.taken) == 3


async def test_a_message_that_was_refused_leaves_its_room_to_the_next(api, http):
    budget = {"prices": {"DE": 0.05}, "monthly_budget": {"amount": 1.0, "currency": "EUR"}}
    whatsapp = made(api, http, **budget)
    api.fail(131026)
    assert isinstance(await whatsapp.send(to_anna(spent=0.95)), Reject)
    assert isinstance(await whatsapp.send(to_anna(spent=0.95)), Sent)
    assert await whatsapp.send(to_anna(spent=0.95)) == Reject("the monthly budget of 1 EUR is spent", unpaid=True)


@pytest.mark.parametrize(
    ("pricing", "cost"),
    [
        ({"billable": True, "pricing_model": "PMP", "category": "utility"}, (0.05, "EUR")),
        ({"billable": True, "pricing_model": "PMP", "category": "service"}, (0.02, "EUR")),
        ({"billable": False, "pricing_model": "PMP", "category": "service"}, (0.0, "")),
        (None, (0.05, "EUR")),
    ],
    ids=["a template", "an answer", "free", "not said"],
)
async def test_what_arrived_after_all_costs_what_meta_bills(api, http, pricing, cost):
    prices = {"DE": {"utility": 0.05, "service": 0.02}}
    whatsapp = made(api, http, prices=prices, monthly_budget={"amount": 1.0, "currency": "EUR"})
    await whatsapp.send(to_anna())
    more = {} if pricing is None else {"pricing": pricing}
    (told,) = whatsapp.hook(api.status("delivered", api.taken[0], **more)).receipts
    assert (told.outcome.cost, told.outcome.currency) == cost

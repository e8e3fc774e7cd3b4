"""Calls: what is read aloud, which keys do what, how a call ended, and what works without an address of our own."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from deliveries import T0, delivery
from fake_twilio import PUBLIC, FakeTwilio, signed, spoken

from alertd.messengers.call import Call, CallSettings
from alertd.messengers.call import spoken as aloud
from alertd.messengers.call_words import WORDS
from alertd.model import Button, Channel, Kind, Receipt, Reject, Retry, Sent, Unsure

ANNA = "+4915112345678"
TEXT = "Fever – Berta (DE 09 12300421): 40.1 °C since 02:10.\nLook at her.\nA-217"
BUTTONS = (Button("Take it", "ack:m1"), Button("Snooze 2 h", "snz:m1"))


@pytest.fixture
async def api():
    async with FakeTwilio() as api:
        yield api


def made(api, http, public_url=PUBLIC, **facts):
    return Call(CallSettings.model_validate(api.written(**facts)), http, lambda: T0, public_url=public_url, timeout=1.5)


@pytest.fixture
def call(api, http):
    return made(api, http)


def to_anna(text=TEXT, **facts):
    return delivery(text, **({"channels": (Channel("call", ANNA),), "buttons": BUTTONS, "critical": True} | facts))


async def test_the_alert_is_read_twice_and_keys_are_offered(call, api):
    assert await call.send(to_anna()) == Sent(f"CA{1:032x}")
    alert = "Fever, Berta, DE 09 12300421: 40.1 degrees since 02:10. Look at her. A 217"
    said = [words for _, words in spoken(api.taken[0])]
    assert said == [
        "An alert from your farm.",
        *[alert, "Press 1 to take it. Press 2 to pass it on."] * 2,
        "Goodbye.",
    ]
    gather = ET.fromstring(api.taken[0]["Twiml"]).find("Gather")
    assert gather.attrib["numDigits"] == "1"
    assert gather.attrib["action"] == api.taken[0]["StatusCallback"] == f"{PUBLIC}/hooks/call?m=m1&l=en"


@pytest.mark.parametrize("language", [*WORDS, "xx"])
async def test_it_speaks_the_language_of_the_person(call, api, language):
    await call.send(to_anna(language=language))
    voice = WORDS.get(language, WORDS["en"]).voice
    assert {one for one, _ in spoken(api.taken[0])} == {voice}


async def test_without_an_address_of_our_own_it_only_reads(api, http):
    call = made(api, http, public_url=None)
    assert call.hook is None
    assert (call.abilities.buttons, call.abilities.inbound, call.abilities.receipts) == (0, False, False)
    await call.send(to_anna())
    assert "<Gather" not in api.taken[0]["Twiml"]
    assert "StatusCallback" not in api.taken[0]
    assert (await call.check()).endswith("keys are not heard without web.public_url: it reads aloud only")


async def test_what_is_no_alert_offers_no_keys(call, api):
    await call.send(to_anna("The broker is gone.", kind=Kind.OPERATOR, buttons=()))
    assert "<Gather" not in api.taken[0]["Twiml"]


@pytest.mark.parametrize("kind", [Kind.RESOLVE, Kind.TAKEN, Kind.DIGEST, Kind.DUTY])
async def test_good_news_wakes_nobody_who_can_be_written_to(call, api, kind):
    both = (Channel("call", ANNA), Channel("sms", ANNA))
    assert await call.send(to_anna(kind=kind, channels=both)) == Reject("not worth a call")
    assert isinstance(await call.send(to_anna(kind=kind)), Sent), "it is the only way to tell them"


@pytest.mark.parametrize(
    "text", ["<Hangup/> & \" ' ]]>", "\x00\x1b[2J\ud800", "x" * 9000, "&" * 9000, "שלום", "🐄", "", "_*`"]
)
async def test_any_text_can_be_read(call, api, text):
    assert isinstance(await call.send(to_anna(f"{text}\nA-217")), Sent)
    assert all("A 217" in words for _, words in spoken(api.taken[0])[1::2][:1])


def key(api, digits, **fields):
    form = api.taken[0]
    return signed(
        form["StatusCallback"], {"CallSid": form["sid"], "To": ANNA, "From": "+49", "Digits": digits} | fields
    )


@pytest.mark.parametrize(("digits", "data"), [("1", "ack:m1"), ("2", "esc:m1")])
async def test_a_key_is_a_press(call, api, digits, data):
    await call.send(to_anna(language="de"))
    heard = call.hook(key(api, digits))
    (press,) = heard.updates
    assert (press.address, press.sender, press.data, press.text) == (ANNA, ANNA, data, "")
    assert press.callback, "it is answered in the call, not by another one"
    assert "notiert" in heard.answer.body.decode()
    assert call.hook(key(api, digits)).updates[0].id == press.id


async def test_another_key_asks_again(call, api):
    await call.send(to_anna())
    for digits in ("7", "*", ""):
        heard = call.hook(key(api, digits))
        assert not heard.updates
        assert ET.fromstring(heard.answer.body).find("Gather") is not None


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"CallStatus": "completed"}, Sent(f"CA{1:032x}")),
        ({"CallStatus": "busy"}, Retry("the line is busy", after=60.0)),
        ({"CallStatus": "no-answer"}, Reject("nobody answered the phone")),
        ({"CallStatus": "canceled"}, Reject("the call was canceled")),
        ({"CallStatus": "failed"}, Reject("the call failed")),
        ({"CallStatus": "failed", "ErrorCode": "21215"}, Reject("the call failed (21215)", ours=True)),
    ],
)
async def test_how_a_call_ended(call, api, fields, outcome):
    await call.send(to_anna())
    heard = call.hook(api.told(api.taken[0], CallSid=api.taken[0]["sid"], **fields))
    assert heard.receipts == [Receipt("m1", "call", outcome, f"CA{1:032x}")]


async def test_a_call_that_rings_says_nothing_yet(call, api):
    await call.send(to_anna())
    for state in ("queued", "ringing", "in-progress", ""):
        assert not call.hook(api.told(api.taken[0], CallSid="CA1", CallStatus=state)).receipts


async def test_nobody_is_believed_without_a_signature(call, api):
    await call.send(to_anna())
    for wrong in (
        replace(key(api, "1"), headers={}),
        signed(key(api, "1").url, {"Digits": "1", "To": ANNA}, token="x"),
    ):
        heard = call.hook(wrong)
        assert (heard.answer.status, heard.updates) == (403, ())


@pytest.mark.parametrize("fault", ["timeout", "cut"])
async def test_an_answer_that_is_lost_is_unsure(call, api, fault):
    api.fail(fault)
    assert isinstance(await call.send(to_anna()), Unsure)


async def test_errors_are_those_of_the_table(call, api):
    api.fail(21215)
    assert await call.send(to_anna()) == Reject("on demand (21215)", ours=True)
    api.fail(10004)
    assert await call.send(to_anna()) == Retry("on demand (10004)", whole_account=True)


def test_no_word_has_to_be_escaped():
    for words in WORDS.values():
        for text in (words.greeting, words.keys, words.goodbye, *words.done.values()):
            assert not set(text) & set('<>&"')
        assert set(words.done) == {"1", "2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Berta: 40,9 °C seit 02:10.\nA-217", "Berta: 40,9 Grad seit 02:10. A 217"),
        ("Fieber – Berta (DE 09 12300421), dairy", "Fieber, Berta, DE 09 12300421, dairy"),
        ("02:10–02:50 (40 min)", "02:10, 02:50, 40 min"),
        ("3,2 , , 4,5", "3,2, 4,5"),
    ],
)
def test_a_comma_in_a_number_is_no_pause(text, said):
    assert aloud(text, WORDS["de"]) == said

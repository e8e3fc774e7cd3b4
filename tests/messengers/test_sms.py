"""SMS: what fits into one, every class of error, signed calls, receipts and answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from deliveries import T0, delivery
from fake_twilio import PUBLIC, TOKEN, FakeTwilio, signed
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.messengers import twilio_errors
from alertd.messengers.classes import Class
from alertd.messengers.gsm import GSM, GSM_TWICE, fitted, plain, segments
from alertd.messengers.sms import SEGMENTS, Sms, SmsSettings
from alertd.messengers.twilio_errors import ERRORS
from alertd.model import OBJECT, Channel, Receipt, Reject, Retry, Sent, Unsure
from alertd.seams import MakesLinks

ANNA = "+4915112345678"


@pytest.fixture
async def api():
    async with FakeTwilio() as api:
        yield api


def made(api, http, public_url=PUBLIC, **facts):
    return Sms(SmsSettings.model_validate(api.written(**facts)), http, lambda: T0, public_url=public_url, timeout=1.5)


@pytest.fixture
def sms(api, http):
    return made(api, http)


def to_anna(text="Fever: Berta, 40.1 °C (limit 39.5 °C) since 02:10.\nA-217", **facts):
    return delivery(text, **({"channels": (Channel("sms", ANNA),)} | facts))


async def test_an_alert_is_one_sms_of_the_cheap_alphabet(sms, api):
    assert await sms.send(to_anna()) == Sent(f"SM{1:032x}")
    sent = api.taken[0]
    assert (sent["To"], sent["From"]) == (ANNA, "+4915100000000")
    assert sent["Body"] == "Fever: Berta, 40.1 C (limit 39.5 C) since 02:10.\nA-217"
    assert sent["StatusCallback"] == f"{PUBLIC}/hooks/sms?m=m1"
    assert segments(sent["Body"]) == 1


async def test_without_an_address_of_our_own_it_is_sent_all_the_same(api, http):
    sms = made(api, http, public_url=None)
    await sms.send(to_anna())
    assert "StatusCallback" not in api.taken[0]
    assert (await sms.check()).endswith("answers and receipts need web.public_url")


async def test_a_messaging_service_may_be_the_sender(api, http):
    service = "MG" + "0" * 32
    await made(api, http, **{"from": service}).send(to_anna())
    assert api.taken[0]["MessagingServiceSid"] == service


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("– … · × „Zitat“ ’", '- ... - x "Zitat" \''),
        ("Äpfel, Größe ñ é à", "Äpfel, Größe ñ é à"),
        ("🐄 Berta\u200d ⚠\ufe0f 40 °C", " Berta 40 C"),
        ("Gorączka, żółć, Łódź", "Goraczka, zólc, Lódz".replace("ó", "o")),
        ("ﬁ Ⅳ ½", "fi IV 1/2"),
        ("a\x00b\x1bc\td", "abc d"),
        ("Лихорадка 🐄 40 °C", "Лихорадка 40 °C"),
    ],
)
def test_signs_that_cost_have_a_plain_likeness(text, said):
    assert plain(text) == said


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("Ж" * 70, 1),
        ("Ж" * 71, 2),
        ("Ж" * 134, 2),
        ("🐄" * 35, 1),
        ("", 1),
    ],
)
def test_how_many_sms_a_text_costs(text, count):
    assert segments(text) == count


@settings(deadline=None)
@given(st.text(), st.sampled_from(["", "\nA-217"]))
def test_any_text_fits_and_keeps_the_number_of_its_alert(text, tail):
    short = fitted(plain(text * 40) + tail, SEGMENTS)
    assert segments(short) <= SEGMENTS
    assert short.endswith(tail)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=0x24F)))
def test_latin_text_never_costs_the_dear_alphabet(text):
    said = plain(text)
    assert all(sign in GSM or sign in GSM_TWICE for sign in said) or not text.isascii()
    assert plain(said) == said


EXPECTED = {
    Class.BUSY: Retry("", whole_account=True),
    Class.TRANSIENT: Retry(""),
    Class.GONE: Reject("", gone=True),
    Class.PERSON: Reject(""),
    Class.OURS: Reject("", ours=True),
    Class.ACCOUNT: Retry("", whole_account=True, config=True),
}


@pytest.mark.parametrize("code", list(ERRORS))
async def test_every_documented_error_has_its_outcome_in_the_answer_and_told_later(sms, api, code):
    api.fail(code)
    outcome = await sms.send(to_anna())
    assert replace(outcome, why="") == EXPECTED[ERRORS[code]]
    assert outcome.why == f"on demand ({code})"
    await sms.send(to_anna())
    (receipt,) = sms.hook(
        api.told(api.taken[0], MessageSid="SM1", MessageStatus="failed", ErrorCode=str(code))
    ).receipts
    assert replace(receipt.outcome, why="") == EXPECTED[ERRORS[code]]


def test_no_code_stands_in_two_classes():
    codes = [code for group in twilio_errors.CODES.values() for code in group]
    assert sorted(codes) == sorted(set(codes))


async def test_an_error_nobody_knows_is_judged_by_its_status(sms, api):
    api.fail(99_999)
    assert await sms.send(to_anna()) == Reject("on demand (99999)")


async def test_a_number_that_is_none_goes_to_the_next_channel(sms, api):
    assert isinstance(await sms.send(to_anna(channels=(Channel("sms", "112"),))), Reject)


@pytest.mark.parametrize("fault", ["timeout", "cut"])
async def test_an_answer_that_is_lost_is_unsure_and_a_receipt_settles_it(sms, api, fault):
    api.fail(fault)
    assert isinstance(await sms.send(to_anna()), Unsure)
    heard = sms.hook(api.told(api.taken[0], MessageSid="SM1", MessageStatus="delivered"))
    assert heard.receipts == [Receipt("m1", "sms", Sent("SM1"), "SM1")]
    assert heard.answer.content_type == "text/xml"


async def test_what_is_under_way_says_nothing_yet(sms, api):
    await sms.send(to_anna())
    for state in ("queued", "sending", "accepted", ""):
        assert not sms.hook(api.told(api.taken[0], MessageSid="SM1", MessageStatus=state)).receipts
    (receipt,) = sms.hook(api.told(api.taken[0], MessageSid="SM1", MessageStatus="undelivered")).receipts
    assert receipt.outcome == Reject("undelivered")


def test_what_people_answer_is_heard(sms, api):
    (wrote,) = sms.hook(api.said(ANNA, "ACK A-217 äöü & more")).updates
    assert (wrote.address, wrote.sender, wrote.text) == (ANNA, ANNA, "ACK A-217 äöü & more")
    assert wrote.id == "sms:SMin1"
    assert not sms.hook(api.said(ANNA, "  ")).updates


def test_nobody_is_believed_without_the_signature_of_url_and_fields(sms, api):
    call = api.said(ANNA, "STOP")
    for wrong in (
        replace(call, headers={}),
        replace(call, headers={"X-Twilio-Signature": "ä"}),
        replace(call, body=call.body.replace(b"STOP", b"STAR")),
        replace(call, url="https://other.example/hooks/sms"),
        replace(call, method="GET"),
        replace(call, body=b"a=" + b"x" * 100_000),
        signed(call.url, {"From": ANNA, "Body": "STOP", "MessageSid": "1"}, token="another"),
    ):
        heard = sms.hook(wrong)
        assert (heard.answer.status, heard.updates, heard.receipts) == (403, (), ())
    for noise in (b"\xff\xfe", b"a&b", b"&".join([b"a=1"] * 300)):
        assert sms.hook(replace(call, body=noise)).answer.status == 400


def test_the_signature_of_the_providers_own_example_is_believed(api, http):
    """twilio.com/docs/usage/webhooks/webhooks-security: what their libraries are tested with."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212",
    }  # fmt: skip
    call = replace(signed(url, fields), headers={"X-Twilio-Signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="})
    assert made(api, http, auth_token="12345").hook(call).answer.status == 200


async def test_the_check_names_the_account_or_what_is_wrong(sms, api, http):
    assert await sms.check() == "Hof Lindenau, from +4915100000000"
    with pytest.raises(ConnectionError, match="check account_sid and auth_token"):
        await made(api, http, auth_token="wrong").check()
    api.state = "suspended"
    with pytest.raises(ConnectionError, match="the account is suspended"):
        await sms.check()


async def test_no_secret_is_shown(sms, api, http):
    assert TOKEN not in repr(await made(api, http, account_sid="AC1").send(to_anna()))
    assert "wrong" not in repr(await made(api, http, auth_token="wrong").send(to_anna()))


def test_a_picture_by_mms_is_heard_as_one(api, sms):
    call = signed(f"{PUBLIC}/hooks/sms", {"MessageSid": "MM1", "From": ANNA, "Body": "", "NumMedia": "1"})
    assert [one.text for one in sms.hook(call).updates] == [OBJECT]


async def test_a_link_writes_the_code_to_our_number_where_we_have_one(api, http, sms):
    assert isinstance(sms, MakesLinks)
    number = api.written()["from"]
    assert await sms.join_link("K7Q2-9MXW") == f"sms:{number}?body=JOIN%20K7Q2-9MXW"
    with pytest.raises(ConnectionError, match="no phone number"):
        await made(api, http, **{"from": "Hof"}).join_link("K7Q2-9MXW")

"""Threema: basic and end to end, every status, callbacks, thumbs as buttons."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest
from deliveries import T0, delivery
from hypothesis import given
from hypothesis import strategies as st

from alertd.messengers.threema import STATUSES, Threema, ThreemaSettings
from alertd.model import OBJECT, Button, Channel, Reject, Retry, Sent, Unsure
from alertd.seams import HookCall
from alertd.settings import SecretMissingError

pytest.importorskip("nacl", reason="PyNaCl is not installed (extra threema)")
from fake_threema import PERSON, SECRET, FakeThreema

from alertd.messengers.threema_e2e import EndToEnd

BUTTONS = (Button("Take it", "ack:m1"), Button("Snooze 2 h", "snz:m1"), Button("False alarm", "fa:m1"))


@pytest.fixture
async def api():
    async with FakeThreema() as api:
        yield api


def made(api, http, *, sealed=True, **facts):
    written = {"gateway_id": api.gateway, "secret": SECRET, "api_base": api.base}
    if sealed:
        written["private_key"] = "private:" + bytes(api.ours).hex()
    return Threema(ThreemaSettings.model_validate(written | facts), http, lambda: T0, timeout=1.5)


@pytest.fixture(params=[False, True], ids=["basic", "end-to-end"])
def threema(api, http, request):
    return made(api, http, sealed=request.param)


@pytest.fixture
def sealed(api, http):
    return made(api, http)


def to_anna(text="Fever – Berta\n40.1 °C\nA-217", **facts):
    return delivery(text, **({"channels": (Channel("threema", PERSON),), "buttons": BUTTONS} | facts))


async def test_the_person_reads_what_was_written(threema, api):
    assert await threema.send(to_anna()) == Sent(f"{1:016x}")
    assert api.read() == ["Fever – Berta\n40.1 °C\nA-217"]


async def test_a_key_is_looked_up_once_and_no_two_boxes_are_alike(sealed, api):
    for _ in range(2):
        await sealed.send(to_anna())
    assert api.lookups == 1
    assert api.taken[0]["nonce"] != api.taken[1]["nonce"]
    assert api.taken[0]["box"] != api.taken[1]["box"]


async def test_a_resolve_quotes_its_alert(sealed, api):
    first = await sealed.send(to_anna())
    await sealed.send(to_anna("now normal", reply_to=first.ref))
    assert api.read()[1] == f"> quote #{first.ref}\n\nnow normal"


@pytest.mark.parametrize("text", ["x" * 9000, "🐄" * 3000, "ä" * 1750, "\ud800"])
async def test_any_text_fits_and_keeps_its_number(threema, api, text):
    assert isinstance(await threema.send(to_anna(f"{text}\nA-217")), Sent)
    assert api.read()[0].endswith("A-217")


@pytest.mark.parametrize("status", STATUSES)
async def test_every_documented_status_has_its_outcome(threema, api, status):
    api.fail(status)
    assert await threema.send(to_anna()) == STATUSES[status]
    assert not api.taken


@pytest.mark.parametrize("fault", ["timeout", "cut", "garbage", 502])
async def test_an_answer_that_is_lost_is_unsure(threema, api, fault):
    api.fail(fault)
    assert isinstance(await threema.send(to_anna()), Unsure)


async def test_somebody_who_is_not_there_is_refused(threema):
    assert isinstance(await threema.send(to_anna(channels=(Channel("threema", "ZZZZ9999"),))), Reject)


async def test_a_look_up_that_fails_has_sent_nothing(api, http):
    nobody = made(api, http, api_base="http://127.0.0.1:9")
    assert isinstance(await nobody.send(to_anna()), Retry)
    assert (await made(api, http, secret="wrong").send(to_anna())).config
    assert not api.taken


async def test_basic_mode_hears_nobody(api, http):
    basic = made(api, http, sealed=False)
    assert (basic.hook, basic.abilities.inbound, basic.abilities.authenticates) == (None, False, False)
    assert made(api, http).abilities.authenticates


async def test_what_people_write_is_heard(sealed, api):
    await sealed.send(to_anna())
    (said,) = sealed.hook(api.said("OK")).updates
    assert (said.address, said.sender, said.name, said.text) == (PERSON, PERSON, "Anna", "OK")
    assert said.id == f"threema:{1:016x}"
    (quoted,) = sealed.hook(api.said(f"> quote #{1:016x}\n\nFALSE")).updates
    assert (quoted.text, quoted.ref) == ("FALSE", f"{1:016x}")


async def test_the_thumbs_are_the_buttons_of_their_message(sealed, api):
    ref = (await sealed.send(to_anna())).ref
    (up,) = sealed.hook(api.thumb(3, ref)).updates
    (down,) = sealed.hook(api.thumb(4, ref)).updates
    assert [(one.data, one.text, one.ref) for one in (up, down)] == [("ack:m1", "", ref), ("fa:m1", "", ref)]
    assert sealed.hook(api.thumb(1, ref)).updates == []
    assert sealed.hook(api.thumb(2, ref)).updates == []


async def test_the_thumb_under_a_message_from_before_a_restart_is_the_bare_word(sealed, api):
    await sealed.send(to_anna())
    first, second = sealed.hook(api.thumb(3, "aa" * 8, "bb" * 8)).updates
    assert (first.text, first.data, second.text) == ("OK", "", "OK")
    assert first.id != second.id


async def test_who_writes_first_is_heard_when_their_key_is_known_and_threema_brings_it_again_if_not(sealed, api):
    call = api.said("JOIN K7Q2-9MXW")
    first = sealed.hook(call)
    assert (first.answer.status, first.updates) == (503, ())
    async with asyncio.timeout(30):
        (looked_up,) = await anext(sealed.inbound(""))
    (again,) = sealed.hook(call).updates
    assert looked_up == again
    assert again.text == "JOIN K7Q2-9MXW"


async def test_nobody_is_believed_without_the_mac(sealed, api):
    await sealed.send(to_anna())
    call = api.said("STOP")
    fields = dict(parse_qsl(call.body.decode()))
    changed = [fields | {name: fields[name][::-1] or "x"} for name in ("from", "messageId", "nonce", "box", "mac")]
    bodies = [urlencode(one).encode() for one in changed]
    for wrong in (api.said("STOP", secret="another"), *(replace(call, body=body) for body in bodies)):
        heard = sealed.hook(wrong)
        assert (heard.answer.status, heard.updates) == (403, ())
    assert sealed.hook(replace(call, body=b"\xff")).answer.status == 400
    assert sealed.hook(replace(call, body=b"a=1&" * 10_000)).answer.status == 413


@given(st.binary(max_size=60))
def test_no_box_makes_reading_raise(content):
    api = FakeThreema()
    boxes = EndToEnd(bytes(api.ours).hex(), SECRET, lambda: T0)
    boxes.learn(PERSON, bytes(api.theirs.public_key).hex())
    assert boxes(api.call(content)).answer.status == 200
    boxes.read({"from": PERSON, "nonce": content.hex(), "box": content.hex(), "date": "9" * 40})


@given(st.binary(max_size=200))
def test_no_call_makes_the_hook_raise(body):
    boxes = EndToEnd("11" * 32, SECRET, lambda: T0)
    assert boxes(HookCall("POST", "", {}, {}, body)).answer.status in (400, 403)


async def test_a_private_key_that_is_none_is_named(api, http):
    with pytest.raises(SecretMissingError, match=r"private_key: must be 64 hexadecimal digits"):
        made(api, http, private_key="secret-but-short")


async def test_the_check_names_us_or_what_is_wrong(threema, api, http):
    assert await threema.check() == "*ALERTDX"
    with pytest.raises(ConnectionError, match="secret is wrong"):
        await made(api, http, secret="wrong").check()
    api.credits = 0
    with pytest.raises(ConnectionError, match="no credits"):
        await threema.check()


async def test_no_secret_is_shown(threema, api):
    for fault in (401, "cut", "timeout"):
        api.fail(fault)
        assert SECRET not in repr(await threema.send(to_anna()))


async def test_a_voice_message_is_heard_as_one(sealed, api):
    await sealed.send(to_anna())
    assert [one.text for one in sealed.hook(api.call(b"\x17{}")).updates] == [OBJECT]
    assert not sealed.hook(api.call(b"\x90\x01")).updates, "typing says nothing"

"""Signal by signal-cli: every failure, the stream of events, thumbs as buttons."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from deliveries import T0, delivery
from fake_signal import ANNA, AT, FakeSignal, envelope
from hypothesis import given
from hypothesis import strategies as st

from alertd.messengers.signal_cli import Signal, SignalSettings
from alertd.messengers.signal_errors import CODES, RESULTS
from alertd.messengers.signal_inbound import read_event
from alertd.messengers.thumbs import Thumbs
from alertd.model import OBJECT, Button, Channel, Reject, Retry, Sent, Unsure

BUTTONS = (Button("Take it", "ack:m1"), Button("Snooze 2 h", "snz:m1"), Button("False alarm", "fa:m1"))


@pytest.fixture
async def api():
    async with FakeSignal() as api:
        yield api


def made(api, http, account="", pause=asyncio.sleep):
    settings = SignalSettings(api_base=api.base + "/", account=account or api.account)
    return Signal(settings, http, lambda: T0, timeout=2, pause=pause)


@pytest.fixture
def signal(api, http):
    return made(api, http)


def to_anna(text="Fever – Berta\nA-217", **facts):
    return delivery(text, **({"channels": (Channel("signal", ANNA),), "buttons": BUTTONS} | facts))


async def test_a_message_arrives_and_its_resolve_quotes_it(signal, api):
    first = await signal.send(to_anna())
    assert first == Sent(str(AT + 1))
    await signal.send(to_anna("now normal", reply_to=first.ref))
    assert [one["message"] for one in api.taken] == ["Fever – Berta\nA-217", "now normal"]
    assert (api.taken[1]["quoteTimestamp"], api.taken[1]["quoteAuthor"]) == (AT + 1, api.account)


async def test_a_long_message_is_cut_and_keeps_its_number(signal, api):
    await signal.send(to_anna("x" * 9000 + "\nA-217"))
    assert len(api.taken[0]["message"]) == 2000
    assert api.taken[0]["message"].endswith("\nA-217")


@pytest.mark.parametrize("kind", sorted(set(RESULTS) - {"PROOF_REQUIRED_FAILURE"}))
async def test_every_type_of_a_failed_result_has_its_outcome(signal, api, kind):
    api.fail({"type": kind})
    assert await signal.send(to_anna()) == RESULTS[kind]
    assert not api.taken


async def test_signal_asks_for_a_pause_or_a_captcha(signal, api):
    api.fail({"type": "RATE_LIMIT_FAILURE", "retryAfterSeconds": 60})
    assert await signal.send(to_anna()) == replace(RESULTS["RATE_LIMIT_FAILURE"], after=60.0)
    api.fail({"type": "RATE_LIMIT_FAILURE", "retryAfterSeconds": 86400, "token": "4cbc"})
    assert await signal.send(to_anna()) == replace(RESULTS["PROOF_REQUIRED_FAILURE"], after=86400.0)


async def test_a_failure_nobody_knows_goes_to_the_next_channel(signal, api):
    api.fail({"type": "SOMETHING_NEW"})
    assert await signal.send(to_anna()) == Reject("not sent: SOMETHING_NEW")


@pytest.mark.parametrize("code", CODES)
async def test_every_json_rpc_code_has_its_outcome(signal, api, code):
    api.fail(code)
    assert await signal.send(to_anna()) == CODES[code]


@pytest.mark.parametrize("fault", ["timeout", "cut"])
async def test_an_answer_that_is_lost_is_unsure(signal, api, fault):
    api.fail(fault)
    assert isinstance(await signal.send(to_anna()), Unsure)


async def test_an_account_that_is_not_there_is_ours_to_mend(api, http):
    outcome = await made(api, http, "+4915199999999").send(to_anna())
    assert isinstance(outcome, Retry)
    assert outcome.config


async def heard(signal, api, *doing, count=1):
    """Listen, let people do something, return what was heard."""
    found = []
    async with aclosing(signal.inbound("")) as inbound:
        first = asyncio.ensure_future(anext(inbound))
        async with asyncio.timeout(30):
            while not api.listeners:
                await asyncio.sleep(0)
            for one in doing:
                await api.event(one)
            found += await first
            while len(found) < count:
                found += await anext(inbound)
    return found


async def test_what_people_write_is_heard(signal, api):
    typing = {"envelope": {"sourceNumber": ANNA, "timestamp": AT, "typingMessage": {"action": "STARTED"}}}
    own = envelope(api.account, {"message": "from ourselves"})
    (said,) = await heard(signal, api, typing, own, None, {"params": envelope(ANNA, {"message": "OK"})})
    assert (said.address, said.sender, said.name, said.text) == (ANNA, ANNA, "Anna", "OK")
    assert said.id == f"signal:{ANNA}:{AT}"


GROUP = "0Dhb4pJ6sRZqGKYdXcpFVBiCkJ2aBvYb0yRrVgHcUXQ="


async def test_a_familys_group_is_one_channel(signal, api):
    sent = await signal.send(to_anna(channels=(Channel("signal", GROUP),)))
    assert isinstance(sent, Sent)
    assert api.taken[0]["groupId"] == [GROUP]
    assert "recipient" not in api.taken[0]
    odd = envelope(ANNA, {"message": "OK", "groupInfo": {}})
    (said,) = await heard(signal, api, odd, envelope(ANNA, {"message": "LIST", "groupInfo": {"groupId": GROUP}}))
    assert (said.address, said.sender, said.text) == (GROUP, ANNA, "LIST")


async def test_thumbs_are_the_buttons_of_their_message_and_bare_words_after_a_restart(signal, api):
    ref = int((await signal.send(to_anna())).ref)

    def reaction(emoji, target, **more):
        told = {"emoji": emoji, "targetAuthor": api.account, "targetSentTimestamp": target} | more
        return envelope(ANNA, {"message": None, "reaction": told})

    found = await heard(
        signal,
        api,
        reaction("\U0001f602", ref),
        reaction("\U0001f44d", ref, isRemove=True),
        reaction("\U0001f44d\U0001f3fd", ref),
        reaction("\U0001f44e", ref),
        reaction("\U0001f44d", 1),
        count=3,
    )
    assert [(one.data, one.text, one.ref) for one in found] == [
        ("ack:m1", "", str(ref)),
        ("fa:m1", "", str(ref)),
        ("", "OK", "1"),
    ]


async def test_a_thumb_under_what_somebody_else_wrote_takes_no_alert(signal, api):
    group = {"groupInfo": {"groupId": GROUP}}

    def reaction(author):
        told = {"emoji": "\U0001f44d", "targetSentTimestamp": 1} | author
        return envelope(ANNA, {"message": None, "reaction": told} | group)

    others, ours = {"targetAuthor": "+4915199999999"}, {"targetAuthor": "a-uuid", "targetAuthorNumber": api.account}
    (found,) = await heard(signal, api, reaction(others), reaction({}), reaction(ours))
    assert (found.text, found.sender) == ("OK", ANNA)


async def test_a_stream_that_breaks_is_taken_up_again(api, http):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            await api.up()

    signal = made(api, http, pause=pause)
    async with aclosing(signal.inbound("")) as inbound:
        listening = asyncio.ensure_future(anext(inbound))
        async with asyncio.timeout(20):
            while not api.listeners:
                await asyncio.sleep(0)
            await api.down()
            while not api.listeners:
                await asyncio.sleep(0)
            await api.say(ANNA, "still here")
            (said,) = await listening
    assert said.text == "still here"
    assert pauses[:3] == [1.0, 2.0, 4.0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON, st.integers(0))
def test_no_event_makes_reading_raise(one, other, stamp):
    read_event(one, "+49", Thumbs(), T0)
    read_event({"envelope": {"sourceNumber": one, "timestamp": stamp, "dataMessage": other}}, "+49", Thumbs(), T0)
    message = {"message": one, "reaction": {"emoji": "x", "targetSentTimestamp": stamp, "isRemove": other}}
    read_event({"envelope": {"sourceNumber": "+1", "timestamp": stamp, "dataMessage": message}}, "+49", Thumbs(), T0)


async def test_the_check_names_our_number_or_what_is_wrong(signal, api, http):
    assert await signal.check() == api.account
    with pytest.raises(ConnectionError, match="register or link it"):
        await made(api, http, "+4915199999999").check()
    await api.down()
    with pytest.raises(ConnectionError, match="is signal-cli's daemon running"):
        await signal.check()
    await api.up()


async def test_what_a_text_quotes_is_named(signal, api):
    told = {"message": "OK", "quote": {"id": 1_795_000_000_001, "author": api.account, "text": "Fever"}}
    (heard_,) = await heard(signal, api, envelope(ANNA, told))
    assert (heard_.text, heard_.ref) == ("OK", "1795000000001")


async def test_a_voice_message_is_heard_as_one(signal, api):
    empty = envelope(ANNA, {"message": None})
    voice = envelope(ANNA, {"message": None, "attachments": [{"contentType": "audio/aac"}]})
    (heard_,) = await heard(signal, api, empty, voice)
    assert heard_.text == OBJECT

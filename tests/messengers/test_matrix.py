"""Matrix: transactions, every error code, joining, what a sync brings, thumbs as buttons."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from deliveries import T0, delivery
from fake_matrix import ALIAS, ANNA, BEN, ME, ROOM, TOKEN, FakeMatrix
from hypothesis import given
from hypothesis import strategies as st

from alertd.messengers.exchange import Answer
from alertd.messengers.matrix import Matrix, MatrixSettings
from alertd.messengers.matrix_errors import ERRORS, outcome
from alertd.messengers.matrix_inbound import invited, spoken, updates
from alertd.messengers.thumbs import Thumbs
from alertd.model import OBJECT, Button, Channel, Reject, Retry, Sent

BUTTONS = (Button("Take it", "ack:m1"), Button("Snooze 2 h", "snz:m1"), Button("False alarm", "fa:m1"))


@pytest.fixture
async def api():
    async with FakeMatrix() as api:
        api.members.add(ME)
        yield api


def made(api, http, token=TOKEN, pause=asyncio.sleep):
    settings = MatrixSettings.model_validate({"homeserver": api.base + "/", "token": token})
    return Matrix(settings, http, lambda: T0, timeout=2, poll_seconds=5, pause=pause)


@pytest.fixture
def matrix(api, http):
    return made(api, http)


def to_room(text="Fever – Berta\nA-217", room=ROOM, **facts):
    return delivery(text, **({"channels": (Channel("matrix", room),), "buttons": BUTTONS} | facts))


async def test_a_message_arrives_and_its_resolve_answers_it(matrix, api):
    first = await matrix.send(to_room())
    assert first == Sent("$out0")
    await matrix.send(to_room("now normal", reply_to=first.ref, key="k2"))
    assert [one["body"] for one in api.taken] == ["Fever – Berta\nA-217", "now normal"]
    assert api.taken[1]["m.relates_to"] == {"m.in_reply_to": {"event_id": "$out0"}}


@pytest.mark.parametrize("fault", ["timeout", "cut"])
async def test_a_lost_answer_is_asked_for_again_and_told_once(matrix, api, fault):
    api.fail(fault)
    first = await matrix.send(to_room())
    assert isinstance(first, Retry) or fault == "cut"  # aiohttp asks again by itself where a PUT was cut off
    assert await matrix.send(replace(to_room(), attempt=2)) == Sent("$out0")
    assert len(api.taken) == 1
    assert api.puts >= 2


@pytest.mark.parametrize("code", sorted(set(ERRORS) - {"M_FORBIDDEN"}))
async def test_every_error_code_has_its_outcome(matrix, api, code):
    api.fail(code)
    found = await matrix.send(to_room())
    after = 7.0 if code == "M_LIMIT_EXCEEDED" else None
    wanted = replace(ERRORS[code], why=f"on demand ({code})")
    assert found == (replace(wanted, after=after) if isinstance(wanted, Retry) else wanted)


def test_the_older_way_to_ask_for_a_pause_is_understood():
    answer = Answer(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500})
    assert outcome(answer).after == 2.5


async def test_a_room_to_which_we_are_invited_is_joined_to_be_written_to(matrix, api):
    api.members.discard(ME)
    assert isinstance(await matrix.send(to_room()), Sent)
    api.members.discard(ME)
    api.invited = False
    assert isinstance(await matrix.send(to_room(key="k2")), Reject)


async def test_a_room_may_be_named_by_its_alias(matrix, api):
    assert isinstance(await matrix.send(to_room(room=ALIAS)), Sent)
    (said,) = await heard(matrix, api, lambda: api.say(ANNA, "OK"))
    assert said.address == ALIAS


async def test_a_person_is_no_room(matrix):
    assert await matrix.send(to_room(room=ANNA)) == Reject("a channel is a room, not a person")


async def heard(matrix, api, do, position="s0"):
    do()
    async with aclosing(matrix.inbound(position)) as inbound, asyncio.timeout(30):
        return await anext(inbound)


async def test_in_a_room_with_one_person_the_room_is_that_person(matrix, api):
    (said,) = await heard(matrix, api, lambda: api.say(ANNA, "OK"))
    assert (said.address, said.sender, said.text, said.id) == (ROOM, ROOM, "OK", "matrix:$in0")
    assert said.position == "s1"


async def test_in_a_room_with_several_who_wrote_is_who_answers(matrix, api):
    api.members.add(BEN)

    def talk():
        api.say(ME, "from ourselves")
        api.say(ANNA, "OK")
        api.say(BEN, "> <@alertd> 40.1\n> A-217\n\nFALSE", **{"m.relates_to": {"m.in_reply_to": {"event_id": "$out0"}}})
        api.say(BEN, "* LIST", **{"m.relates_to": {"rel_type": "m.replace", "event_id": "$in1"}})
        api.event(BEN, "m.room.message", {"msgtype": "m.image", "body": "cow.jpg"})

    found = await heard(matrix, api, talk)
    said = [(one.sender, one.text, one.ref, one.position) for one in found]
    assert said == [(ANNA, "OK", "", ""), (BEN, "FALSE", "$out0", ""), (BEN, OBJECT, "", "s5")]


async def test_thumbs_are_the_buttons_of_their_message_and_bare_words_after_a_restart(matrix, api):
    ref = (await matrix.send(to_room())).ref

    def react():
        api.react(ANNA, ref, "\U0001f44d\ufe0f")
        api.react(ANNA, ref, "\U0001f44e\U0001f3fd")
        api.react(ANNA, ref, "\U0001f602")
        api.react(ANNA, "$out-before", "\U0001f44d")

    found = await heard(matrix, api, react)
    assert [(one.data, one.text) for one in found] == [("ack:m1", ""), ("fa:m1", ""), ("", "OK")]


async def test_a_thumb_under_what_somebody_else_wrote_takes_no_alert(matrix, api):
    api.members.add(BEN)

    def talk():
        milked = api.say(BEN, "Berta is milked")
        api.react(ANNA, milked, "\U0001f44d")
        api.react(ANNA, "$forgotten", "\U0001f44e")

    found = await heard(matrix, api, talk)
    assert [(one.sender, one.text, one.data) for one in found] == [(BEN, "Berta is milked", "")]


async def test_the_first_sync_of_all_hears_nothing_old_and_accepts_the_invitation(api, http):
    api.members.discard(ME)
    matrix = made(api, http)
    async with aclosing(matrix.inbound("")) as inbound, asyncio.timeout(30):
        first = asyncio.ensure_future(anext(inbound))
        while ME not in api.members:
            await asyncio.sleep(0)
        api.say(ANNA, "JOIN K7Q2-9MXW")
        (said,) = await first
    assert said.text == "JOIN K7Q2-9MXW"


async def test_trouble_is_waited_out_as_long_as_asked(api, http):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    for code in ("M_LIMIT_EXCEEDED", "M_UNKNOWN_TOKEN", "M_UNKNOWN", "M_UNKNOWN"):
        api.fail(code)
    found = await heard(made(api, http, pause=pause), api, lambda: api.say(ANNA, "HELP"))
    assert [one.text for one in found] == ["HELP"]
    assert pauses == [7.0, 60.0, 4.0, 8.0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON, st.sampled_from(["m.room.message", "m.reaction", "x"]))
def test_no_sync_makes_reading_raise(one, other, kind):
    for rooms in (one, {"join": one}, {"invite": one}, {"join": {ROOM: one}}, {"join": {ROOM: {"timeline": one}}}):
        invited({"rooms": rooms})
        spoken({"rooms": rooms}, ME)
    for content in ({"m.relates_to": one, "body": other}, {"msgtype": "m.text", "body": one, "m.relates_to": other}):
        event = {"event_id": "$1", "sender": ANNA, "type": kind, "content": content, "origin_server_ts": one}
        list(updates([event, {"type": one}], ROOM, alone=True, thumbs=Thumbs(), now=T0))


async def test_the_check_names_us_or_what_is_wrong(matrix, api, http):
    assert await matrix.check() == ME
    with pytest.raises(ConnectionError, match="the token is wrong"):
        await made(api, http, token="wrong").check()


async def test_no_secret_is_shown(matrix, api):
    for fault in ("M_UNKNOWN_TOKEN", "cut", "timeout"):
        api.fail(fault)
        assert TOKEN not in repr(await matrix.send(to_room()))

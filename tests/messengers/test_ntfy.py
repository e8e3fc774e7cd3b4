"""ntfy: priorities, buttons whose answers come back behind any router, each error code, the stream of answers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from deliveries import T0, delivery
from fake_ntfy import TOKEN, FakeNtfy
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.messengers.ntfy import ERRORS, Ntfy, NtfySettings
from alertd.messengers.ntfy_inbound import read
from alertd.model import Button, Channel, Kind, Reject, Retry, Sent, Severity, Unsure

TOPIC = "hof-7GkQ2x"
BUTTONS = (
    Button("Take it", "ack:m1"),
    Button("Snooze 2 h", "snz:m1"),
    Button("False alarm", "fa:m1"),
    Button("x", "y"),
)
PARTS = {"what": "Fever – Berta", "bad": "40.1 °C", "since": "since 02:10", "number": "A-217"}


@pytest.fixture
async def api():
    async with FakeNtfy() as api:
        yield api


class Pauses:
    """The pauses a listener made; they cost no time."""

    def __init__(self) -> None:
        self.made: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.made.append(seconds)
        await asyncio.sleep(0)


def made(api, http, token=TOKEN, addresses=(TOPIC,), pause=None, **facts):
    written = {"url": api.base} | ({"token": token} if token else {}) | facts
    return Ntfy(
        NtfySettings.model_validate(written),
        http,
        lambda: T0,
        addresses=addresses,
        timeout=2,
        pause=pause or Pauses(),
    )


@pytest.fixture
def ntfy(api, http):
    return made(api, http)


def to_anna(text="Fever – Berta\n40.1 °C since 02:10\nA-217", topic=TOPIC, **facts):
    return delivery(
        text, **({"channels": (Channel("ntfy", topic),), "data": {"parts": PARTS}, "buttons": BUTTONS} | facts)
    )


async def hear(ntfy, count, position=""):
    heard = []
    async with asyncio.timeout(30), aclosing(ntfy.inbound(position)) as inbound:
        async for updates in inbound:
            heard.extend(updates)
            if len(heard) >= count:
                break
    return heard


async def test_an_alert_has_a_title_a_priority_and_three_buttons(ntfy, api):
    assert await ntfy.send(to_anna(critical=True)) == Sent("m1")
    sent = api.taken[0]
    assert (sent["title"], sent["priority"], sent["tags"]) == ("Fever – Berta", 5, ["rotating_light"])
    assert sent["message"].endswith("A-217")
    assert [one["label"] for one in sent["actions"]] == ["Take it", "Snooze 2 h", "False alarm"]
    assert sent["actions"][0]["url"] == f"{api.base}/{TOPIC}-answers"


@pytest.mark.parametrize(
    ("facts", "priority", "tags"),
    [
        ({"severity": Severity.WARNING}, 4, ["warning"]),
        ({"severity": Severity.INFO}, 3, ["information_source"]),
        ({"severity": Severity.CRITICAL, "kind": Kind.RESOLVE}, 3, ["white_check_mark"]),
        ({"severity": Severity.CRITICAL, "kind": Kind.REPLY}, 3, []),
        ({"severity": Severity.CRITICAL, "kind": Kind.ESCALATE}, 5, ["rotating_light"]),
    ],
)
async def test_what_wakes_and_what_does_not(ntfy, api, facts, priority, tags):
    await ntfy.send(to_anna(**facts))
    assert (api.taken[0]["priority"], api.taken[0]["tags"]) == (priority, tags)


async def test_the_phone_is_told_the_servers_public_name(api, http):
    ntfy = made(api, http, url="https://ntfy.example", api_base=api.base)
    await ntfy.send(to_anna())
    assert api.taken[0]["actions"][0]["url"] == f"https://ntfy.example/{TOPIC}-answers"


async def test_a_topic_too_long_for_answers_has_no_buttons(ntfy, api):
    assert isinstance(await ntfy.send(to_anna(topic="t" * 60)), Sent)
    assert "actions" not in api.taken[0]


@pytest.mark.parametrize("text", ["x" * 9000, "ü" * 3000, "€" * 3000, "🐄" * 3000, "\ud800", "\x00", ""])
async def test_any_text_fits(ntfy, api, text):
    assert isinstance(await ntfy.send(to_anna(f"{text}\nA-217", data={})), Sent)
    assert api.taken[0]["message"].endswith("A-217")


EXPECTED = ERRORS | (
    {40001: Reject(""), 40401: Reject(""), 41301: Reject(""), 42903: Retry(""), 42904: Retry(""), 42910: Retry("")}
    | {50001: Retry(""), 50002: Retry(""), 50003: Retry("")}
)


@pytest.mark.parametrize("code", EXPECTED)
async def test_every_documented_error_has_its_outcome(ntfy, api, code):
    api.fail(code)
    outcome = await ntfy.send(to_anna())
    assert outcome == replace(EXPECTED[code], why=f"on demand ({code})")


async def test_a_wrong_token_keeps_the_messages_and_is_not_shown(api, http):
    outcome = await made(api, http, token="tk_wrong").send(to_anna())
    assert replace(outcome, why="") == Retry("", whole_account=True, config=True)
    assert "tk_wrong" not in repr(outcome)


@pytest.mark.parametrize("fault", ["timeout", "cut"])
async def test_an_answer_that_is_lost_is_unsure(ntfy, api, fault):
    api.fail(fault)
    assert isinstance(await ntfy.send(to_anna()), Unsure)


async def test_a_pressed_button_comes_back_without_an_address_of_our_own(ntfy, api):
    await ntfy.send(to_anna())
    listening = asyncio.create_task(hear(ntfy, 2))
    await api.press(api.taken[0], 0)
    api.say(f"{TOPIC}-answers", "STATUS Berta")
    press, wrote = await listening
    assert (press.address, press.sender, press.data, press.text) == (TOPIC, TOPIC, "ack:m1", "")
    assert (wrote.data, wrote.text) == ("", "STATUS Berta")
    assert wrote.position == wrote.id.removeprefix("ntfy:")


@pytest.mark.parametrize("data", ["ack:0123456789abcdef01234567", "act:12ab:0123", "yes:0123", "why:limit:217,218"])
async def test_every_button_of_ours_is_heard_as_pressed(ntfy, api, data):
    api.say(f"{TOPIC}-answers", data)
    (press,) = await hear(ntfy, 1)
    assert (press.data, press.text) == (data, "")


async def test_what_was_pressed_while_we_were_away_is_heard_once(ntfy, api):
    first = api.say(f"{TOPIC}-answers", "ACK A-1")
    second = api.say(f"{TOPIC}-answers", "ACK A-2")
    assert [one.text for one in await hear(ntfy, 2)] == ["ACK A-1", "ACK A-2"]
    assert [one.id for one in await hear(ntfy, 1, position=first["id"])] == [f"ntfy:{second['id']}"]
    assert [since for _, since in api.asked] == ["all", first["id"]]


async def test_a_stream_that_ends_goes_on_where_it_was(api, http):
    pauses = Pauses()
    ntfy = made(api, http, pause=pauses)
    api.say(f"{TOPIC}-answers", "one")
    heard = []
    async with asyncio.timeout(30), aclosing(ntfy.inbound("")) as inbound:
        async for updates in inbound:
            heard.extend(update.text for update in updates)
            if len(heard) == 1:
                api.hang_up()
                api.say(f"{TOPIC}-answers", "two")
            else:
                break
    assert heard == ["one", "two"]
    assert api.asked[-1][1] in ("m1", "all")


async def test_one_stream_covers_everybody_and_whoever_is_written_to(api, http):
    ntfy = made(api, http, addresses=("b", "a"))
    await ntfy.send(to_anna(topic="c"))
    api.say("c-answers", "hello")
    api.say("d-answers", "not for us")
    (update,) = await hear(ntfy, 1)
    assert api.asked[0][0] == "a-answers,b-answers,c-answers"
    assert update.address == "c"


@pytest.mark.parametrize(("status", "pauses"), [(401, [60.0, 60.0]), (500, [60.0, 60.0])])
async def test_a_server_that_refuses_is_asked_again_slowly(api, http, status, pauses):
    pause = Pauses()
    ntfy = made(api, http, pause=pause)
    api.deaf = status
    listening = asyncio.create_task(hear(ntfy, 1))
    async with asyncio.timeout(30):
        while len(pause.made) < 2:
            await asyncio.sleep(0)
    assert pause.made[:2] == pauses
    api.deaf = 0
    api.say(f"{TOPIC}-answers", "OK")
    assert [one.text for one in await listening] == ["OK"]


async def test_without_topics_nobody_is_asked(api, http):
    ntfy = made(api, http, addresses=())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(ntfy.inbound(""))
    assert not api.asked


@settings(deadline=None)
@given(
    st.none()
    | st.text(max_size=5)
    | st.fixed_dictionaries(
        {"event": st.just("message")},
        optional={
            "id": st.text(max_size=5) | st.integers(),
            "time": st.integers() | st.floats() | st.none(),
            "topic": st.sampled_from([f"{TOPIC}-answers", "", "-answers"]) | st.lists(st.integers(), max_size=1),
            "message": st.text(max_size=20) | st.none(),
        },
    )
)
def test_nothing_a_stranger_publishes_makes_it_raise(event):
    read(event, T0)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "message", "id": "1", "time": 1, "topic": TOPIC, "message": "no answer topic"},
        {"event": "message", "id": "", "time": 1, "topic": f"{TOPIC}-answers", "message": "x"},
        {"event": "message", "id": "1", "time": 1, "topic": f"{TOPIC}-answers", "message": "  "},
        {"event": "keepalive", "id": "1", "time": 1, "topic": f"{TOPIC}-answers"},
    ],
)
def test_what_is_no_answer_says_nothing(event):
    assert read(event, T0) is None


async def test_the_check_names_server_and_account_or_what_is_wrong(ntfy, api, http):
    assert await ntfy.check() == f"farm at {api.base}"
    assert await made(api, http, token=None).check() == api.base
    with pytest.raises(ConnectionError, match="the token is not accepted"):
        await made(api, http, token="tk_wrong").check()

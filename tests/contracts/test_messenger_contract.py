"""What the courier may rely on, whatever the messenger: one request in, one outcome out, never an exception."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from deliveries import T0, delivery
from fake_telegram import TOKEN
from serving import serving
from stages import load_apprise

from alertd.messengers import MESSENGERS, SETTINGS, build
from alertd.messengers.apprise import Apprise, installed
from alertd.messengers.exchange import Answer, ask, session
from alertd.messengers.facebook import Facebook, FacebookSettings
from alertd.messengers.matrix import Matrix, MatrixSettings
from alertd.messengers.ntfy import Ntfy, NtfySettings
from alertd.messengers.signal_cli import Signal, SignalSettings
from alertd.messengers.telegram import Telegram, TelegramSettings
from alertd.messengers.threema import Threema, ThreemaSettings
from alertd.messengers.webhook import Webhook, WebhookSettings
from alertd.messengers.wechat import WeChat, WeChatSettings
from alertd.messengers.whatsapp import WhatsApp, WhatsAppSettings
from alertd.model import Channel, Delivery, Reject, Retry, Sent, Unsure
from alertd.seams import Place
from alertd.settings import Secret

SHORT, PATIENT = 0.8, 30.0
"""Seconds for a request: where the answer never comes, and where it does, on however busy a machine."""
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # what Python 3.11 says of a shim of Apprise's
WRITTEN: dict[str, dict[str, Any]] = {
    "email": {"url": "smtp://127.0.0.1:25", "from": "a@farm.example"},
    "matrix": {"homeserver": "https://matrix.example", "token": TOKEN},
    "messenger": {"page_id": "1", "token": TOKEN, "app_secret": TOKEN, "verify_token": TOKEN},
    "signal": {"account": "+4915100000000"},
    "call": {"account_sid": "AC1", "auth_token": TOKEN, "from": "+4915100000000"},
    "sms": {"account_sid": "AC1", "auth_token": TOKEN, "from": "+4915100000000"},
    "telegram": {"token": {"env": "TOKEN"}},
    "threema": {"gateway_id": "*ALERTDX", "secret": TOKEN},
    "wechat": {"app_id": "wx1", "app_secret": TOKEN, "template_id": "T1", "token": TOKEN},
    "whatsapp": {
        "phone_number_id": "1",
        "token": TOKEN,
        "app_secret": TOKEN,
        "verify_token": TOKEN,
        "template": "alert",
    },
}
"""What the operator writes at least."""
IDEMPOTENT = {"matrix"}
"""The same attempt again is the same message there: what may have been taken is asked for again."""


class Provider:
    """A server on loopback that answers every request in the way it is told."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.port = 0
        self.http: aiohttp.ClientSession
        self.over = asyncio.Event()
        self.peers: set[int] = set()
        self._answer: Any = None

    def answers(self, how: Any) -> None:
        self._answer = how

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(await request.read())
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername")[1])
        match self._answer:
            case int(status):
                return web.Response(status=status, text="<html>no JSON</html>")
            case "silence":
                await self.over.wait()
            case "cut":
                request.transport.abort()
            case "half":
                whole = web.StreamResponse(status=403, headers={"Content-Length": "1000"})
                await whole.prepare(request)
                await whole.write(b'{"ok":')
                await self.over.wait()
                request.transport.abort()
            case "noise":
                request.transport.write(b"HTTP/9.9 what?\r\n\r\n")  # type: ignore[attr-defined]
                request.transport.close()
        return web.Response()


@pytest.fixture(
    params=[
        "apprise",
        "call",
        "matrix",
        "messenger",
        "ntfy",
        "signal",
        "sms",
        "telegram",
        "threema",
        "webhook",
        "wechat",
        "whatsapp",
    ]
)
async def spoken(request):
    """A messenger that speaks HTTP, its provider, and a delivery for it."""
    if request.param == "apprise" and not installed():
        pytest.skip("the extra apprise is not installed")
    if request.param == "apprise":
        load_apprise()
    provider = Provider()
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", provider.serve)
        provider.port = await stack.enter_async_context(serving(app))
        http = provider.http = await stack.enter_async_context(session())
        stack.callback(provider.over.set)  # the last one in is the first one called
        how = request.node.callspec.params.get("how")
        yield make(request.param, provider.port, http, SHORT if how in ("silence", "half") else PATIENT), provider


def make(name: str, port: int, http: aiohttp.ClientSession, seconds: float = PATIENT) -> tuple[Any, Delivery]:
    base = f"http://127.0.0.1:{port}"
    if name == "telegram":
        settings = TelegramSettings(token=Secret.parse(TOKEN), api_base=base)
        return Telegram(settings, http, lambda: T0, timeout=seconds), delivery(channels=(Channel("telegram", "4711"),))
    if name == "whatsapp":
        settings = WhatsAppSettings.model_validate(WRITTEN["whatsapp"] | {"api_base": base})
        return WhatsApp(settings, http, lambda: T0, timeout=seconds), delivery(
            channels=(Channel(name, "+49151123456"),)
        )
    if name == "messenger":
        page = FacebookSettings.model_validate(WRITTEN[name] | {"api_base": base})
        return Facebook(page, http, lambda: T0, timeout=seconds), delivery(channels=(Channel(name, "24681357"),))
    if name == "matrix":
        server = MatrixSettings.model_validate(WRITTEN[name] | {"homeserver": base})
        return Matrix(server, http, lambda: T0, timeout=seconds), delivery(channels=(Channel(name, "!room:server"),))
    if name == "signal":
        account = SignalSettings.model_validate(WRITTEN[name] | {"api_base": base})
        return Signal(account, http, lambda: T0, timeout=seconds), delivery(channels=(Channel(name, "+49151123456"),))
    if name == "wechat":
        official = WeChatSettings.model_validate(WRITTEN[name] | {"api_base": base})
        one = WeChat(official, http, lambda: T0, timeout=seconds)
        one._token, one._token_ends = "a token it has already", 2 * T0
        return one, delivery(channels=(Channel(name, "oAnna"),))
    if name == "threema":
        gateway = ThreemaSettings.model_validate(WRITTEN[name] | {"api_base": base})
        return Threema(gateway, http, lambda: T0, timeout=seconds), delivery(channels=(Channel(name, "ABCD1234"),))
    if name == "ntfy":
        return Ntfy(NtfySettings(url=base, token=Secret.parse(TOKEN)), http, lambda: T0, timeout=seconds), delivery(
            channels=(Channel(name, "hook"),)
        )
    if name in ("call", "sms"):
        settings = SETTINGS[name].model_validate(WRITTEN[name] | {"api_base": base})
        return MESSENGERS[name](settings, http, lambda: T0, timeout=seconds), delivery(
            channels=(Channel(name, "+49151123456"),)
        )
    if name == "apprise":
        return Apprise(timeout=2 * seconds), delivery(channels=(Channel(name, f"json://127.0.0.1:{port}/hook"),))
    messenger = Webhook(WebhookSettings(secret=Secret.parse("s")), http, timeout=seconds)
    return messenger, delivery(channels=(Channel("webhook", f"{base}/hook"),))


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (429, Retry),
        (500, Retry),
        (503, Retry),
        (400, Reject),
        (403, Reject),
        (410, Reject),
        (422, Reject),
        (502, Unsure),
        (504, Unsure),
        ("silence", Unsure),
        ("cut", Unsure),
        ("noise", Unsure),
        ("half", Reject),
    ],
)
async def test_each_way_of_failing_has_its_outcome(spoken, how, expected) -> None:
    (messenger, attempt), provider = spoken
    provider.answers(how)

    outcome = await messenger.send(attempt)

    if messenger.name in IDEMPOTENT and expected is Unsure:
        expected = Retry
    if messenger.name == "apprise" and how == "half":
        expected = Unsure  # the library says nothing of a status whose body it could not read
    assert isinstance(outcome, expected), outcome
    assert len(provider.requests) == 1 or messenger.name in IDEMPOTENT, "a messenger never retries"


@pytest.mark.parametrize("how", [400, 429, 500, 502, "silence", "cut", "noise"])
async def test_what_follows_a_text_fails_without_an_exception(spoken, how) -> None:
    (messenger, attempt), provider = spoken
    provider.answers(how)
    attempt = replace(attempt, heard=T0 - 1)

    outcomes = []
    if messenger.abilities.pictures:
        outcomes.append(await messenger.show(attempt, b"\x89PNG", "1"))
    if messenger.abilities.places:
        outcomes.append(await messenger.locate(attempt, Place(53.1, 12.6, "Berta", "02:10"), "1"))

    assert all(isinstance(one, Retry | Reject | Unsure) for one in outcomes), outcomes
    assert TOKEN not in repr(outcomes)
    assert len(provider.requests) <= len(outcomes) or messenger.name in IDEMPOTENT, "nothing is repeated"


async def test_nobody_listening_is_not_taken(spoken) -> None:
    (messenger, _), provider = spoken
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        _, attempt = make(messenger.name, taken.getsockname()[1], provider.http)
        messenger, _ = make(messenger.name, taken.getsockname()[1], provider.http)
        outcome = await messenger.send(attempt)

    assert isinstance(outcome, Retry), outcome


async def test_every_message_has_a_connection_of_its_own(spoken) -> None:
    (messenger, attempt), provider = spoken
    provider.answers(429)
    await messenger.send(attempt)
    await messenger.send(attempt)

    assert len(provider.peers) == 2, "one left over from before may be dead, and would lose the message without a trace"


class Wordless(asyncio.Protocol):
    """A server as signal-cli's: it does not say that it closes, and a second request on a connection is cut off."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.asked = transport, 0

    def data_received(self, data: bytes) -> None:
        self.asked += data.count(b"POST ")
        if self.asked > 1:
            self.transport.abort()
        elif b"POST " in data:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-length: 2\r\n\r\n{}")


async def test_a_server_that_closes_without_a_word_loses_no_message() -> None:
    server = await asyncio.get_running_loop().create_server(Wordless, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, session() as http:
        answers = [await ask(http, url, b"{}") for _ in range(3)]
    assert all(isinstance(one, Answer) for one in answers), answers


@pytest.mark.parametrize("how", [400, 401, 500, 502, "silence", "cut", "noise"])
async def test_no_outcome_shows_a_secret(spoken, how) -> None:
    (messenger, attempt), provider = spoken
    provider.answers(how)
    outcome = await messenger.send(attempt)
    assert TOKEN not in repr(outcome)
    assert "/hook" not in repr(outcome)


@pytest.mark.parametrize("text", ["\ud800", "<b>&", "x" * 200_000, "\x00\x1b[2J", "שלום", "🐄" * 5000])
async def test_no_text_makes_a_messenger_raise(spoken, text) -> None:
    (messenger, _), provider = spoken
    provider.answers(403)
    _, attempt = make(messenger.name, provider.port, provider.http)
    attempt.message.text = text

    assert isinstance(await messenger.send(attempt), Reject)
    assert len(provider.requests) == 1


async def test_the_console_prints_what_it_is_given(capsys) -> None:
    async with session() as http:
        console = build("console", SETTINGS["console"](), http, lambda: T0)
        outcome = await console.send(delivery("Berta: 40.1 °C\x1b[2J\nA-217", channels=(Channel("console", "barn"),)))

    printed = capsys.readouterr().out
    assert outcome == Sent()
    assert "Berta: 40.1 °C[2J\nA-217\n" in printed
    assert "barn" in printed


@pytest.mark.parametrize("name", MESSENGERS)
async def test_every_messenger_is_built_from_its_settings(name, monkeypatch) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    written = WRITTEN.get(name, {})
    async with session() as http:
        messenger = build(name, SETTINGS[name].model_validate(written), http, lambda: T0)

    assert messenger.name == name
    assert messenger.abilities.limit > 0

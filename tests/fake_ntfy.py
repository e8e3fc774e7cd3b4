"""A strict stand-in for an ntfy server on loopback: publishing as JSON, streams with `since`, errors by its codes.

async with FakeNtfy() as api:
    ...                                  # url and api_base api.base, token TOKEN
    api.fail(42901)                      # the next message is answered with this error code
    await api.press(api.taken[0], 0)     # what a phone does when a button is pressed
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from fake_http import FakeHttp

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = "tk_0123456789abcdefghijklmnopqrs"


class FakeNtfy(FakeHttp):
    """`taken` are the messages published as JSON, `kept` all events of all topics in order."""

    def __init__(self, *, token: str | None = TOKEN) -> None:
        super().__init__()
        self.taken: list[dict[str, Any]] = []
        self.kept: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        """Streams that were opened: topics and since."""
        self.deaf = 0
        """Streams are refused with this status; 0: they are served."""
        self._token = token
        self._news: list[asyncio.Queue[dict[str, Any] | None]] = []

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/", self._publish),
            web.get("/v1/health", self._health),
            web.get("/v1/account", self._account),
            web.get("/{topics}/json", self._subscribe),
            web.post("/{topic}", self._answer),
        ]

    async def down(self) -> None:
        """End the streams too."""
        self._over.set()
        self.hang_up()
        await super().down()

    def hang_up(self) -> None:
        """End all streams."""
        for news in self._news:
            news.put_nowait(None)

    async def press(self, message: Mapping[str, Any], index: int) -> None:
        """Do what the phone does with an action button."""
        action = message["actions"][index]
        async with (
            aiohttp.ClientSession() as phone,
            phone.request(action["method"], action["url"], data=action["body"]) as answer,
        ):
            assert answer.status == 200, await answer.text()

    def say(self, topic: str, text: str, **facts: Any) -> dict[str, Any]:
        """Keep a message and hand it to whoever listens."""
        event = {"id": f"m{len(self.kept) + 1}", "time": 1_795_000_000, "event": "message", "topic": topic}
        event |= {"message": text} | facts
        self.kept.append(event)
        for news in self._news:
            news.put_nowait(event)
        return event

    # --- what ntfy serves -----------------------------------------------------------------------

    def _known(self, request: web.Request) -> bool:
        return self._token is None or request.headers.get("Authorization") == f"Bearer {self._token}"

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    async def _account(self, request: web.Request) -> web.Response:
        return web.json_response({"username": "farm"}) if self._known(request) else _error(40101)

    async def _publish(self, request: web.Request) -> web.StreamResponse:
        if not self._known(request):
            return _error(40101)
        fault = self.fault()
        if isinstance(fault, int):
            return _error(fault)
        body = await request.json()
        wrong = _wrong(body)
        if wrong:
            return _error(wrong)
        self.taken.append(body)
        event = self.say(body["topic"], body["message"])
        await self.lose(request, fault)
        return web.json_response(event)

    async def _file(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return _error(40101)
        fault = self.fault()
        if isinstance(fault, int):
            return _error(fault)
        assert request.headers["Filename"].endswith(".png")
        assert request.headers["Priority"] == "2", "it makes no sound"
        assert request.headers["Title"].isascii()
        self.has_shown(await request.read())
        return web.json_response(self.say(request.match_info["topic"], "You received a file: chart.png"))

    async def _answer(self, request: web.Request) -> web.Response:
        if "Filename" in request.headers:
            return await self._file(request)
        return web.json_response(self.say(request.match_info["topic"], await request.text()))

    async def _subscribe(self, request: web.Request) -> web.StreamResponse:
        names, since = request.match_info["topics"], request.query.get("since", "")
        self.asked.append((names, since))
        if self.deaf or not self._known(request):
            return _error(40101 if not self.deaf else self.deaf * 100 + 1)
        topics = names.split(",")
        ids = [event["id"] for event in self.kept]
        start = ids.index(since) + 1 if since in ids else 0
        news: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        for event in self.kept[start:]:
            news.put_nowait(event)
        self._news.append(news)
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b'{"event":"open"}\n{"event":"keepalive"}\nnoise\n')
        while (event := await news.get()) is not None:
            if event["topic"] in topics:
                line = json.dumps(event).encode() + b"\n"
                await stream.write(line[:20])
                await stream.write(line[20:])
        self._news.remove(news)
        return stream


def _wrong(body: Mapping[str, Any]) -> int:
    """Return the code of what is wrong with a message, 0 if nothing is."""
    if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", body.get("topic", "")):
        return 40009
    if not isinstance(body.get("message"), str) or not body["message"] or len(body["message"].encode()) > 4096:
        return 40017
    if body.get("priority") not in (1, 2, 3, 4, 5):
        return 40007
    actions = body.get("actions", [])
    fine = len(actions) <= 3 and all(
        one["action"] == "http" and one["label"] and one["url"].startswith("http") for one in actions
    )
    return 0 if fine else 40018


def _error(code: int) -> web.Response:
    http = code // 100
    return web.json_response({"code": code, "http": http, "error": "on demand"}, status=http)

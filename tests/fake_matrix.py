"""A strict stand-in for a Matrix homeserver on loopback: one room, transactions, a timeline to sync.

async with FakeMatrix() as api:
    ...                              # homeserver api.base, token TOKEN
    api.fail("M_LIMIT_EXCEEDED")     # the next message is answered with this error
    api.say(ANNA, "OK")              # somebody writes in the room
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web
from fake_http import FakeHttp

TOKEN = "syt_YWxlcnRk_token"
ME, ANNA, BEN = "@alertd:farm.example", "@anna:farm.example", "@ben:farm.example"
CLIENT = "/_matrix/client/v3"
ROOM, ALIAS = "!lindenau:farm.example", "#lindenau:farm.example"
STATUS = {
    "M_LIMIT_EXCEEDED": 429,
    "M_UNKNOWN_TOKEN": 401,
    "M_MISSING_TOKEN": 401,
    "M_FORBIDDEN": 403,
    "M_TOO_LARGE": 413,
}


class FakeMatrix(FakeHttp):
    """The homeserver; `taken` are the events it has, once each."""

    prefix = "/proxy"

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dict[str, Any]] = []
        self.media: dict[str, bytes] = {}
        self.members = {ANNA}
        self.invited = True
        self.timeline: list[dict[str, Any]] = []
        self.puts = 0
        self._transactions: dict[str, str] = {}
        self._bell = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.put(CLIENT + "/rooms/{room}/send/m.room.message/{txn}", self._put),
            web.get(CLIENT + "/rooms/{room}/joined_members", self._joined),
            web.get(CLIENT + "/rooms/{room}/event/{event}", self._event),
            web.post(CLIENT + "/join/{room}", self._join),
            web.post("/_matrix/media/v3/upload", self._upload),
            web.get(CLIENT + "/account/whoami", self._whoami),
            web.get(CLIENT + "/sync", self._sync),
        ]

    def application(self) -> web.Application:
        """Every call needs the token."""
        return web.Application(middlewares=[self._authorised])

    async def down(self) -> None:
        """End the streams too."""
        self._bell.set()
        await super().down()

    def say(self, who: str, text: str, **content: Any) -> str:
        """Let somebody write in the room."""
        return self.event(who, "m.room.message", {"msgtype": "m.text", "body": text} | content)

    def react(self, who: str, ref: str, sign: str) -> str:
        """Let somebody react to an event."""
        return self.event(
            who, "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": ref, "key": sign}}
        )

    def event(self, who: str, kind: str, content: dict[str, Any]) -> str:
        """Put an event into the room's timeline."""
        key = f"$in{len(self.timeline)}"
        at = 1_795_000_000_000
        self.timeline.append({"event_id": key, "sender": who, "type": kind, "content": content, "origin_server_ts": at})
        self._bell.set()
        return key

    # --- what a homeserver serves -------------------------------------------------------------

    @web.middleware
    async def _authorised(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error("M_UNKNOWN_TOKEN")
        if request.method != "PUT" and self.faults and self.faults[0] not in ("timeout", "cut"):
            return _error(self.faults.popleft())
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _upload(self, request: web.Request) -> web.Response:
        if request.content_type != "image/png" or not request.query.get("filename"):
            return _error("M_BAD_JSON")
        self.media[uri := f"mxc://farm.example/{len(self.media)}"] = await request.read()
        return web.json_response({"content_uri": uri})

    def _known(self, content: dict[str, Any]) -> bool:
        match content:
            case {"msgtype": "m.text"} | {"msgtype": "m.location", "geo_uri": str()}:
                return True
            case {"msgtype": "m.image", "url": str(url), "info": {"mimetype": "image/png", "size": int(size)}}:
                return len(self.media.get(url, b"")) == size
        return False

    async def _put(self, request: web.Request) -> web.StreamResponse:
        self.puts += 1
        fault = self.faults.popleft() if self.faults else ""
        if fault.startswith("M_"):
            return _error(fault)
        if request.match_info["room"] != ROOM or ME not in self.members:
            return _error("M_FORBIDDEN")
        content = await request.json()
        if not isinstance(content.get("body"), str) or not self._known(content):
            return _error("M_BAD_JSON")
        txn = request.match_info["txn"]
        if txn not in self._transactions:
            self._transactions[txn] = f"$out{len(self._transactions)}"
            ref = content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id", "")
            match content["msgtype"]:
                case "m.image":
                    self.has_shown(self.media[content["url"]], ref)
                case "m.location":
                    latitude, longitude = content["geo_uri"].removeprefix("geo:").split(",")
                    self.places.append((ref, float(latitude), float(longitude)))
                case _:
                    self.taken.append(content)
        await self.lose(request, fault)
        return web.json_response({"event_id": self._transactions[txn]})

    async def _join(self, request: web.Request) -> web.Response:
        if request.match_info["room"] not in (ROOM, ALIAS) or not self.invited:
            return _error("M_FORBIDDEN")
        self.members.add(ME)
        return web.json_response({"room_id": ROOM})

    async def _event(self, request: web.Request) -> web.Response:
        ref = request.match_info["event"]
        said = next((one for one in self.timeline if one["event_id"] == ref), None)
        if said is None and ref.startswith("$out"):  # ours, also from before a restart
            said = {"event_id": ref, "sender": ME, "type": "m.room.message"}
        return _error("M_NOT_FOUND") if said is None else web.json_response(said)

    async def _joined(self, request: web.Request) -> web.Response:
        assert request.match_info["room"] == ROOM
        return web.json_response({"joined": {who: {"display_name": who} for who in self.members}})

    async def _whoami(self, _request: web.Request) -> web.Response:
        return web.json_response({"user_id": ME, "device_id": "ALERTD"})

    async def _sync(self, request: web.Request) -> web.Response:
        json.loads(request.query["filter"])
        since = request.query.get("since")
        start = int(since.removeprefix("s")) if since else 0
        while since and start >= len(self.timeline) and not self._over.is_set():
            self._bell.clear()
            await self._bell.wait()
        rooms: dict[str, Any] = {}
        if ME not in self.members:
            rooms["invite"] = {ROOM: {"invite_state": {"events": []}}}
        elif self.timeline[start:]:
            rooms["join"] = {ROOM: {"timeline": {"events": self.timeline[start:], "limited": False}}}
        return web.json_response({"next_batch": f"s{len(self.timeline)}", "rooms": rooms})


def _error(code: str) -> web.Response:
    body: dict[str, Any] = {"errcode": code, "error": "on demand"}
    headers = {"Retry-After": "7"} if code == "M_LIMIT_EXCEEDED" else {}
    return web.json_response(body, status=STATUS.get(code, 400), headers=headers)

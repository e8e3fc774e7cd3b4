"""A strict stand-in for Messenger's Send API on loopback: checks what Meta checks, fails on demand, signs its webhooks.

async with FakeFacebook() as api:
    ...                         # api_base api.base, page_id api.page
    api.fail((10, 2018278))     # the next message is answered with this code and subcode
    call = api.said("24681357", "ACK")      # a signed `HookCall`
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

from aiohttp import web
from fake_http import FakeHttp

from alertd.seams import HookCall

TOKEN, SECRET, VERIFY = "EAAG|page token", "page-secret", "verify-me"
AT = 1_795_000_000_000
"""Milliseconds."""


class RefusedError(Exception):
    """Meta refuses the body; `args` are code, subcode and details."""


class FakeFacebook(FakeHttp):
    """One page; `taken` are the messages it accepted, in order."""

    page = "1234567890"

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dict[str, Any]] = []
        self.media: dict[str, bytes] = {}
        self.open: set[str] = set()
        """People who wrote within a day."""
        self.profile: dict[str, Any] = {}

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/{version}/me/messenger_profile", self._profile),
            web.post("/{version}/{page}/messages", self._messages),
            web.post("/{version}/{page}/message_attachments", self._attachments),
            web.get("/{version}/{page}", self._account),
        ]

    # --- what Meta serves ---------------------------------------------------------------------

    async def _account(self, request: web.Request) -> web.Response:
        if request.query.get("access_token") != TOKEN:
            return _error(190, 0, "the access token is invalid")
        return web.json_response({"name": "Hof Lindenau", "username": "hof.lindenau", "id": self.page})

    async def _profile(self, request: web.Request) -> web.Response:
        fault = self.fault()
        if isinstance(fault, tuple):
            return _error(*fault, "on demand")
        self.profile |= await request.json()
        return web.json_response({"result": "success"})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("access_token") != TOKEN:
            return _error(190, 0, "the access token is invalid")
        if request.match_info["page"] != self.page or not re.fullmatch(r"v\d+\.\d+", request.match_info["version"]):
            return _error(100, 0, "unknown object")
        fault = self.fault()
        if isinstance(fault, tuple):
            return _error(*fault, "on demand")
        body = await request.json()
        try:
            self._check(body)
        except RefusedError as refused:
            return _error(*refused.args)
        body["mid"] = f"m_{len(self.taken) + len(self.pictures) + 1}"
        image = body["message"].get("attachment", {}).get("payload", {}).get("attachment_id")
        if image is None:
            self.taken.append(body)
        else:
            self.has_shown(self.media[image])
        await self.lose(request, fault)
        return web.json_response({"recipient_id": body["recipient"]["id"], "message_id": body["mid"]})

    async def _attachments(self, request: web.Request) -> web.Response:
        if request.query.get("access_token") != TOKEN:
            return _error(190, 0, "the access token is invalid")
        fault = self.fault()
        if isinstance(fault, tuple):
            return _error(*fault, "on demand")
        form = await request.post()
        file = form.get("filedata")
        if json.loads(str(form["message"]))["attachment"]["type"] != "image" or not isinstance(file, web.FileField):
            return _error(100, 0, "attachment")
        self.media[key := f"{1745504518999123 + len(self.media)}"] = file.file.read()
        return web.json_response({"attachment_id": key})

    def _check(self, body: dict[str, Any]) -> None:
        who, message = body["recipient"]["id"], body["message"]
        _need(re.fullmatch(r"\d+", who), 100, 2018001, "no matching user")
        match body["messaging_type"]:
            case "RESPONSE":
                _need(who in self.open, 10, 2018278, "outside of the allowed window")
                if "attachment" in message:
                    image = message["attachment"]
                    _need(image["type"] == "image" and image["payload"]["attachment_id"] in self.media, 100, 0, "image")
                    return
                _need(0 < len(message["text"]) <= 2000, 100, 0, "text")
                _need(len(message.get("metadata", "")) <= 1000, 100, 0, "metadata")
                replies = message.get("quick_replies", [])
                _need("quick_replies" not in message or 1 <= len(replies) <= 13, 100, 0, "quick_replies")
                for one in replies:
                    _need(one["content_type"] == "text" and 0 < len(one["title"]) <= 20, 100, 0, "title")
                    _need(0 < len(one["payload"]) <= 1000, 100, 0, "payload")
            case "UTILITY":
                template = message["template"]
                _need(template["name"] == "alert" and template["language"]["code"] in ("en", "de"), 100, 0, "template")
                (component,) = template["components"]
                texts = [one["text"] for one in component["parameters"]]
                _need(component["type"] == "body" and len(texts) == 3, 100, 0, "parameters")
                _need(all(text and "\n" not in text for text in texts), 100, 0, "parameter")
            case kind:
                raise RefusedError(100, 0, f"messaging_type {kind}")

    # --- webhooks -----------------------------------------------------------------------------

    def said(self, who: str, text: str, mid: str = "m_in1") -> HookCall:
        """Return the call that tells of a text."""
        self.open.add(who)
        return self.call(_from(who) | {"message": {"mid": mid, "text": text}})

    def pressed(self, who: str, message: dict[str, Any], index: int, mid: str = "m_in2") -> HookCall:
        """Return the call that tells of a quick reply."""
        reply = message["message"]["quick_replies"][index]
        told = {"mid": mid, "text": reply["title"], "quick_reply": {"payload": reply["payload"]}}
        return self.call(_from(who) | {"message": told})

    def echo(self, message: dict[str, Any]) -> HookCall:
        """Return the call that brings our own message back."""
        told = {"is_echo": True, "mid": message["mid"], "app_id": 1} | message["message"]
        return self.call(
            {"sender": {"id": self.page}, "recipient": message["recipient"], "timestamp": AT, "message": told}
        )

    def call(self, *events: Any, secret: str = SECRET) -> HookCall:
        """Return a signed POST of events."""
        body = json.dumps({"object": "page", "entry": [{"id": self.page, "messaging": list(events)}]}).encode()
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return HookCall("POST", "https://a.example/hooks/messenger", {}, {"X-Hub-Signature-256": signature}, body)


def _from(who: str) -> dict[str, Any]:
    return {"sender": {"id": who}, "recipient": {"id": FakeFacebook.page}, "timestamp": AT}


def _need(fine: Any, code: int, subcode: int, details: str) -> None:
    if not fine:
        raise RefusedError(code, subcode, details)


def _error(code: int, subcode: int, details: str) -> web.Response:
    error = {"message": f"(#{code}) {details}", "type": "OAuthException", "code": code, "fbtrace_id": "Az8or2yhqkZ"}
    if subcode:
        error["error_subcode"] = subcode
    return web.json_response({"error": error}, status={190: 401, 2: 500, 1200: 503, 613: 429}.get(code, 400))

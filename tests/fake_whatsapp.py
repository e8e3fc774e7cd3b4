"""A strict stand-in for the WhatsApp Cloud API on loopback: checks what Meta checks, fails on demand, signs its webhooks.

async with FakeWhatsApp() as api:
    ...                       # api_base api.base, phone_number_id api.number
    api.fail(131056)          # the next message is answered with this error code
    call = api.status("failed", api.taken[0], 131026)     # a signed `HookCall`
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web
from fake_http import FakeHttp

from alertd.seams import HookCall

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN, SECRET, VERIFY = "EAAG-system-user-token", "app-secret", "verify-me"
STATUS = {190: 401, 130429: 429, 131056: 400, 131047: 400, 1: 500, 2: 503}


class RefusedError(Exception):
    """Meta refuses the body; `args` are code and details."""


class FakeWhatsApp(FakeHttp):
    """One business number; `taken` are the messages it accepted, in order."""

    number = "106540352242922"

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dict[str, Any]] = []
        self.commands: list[dict[str, str]] = []
        self.media: dict[str, bytes] = {}
        self.open: set[str] = set()
        """Digits of the people who wrote within a day."""

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/{version}/{number}/messages", self._messages),
            web.post("/{version}/{number}/media", self._media),
            web.post("/{version}/{number}/conversational_automation", self._automation),
            web.get("/{version}/{number}", self._account),
        ]

    def texts(self) -> list[str]:
        """What people read, a line break between a template's parameters."""
        return [_read(message) for message in self.taken]

    # --- what Meta serves ---------------------------------------------------------------------

    async def _account(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(190, "token")
        return web.json_response({"display_phone_number": "+49 30 901820", "verified_name": "Hof", "id": self.number})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(190, "the access token is invalid")
        if request.match_info["number"] != self.number or not re.fullmatch(r"v\d+\.\d+", request.match_info["version"]):
            return _error(100, "unknown object")
        fault = self.fault()
        if isinstance(fault, int):
            return _error(fault, "on demand")
        body = await request.json()
        try:
            self._check(body)
        except RefusedError as refused:
            return _error(*refused.args)
        body["id"] = f"wamid.{len(self.taken) + len(self.pictures) + len(self.places) + 1}"
        ref = body.get("context", {}).get("message_id", "")
        match body["type"]:
            case "image":
                self.has_shown(self.media[body["image"]["id"]], ref)
            case "location":
                self.places.append((ref, body["location"]["latitude"], body["location"]["longitude"]))
            case _:
                self.taken.append(body)
        await self.lose(request, fault)
        who = body.get("to") or body.get("recipient")
        return web.json_response(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": who, "wa_id": who}],
                "messages": [{"id": body["id"], "message_status": "accepted"}],
            }
        )

    async def _media(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(190, "the access token is invalid")
        fault = self.fault()
        if isinstance(fault, int):
            return _error(fault, "on demand")
        form = await request.post()
        file = form.get("file")
        if form.get("messaging_product") != "whatsapp" or form.get("type") != "image/png":
            return _error(100, "messaging_product or type")
        if not isinstance(file, web.FileField) or file.content_type != "image/png":
            return _error(131053, "file")
        self.media[key := f"{7310022 + len(self.media)}"] = file.file.read()
        return web.json_response({"id": key})

    async def _automation(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(190, "the access token is invalid")
        fault = self.fault()
        if isinstance(fault, int):
            return _error(fault, "on demand")
        commands = (await request.json())["commands"]
        commands = json.loads(commands) if isinstance(commands, str) else commands  # Graph takes both
        for one in commands:
            if len(one["command_name"]) > 32 or not 1 <= len(one["command_description"]) <= 256:
                return _error(100, "commands")
        self.commands = commands
        return web.json_response({"success": True})

    def _check(self, body: Mapping[str, Any]) -> None:
        _need(body.get("messaging_product") == "whatsapp", 100, "messaging_product")
        _need(len(body.get("biz_opaque_callback_data", "")) <= 512, 100, "biz_opaque_callback_data")
        to = body.get("to")
        _need((to is None) != (body.get("recipient") is None), 131008, "to or recipient")
        _need(to is None or re.fullmatch(r"[1-9]\d{6,14}", to), 131009, "to")
        kind = body.get("type")
        if kind != "template":
            _need((to or body.get("recipient")) in self.open, 131047, "more than 24 hours since they last wrote")
        match kind:
            case "text":
                _need(0 < len(body["text"]["body"]) <= 4096, 100, "text.body")
            case "image":
                _need(body["image"].get("id") in self.media, 131052, "image.id")
            case "location":
                where = body["location"]
                _need(-90 <= where["latitude"] <= 90 and -180 <= where["longitude"] <= 180, 100, "location")
                _need(where["name"] and where["address"], 100, "location")
            case "template":
                _check_template(body["template"])
            case "interactive":
                _check_interactive(body["interactive"])
            case _:
                raise RefusedError(131051, f"type {kind}")

    # --- webhooks -----------------------------------------------------------------------------

    def said(self, who: str, text: str, key: str = "wamid.in1", at: int = 1_795_000_000) -> HookCall:
        """Return the call that tells of a text."""
        self.open.add(who)
        wrote = _message(who, key, at) | {"type": "text", "text": {"body": text}}
        return self.call(contacts=[_contact(who)], messages=[wrote])

    def pressed(self, who: str, message: dict[str, Any], index: int, key: str = "wamid.in2") -> HookCall:
        """Return the call that tells of a pressed button."""
        self.open.add(who)
        if message["type"] == "template":
            payload = [one for one in message["template"]["components"] if one["type"] == "button"][index]
            press = {"type": "button", "button": {"payload": payload["parameters"][0]["payload"], "text": "x"}}
        else:
            reply = message["interactive"]["action"]["buttons"][index]["reply"]
            press = {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": reply}}
        context = {"context": {"from": "4930901820", "id": message["id"]}}
        return self.call(contacts=[_contact(who)], messages=[_message(who, key, 1_795_000_000) | press | context])

    def status(self, state: str, message: dict[str, Any], code: int | None = None, **more: Any) -> HookCall:
        """Return the call that tells what became of a message."""
        status = {"id": message["id"], "status": state, "timestamp": "1795000000", "recipient_id": message.get("to")}
        status["biz_opaque_callback_data"] = message["biz_opaque_callback_data"]
        if code is not None:
            status["errors"] = [
                {"code": code, "title": "on demand", "message": "on demand", "error_data": {"details": "x"}}
            ]
        return self.call(contacts=[_contact(str(message.get("to")))], statuses=[status | more])

    def call(self, *, secret: str = SECRET, **value: Any) -> HookCall:
        """Return a signed POST of one change."""
        meta = {"display_phone_number": "4930901820", "phone_number_id": self.number}
        value = {"messaging_product": "whatsapp", "metadata": meta} | value
        change = {"field": "messages", "value": value}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return HookCall("POST", "https://a.example/hooks/whatsapp", {}, {"X-Hub-Signature-256": signature}, body)


def _message(who: str, key: str, at: int) -> dict[str, Any]:
    return {"from": who, "id": key, "timestamp": str(at)}


def _contact(who: str) -> dict[str, Any]:
    return {"profile": {"name": "Anna"}, "wa_id": who, "user_id": "DE.1349"}


def _need(fine: Any, code: int, details: str) -> None:
    if not fine:
        raise RefusedError(code, details)


def _check_template(template: Mapping[str, Any]) -> None:
    _need(template["name"] == "alert", 132001, "no such template")
    _need(template["language"]["code"] in ("en", "de"), 132001, "no such translation")
    (body,) = (one for one in template["components"] if one["type"] == "body")
    texts = [one["text"] for one in body["parameters"]]
    _need(len(texts) == 3, 132000, "number of parameters")
    for text in texts:
        _need(text and "\n" not in text and "\t" not in text and "     " not in text, 132012, "parameter format")
    _need(sum(map(len, texts)) + 60 <= 1024, 132005, "translated text too long")
    buttons = [one for one in template["components"] if one["type"] == "button"]
    _need([one["index"] for one in buttons] == [str(at) for at in range(len(buttons))], 132000, "button index")
    for one in buttons:
        _need(one["sub_type"] == "quick_reply" and len(one["parameters"][0]["payload"]) <= 128, 132012, "payload")


def _check_interactive(interactive: Mapping[str, Any]) -> None:
    text, action = interactive["body"]["text"], interactive["action"]
    if interactive["type"] == "list":
        rows = [row for section in action["sections"] for row in section["rows"]]
        _need(0 < len(text) <= 4096 and 0 < len(rows) <= 10 and 0 < len(action["button"]) <= 20, 131009, "list")
        _need(all(0 < len(row["title"]) <= 24 and 0 < len(row["id"]) <= 200 for row in rows), 131009, "row")
        return
    titles = [one["reply"]["title"] for one in action["buttons"]]
    _need(interactive["type"] == "button" and 0 < len(text) <= 1024, 131009, "body")
    _need(1 <= len(titles) <= 3 and len(set(titles)) == len(titles), 131009, "buttons")
    _need(all(0 < len(title) <= 20 for title in titles), 131009, "title")
    _need(all(0 < len(one["reply"]["id"]) <= 256 for one in action["buttons"]), 131009, "id")


def _read(message: Mapping[str, Any]) -> str:
    match message:
        case {"type": "text", "text": {"body": str(text)}} | {
            "type": "interactive",
            "interactive": {"body": {"text": text}},
        }:
            return str(text)
    (body,) = (one for one in message["template"]["components"] if one["type"] == "body")
    return "\n".join(one["text"] for one in body["parameters"])


def _error(code: int, details: str) -> web.Response:
    error = {
        "message": f"(#{code}) {details}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details},
        "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
    }
    return web.json_response({"error": error}, status=STATUS.get(code, 400))

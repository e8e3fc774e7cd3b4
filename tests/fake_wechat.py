"""A strict stand-in for WeChat's service account API on loopback, with its callbacks, plain and encrypted.

async with FakeWeChat() as api:
    ...                       # api_base api.base
    api.fail(43004)           # the next message is answered with this errcode
    call = api.said("OK")     # a signed `HookCall`
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fake_http import FakeHttp

from alertd.seams import HookCall

APP, SECRET, TOKEN = "wx0123456789abcdef", "app-secret", "callback-token"
AES_KEY = base64.b64encode(bytes(range(32))).decode().rstrip("=")
ANNA = "oAnna0123456789"
TEMPLATE = {"thing1", "time2", "character_string3", "phrase4"}


class FakeWeChat(FakeHttp):
    """One account; `templates` and `replies` are what it accepted, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.templates: list[dict[str, Any]] = []
        self.media: dict[str, bytes] = {}
        self.replies: list[dict[str, Any]] = []
        self.tokens: list[bool] = []
        """Each time a token was asked for: whether by force."""
        self.valid = "token-0"
        self.quota = 0
        self.scenes: list[str] = []
        self.menu: list[dict[str, str]] | None = []
        """Its buttons; [] as the account's owner left it; None: taken away."""

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/cgi-bin/stable_token", self._stable_token),
            web.post("/cgi-bin/message/template/send", self._template),
            web.post("/cgi-bin/message/custom/send", self._custom),
            web.post("/cgi-bin/media/upload", self._upload),
            web.post("/cgi-bin/qrcode/create", self._scene),
            web.post("/cgi-bin/menu/create", self._menu_created),
            web.get("/cgi-bin/menu/delete", self._menu_deleted),
        ]

    def expire(self) -> None:
        """Let the token end."""
        self.valid = f"token-{len(self.tokens) + 1}"

    # --- what WeChat serves -------------------------------------------------------------------

    async def _stable_token(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["grant_type"] == "client_credential"
        if body["appid"] != APP:
            return _error(40013)
        if body["secret"] != SECRET:
            return _error(40125)
        self.tokens.append(body["force_refresh"])
        return web.json_response({"access_token": self.valid, "expires_in": 7200})

    async def _take(self, request: web.Request, kept: list[dict[str, Any]]) -> web.StreamResponse:
        if request.query.get("access_token") != self.valid:
            return _error(42001)
        fault = self.fault()
        if isinstance(fault, int):
            return _error(fault)
        body = await request.json()
        if not body["touser"].startswith("o"):
            return _error(40003)
        if kept is self.replies:
            self.quota -= 1
            if self.quota < 0:
                return _error(45047)
            if body["msgtype"] == "image":
                if body["image"]["media_id"] not in self.media:
                    return _error(40007)
                self.has_shown(self.media[body["image"]["media_id"]])
                return web.json_response({"errcode": 0, "errmsg": "ok"})
            if not 0 < len(body["text"]["content"].encode()) <= 2048:
                return _error(45002)
        elif not _template_fits(body):
            return _error(47003)
        if body.get("client_msg_id") is None or all(body["client_msg_id"] != one["client_msg_id"] for one in kept):
            kept.append(body)
        await self.lose(request, fault)
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": 200228332 + len(kept)})

    async def _upload(self, request: web.Request) -> web.Response:
        if request.query.get("access_token") != self.valid:
            return _error(42001)
        medium = (await request.post())["media"]
        if request.query.get("type") != "image" or not isinstance(medium, web.FileField):
            return _error(40004)
        self.media[key := f"MEDIA{len(self.media)}"] = medium.file.read()
        return web.json_response({"type": "image", "media_id": key, "created_at": 1_795_000_000})

    async def _scene(self, request: web.Request) -> web.Response:
        if request.query.get("access_token") != self.valid:
            return _error(42001)
        body = await request.json()
        scene = body["action_info"]["scene"]["scene_str"]
        if body["action_name"] != "QR_STR_SCENE" or not 1 <= len(scene) <= 64 or body["expire_seconds"] > 2_592_000:
            return _error(40053)
        self.scenes.append(scene)
        ticket = {"ticket": "gQH47joAAAA", "expire_seconds": body["expire_seconds"]}
        return web.json_response(ticket | {"url": f"http://weixin.qq.com/q/{len(self.scenes)}"})

    async def _menu_created(self, request: web.Request) -> web.Response:
        if request.query.get("access_token") != self.valid:
            return _error(42001)
        fault = self.fault()
        if isinstance(fault, int):
            return _error(fault)
        buttons = (await request.json())["button"]
        if not 1 <= len(buttons) <= 3 or any(len(one["name"].encode()) > 16 for one in buttons):
            return _error(40018)
        self.menu = buttons
        return _error(0)

    async def _menu_deleted(self, request: web.Request) -> web.Response:
        if request.query.get("access_token") != self.valid:
            return _error(42001)
        self.menu = None
        return _error(0)

    async def _template(self, request: web.Request) -> web.StreamResponse:
        return await self._take(request, self.templates)

    async def _custom(self, request: web.Request) -> web.StreamResponse:
        return await self._take(request, self.replies)

    # --- callbacks ----------------------------------------------------------------------------

    def said(self, text: str, **more: str) -> HookCall:
        """Return the plain call that tells of a text."""
        return self.call({"MsgType": "text", "Content": text, "MsgId": "23456789"} | more)

    def event(self, event: str, **more: str) -> HookCall:
        """Return the plain call of an event."""
        return self.call({"MsgType": "event", "Event": event} | more)

    def call(self, fields: dict[str, str], *, token: str = TOKEN) -> HookCall:
        """Return a signed plain call."""
        query = {"timestamp": "1795000000", "nonce": "42"}
        query["signature"] = signature(token, *query.values())
        return HookCall("POST", "", query, {}, xml(fields))

    def sealed(self, fields: dict[str, str], *, app: str = APP) -> HookCall:
        """Return an encrypted call, its signature over what is encrypted."""
        key = base64.b64decode(AES_KEY + "=")
        inner = xml(fields)
        plain = secrets.token_bytes(16) + len(inner).to_bytes(4, "big") + inner + app.encode()
        padding = 32 - len(plain) % 32
        encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        box = base64.b64encode(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()).decode()
        query = {"timestamp": "1795000000", "nonce": "42"}
        query["msg_signature"] = signature(TOKEN, *query.values(), box)
        return HookCall(
            "POST", "", query, {}, f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{box}</Encrypt></xml>".encode()
        )


def signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def xml(fields: dict[str, str]) -> bytes:
    whole = {"ToUserName": "gh_1", "FromUserName": ANNA, "CreateTime": "1795000000"} | fields
    return f"<xml>{''.join(f'<{name}><![CDATA[{value}]]></{name}>' for name, value in whole.items())}</xml>".encode()


def _template_fits(body: dict[str, Any]) -> bool:
    data = {name: one["value"] for name, one in body["data"].items()}
    return (
        set(data) == TEMPLATE
        and body["template_id"] == "T1"
        and bool(body["client_msg_id"])
        and 0 < len(data["thing1"]) <= 20
        and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", data["time2"]) is not None
        and re.fullmatch(r"[!-~]{1,32}", data["character_string3"]) is not None
        and re.fullmatch(r"[一-鿿]{1,5}", data["phrase4"]) is not None
    )


def _error(code: int) -> web.Response:
    return web.json_response({"errcode": code, "errmsg": "on demand"})

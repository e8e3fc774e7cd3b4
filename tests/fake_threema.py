"""A strict stand-in for the Threema Gateway on loopback, with one person whose phone really opens the boxes.

async with FakeThreema() as api:
    ...                       # api_base api.base, gateway_id api.gateway, secret SECRET
    api.fail(402)             # the next message is answered with this status
    api.read()                # what the person reads
    call = api.said("OK")     # the signed callback of what the person writes
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from fake_http import FakeHttp
from nacl.public import Box, PrivateKey
from nacl.secret import SecretBox

from alertd.seams import HookCall

SECRET = "gateway-secret"
PERSON = "ABCD1234"
FILE = 0x17


class FakeThreema(FakeHttp):
    """One gateway id; `taken` are the forms it accepted, in order."""

    gateway = "*ALERTDX"

    def __init__(self) -> None:
        super().__init__()
        self.ours, self.theirs = PrivateKey.generate(), PrivateKey.generate()
        self.box = Box(self.theirs, self.ours.public_key)
        self.taken: list[dict[str, str]] = []
        self.blobs: dict[str, bytes] = {}
        self.credits = 100
        self.lookups = 0
        self._calls = 0

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/send_simple", self._simple),
            web.post("/send_e2e", self._sealed),
            web.post("/upload_blob", self._upload),
            web.get("/pubkeys/{who}", self._key),
            web.get("/credits", self._credits),
        ]

    def read(self) -> list[str]:
        """What the person reads."""
        return [form["text"] if "text" in form else self._text(form) for form in self.taken]

    def _text(self, form: dict[str, str]) -> str:
        kind, text = self._open(form)
        assert kind == 1, "a text"
        return text.decode()

    def _open(self, form: dict[str, str]) -> tuple[int, bytes]:
        content = self.box.decrypt(bytes.fromhex(form["box"]), bytes.fromhex(form["nonce"]))
        padding = content[-1]
        assert 1 <= padding < len(content)
        assert content[-padding:] == bytes([padding]) * padding
        inside = content[1:-padding]
        assert 0 < len(inside) <= 3500
        return content[0], inside

    # --- what Threema serves ------------------------------------------------------------------

    async def _simple(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        if sum(key in form for key in ("to", "phone", "email")) != 1 or not form.get("text"):
            return web.Response(status=400)
        if len(form["text"].encode()) > 3500:
            return web.Response(status=413)
        return await self._take(request, form)

    async def _sealed(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        if len(bytes.fromhex(form["nonce"])) != 24 or not form["box"]:
            return web.Response(status=400)
        kind, inside = self._open(form) if form["to"] == PERSON else (1, b"")
        if kind != FILE:
            return await self._take(request, form)
        about = json.loads(inside)
        assert (about["m"], about["n"]) == ("image/png", "chart.png")
        picture = SecretBox(bytes.fromhex(about["k"])).decrypt(self.blobs[about["b"]], bytes(23) + b"\x01")
        assert len(picture) == about["s"]
        self.has_shown(picture)
        return web.Response(text=f"{0xF0 + len(self.pictures):016x}")

    async def _upload(self, request: web.Request) -> web.Response:
        if (request.query.get("from"), request.query.get("secret")) != (self.gateway, SECRET):
            return web.Response(status=401)
        fault = self.fault()
        if isinstance(fault, int):
            return web.Response(status=fault)
        blob = (await request.post())["blob"]
        assert isinstance(blob, web.FileField)
        self.blobs[key := f"{len(self.blobs):032x}"] = blob.file.read()
        return web.Response(text=key)

    async def _take(self, request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        if (form.get("from"), form.get("secret")) != (self.gateway, SECRET):
            return web.Response(status=401)
        fault = self.fault()
        if isinstance(fault, int):
            return web.Response(status=fault)
        if form["to"] != PERSON:
            return web.Response(status=400)
        self.taken.append(form)
        await self.lose(request, fault)
        return web.Response(text="<html>" if fault == "garbage" else f"{len(self.taken):016x}")

    async def _key(self, request: web.Request) -> web.Response:
        self.lookups += 1
        if request.query.get("secret") != SECRET:
            return web.Response(status=401)
        if request.match_info["who"] != PERSON:
            return web.Response(status=404)
        return web.Response(text=bytes(self.theirs.public_key).hex())

    async def _credits(self, request: web.Request) -> web.Response:
        if (request.query.get("from"), request.query.get("secret")) != (self.gateway, SECRET):
            return web.Response(status=401)
        return web.Response(text=str(self.credits))

    # --- callbacks ----------------------------------------------------------------------------

    def said(self, text: str, **changed: str) -> HookCall:
        """Return the callback of a text."""
        return self.call(b"\x01" + text.encode(), **changed)

    def thumb(self, kind: int, *refs: str) -> HookCall:
        """Return the callback of a delivery receipt: 1 received, 2 read, 3 thumbs up, 4 thumbs down."""
        return self.call(bytes([0x80, kind]) + b"".join(bytes.fromhex(ref) for ref in refs))

    def call(self, content: bytes, *, secret: str = SECRET, **changed: str) -> HookCall:
        """Return a signed callback of a box's content."""
        self._calls += 1
        nonce = secrets.token_bytes(24)
        box = self.box.encrypt(content + b"\x05" * 5, nonce).ciphertext
        form: dict[str, Any] = {
            "from": PERSON,
            "to": self.gateway,
            "messageId": f"{self._calls:016x}",
            "date": "1795000000",
            "nonce": nonce.hex(),
            "box": box.hex(),
        } | changed
        form["mac"] = hmac.new(secret.encode(), "".join(form.values()).encode(), hashlib.sha256).hexdigest()
        form["nickname"] = "Anna"
        return HookCall("POST", "https://a.example/hooks/threema", {}, {}, urlencode(form).encode())

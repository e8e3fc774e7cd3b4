"""A strict stand-in for signal-cli's JSON-RPC daemon over HTTP, with its stream of events.

async with FakeSignal() as api:
    ...                              # api_base api.base, account api.account
    api.fail({"type": "RATE_LIMIT_FAILURE", "retryAfterSeconds": 60})      # the next send's result
    api.fail(-32602)                 # or a JSON-RPC error
    api.say(ANNA, "OK")              # an event to whoever listens
"""

from __future__ import annotations

import base64
import json
from typing import Any

from aiohttp import web
from fake_http import FakeHttp

ANNA = "+4915112345678"
AT = 1_795_000_000_000
TO = {"recipient", "groupId"}
KNOWN = {"account", *TO, "message", "attachment", "quoteTimestamp", "quoteAuthor"}
INSIDE = "data:image/png;filename=chart.png;base64,"


class FakeSignal(FakeHttp):
    """One account; `taken` are the sends it accepted, in order."""

    account = "+4915100000000"

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dict[str, Any]] = []
        self.listeners: list[web.StreamResponse] = []

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/api/v1/rpc", self._rpc),
            web.get("/api/v1/events", self._events),
        ]

    async def down(self) -> None:
        """End the streams too."""
        self.listeners.clear()
        await super().down()

    # --- what signal-cli serves ---------------------------------------------------------------

    async def _rpc(self, request: web.Request) -> web.StreamResponse:
        call = await request.json()
        assert call["jsonrpc"] == "2.0"
        params = call.get("params", {})
        match call["method"]:
            case "listAccounts":
                return self._result(call, [{"number": self.account}])
            case "send":
                pass
            case _:
                return self._error(call, -32601, "Method not implemented")
        if params.get("account") != self.account:
            return self._error(call, -32602, "Specified account does not exist")
        to = params.get("recipient") or params.get("groupId")
        said = params.get("message") or params.get("attachment")
        if set(params) - KNOWN or not said or not isinstance(to, list) or len(set(params) & TO) != 1:
            return self._error(call, -1, "bad parameters")
        who = {"recipientAddress": {"number": to[0] if "recipient" in params else ANNA}}
        fault = self.fault()
        if isinstance(fault, int):
            return self._error(call, fault, "on demand")
        if isinstance(fault, dict):
            results = {"response": {"timestamp": AT, "results": [who | fault]}}
            return self._error(call, -1, "Failed to send message", results)
        for picture in params.get("attachment", []):
            assert picture.startswith(INSIDE)
            self.has_shown(base64.b64decode(picture.removeprefix(INSIDE)), str(params.get("quoteTimestamp", "")))
        if "message" in params:
            self.taken.append(params)
        await self.lose(request, fault)
        return self._result(
            call, {"timestamp": AT + len(self.taken) + len(self.pictures), "results": [who | {"type": "SUCCESS"}]}
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("account") != self.account:
            return web.Response(status=404)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(b":\n")
        self.listeners.append(stream)
        await self._over.wait()
        return stream

    async def say(self, who: str, text: str, **more: Any) -> None:
        """Let a person write."""
        await self.event(envelope(who, {"message": text} | more))

    async def event(self, data: Any) -> None:
        """Send an event to whoever listens, in two pieces."""
        whole = b"event:receive\ndata:" + json.dumps(data).encode() + b"\n\n"
        for stream in self.listeners:
            await stream.write(whole[:20])
            await stream.write(whole[20:])

    def _result(self, call: dict[str, Any], result: Any) -> web.Response:
        return web.json_response({"jsonrpc": "2.0", "result": result, "id": call["id"]})

    def _error(self, call: dict[str, Any], code: int, message: str, data: Any = None) -> web.Response:
        error = {"code": code, "message": message, "data": data}
        return web.json_response({"jsonrpc": "2.0", "error": error, "id": call["id"]})


def envelope(who: str, message: dict[str, Any], at: int = AT) -> dict[str, Any]:
    """Return what signal-cli tells of a message."""
    sender = {"source": who, "sourceNumber": who, "sourceUuid": "2d7ee5c0", "sourceName": "Anna", "sourceDevice": 1}
    return {
        "envelope": sender | {"timestamp": at, "dataMessage": {"timestamp": at} | message},
        "account": FakeSignal.account,
    }

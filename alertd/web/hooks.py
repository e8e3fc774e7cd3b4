"""Webhooks: where providers call us. A messenger that hears this way brings one `Hook`.

These paths are the only public ones, so nothing is asked of the caller here and
nothing is believed either: the hook gets the raw bytes and verifies the signature
before it reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from alertd.web.answers import BadCallError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call as it came. `headers` ignores case; `body` is at most `server.LARGEST_BODY` raw bytes."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What the provider gets back; some want their challenge echoed as text."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


class Hook(Protocol):
    """A messenger's webhook. Redelivery is harmless; 200 only when what it told is kept."""

    async def __call__(self, call: HookCall) -> HookAnswer:
        """Verify, keep, answer."""


class Hooks:
    """Hand calls of `/hooks/{messenger}` to the messenger's hook; 404 where there is none."""

    def __init__(self, hooks: Mapping[str, Hook]) -> None:
        self._hooks = hooks

    async def call(self, request: web.Request) -> web.Response:
        """Serve one call."""
        hook = self._hooks.get(request.match_info["messenger"])
        if hook is None:
            raise BadCallError(404, "not_found", "no messenger listens here")
        call = HookCall(request.method, request.query, request.headers, await request.read())
        answer = await hook(call)
        return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)

"""Webhooks: where providers call us. A messenger that hears this way brings one `seams.Hook`.

These paths are the only public ones, so nothing is asked of the caller here and
nothing is believed either: the hook gets the raw bytes and verifies the signature
before it reads them. The provider is answered when what it told is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from alertd.seams import HookCall
from alertd.web.answers import BadCallError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from alertd.seams import HookAnswer

    Door = Callable[[HookCall], Awaitable[HookAnswer]]


REFUSED: Final = 400
"""From this status on an answer says what was wrong with the call."""

PAGE: Final = "text/html"
"""What a person opened: they are shown why not, in words."""


class Hooks:
    """Hand calls of `/hooks/{messenger}` to the messenger's door; 404 where there is none.

    Args:
        doors: by messenger; each keeps what it was told before it answers, and raises `ConnectionError` if it cannot.
        public_url: how providers know us; their signatures may cover it.
    """

    def __init__(self, doors: Mapping[str, Door], public_url: str | None) -> None:
        self._doors = doors
        self._public_url = (public_url or "").rstrip("/")

    async def call(self, request: web.Request) -> web.Response:
        """Serve one call."""
        door = self._doors.get(request.match_info["messenger"])
        if door is None:
            raise BadCallError(404, "not_found", "no messenger listens here")
        base = self._public_url or str(request.url.origin())
        call = HookCall(request.method, base + request.raw_path, request.query, request.headers, await request.read())
        try:
            answer = await door(call)
        except ConnectionError as error:
            raise BadCallError(503, "unavailable", str(error)) from error
        if answer.status >= REFUSED and answer.content_type != PAGE:  # in the shape of every other error
            raise BadCallError(answer.status, "refused", answer.body.decode("utf-8", "replace"))
        return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)

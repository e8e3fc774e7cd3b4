"""The web application: every route, and the gate each call passes first."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from alertd.web.access import Access, Refusal, same_site
from alertd.web.answers import BadCallError, as_error
from alertd.web.api import Api
from alertd.web.hooks import Hooks
from alertd.web.page import Page
from alertd.web.people_page import PeoplePage
from alertd.web.session import COOKIE, Sessions
from alertd.web.unix import peer_may_enter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.typedefs import Handler
    from aiohttp.web_protocol import RequestHandler

    from alertd.model import Micros
    from alertd.web.desk import Desk
    from alertd.web.hooks import Door
    from alertd.web.page import Farm

LARGEST_BODY: Final = 1024 * 1024
"""Bytes of any request's body; WhatsApp sends its webhooks in lots, everything else is small."""
WITHIN: Final = 15.0
"""Seconds a call may take, its body included; a messenger's own time-out is 10."""
OPEN: Final = frozenset({"/healthz", "/metrics", "/style.css", "/login"})
SILENT: Final = web.AppKey("silent", set["RequestHandler"])
"""Connections that have not yet sent one whole request; `listen.py` hangs up on them."""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # not no-referrer: with that, browsers send `Origin: null` with our own forms
    "Cache-Control": "no-store",
    "Server": "alertd",
}
_CODES: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def build(
    desk: Desk,
    farm: Farm,
    *,
    now: Callable[[], Micros],
    token: str | None = None,
    public_url: str | None = None,
    hooks: Mapping[str, Door] | None = None,
    within: float = WITHIN,
) -> web.Application:
    """Put the application together; `listen.listen` serves it on TCP and on the UNIX socket.

    Raises:
        ValueError: the token is empty.
    """
    access, sessions = Access(token), Sessions(token)
    page = Page(desk, farm, now, access, sessions, public_url)
    gate = _Gate(access, sessions, page, now, public_url, within)
    app = web.Application(middlewares=[gate.admit], client_max_size=LARGEST_BODY)
    app[SILENT] = gate.silent
    app.on_response_prepare.append(_add_headers)
    app.add_routes(Api(desk, now, lambda request: "shell" if over_unix(request) else "api").routes())
    app.add_routes(page.routes())
    app.add_routes(PeoplePage(desk, page).routes())
    app.router.add_route("*", "/hooks/{messenger}", Hooks(hooks or {}, public_url).call)
    return app


def over_unix(request: web.Request) -> bool:
    """Return whether the call came through the UNIX socket."""
    peer = _peer(request)
    return peer is not None and peer.family == socket.AF_UNIX


class _Gate:
    """Let in who may come in, and give every answer, good or bad, the same shape and a time limit."""

    def __init__(
        self,
        access: Access,
        sessions: Sessions,
        page: Page,
        now: Callable[[], Micros],
        public_url: str | None,
        within: float,
    ) -> None:
        self._access = access
        self._sessions = sessions
        self._page = page
        self._now = now
        self._public_url = public_url
        self._within = within
        self._log = structlog.get_logger("web")
        self.silent: set[RequestHandler] = set()

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Judge the call, then let `handler` answer it."""
        self.silent.discard(request.protocol)
        refusal = self._refuse(request)
        if refusal is not None:
            if refusal.status == 401 and not request.path.startswith("/api/"):  # noqa: PLR2004 (HTTP)
                return self._page.ask_token(request)
            return as_error(refusal)
        try:
            async with asyncio.timeout(self._within):
                return await handler(request)
        except BadCallError as error:
            return as_error(error)
        except TimeoutError:
            return as_error(Refusal(503, "timeout", "no answer in time; what was asked may still be done"))
        except web.HTTPException as error:
            answer = as_error(Refusal(error.status, _CODES.get(error.status, "bad_request"), error.reason))
            if "Allow" in error.headers:
                answer.headers["Allow"] = error.headers["Allow"]
            return answer
        except Exception:  # noqa: BLE001 (aiohttp would catch it too, but answer in text instead of the contract's JSON)
            self._log.exception("request failed", method=request.method, path=request.path)
            return as_error(Refusal(500, "internal", "a fault in alertd; its log has the details"))

    def _refuse(self, request: web.Request) -> Refusal | None:
        peer = _peer(request)
        if peer is not None and peer.family == socket.AF_UNIX:
            if peer_may_enter(peer):
                return None
            return Refusal(403, "wrong_peer", "only root, alertd's own account and its group may use this socket")
        if request.path in OPEN or request.path.startswith("/hooks/"):
            return None
        refusal = self._access.refuse(request.headers, request.remote)
        if refusal is None or not self._access.needs_token or "Authorization" in request.headers:
            return refusal
        cookie = request.cookies.get(COOKIE, "")
        if not self._sessions.valid(cookie, self._now()):
            return refusal
        return self._refuse_forged(request, cookie)

    def _refuse_forged(self, request: web.Request, cookie: str) -> Refusal | None:
        """Cookies come along by themselves: what changes something must show that our own page sent it.

        Forms carry the proof in their body, which `Page` checks; calls of the API in `X-CSRF-Token`.
        """
        if request.method in ("GET", "HEAD") or not request.path.startswith("/api/"):
            return None
        genuine = self._sessions.form_matches(cookie, request.headers.get("X-CSRF-Token", ""))
        if genuine and same_site(request.headers, self._public_url):
            return None
        return Refusal(403, "forged", "with a session, X-CSRF-Token is required; programs use the bearer token")


def _peer(request: web.Request) -> socket.socket | None:
    """Return the connection's socket; None when the peer has gone already."""
    peer: socket.socket | None = None if request.transport is None else request.transport.get_extra_info("socket")
    return peer


async def _add_headers(_request: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.update(_HEADERS)

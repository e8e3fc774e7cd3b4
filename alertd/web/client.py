"""The other end of the doors: a shell command finds the running daemon and asks it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from alertd.web.unix import short

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_PATIENCE: Final = aiohttp.ClientTimeout(total=20, connect=5)
"""Seconds; the daemon itself gives up after 15."""


class NoDaemonError(Exception):
    """No alertd answered; the message is one sentence with what was tried."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the daemon may be: sockets in the order to try, then `url` with `token` (None: without)."""

    sockets: tuple[Path, ...]
    url: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status and the JSON object."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Return whether it was done."""
        return self.status < 400  # noqa: PLR2004 (HTTP: errors begin there)

    @property
    def trouble(self) -> str:
        """Return the error's sentence."""
        error = self.body.get("error")
        return str(error.get("message")) if isinstance(error, dict) else f"HTTP status {self.status}"


class Daemon:
    """A daemon that has answered."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self._base = base

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Call `/api/v1/…`.

        Raises:
            NoDaemonError: it went away, or took too long.
        """
        try:
            async with self._http.request(method, self._base + path, json=body, allow_redirects=False) as response:
                return Answer(response.status, _object(await response.read()))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoDaemonError(f"alertd stopped answering ({_why(error)}); it may still have done it") from None

    async def all(self, path: str, name: str) -> Answer:
        """Read every page of a list; the rows of all pages stand under `name`."""
        rows: list[Any] = []
        join, after = "&" if "?" in path else "?", ""
        while True:
            answer = await self.ask("GET", path + after)
            if not answer.ok:
                return answer
            rows += answer.body[name]
            if answer.body.get("next") is None:
                return Answer(answer.status, {name: rows})
            after = f"{join}cursor={answer.body['next']}"


@contextlib.asynccontextmanager
async def reach(doors: Doors) -> AsyncIterator[Daemon]:
    """Yield the first daemon that answers.

    Raises:
        NoDaemonError: none did.
    """
    tried: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        for path in doors.sockets:
            if not path.exists():
                tried.append(f"{path}: not there")
                continue
            connector = aiohttp.UnixConnector(stack.enter_context(short(path)))
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=_PATIENCE))
            trouble = await _greet(http, "http://localhost")
            if trouble is None:
                yield Daemon(http, "http://localhost")
                return
            tried.append(f"{path}: {trouble}")
        if doors.url is not None:
            headers = {} if doors.token is None else {"Authorization": f"Bearer {doors.token}"}
            http = await stack.enter_async_context(aiohttp.ClientSession(headers=headers, timeout=_PATIENCE))
            trouble = await _greet(http, doors.url)
            if trouble is None:
                yield Daemon(http, doors.url)
                return
            tried.append(f"{doors.url}: {trouble}")
    raise NoDaemonError(f"alertd is not running ({'; '.join(tried) or 'no socket, and web.listen is off'})")


async def _greet(http: aiohttp.ClientSession, base: str) -> str | None:
    """Return why there is no alertd behind this door, or None. A sick one (503) answers all the same."""
    try:
        async with http.get(base + "/healthz", allow_redirects=False) as response:
            body, status = _object(await response.read()), response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return _why(error)
    if body.get("program") == "alertd":
        return None
    refusal = body.get("error")
    if isinstance(refusal, dict) and "message" in refusal:
        return str(refusal["message"])
    return f"not alertd (status {status})"


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _why(error: Exception) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, ConnectionRefusedError):
        return "nobody listens there"
    return (cause.strerror if isinstance(cause, OSError) else None) or type(error).__name__

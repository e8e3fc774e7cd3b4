"""A farm's HTTP server on real sockets, and a browser's way to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from fake_desk import FARM, NOW, FakeDesk

from alertd.web.listen import listen
from alertd.web.server import build

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path


class Site:
    """A server that listens, its desk, and a client."""

    def __init__(self, desk: FakeDesk, http: aiohttp.ClientSession, port: int, unix: Path) -> None:
        self.desk = desk
        self.http = http
        self.port = port
        self.unix = unix
        self.base = f"http://127.0.0.1:{port}"

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any]:
        """Call and return status and decoded JSON."""
        async with self.http.request(method, self.base + path, allow_redirects=False, **how) as answer:
            return answer.status, await answer.json()

    async def see(self, method: str, path: str, **how: Any) -> tuple[int, str, aiohttp.ClientResponse]:
        """Call and return status, text and the answer itself."""
        async with self.http.request(method, self.base + path, allow_redirects=False, **how) as answer:
            return answer.status, await answer.text(), answer


Open = "Callable[..., AbstractAsyncContextManager[Site]]"


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Site]]:
    """Return an opener: `async with site(desk, token=…) as it`."""

    @asynccontextmanager
    async def opened(desk: FakeDesk, **how: Any) -> AsyncIterator[Site]:
        doors = {key: how.pop(key) for key in ("most", "first_word") if key in how}
        app = build(desk, FARM, now=lambda: NOW, **how)
        listening = await listen(app, "127.0.0.1:0", tmp_path / "alertd.sock", **doors)
        jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of 127.0.0.1, as a browser does
        try:
            async with aiohttp.ClientSession(cookie_jar=jar) as http:
                yield Site(desk, http, listening.port, tmp_path / "alertd.sock")
        finally:
            await listening.close()

    return opened

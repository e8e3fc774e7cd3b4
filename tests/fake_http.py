"""What every stand-in for a provider has in common: it serves on loopback, and it fails on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from serving import Serving

if TYPE_CHECKING:
    from collections.abc import Sequence


class FakeHttp:
    """A provider at `base`, on a free port that stays the same when it goes `down` and comes `up` again."""

    prefix = ""
    """A path before every other, as a proxy may have."""

    def __init__(self) -> None:
        self.faults: deque[Any] = deque()
        self.pictures: list[tuple[str, bytes]] = []
        """What was shown: the message it answers ("": none), the PNG."""
        self.places: list[tuple[str, float, float]] = []
        """What was shown on a map: the message it answers, latitude, longitude."""
        self.base = ""
        self._port = 0
        self._over = asyncio.Event()

    def routes(self) -> Sequence[web.RouteDef]:
        """What is served, below `prefix`."""
        raise NotImplementedError

    def application(self) -> web.Application:
        """What stands before the routes."""
        return web.Application()

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Listen."""
        self._over = asyncio.Event()
        app = self.application()
        for route in self.routes():
            app.router.add_route(route.method, self.prefix + route.path, route.handler)
        self._serving = await Serving.start(app, self._port)
        self._port = self._serving.port
        self.base = f"http://127.0.0.1:{self._port}{self.prefix}"

    async def down(self) -> None:
        """Stop listening; whoever waits for an answer gets none."""
        self._over.set()
        await self._serving.stop()

    def fail(self, fault: Any, times: int = 1) -> None:
        """Let the next messages fail: `timeout`: taken and never answered; `cut`: taken and hung up on; else an error."""
        self.faults.extend([fault] * times)

    def fault(self) -> Any:
        """The fault that is due now, None if there is none."""
        return self.faults.popleft() if self.faults else None

    def has_shown(self, picture: bytes, ref: str = "") -> None:
        """Keep a picture that came in whole."""
        assert picture.startswith(b"\x89PNG"), picture[:20]
        self.pictures.append((ref, picture))

    async def lose(self, request: web.Request, fault: Any) -> None:
        """Lose the answer, if the fault says so."""
        if fault == "timeout":
            await self._over.wait()
        if fault == "cut":
            assert request.transport is not None
            request.transport.abort()

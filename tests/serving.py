"""How a stand-in serves HTTP on loopback, and stops so that no connection outlives it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from aiohttp import web

from alertd.web.listen import quiet

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator


class Serving:
    """An application that is being served on `port`."""

    def __init__(self, runner: web.AppRunner, site: web.TCPSite, port: int) -> None:
        self._runner, self._site, self.port = runner, site, port

    @classmethod
    async def start(cls, app: web.Application, port: int = 0, tls: ssl.SSLContext | None = None) -> Self:
        """Listen on `port` (0: a free one)."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)  # 0 would mean: wait for ever
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, reuse_address=True, ssl_context=tls)
        await site.start()
        return cls(runner, site, runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening and close every connection, also one accepted a moment ago; once is enough, twice harmless."""
        if self._site in self._runner.sites:
            await quiet([self._site._server])
        await self._runner.cleanup()


@contextlib.asynccontextmanager
async def serving(app: web.Application, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve `app` and yield the port."""
    served = await Serving.start(app, port, tls)
    try:
        yield served.port
    finally:
        await served.stop()

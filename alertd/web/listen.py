"""Two doors into the same application: TCP for browsers and programs, a UNIX socket for the shell.

The LAN may be hostile: connections are counted, and one that has not sent a whole
request in time is closed, so that idle strangers cannot use up the daemon's files
and keep it from its broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Final

from aiohttp import web

from alertd.web.server import SILENT
from alertd.web.unix import bind

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.web_protocol import RequestHandler

MOST: Final = 100
"""Connections by TCP at once; more are closed at once. The unit allows 1024 open files for everything."""
SHELLS: Final = 16
"""Connections kept free for the UNIX socket beyond `MOST`."""
ACCEPTED: Final = 3
"""Turns of the loop from a connection's acceptance until aiohttp knows it: a task, its transport, `connection_made`."""
FIRST_WORD: Final = 10.0
"""Seconds in which a connection must have sent its first whole request."""


class Listening:
    """The open doors; `port` is the TCP port (0: none), `address` what was asked for."""

    def __init__(self, runner: web.AppRunner, servers: list[asyncio.Server], unix: Path | None) -> None:
        self._runner = runner
        self._servers = servers
        self._unix = unix
        self._inode = unix.stat().st_ino if unix else 0

    @property
    def port(self) -> int:
        """Return the TCP port really listened on; 0 where TCP is off."""
        names = [s.getsockname() for server in self._servers for s in server.sockets]
        return next((name[1] for name in names if isinstance(name, tuple)), 0)

    async def close(self) -> None:
        """Close both doors, give calls under way 2 s, and remove the socket if it is still ours."""
        await quiet(self._servers)
        for server in self._servers:
            server.close()
        await self._runner.cleanup()
        if self._unix is not None:
            with contextlib.suppress(OSError):  # a disk that is read-only keeps it; the next start takes its place
                if self._unix.stat().st_ino == self._inode:
                    self._unix.unlink()


async def listen(
    app: web.Application, address: str, unix: Path | None, *, most: int = MOST, first_word: float = FIRST_WORD
) -> Listening:
    """Serve `app` on `address` (`HOST:PORT`, port 0: any; `off`: not at all) and on the socket `unix`.

    Raises:
        OSError: an address is taken or may not be used.
    """
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=2.0, keepalive_timeout=30.0, auto_decompress=False, handle_signals=False
    )
    await runner.setup()
    loop = asyncio.get_running_loop()
    servers: list[asyncio.Server] = []
    try:
        if address != "off":
            host, _, port = address.rpartition(":")
            door = _Door(runner, app[SILENT], most, first_word)
            try:
                servers.append(await loop.create_server(door, host.strip("[]"), int(port)))
            except OSError as error:
                raise OSError(f"web.listen: {address}: {os.strerror(error.errno or 0).lower()}") from error
        if unix is not None:
            door = _Door(runner, app[SILENT], most + SHELLS, first_word)
            servers.append(await loop.create_unix_server(door, sock=bind(unix)))
    except OSError:
        for server in servers:
            server.close()
        await runner.cleanup()
        raise
    return Listening(runner, servers, unix)


async def quiet(servers: list[asyncio.Server]) -> None:
    """Accept nobody any more, and wait until the application knows all who were accepted.

    A server that is closed the moment after it accepted forgets the connection: asyncio fails an assertion in
    the task that would make its transport (`Server._attach`), and the visitor hangs until the garbage is collected.
    """
    for server in servers:
        for door in server.sockets:
            asyncio.get_running_loop().remove_reader(door.fileno())
    for _ in range(ACCEPTED):
        await asyncio.sleep(0)


class _Door:
    """Make the protocol of each new connection."""

    def __init__(self, runner: web.AppRunner, silent: set[RequestHandler], most: int, first_word: float) -> None:
        self._runner = runner
        self._silent = silent
        self._most = most
        self._first_word = first_word

    def __call__(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None or len(server.connections) >= self._most:
            return _Full()
        connection = server()
        self._silent.add(connection)
        asyncio.get_running_loop().call_later(self._first_word, self._hang_up, connection)
        return connection

    def _hang_up(self, connection: RequestHandler) -> None:
        if connection in self._silent:
            self._silent.discard(connection)
            connection.force_close()


class _Full(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        transport.close()

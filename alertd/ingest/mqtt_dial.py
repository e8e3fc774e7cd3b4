"""How a connection of MQTT 5 begins: name, address, TLS, CONNECT and its answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from alertd.ingest.mqtt_address import explain
from alertd.ingest.mqtt_codec import CodecLine
from alertd.ingest.mqtt_line import PATIENCE, RefusedError

if TYPE_CHECKING:
    from alertd.ingest.mqtt_line import Ear, Hello


async def open_codec(hello: Hello, ear: Ear) -> None:
    """Connect and say hello; `ear.connected` has been called when this returns.

    Raises:
        RefusedError: not reached, or refused by the broker.
    """
    line = CodecLine(hello, ear)
    with contextlib.ExitStack() as unfinished:
        unfinished.callback(line.abort)
        try:
            async with asyncio.timeout(PATIENCE):
                await _dial(hello, line)
            async with asyncio.timeout(PATIENCE):
                await line.welcome
        except OSError as error:
            raise RefusedError(explain(error, hello.address)) from error
        unfinished.pop_all()


async def _dial(hello: Hello, line: CodecLine) -> None:
    """Try the addresses of the name one by one; the last failure speaks for all.

    asyncio's own loop over them joins the failures of `localhost` (::1, 127.0.0.1) into one
    error that no longer says which kind it is.
    """
    loop = asyncio.get_running_loop()
    host = hello.address.host
    addresses = await loop.getaddrinfo(host, hello.address.port, type=socket.SOCK_STREAM)
    for left, (*_, where) in enumerate(addresses, 1 - len(addresses)):
        try:
            await loop.create_connection(
                lambda: line,
                str(where[0]),
                hello.address.port,
                ssl=hello.tls,
                server_hostname=host if hello.tls else None,
                ssl_shutdown_timeout=1.0 if hello.tls else None,
            )
        except OSError:
            if left == 0:
                raise
        else:
            return

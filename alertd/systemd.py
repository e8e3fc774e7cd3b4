"""What systemd is told: ready, alive, reloading, stopping (sd_notify(3), own words on the wire).

One datagram of `NAME=VALUE` lines to `$NOTIFY_SOCKET`. Not under systemd, nothing is
sent. A datagram that cannot be sent is not an error of ours: the answer says so.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.model import Micros


class Systemd:
    """The service's line to systemd. Every method returns whether systemd took the datagram."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take the environment systemd started us with; `@` begins a name in the abstract namespace."""
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._interval = _watchdog(environ)

    @property
    def listening(self) -> bool:
        """Return whether systemd wants to hear from us."""
        return self._address.startswith(("/", "\0"))

    @property
    def watchdog_interval(self) -> Micros | None:
        """Return within which time systemd wants `alive` (`WatchdogSec=`); call it at half of that. None: never."""
        return self._interval

    def ready(self, status: str = "") -> bool:
        """Say that the start, or a reload, is done."""
        return self._send("READY=1", _status(status))

    def status(self, text: str) -> bool:
        """Set the line `systemctl status` shows."""
        return self._send(_status(text))

    def alive(self) -> bool:
        """Feed the watchdog; only when the engine and the couriers have really turned."""
        return self._send("WATCHDOG=1")

    def reloading(self, monotonic: Micros) -> bool:
        """Say that a reload begins; `monotonic` is CLOCK_MONOTONIC. `ready` ends it."""
        return self._send("RELOADING=1", f"MONOTONIC_USEC={monotonic}")

    def stopping(self, status: str = "") -> bool:
        """Say that the drain begins."""
        return self._send("STOPPING=1", _status(status))

    def extend_timeout(self, by: Micros) -> bool:
        """Ask for `by` more from now on for the start or stop that is under way (migration, rebuilding)."""
        return self._send(f"EXTEND_TIMEOUT_USEC={by}")

    def _send(self, *lines: str) -> bool:
        if not self.listening:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)  # a systemd that is busy must never hold the engine up
            try:
                line.connect(self._address)
                line.sendall("\n".join(filter(None, lines)).encode())
            except OSError:
                return False
        return True


def _status(text: str) -> str:
    """One line only: a line break in a device's name must not become an assignment."""
    return f"STATUS={' '.join(text.split())}" if text else ""


def _watchdog(environ: Mapping[str, str]) -> Micros | None:
    """Read `$WATCHDOG_USEC`, unless `$WATCHDOG_PID` says that it is meant for another process."""
    interval, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not interval.isdecimal() or int(interval) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(interval)

"""Ports to listen on that nobody else is given between asking and listening."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import suppress

FIRST, LAST = 10_240, 32_767
"""Below those that the system hands out by itself, to clients too (ip_local_port_range begins at 32768)."""
APART = 131
"""Processes with neighbouring numbers begin so far from each other, and each asks for no port twice."""

_numbers = itertools.count(os.getpid() * APART)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on."""
    for number in _numbers:
        port = FIRST + number % (LAST - FIRST + 1)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("itertools.count does not end")

"""The UNIX socket the shell commands talk to: where it is, who may use it.

Under systemd secrets and store are the daemon's alone, so `alertd ack` cannot open
them; it asks here instead, and the kernel says who is asking.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME: Final = "alertd.sock"
LONGEST: Final = 107
"""Bytes of a path in `sockaddr_un` (unix(7)); longer ones go through /proc."""
SO_PEERGROUPS: Final = 59
"""Supplementary groups of the peer (Linux 4.13, socket(7)); Python has no name for it."""


def socket_path(store: Path, environ: Mapping[str, str]) -> Path:
    """Return where `run` listens: `$RUNTIME_DIRECTORY/alertd.sock`, else beside the store."""
    runtime = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(runtime) / NAME if runtime else store.absolute().parent / NAME


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """Yield a name for `path` that fits into a socket address, good while inside.

    Raises:
        OSError: the folder cannot be opened.
    """
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def bind(path: Path) -> socket.socket:
    """Bind a listening address for owner and group (0660); one left by a killed daemon is replaced.

    The mode is set before anybody can connect, which is only possible after `listen`.

    Raises:
        OSError: another program listens there, or the folder cannot be written.
    """
    if path.is_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, short(path) as name:
            if probe.connect_ex(name) == 0:
                raise OSError(f"{path}: another program listens there")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short(path) as name:
            listener.bind(name)
        path.chmod(0o660)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def may_enter(uid: int, groups: set[int], own_uid: int, own_gid: int) -> bool:
    """Return whether a peer is root, ourselves, or in our group."""
    return uid in (0, own_uid) or own_gid in groups


def peer_may_enter(peer: socket.socket) -> bool:
    """Ask the kernel who connected; False too where it cannot say."""
    try:
        _pid, uid, gid = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        packed = peer.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 4 * 256)
    except OSError:
        return False
    groups = {gid, *struct.unpack(f"{len(packed) // 4}I", packed)}
    return may_enter(uid, groups, os.geteuid(), os.getegid())

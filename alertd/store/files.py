"""The two files beside the store: the lock that keeps a second daemon out, and the ballast for a full disk."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from alertd.seams import StoreBusyError

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE: Final = 0o600
"""Addresses and consent are in the store: nobody else on the machine may read it."""

BALLAST_BYTES: Final = 16 * 1024 * 1024
_ROOM: Final = 4
"""The ballast is laid down only where the disk has this many times its size free."""


class Lock:
    """An flock on `PATH.lock` with our pid inside. The kernel lets go of it however we end; the file stays."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._file: int | None = None

    def take(self) -> None:
        """Lock, without waiting.

        Raises:
            StoreBusyError: another process has it; the message names its pid.
            OSError: the file cannot be made.
        """
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise StoreBusyError(f"{self._path}: another alertd (pid {pid}) has this store open") from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def release(self) -> None:
        """Let go; harmless if it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Ballast:
    """`PATH.ballast`: room set aside, to be given up when the disk is full so that alerts still commit."""

    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self._path = path.with_name(path.name + ".ballast")
        self._size = size

    def lay(self) -> bool:
        """Set the room aside unless it is there already or the disk is short; tell whether it is there now."""
        if self._path.exists():
            return True
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < _ROOM * self._size:
            return False
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            # Allocated, not sparse: a hole would promise room that is not there.
            os.posix_fallocate(file, 0, self._size)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        finally:
            os.close(file)
        return True

    def release(self) -> bool:
        """Give the room up; tell whether there was any."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True

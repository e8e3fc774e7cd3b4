"""A real mosquitto on a free loopback port, for tests: start, stop, kill -9, start again with what it kept.

    with Mosquitto(tmp_path) as broker:
        ... broker.url ...
        broker.kill()
        broker.start()

Calls block for some 20 ms each. `need_mosquitto` is the mark for tests that use it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Self

import pytest
from ports import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PATIENCE = 10.0
"""Seconds until a start, stop or save that did not happen is an error."""

need_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed (apt install mosquitto)")


class Mosquitto:
    """One broker with one plain listener on `port` and whatever `config` adds.

    Persistence is on in `folder`; what a kill -9 may lose is what changed since the last
    `save()` (mosquitto writes its database only now and then). `allow_anonymous` is true
    unless `config` says otherwise.
    """

    def __init__(self, folder: Path, config: Sequence[str] = (), *, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.log: list[str] = []
        self._config = list(config)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._said = threading.Condition()

    @property
    def url(self) -> str:
        """Return the address of the plain listener."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and return when it accepts connections.

        Raises:
            RuntimeError: it did not start; the message holds its log.
        """
        if PROGRAM is None:
            raise RuntimeError("mosquitto is not installed")
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {self.folder}/",
            *([f"user {_me()}"] if os.geteuid() == 0 else []),
            *([] if any(line.startswith("allow_anonymous") for line in self._config) else ["allow_anonymous true"]),
            *self._config,
        ]
        path = self.folder / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._process = subprocess.Popen(
            [PROGRAM, "-c", str(path)], stderr=subprocess.PIPE, text=True, errors="replace"
        )
        since = len(self.log)
        self._reader = threading.Thread(target=self._listen, args=(self._process,), name="mosquitto log", daemon=True)
        self._reader.start()
        self._wait_for("running", since)

    def stop(self) -> None:
        """Stop in order (SIGTERM): the database is written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def save(self) -> None:
        """Write the database now, as `autosave_interval` would some time."""
        if self._process is None:
            raise RuntimeError("mosquitto is not running")
        since = len(self.log)
        self._process.send_signal(signal.SIGUSR1)
        self._wait_for("Saving in-memory database", since)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end(self, sig: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(sig)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(PATIENCE)
        if process.stderr is not None:
            process.stderr.close()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        for line in process.stderr or ():
            with self._said:
                self.log.append(line.rstrip())
                self._said.notify_all()
        with self._said:
            self._said.notify_all()

    def _wait_for(self, word: str, since: int) -> None:
        with self._said:
            found = self._said.wait_for(
                lambda: any(word in line for line in self.log[since:]) or not self._alive(), PATIENCE
            )
            if not found or not any(word in line for line in self.log[since:]):
                raise RuntimeError(f"mosquitto did not say {word!r}: {self.log[since:]}")

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None


def _me() -> str:
    # As root mosquitto would become the user `mosquitto`, who may not write into the test's folder.
    import pwd  # noqa: PLC0415 (does not exist on Windows, where nobody is root)

    return pwd.getpwuid(os.geteuid()).pw_name

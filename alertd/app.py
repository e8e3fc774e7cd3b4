"""The process: reads the file, runs the daemon, hears what the system asks of it, leaves with an exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import structlog

from alertd import logs
from alertd.config.load import load
from alertd.daemon import Daemon
from alertd.seams import FencedError, StoreBusyError, StoreDamagedError, StoreFullError
from alertd.settings import SecretMissingError
from alertd.systemd import Systemd

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.config.config import Config

log = structlog.get_logger("alertd")


def run(path: Path, debug: bool) -> int:  # noqa: FBT001 (the command line's switch)
    """Run the daemon in the foreground; return the exit code of CONTRACT.md section 1."""
    logs.configure(os.environ, debug=debug)
    loaded = load(path)
    for problem in (*loaded.errors, *loaded.unreadable):
        print(problem, file=sys.stderr)  # noqa: T201 (the operator reads it before there is a log)
    for problem in loaded.warnings:
        log.warning("configuration", problem=str(problem))
    if loaded.config is None or loaded.unreadable:
        return 2
    code = 0
    try:
        asyncio.run(Process(loaded.config, path).run())
    except* (StoreBusyError, StoreDamagedError, StoreFullError, FencedError, SecretMissingError, OSError) as group:
        if debug:
            raise
        for error in group.exceptions:
            print(f"alertd: {error}", file=sys.stderr)  # noqa: T201 (one line for people)
        code = 1
    return code


class Process:
    """One daemon after another: a reload is a restart within the process, so that one code path brings state back."""

    def __init__(self, config: Config, path: Path) -> None:
        self.path = path
        self.systemd = Systemd(os.environ)
        self.daemon = Daemon(config, path, self.systemd)
        self.next: Config | None = None
        """The configuration to start again with, after SIGHUP."""
        self.ending = False

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.end)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        await self.daemon.run()
        while (again := self.next or self.daemon.again) is not None and not self.ending:
            self.daemon, self.next = Daemon(again, self.path, self.systemd), None
            await self.daemon.run()

    def end(self) -> None:
        """SIGTERM: stop, whatever else was asked for; also while a reload ends the parts to start them again."""
        self.ending = True
        self.systemd.stopping("committing")  # of a reload systemd must not hear it: it would end the service
        self.daemon.stop.set()

    def reload(self) -> None:
        """SIGHUP: a good file starts the parts again (their state is in the store), a bad one changes nothing."""
        if self.ending:
            return
        self.systemd.reloading(time.monotonic_ns() // 1000)
        loaded = load(self.path)
        if loaded.config is None or loaded.unreadable:
            problems = (*loaded.errors, *loaded.unreadable)
            for problem in problems:
                log.error("configuration refused", problem=str(problem))
            self.daemon.trouble("reload", f"the new configuration was refused: {problems[0]}")
            self.systemd.ready("running with the old configuration: the new one has errors")
            return
        log.info("reloading")
        self.next = loaded.config
        self.daemon.stop.set()

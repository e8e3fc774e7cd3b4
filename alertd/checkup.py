"""The doctor's rounds for the running daemon: in a child process, one at a time.

The child has the daemon's secrets and store, and its memory is gone with it. What it
found waits for whoever asks next.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

LONGEST: Final = 180.0
"""Seconds after which the child is ended."""


class Checkup:
    """Starts `alertd doctor --alone` and hands out what it says."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._rounds: asyncio.Task[list[dict[str, Any]]] | None = None

    def ask(self, seconds: float) -> list[dict[str, Any]] | None:
        """Return what was found; None while the rounds are still being done (they begin with the first call)."""
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._do(seconds), name="checkup")
        if not self._rounds.done():
            return None
        found, self._rounds = self._rounds.result(), None
        return found

    async def _do(self, seconds: float) -> list[dict[str, Any]]:
        words = ("-m", "alertd", "doctor", "--alone", "--json", "--seconds", f"{seconds:g}", "-c", str(self._config))
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
        except OSError as error:
            return [_broken(f"cannot be started: {error.strerror or error}")]
        try:
            async with asyncio.timeout(LONGEST):
                out, err = await child.communicate()
        except TimeoutError:
            return [_broken("took too long")]
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        try:
            found: list[dict[str, Any]] = json.loads(out)
        except ValueError:
            lines = err.decode("utf-8", "replace").strip().splitlines()
            return [_broken(line) for line in lines or [f"said nothing and left with {child.returncode}"]]
        return found


def _broken(why: str) -> dict[str, Any]:
    return {"level": "fail", "part": "doctor", "text": why, "remedy": ""}

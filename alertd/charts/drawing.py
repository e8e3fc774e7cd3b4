"""The parent's side of a chart: one child at a time, 20 seconds, and a picture or none."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from alertd.charts.draw import TOO_LITTLE

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.charts.figure import Chart

PATIENCE: Final = 20.0
"""Seconds for one picture: a Pi Zero needs eight."""
LARGEST: Final = 2 << 20
"""Bytes of a picture; one is some 60 KB."""
_PASSED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""What the child sees of our environment: no tokens."""

log = structlog.get_logger("alertd.charts")


def available() -> bool:
    """Return whether pictures can be drawn here (the extra `charts`)."""
    return importlib.util.find_spec("matplotlib") is not None


class Drawing:
    """Draws one chart at a time. `cache`: a folder where matplotlib keeps its list of fonts (10 s of work)."""

    def __init__(self, cache: Path | None = None, *, patience: float = PATIENCE) -> None:
        self._one = asyncio.Lock()
        self._cache = cache
        self._patience = patience

    async def png(self, chart: Chart) -> bytes | None:
        """Return the picture; None if there is too little to draw, or, with the reason in the log, if it failed."""
        seen = {name: os.environ[name] for name in _PASSED if name in os.environ}
        if self._cache is not None:
            seen["MPLCONFIGDIR"] = str(self._cache)
        async with self._one:
            child = await asyncio.create_subprocess_exec(
                *("nice", sys.executable, "-m", "alertd.charts.draw"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=seen,
            )
            try:
                async with asyncio.timeout(self._patience):
                    picture, fault = await child.communicate(msgspec.json.encode(chart))
            except TimeoutError:
                log.warning("chart given up", why=f"not drawn within {self._patience:g} s")
                return None
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        if child.returncode == TOO_LITTLE:
            return None
        if child.returncode != 0 or not picture.startswith(b"\x89PNG") or len(picture) > LARGEST:
            why = fault.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
            log.warning("chart failed", why=why[0])
            return None
        return picture

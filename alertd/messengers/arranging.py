"""What is arranged with a provider once, at the start: a start button, a menu. Asked for until it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LONGEST_PAUSE: Final = 300.0
"""Seconds between two attempts."""

log = structlog.get_logger(__name__)


async def arrange(what: str, attempt: Callable[[], Awaitable[str]], pause: Callable[[float], Awaitable[None]]) -> None:
    """Repeat `attempt` until it returns "", with growing pauses; what is wrong is logged once per change."""
    trouble, failures = "", 0
    while why := await attempt():
        if why != trouble:
            log.warning(what, why=why)
            trouble = why
        await pause(min(LONGEST_PAUSE, 2.0**failures))
        failures = min(failures + 1, 10)

"""The promise of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from alertd.model import Micros


class Clock(Protocol):
    """Time, known to `app.py` alone: everything else is given `now`."""

    def now(self) -> Micros:
        """Return wall time at start plus monotonic time since; never goes back."""

    async def sleep_until(self, when: Micros) -> None:
        """Return when `now()` has reached `when`."""

"""Time: wall clock at start plus monotonic time since, so that it never goes back.

A gateway without a clock battery starts with a wrong wall clock that steps by hours
once the network is up. `stepped` reports such a step; the keeper shifts what is
due by it, so that nothing fires or resolves by the step.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from alertd.model import SECOND, Micros

STEP: Final = 2 * SECOND
"""NTP slews smaller differences; larger ones are steps."""
SYNCHRONIZED: Final = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches this when the clock has been set (systemd-timesyncd.service(8))."""


class SystemClock:
    """The clock of the running daemon."""

    def __init__(self) -> None:
        self._wall = time.time_ns() // 1000
        self._start = time.monotonic_ns() // 1000

    def now(self) -> Micros:
        """Return microseconds since 1970 UTC; never goes back except by `stepped`."""
        return self._wall + time.monotonic_ns() // 1000 - self._start

    def stepped(self) -> Micros:
        """Take over a step of the wall clock and return it (microseconds, 0: none)."""
        difference = time.time_ns() // 1000 - self.now()
        if abs(difference) < STEP:
            return 0
        self._wall += difference
        return difference

    def trusted(self, newest_known: Micros) -> bool:
        """Return whether own times of devices can be held against this clock.

        Either systemd says that the clock was set, or the clock is at least not behind what
        the store already knows and the year is plausible (an image older than its own code is not).
        """
        if SYNCHRONIZED.exists():
            return True
        return self.now() >= newest_known and self.now() > BUILT

    async def sleep_until(self, when: Micros) -> None:
        """Return when `now()` has reached `when`."""
        await asyncio.sleep(max(0, when - self.now()) / SECOND)


BUILT: Final = 1_767_225_600 * SECOND
"""2026-01-01: no working clock shows an earlier time to this code."""

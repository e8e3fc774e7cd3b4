"""Time: wall clock at start plus monotonic time since, so that it never goes back.

A gateway without a clock battery starts with a wrong wall clock that steps by hours
once the network is up. Ours does not step with it, so that nothing fires or resolves
by the step; from then on it is not trusted, and own times of devices are taken as
they come. A restart takes the right time over.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from alertd.model import SECOND, Micros

STEP: Final = 60 * SECOND
"""NTP slews smaller differences, and monotonic time drifts by seconds a day; larger ones are steps."""
SYNCHRONIZED: Final = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches this when the clock has been set (systemd-timesyncd.service(8))."""


class SystemClock:
    """The clock of the running daemon."""

    def __init__(self) -> None:
        self._wall = time.time_ns() // 1000
        self._start = time.monotonic_ns() // 1000

    def now(self) -> Micros:
        """Return microseconds since 1970 UTC; never goes back."""
        return self._wall + time.monotonic_ns() // 1000 - self._start

    def trusted(self, newest_known: Micros) -> bool:
        """Return whether own times of devices can be held against this clock.

        Not after the wall clock stepped away from us. Else systemd says that the clock was set, or
        the clock is at least not behind what the store already knows and the year is plausible
        (an image older than its own code is not).
        """
        if self.stepped():
            return False
        return SYNCHRONIZED.exists() or (self.now() >= newest_known and self.now() > BUILT)

    def stepped(self) -> bool:
        """Return whether the wall clock stepped away from us: it was set, or the machine slept."""
        return abs(time.time_ns() // 1000 - self.now()) >= STEP

    async def sleep_until(self, when: Micros) -> None:
        """Return when `now()` has reached `when`."""
        await asyncio.sleep(max(0, when - self.now()) / SECOND)


BUILT: Final = 1_767_225_600 * SECOND
"""2026-01-01: no working clock shows an earlier time to this code."""

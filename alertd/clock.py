"""Time: the wall clock as it was, plus time since, so that it never goes back while the daemon runs.

A gateway without a clock battery starts with a wrong wall clock, which is set by years or
hours once the network is up. What this boot has written until then is moved to when it
really happened (`alertd.moving`), and time goes on from there: that is decided here, the
same way while the daemon runs and at its start, because the store keeps the `Era`. A clock
of which nothing says that it was wrong moves nothing when it is set (a machine that was
stopped as a whole looks the same): time goes on as it was, and the next start takes the
wall clock over.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alertd.model import DAY, MINUTE, SECOND, Micros, Move

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.seams import Kept

STEP: Final = 60 * SECOND
"""NTP slews smaller differences, and monotonic time drifts by seconds a day; larger ones are steps."""
ADOPTED: Final = DAY
"""A wrong clock is set soon after boot; later, what was written is history that people have read."""
JUST_BOOTED: Final = 10 * MINUTE
"""Whoever starts so soon after boot may have come before the network and NTP."""
SYNCHRONIZED: Final = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches this when the clock has been set (systemd-timesyncd.service(8))."""
BUILT: Final = 1_767_225_600 * SECOND
"""2026-01-01: no working clock shows an earlier time to this code."""


def wall_time() -> Micros:
    """Return what the wall clock shows."""
    return time.time_ns() // 1000


def ticks() -> Micros:
    """Return time since boot; a machine that sleeps has lived through it (where the system counts that)."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1000


def _this_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii")[:8]
    except OSError:  # only this process then knows that it is the same boot
        return f"{os.getpid()} {time.monotonic_ns()}"


BOOT: Final = _this_boot()


@dataclass(frozen=True, slots=True)
class Era:
    """Time that goes on by one reckoning: `offset` is our time less the ticks, `wall` what the wall clock's was.

    It began at `since` (our time), when the journal's newest row was `seq`, in the boot `boot`. `confirmed`:
    systemd said that the wall clock is right, and it agreed with ours.
    """

    boot: str
    offset: Micros
    wall: Micros
    since: Micros
    seq: int = 0
    confirmed: bool = False

    def set_by(self, wall: Micros, *, synchronized: bool) -> Micros:
        """Return by how much the wall clock was set since; 0: by nothing that matters."""
        ahead = wall - self.offset
        was_set = abs(wall - self.wall) >= STEP or (synchronized and not self.confirmed)
        return ahead if was_set and abs(ahead) >= STEP else 0

    def behind(self, wall: Micros) -> Micros:
        """Return by how much to go back to the wall clock where time began ahead of it, as the store was; else 0."""
        ahead = wall - self.offset
        return ahead if self.offset - self.wall >= STEP and ahead <= -STEP else 0

    def movable(self, now: Micros, *, synchronized: bool) -> bool:
        """Return whether what was written in it may be moved: its clock was wrong, or nobody can have set it yet."""
        begun = self.since - self.offset
        behind = self.offset - self.wall >= STEP or self.wall + begun < BUILT
        doubtful = synchronized or behind or begun < JUST_BOOTED
        return doubtful and not self.confirmed and now - self.since <= ADOPTED


class SystemClock:
    """The clock of the running daemon; what it reads can be given, in microseconds."""

    def __init__(
        self,
        wall: Callable[[], Micros] = wall_time,
        ticking: Callable[[], Micros] = ticks,
        synchronized: Callable[[], bool] = SYNCHRONIZED.exists,
        boot: str = BOOT,
    ) -> None:
        self.wall = wall
        self._ticks, self._synchronized, self._boot = ticking, synchronized, boot
        offset = wall() - ticking()
        self.era = Era(boot, offset, offset, offset + ticking())

    def begin(self, kept: Kept) -> Move | None:
        """Go on from what the store keeps; return how it must be moved, None: not at all.

        Within one boot time goes on as it was, or as the wall clock was set meanwhile. After another it
        begins with the wall clock, but not behind the last commit: time has passed since then, whatever a
        clock without a battery shows. That is put right when systemd says that the wall clock is, or by a
        start ten minutes after boot or later.
        """
        since_boot, confirmed = self._ticks(), self._synchronized()
        wall = self.wall() - since_boot
        offset = wall if confirmed else max(wall, kept.at + 1 - since_boot)
        mark = kept.marks.get("clock")
        if mark and mark[0] == self._boot:
            self.era = Era(*mark)
            by = self.era.set_by(wall, synchronized=confirmed)
            if not by and since_boot >= JUST_BOOTED:
                by = self.era.behind(wall)  # who starts alertd again believes the wall clock
            if not by:
                return None
            now = self.now()
            if self.era.movable(now, synchronized=confirmed):
                move = Move(self.era.since, now, by, self.era.seq)
                self.era = Era(self._boot, wall, wall, self.era.since + by, self.era.seq, confirmed)
                return move
            offset = wall
        self.era = Era(self._boot, offset, wall, offset + since_boot, kept.seq, confirmed)
        return None

    def mark(self) -> tuple[Any, ...]:
        """Return what the store must keep for `begin`, in few bytes: every commit carries it."""
        return astuple(self.era)

    def now(self) -> Micros:
        """Return microseconds since 1970 UTC; never goes back."""
        return self.era.offset + self._ticks()

    def trusted(self, newest_known: Micros) -> bool:
        """Return whether own times of devices can be held against this clock.

        Not while the wall clock shows another time. Else systemd says that the clock was set, or
        the clock is at least not behind what the store already knows and the year is plausible
        (an image older than its own code is not).
        """
        if self.stepped():
            return False
        if self._synchronized():
            if not self.era.confirmed:
                self.era = replace(self.era, confirmed=True)
            return True
        return self.now() >= newest_known and self.now() > BUILT

    def stepped(self) -> bool:
        """Return whether the wall clock shows another time than we do."""
        return abs(self.wall() - self.now()) >= STEP

    def set_by(self) -> Micros:
        """Return by how much the wall clock was set, where that can be taken over now; else 0."""
        synchronized = self._synchronized()
        if not self.era.movable(self.now(), synchronized=synchronized):
            return 0
        return self.era.set_by(self.wall() - self._ticks(), synchronized=synchronized)

    async def sleep_until(self, when: Micros) -> None:
        """Return when `now()` has reached `when`."""
        await asyncio.sleep(max(0, when - self.now()) / SECOND)

"""The duty calendars of a farm: looked at from time to time, and remembered for when the line is down.

The last copy that could be read stays on the disk beside the store, so that a restart without a
line knows the plan. What a calendar says is expanded for some weeks, and again from the same
copy as time goes on. A calendar that is away for a day, or was never there, is the operator's
trouble; until it is back its last copy counts.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from alertd.audience.duty import HORIZON
from alertd.model import DAY, HOUR, SECOND, Appointment, Rota, Trouble, stable_id
from alertd.rota.fetching import UnreachableError, address, fetch, shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    import aiohttp

    from alertd.audience.calendar import Calendar
    from alertd.model import Event, Micros
    from alertd.seams import Clock

REMEDY: Final = "pip install 'alertd[ical]'"
STALE: Final = DAY
"""A calendar that could not be read for so long is told of."""
AGAIN: Final = 6 * HOUR
"""The same calendar is expanded again after this long: new days have come into view."""
SEEN: Final = (HORIZON + 1) * DAY
"""Events so far behind and ahead are read: those behind say who takes turns."""
PATIENCE: Final = 30.0
"""Seconds for reading one calendar; a Pi Zero needs five for a year."""
_PASSED: Final = ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""What the child sees of our environment: no tokens."""

log = structlog.get_logger("alertd.rota")

Row = tuple[int, int, str, tuple[str, ...]]


class UnreadableError(Exception):
    """It is no calendar; the message says why."""


def installed() -> bool:
    """Tell whether the extra is there."""
    return importlib.util.find_spec("recurring_ical_events") is not None


@dataclass(slots=True)
class _Known:
    """One calendar: the copy that counts, what it says, and how fresh that is."""

    calendar: Calendar
    copy: Path
    text: bytes = b""
    appointments: tuple[Appointment, ...] = ()
    looked: Micros = 0
    expanded: Micros = 0
    read: Micros | None = None
    fault: str = ""


class DutyCalendars:
    """Fetches, reads and remembers.

    Args:
        calendars: as in the file.
        zone: the farm's, an IANA name: all-day events are its days.
        store: beside this file the last copies are kept.
        clock: time.
    """

    def __init__(self, calendars: Sequence[Calendar], zone: str, store: Path, clock: Clock) -> None:
        self._zone, self._clock = zone, clock
        self._known = [_Known(one, copy_of(one, store)) for one in calendars]

    async def recall(self) -> Rota | None:
        """Return what the copies on the disk say: before the first step, and without the network."""
        if not self._known:
            return None
        now = self._clock.now()
        for one in self._known:
            try:
                text, read = await asyncio.to_thread(_kept, one.copy)
                one.appointments = await read_calendar(text, self._zone, now)
            except FileNotFoundError:
                continue
            except (OSError, UnreadableError) as error:
                log.warning("the kept duty calendar cannot be read", why=str(error))
                continue
            one.text, one.expanded, one.read = text, now, read
        return self._rota(now)

    async def look(self, http: aiohttp.ClientSession) -> list[Event]:
        """Look at the calendars whose time has come; return what there is to tell the engine."""
        now = self._clock.now()
        due = [one for one in self._known if now - one.looked >= one.calendar.every]
        before = [one.appointments for one in self._known]
        events: list[Event] = []
        for one in due:
            one.looked = now
            await self._look_at(one, http, now)
            events += self._troubles(one, now)
        changed = before != [one.appointments for one in self._known]
        return [self._rota(now), *events] if changed else events

    async def run(self, http: aiohttp.ClientSession, put: Callable[[Event], Awaitable[None]]) -> None:
        """Look for ever."""
        while self._known:
            for event in await self.look(http):
                await put(event)
            soonest = min(one.looked + one.calendar.every for one in self._known)
            await self._clock.sleep_until(max(soonest, self._clock.now() + SECOND))

    async def _look_at(self, one: _Known, http: aiohttp.ClientSession, now: Micros) -> None:
        try:
            text = await fetch(one.calendar, http)
            if text != one.text or now - one.expanded >= AGAIN:
                one.appointments = await read_calendar(text, self._zone, now)
                one.expanded = now
        except (UnreachableError, UnreadableError) as error:
            if one.fault != str(error):
                log.warning("the duty calendar cannot be read", calendar=shown(one.calendar), why=str(error))
            one.fault = str(error)
            if one.text and now - one.expanded >= AGAIN:
                one.appointments, one.expanded = await read_calendar(one.text, self._zone, now), now
            return
        if text != one.text or one.read is None or now - one.read >= HOUR:
            await asyncio.to_thread(_keep, one.copy, text, now)
        one.text, one.read, one.fault = text, now, ""

    def _troubles(self, one: _Known, now: Micros) -> list[Event]:
        key, name = f"duty calendar {one.copy.stem}", shown(one.calendar)
        if one.fault and (one.read is None or now - one.read >= STALE):
            counts = "its last copy counts" if one.text else "everybody is taken to be on duty"
            return [Trouble(key, now, f"{name} {one.fault}; {counts}")]
        return [] if one.fault else [Trouble(key, now, f"{name} can be read", over=True)]

    def _rota(self, now: Micros) -> Rota:
        return Rota(now, tuple(one.appointments for one in self._known))


def copy_of(calendar: Calendar, store: Path) -> Path:
    """Return where the last copy of a calendar is kept, beside the store."""
    try:
        where = address(calendar)
    except UnreachableError:
        where = repr(calendar.calendar)
    return store.parent / "calendars" / f"{stable_id('duty calendar', where)}.ics"


async def read_calendar(text: bytes, zone: str, now: Micros) -> tuple[Appointment, ...]:
    """Return the events of a calendar from five weeks ago until five weeks ahead, read by a child.

    Raises:
        UnreadableError: it is none, or takes too long.
    """
    if not installed():
        raise UnreadableError(f"cannot be read: the library is not installed: {REMEDY}")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alertd.rota.reading", zone, str(now - SEEN), str(now + SEEN)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _PASSED if name in os.environ},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, fault = await child.communicate(text)
    except TimeoutError:
        raise UnreadableError(f"is not read within {PATIENCE:g} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        why = fault.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
        raise UnreadableError(f"is no calendar that can be read: {why[0][:160]}")
    return tuple(Appointment(*row) for row in msgspec.json.decode(out, type=list[Row]))


def _kept(copy: Path) -> tuple[bytes, Micros]:
    return copy.read_bytes(), copy.stat().st_mtime_ns // 1000


def _keep(copy: Path, text: bytes, now: Micros) -> None:
    """Have this copy on the disk, with the time at which it was true; one that is the same is only touched."""
    try:
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not copy.exists() or copy.read_bytes() != text:
            fresh = copy.with_suffix(".new")
            fresh.write_bytes(text)
            fresh.replace(copy)
        os.utime(copy, ns=(now * 1000, now * 1000))
    except OSError as error:  # a full disk: the plan of this run stands all the same
        log.warning("the duty calendar could not be kept", why=error.strerror or str(error))

"""Who is on duty when: turns, shifts and days off as the farm plans them, in its own local time.

A plan says when people it names are on duty; people it does not name always are. What
somebody says in the chat (DUTY ON, DUTY OFF, a swap) goes before the plan, see `People.duty`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from alertd.audience.calendar import Calendar
from alertd.audience.hours import instant, local
from alertd.model import DAY
from alertd.settings import ClockTime, Duration, Name, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alertd.audience.calendar import Booking
    from alertd.model import Micros

HORIZON: Final = 35
"""Days ahead in which the next change of a person's duty is looked for: a month of weekly turns."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _date(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-11-23") else value


class Turns(Settings):
    """People take turns, each so many days, round the clock."""

    rotate: list[Name] = Field(min_length=1)
    every: Duration = Field(7 * DAY, validate_default=False, description="whole days")
    since: date = Field(description="the first one's turn begins on this day")
    at: ClockTime = "06:00"

    @field_validator("since", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return _date(value)

    @field_validator("every")
    @classmethod
    def _whole_days(cls, value: int) -> int:
        if value <= 0 or value % DAY:
            raise ValueError("must be whole days such as 1d or 1w")
        return value


class Shift(Settings):
    """People are on duty at these hours of these days; a shift may go over midnight into the next day."""

    who: Name | Annotated[list[Name], Field(min_length=1)]
    days: list[Day] = Field(default_factory=lambda: list(WEEK), min_length=1)
    from_: ClockTime = Field(alias="from")
    to: ClockTime = Field(description="of the next day where it is not after `from`")

    @property
    def people(self) -> tuple[str, ...]:
        """Return everybody whose shift this is."""
        return (self.who,) if isinstance(self.who, str) else tuple(self.who)


class DaysOff(Settings):
    """People are away, both days included."""

    off: Name | Annotated[list[Name], Field(min_length=1)]
    first: date
    last: date

    @field_validator("first", "last", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return _date(value)

    @model_validator(mode="after")
    def _in_order(self) -> DaysOff:
        if self.last < self.first:
            raise ValueError("last must not be before first")
        return self

    @property
    def people(self) -> tuple[str, ...]:
        """Return everybody who is away."""
        return (self.off,) if isinstance(self.off, str) else tuple(self.off)


_KEYS: Final = {"rotate": "turns", "off": "days_off", "calendar": "calendar"}
"""The key that says what kind of line it is; a line without any of them is a shift."""
_TAGS: Final[dict[type, str]] = {Turns: "turns", DaysOff: "days_off", Calendar: "calendar"}


def _which(value: Any) -> str:
    if isinstance(value, dict):
        return next((tag for key, tag in _KEYS.items() if key in value), "shift")
    return _TAGS.get(type(value), "shift")


DutyEntry = Annotated[
    Annotated[Turns, Tag("turns")]
    | Annotated[Shift, Tag("shift")]
    | Annotated[DaysOff, Tag("days_off")]
    | Annotated[Calendar, Tag("calendar")],
    Discriminator(_which),
]
"""One line of the plan: `rotate:`, `who:`, `off:` or `calendar:`."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Whether somebody is on duty, why, until when as far as it is known, and whether they are away (not just free)."""

    on: bool
    why: str
    until: Micros | None = None
    away: bool = False


class Plan:
    """The duty plan of a farm.

    Args:
        entries: as in the file.
        timezone: the farm's, an IANA name.
        booked: what the calendars among the entries come to.
    """

    def __init__(
        self,
        entries: Sequence[Turns | Shift | DaysOff | Calendar] = (),
        timezone: str = "UTC",
        booked: Sequence[Booking] = (),
    ) -> None:
        self._entries, self.booked = tuple(entries), tuple(booked)
        self.calendars = tuple(one for one in entries if isinstance(one, Calendar))
        self._turns = [one for one in entries if isinstance(one, Turns)]
        self._shifts = [one for one in entries if isinstance(one, Shift)]
        self._off = [one for one in entries if isinstance(one, DaysOff)]
        self._timezone = timezone
        self.named = frozenset(
            [name for turns in self._turns for name in turns.rotate]
            + [name for shift in self._shifts for name in shift.people]
            + [name for calendar in self.calendars for name in (*calendar.who, *calendar.names.values())]
            + [booking.person for booking in self.booked]
        )
        """Who has turns or shifts, and so is free at other times."""

    def with_booked(self, booked: Sequence[Booking]) -> Plan:
        """Return the same plan with what its calendars say now."""
        return Plan(self._entries, self._timezone, booked)

    def duty(self, person: str, at: Micros) -> Duty:
        """Return whether the plan has this person on duty."""
        if self._away(person, at):
            return Duty(on=False, why="is away", away=True)
        if person not in self.named:
            return Duty(on=True, why="is always on duty")
        if any(self._whose(turns, at) == person for turns in self._turns):
            return Duty(on=True, why="has their turn")
        if any(person in shift.people and self._in_shift(shift, at) for shift in self._shifts):
            return Duty(on=True, why="has their shift")
        if any(one.person == person and one.start <= at < one.end for one in self.booked):
            return Duty(on=True, why="is in the calendar")
        return Duty(on=False, why="is off duty")

    def next_change(self, person: str, at: Micros) -> Micros | None:
        """Return when the plan next takes this person on or off duty, None if not within five weeks."""
        now = self.duty(person, at).on
        return next((when for when in self._moments(person, at) if self.duty(person, when).on is not now), None)

    def gaps(self, week_of: Micros) -> list[tuple[Micros, Micros]]:
        """Return the spans of seven days in which nobody who is named is on duty; [] where nobody is named."""
        if not self.named:
            return []
        end = week_of + 7 * DAY
        moments = {week_of, *(when for one in self.named for when in self._moments(one, week_of) if when < end)}
        edges = [*sorted(moments), end]
        found: list[tuple[Micros, Micros]] = []
        for start, stop in pairwise(edges):
            if not any(self.duty(one, start).on for one in self.named):
                goes_on = bool(found) and found[-1][1] == start
                found.append((found.pop()[0] if goes_on else start, stop))
        return found

    def _away(self, person: str, at: Micros) -> bool:
        if not self._off:
            return False
        today = local(self._timezone, at).date()
        return any(person in one.people and one.first <= today <= one.last for one in self._off)

    def _whose(self, turns: Turns, at: Micros) -> str | None:
        today = local(self._timezone, at).date()
        begun = today if instant(self._timezone, today, turns.at) <= at else today - timedelta(days=1)
        days = (begun - turns.since).days
        return None if days < 0 else turns.rotate[days // (turns.every // DAY) % len(turns.rotate)]

    def _in_shift(self, shift: Shift, at: Micros) -> bool:
        """Tell whether a shift that began today or yesterday, on one of its days, still goes on."""
        today = local(self._timezone, at).date()
        for back in (0, 1):
            day = today - timedelta(days=back)
            if WEEK[day.weekday()] in shift.days:
                ends = instant(self._timezone, day + timedelta(days=shift.from_ >= shift.to), shift.to)
                if instant(self._timezone, day, shift.from_) <= at < ends:
                    return True
        return False

    def _moments(self, person: str, at: Micros) -> Iterable[Micros]:
        """Return when something may change for a person, in order, after `at`."""
        today = local(self._timezone, at).date()
        clocks = {turns.at for turns in self._turns if person in turns.rotate}
        for shift in self._shifts:
            if person in shift.people:
                clocks |= {shift.from_, shift.to}
        if any(person in one.people for one in self._off):
            clocks.add("00:00")
        days = [today + timedelta(days=ahead) for ahead in range(HORIZON)]
        moments = [instant(self._timezone, day, clock) for day in days for clock in clocks]
        moments += [edge for one in self.booked if one.person == person for edge in (one.start, one.end)]
        return sorted(when for when in moments if when > at)

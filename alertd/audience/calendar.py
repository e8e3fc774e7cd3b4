"""Duty by a calendar: whom an event names is on duty while it lasts.

The calendar itself is fetched and read elsewhere (`alertd.rota`); here its events meet the
people. An event names somebody by id, name or what the calendar calls them, as whole words of
its title ("Stall: Anna"); one whose title names nobody means its attendees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from alertd.model import MINUTE
from alertd.settings import Duration, Name, Secret, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from alertd.audience.settings import Subscriber
    from alertd.model import Appointment, Micros


class Calendar(Settings):
    """Whom the events of a calendar (iCalendar) name is on duty while they last."""

    calendar: str | Secret = Field(union_mode="left_to_right", description="https:// address, or a file")
    who: list[Name] = Field(
        default_factory=list, description="who is free where it does not name them; default: whom it names in ten weeks"
    )
    names: dict[str, Name] = Field(default_factory=dict, description="what the calendar calls people, to their ids")
    every: Duration = Field(15 * MINUTE, validate_default=False, ge=MINUTE, description="how often it is looked at")


@dataclass(frozen=True, slots=True)
class Booking:
    """Somebody is on duty from `start` to before `end`."""

    person: str
    start: Micros
    end: Micros


def calls(subscribers: Iterable[Subscriber], names: Mapping[str, str]) -> dict[str, str]:
    """Return how a calendar may call people (in small letters, longest first) and whom each means.

    Somebody's id, name and mail addresses; what the file says itself goes before.
    """
    found: dict[str, str] = {}
    for person in subscribers:
        mails = (address for channel in person.channels for name, address in channel.items() if name == "email")
        for call in (person.id, person.name or person.id, *mails):
            found.setdefault(call.casefold(), person.id)
    found |= {call.casefold(): person for call, person in names.items()}
    return dict(sorted(found.items(), key=lambda one: (-len(one[0]), one[0])))


def bookings(appointments: Iterable[Appointment], known: Mapping[str, str]) -> Iterator[Booking]:
    """Yield who is on duty when, by what a calendar says and how it calls people (`calls`)."""
    for one in appointments:
        for person in dict.fromkeys(named(one, known)):
            yield Booking(person, one.start, one.end)


def named(appointment: Appointment, known: Mapping[str, str]) -> list[str]:
    """Return whom an event means; [] if it names nobody who is known."""
    found, rest = [], appointment.summary.casefold()
    for call, person in known.items():
        rest, times = re.subn(rf"(?<![\w-]){re.escape(call)}(?![\w-])", " ", rest)  # "Anna Huber" is not also "Anna"
        if times:
            found.append(person)
    if found:
        return found
    return [known[one.casefold()] for one in appointment.attendees if one.casefold() in known]

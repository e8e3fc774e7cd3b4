"""When a message may go to a person: at once, or with a later digest, and why.

Routing said who hears of it; this says when. Critical alerts never wait. What waits
goes as one digest at the time it waits for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alertd.audience.hours import end_of_span, next_time
from alertd.model import Severity

if TYPE_CHECKING:
    from alertd.audience.person import Person
    from alertd.model import Micros


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when, and why: `quiet` hours, `budget` spent, or told in the `digest` only."""

    until: Micros
    why: str


def quiet_until(person: Person, severity: Severity, at: Micros) -> Micros | None:
    """Return when the quiet hours end that forbid this severity at `at`; None: it may be told."""
    quiet = person.quiet_hours
    if quiet is None or severity.rank >= quiet.except_.rank:
        return None
    return end_of_span(person.timezone, quiet.from_, quiet.to, at)


def next_digest(person: Person, after: Micros) -> Micros:
    """Return when the person's next digest is due: a digest wakes nobody, so not in their quiet hours."""
    due = next_time(person.timezone, person.digest.times, after)
    return quiet_until(person, Severity.INFO, due) or due


def must_wait(person: Person, severity: Severity, at: Micros, spent: int) -> Wait | None:
    """Return what a message of this severity waits for at `at`; None: it goes at once.

    Args:
        person: quiet hours, budget and digest are theirs, in their own time zone.
        severity: of the worst alert in it.
        at: when it would go.
        spent: messages of the local day that counted so far.
    """
    if severity is Severity.CRITICAL:
        return None
    collected = person.digest.collect
    if collected is not None and severity.rank <= Severity(collected).rank:
        return Wait(next_digest(person, at), "digest")
    ends = quiet_until(person, severity, at)
    if ends is not None:
        return Wait(ends, "quiet")
    if person.budget is not None and spent >= person.budget.per_day:
        return Wait(next_digest(person, at), "budget")
    return None

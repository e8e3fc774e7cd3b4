"""For how long and until when, as people write it: `2h`, `1,5 Stunden`, `until 18:00`, `bis morgen`.

Every language's words count for everybody. What is not understood in full is nothing: a guess would
be quiet for too long, or not long enough.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from alertd.audience.hours import instant, local, next_time
from alertd.model import DAY, HOUR, MINUTE, Micros

if TYPE_CHECKING:
    from collections.abc import Sequence

UNTIL: Final = frozenset(["until", "till", "bis", "hasta", "jusque", "jusqu'à", "jusqu’à", "tot", "do"])
TOMORROW: Final = frozenset(["tomorrow", "morgen", "mañana", "demain", "jutra", "jutro"])
MORNING: Final = "06:00"
"""When `until tomorrow` ends where no time stands with it: when the day in the barn begins."""
_UNITS: Final = {
    MINUTE: "m min mins minute minutes minuten minuto minutos minuut minuta minuty minut",
    HOUR: "h hour hours hr hrs std stunde stunden hora horas heure heures uur uren godz godzina godzinę godziny godzin",
    DAY: "d day days t tag tage tagen día días dia dias jour jours j dag dagen dzień dni",
}
_MICROS: Final = {name: micros for micros, names in _UNITS.items() for name in names.split()}
_ONE: Final = frozenset(
    ["a", "an", "one", "ein", "eine", "einen", "un", "una", "une", "een", "één", "jedna", "jedną", "jeden"]
)
_OCLOCK: Final = frozenset(["uhr", "uur", "h", "heures", "hrs", "o'clock", "godz", "godz.", "godzina"])
_EARLY: Final = frozenset(["früh", "frueh", "morning", "vroeg", "ochtend", "rano", "matin", "temprano"])
_BARE: Final = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,2})?")
_SPAN: Final = re.compile(r"([0-9]{1,6}(?:[.,][0-9]{1,2})?)([^\W\d_]+)")
_TIME: Final = re.compile(r"(?P<hour>[0-9]{1,2})(?:[:.](?P<minute>[0-5][0-9]))?(?:uhr|h)?(?P<half>[ap]m)?")


def lasting(tokens: Sequence[str]) -> Micros | None:
    """Read `4h`, `90 min`, `1h30m`, `1,5 Stunden` or `an hour`; None if it is no duration, or no time at all."""
    rest, duration = [token.casefold().rstrip(".") for token in tokens], 0
    while rest:
        token = rest.pop(0)
        counted = "1" if token in _ONE else token if _BARE.fullmatch(token) else ""
        if counted and rest and rest[0] in _MICROS:
            duration += _times(counted, rest.pop(0))
            continue
        parts = _SPAN.findall(token)
        if not parts or "".join(map("".join, parts)) != token or any(unit not in _MICROS for _, unit in parts):
            return None
        duration += sum(_times(number, unit) for number, unit in parts)
    return duration or None


def ends_at(tokens: Sequence[str], timezone: str, now: Micros) -> Micros | None:
    """Return when it ends: after a duration, at a time of day (`until 06:00`, `bis 18 Uhr`), or tomorrow; else None.

    A bare number is an hour only after one of the words for "until"; a time of day is the next one on this clock.
    """
    rest = [token.casefold() for token in tokens]
    meant = bool(rest) and rest[0] in UNTIL
    rest = rest[1:] if meant else rest
    tomorrow = bool(rest) and rest[0] in TOMORROW
    if tomorrow:
        rest = [token for token in rest[1:] if token not in _EARLY]
        if not rest:
            return next_time(timezone, (MORNING,), now)
    lasts = None if meant or tomorrow else lasting(rest)  # `2 h` and `3 uur` are durations where no "until" stands
    if lasts is not None:
        return now + lasts
    clock = _clock(rest, meant=meant or tomorrow)
    if clock is not None and tomorrow:
        return instant(timezone, local(timezone, now + DAY).date(), clock)
    return None if clock is None else next_time(timezone, (clock,), now)


def is_when(word: str) -> bool:
    """Return whether a word begins to say until when, or for how long."""
    plain = word.casefold()
    return plain in UNTIL | TOMORROW or lasting([plain]) is not None or _clock([plain], meant=False) is not None


def _times(number: str, unit: str) -> Micros:
    return round(float(number.replace(",", ".")) * _MICROS[unit])


def _clock(tokens: Sequence[str], *, meant: bool) -> str | None:
    """Return `HH:MM` of a time of day; without minutes it counts only where a time is `meant`."""
    first, *more = tokens or ("",)
    if len(more) == 1 and more[0] in ("am", "pm"):
        first, more = first + more[0], []
    found = _TIME.fullmatch(first)
    if found is None or any(word not in _OCLOCK for word in more):
        return None
    hour, minute, half = int(found["hour"]), found["minute"], found["half"]
    if not (minute or half or meant or more):
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0) if 1 <= hour <= 12 else 24  # noqa: PLR2004 (the clock's)
    return f"{hour:02}:{minute or '00'}" if hour < 24 else None  # noqa: PLR2004

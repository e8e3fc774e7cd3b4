"""What the world agreed on about languages (CLDR, by Babel): decimal signs, months, plurals.

Babel is imported with the first message: with one language it costs 10 MB, which a farm
where nothing ever happens saves. Units are ours: CLDR has no `ppm` of ammonia, and writes
`40,1 st. C` where Polish thermometers say °C.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


def decimal(text: str, language: str) -> str:
    """Write a number that Python wrote (`-40.1`) with the language's decimal sign; digits are not grouped.

    `3512` is not grouped because a phone shows `3.512` and `3,512` to people of both habits.
    """
    return text.replace(".", _locale(language).number_symbols["latn"]["decimal"])


def day(at: datetime, pattern: str, language: str) -> str:
    """Write a date after a CLDR pattern such as `d MMM`."""
    from babel.dates import format_date  # noqa: PLC0415 (lazy: see the module's docstring)

    return str(format_date(at, pattern, locale=_locale(language)))


def month(at: datetime, language: str) -> str:
    """Write a month with its year as it stands alone: `November 2026`."""
    from babel.dates import format_skeleton  # noqa: PLC0415 (lazy: see the module's docstring)

    return str(format_skeleton("yMMMM", at, locale=_locale(language)))


def ago(seconds: int, language: str) -> str:
    """Return `40 minutes ago`, `vor 7 Tagen`: its own grammar in every language."""
    from babel.dates import format_timedelta  # noqa: PLC0415 (lazy: see the module's docstring)

    return str(format_timedelta(-seconds, granularity="minute", add_direction=True, locale=_locale(language)))


def plural(count: int, language: str) -> str:
    """Return the plural category of a count in the language: `one`, `few`, `many` or `other`."""
    return str(_locale(language).plural_form(count))


@lru_cache(maxsize=16)  # as many as there are catalogues; a locale reads its file once
def _locale(language: str) -> Any:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 (lazy: see the module's docstring)

    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):  # a message must not fail for it
        return Locale.parse("en")

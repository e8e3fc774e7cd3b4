"""The languages: one dict of texts each, with the same keys and places.

All are complete. English and German were read by people who speak them; the others are not in `REVIEWED`: they may
be used, and `check` says so. A key that a language does not have yet is said in English.
"""

from __future__ import annotations

from typing import Final

from alertd.wording import de, en, es, fr, nl, pl
from alertd.wording.cldr import plural

LANGUAGES: Final = {"en": en.TEXT, "de": de.TEXT, "es": es.TEXT, "fr": fr.TEXT, "nl": nl.TEXT, "pl": pl.TEXT}
"""Language code to catalogue. Adding one is a module beside `en.py` and a line here."""
REVIEWED: Final = frozenset({"en", "de"})
"""Languages whose catalogue is complete and was read by somebody who speaks them."""


def supported(language: str) -> bool:
    """Return whether there is a catalogue of this language."""
    return language in LANGUAGES


def phrase(language: str, key: str, **fields: object) -> str:
    """Return a text in the language (English where that has none), its places filled.

    The texts are constants: what is filled in is never read as a format again.
    """
    text = LANGUAGES.get(language, en.TEXT).get(key)
    if text is None:
        text = en.TEXT[key]
    return text.format(**fields) if fields else text


def phrase_or(language: str, key: str, default: str) -> str:
    """Return a text without places, or `default` where neither the language nor English has it."""
    found = LANGUAGES.get(language, en.TEXT).get(key)
    return en.TEXT.get(key, default) if found is None else found


def counted(language: str, key: str, count: int) -> str:
    """Return the text of a key that fits a count: `.one`, `.few` (Polish 2 to 4) or else `.many`."""
    texts = LANGUAGES.get(language, en.TEXT)
    chosen = f"{key}.{plural(count, language)}"
    if chosen not in texts:
        chosen = f"{key}.many"
    return phrase(language, chosen, count=count)

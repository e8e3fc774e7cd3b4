"""The languages: one dict of texts each, with the same keys and places."""

from __future__ import annotations

from typing import Final

from alertd.wording import de, en

LANGUAGES: Final = {"en": en.TEXT, "de": de.TEXT}
"""Language code to catalogue. Adding one is a module beside `en.py` and a line here."""


def supported(language: str) -> bool:
    """Return whether everything can be said in this language."""
    return language in LANGUAGES


def phrase(language: str, key: str, **fields: object) -> str:
    """Return a text in the language (English where there is no catalogue), its places filled.

    The texts are constants: what is filled in is never read as a format again.
    """
    text = LANGUAGES.get(language, en.TEXT)[key]
    return text.format(**fields) if fields else text


def phrase_or(language: str, key: str, default: str) -> str:
    """Return a text without places, or `default` where the catalogue does not know the key."""
    return LANGUAGES.get(language, en.TEXT).get(key, default)

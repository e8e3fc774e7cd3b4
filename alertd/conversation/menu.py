"""The words a messenger shows in its own menu, where it has one."""

from __future__ import annotations

from typing import Final

from alertd.wording.catalogue import LANGUAGES, phrase

ENGLISH: Final = "en"


def menu(language: str) -> tuple[tuple[str, str], ...]:
    """Return (word, what it does) in this language: the farm's, or one of `languages`."""
    lines = phrase(language, "menu").splitlines()
    return tuple((word, does) for word, _, does in (line.partition(": ") for line in lines))


def menus(farm: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the menu by language; "" is for everybody whose own has none, in the farm's language."""
    own = {code: menu(code) for code, texts in LANGUAGES.items() if "menu" in texts}
    return {"": own.get(farm, own[ENGLISH]), **own}

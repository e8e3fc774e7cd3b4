"""A thumb under a message as its button, for messengers that have no buttons.

Up is the acknowledge button, down the false alarm. Which buttons a message had is remembered for the newest
ones; for an older one, or after a restart, the thumb counts as the bare word, which acts only where it
is clear what it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.model import Button

REMEMBERED: Final = 1000
"""Messages whose buttons are known."""
_SIGNS: Final = {"\U0001f44d": True, "\U0001f44e": False}
_DECORATION: Final = frozenset(map(chr, (*range(0x1F3FB, 0x1F400), 0xFE0E, 0xFE0F)))  # skin colours, text or picture
_MEANING: Final = {True: ("ack:", "OK"), False: ("fa:", "FALSE")}


class Thumbs:
    """The buttons of the messages we sent."""

    def __init__(self) -> None:
        self._buttons: dict[str, tuple[Button, ...]] = {}

    def sent(self, ref: str, buttons: Sequence[Button]) -> None:
        """Remember the buttons of a message by the provider's id."""
        self._buttons.pop(ref, None)
        self._buttons[ref] = tuple(buttons)
        while len(self._buttons) > REMEMBERED:
            del self._buttons[next(iter(self._buttons))]

    def knows(self, ref: str) -> bool:
        """Return whether a message is remembered as ours; one that is not may be ours all the same."""
        return ref in self._buttons

    def said(self, ref: str, *, up: bool) -> tuple[str, str]:
        """Return (text, data) of a thumb under a message."""
        prefix, word = _MEANING[up]
        data = next((one.data for one in self._buttons.get(ref, ()) if one.data.startswith(prefix)), "")
        return ("", data) if data else (word, "")


def direction(emoji: str) -> bool | None:
    """Return whether an emoji is a thumb up (True) or down (False), whatever its colour; None: neither."""
    return _SIGNS.get("".join(sign for sign in emoji if sign not in _DECORATION))

"""Messages are cut to what a messenger can carry, never dropped for length."""

from __future__ import annotations

from typing import Final

_MARK: Final = "…"
_NEAR: Final = 20
"""How far back the cut may move to fall between two words."""


def cut(text: str, limit: int, *, utf16: bool = False) -> str:
    """Shorten the middle so that at most `limit` characters are left; the last line with the number stays.

    Args:
        text: the whole message.
        limit: in characters, at least 1.
        utf16: count UTF-16 code units as Telegram does; a sign of two is kept or left out whole.
    """
    if _length(text, utf16=utf16) <= limit:
        return text
    body, newline, number = text.rstrip().rpartition("\n")
    tail = f"{_MARK}\n{number}" if newline else _MARK + _end(number, limit // 3, utf16=utf16)
    room = limit - _length(tail, utf16=utf16)
    if room <= 0:  # the last line alone is too long: its own end is what people refer to
        return _MARK + _end(number, limit - 1, utf16=utf16)
    return _start(body if newline else number, room, utf16=utf16) + tail


def _length(text: str, *, utf16: bool) -> int:
    return len(text) + sum(ord(sign) > 0xFFFF for sign in text) if utf16 else len(text)  # noqa: PLR2004 (end of the BMP)


def _start(text: str, room: int, *, utf16: bool) -> str:
    kept = text[:room]
    while _length(kept, utf16=utf16) > room:
        kept = kept[:-1]
    space = max(kept.rfind(" "), kept.rfind("\n"))
    return kept[:space] if space > 0 and len(kept) - space <= _NEAR else kept


def _end(text: str, room: int, *, utf16: bool) -> str:
    kept = text[max(0, len(text) - room) :] if room > 0 else ""
    while _length(kept, utf16=utf16) > room:
        kept = kept[1:]
    return kept

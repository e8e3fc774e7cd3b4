"""What every messenger does to a text: cut it to size without losing its number, mark what is sent again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.model import Kind
from alertd.wording.catalogue import phrase

if TYPE_CHECKING:
    from alertd.model import Message

_MARK: Final = "…"
_TAIL: Final = 80  # units of the last line that are kept at all costs: "A-217" and its like fit many times

NEWS: Final = frozenset({Kind.RESOLVE, Kind.TAKEN, Kind.DIGEST, Kind.DUTY, Kind.REPLY, Kind.TEST})
"""Kinds that ask nobody to do anything: however grave the alert is, they are not."""


def clean(text: str) -> str:
    """Replace halves of surrogate pairs, which no provider's UTF-8 can carry, by question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def units(text: str) -> int:
    """Count UTF-16 units: how Telegram measures, and never fewer than characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def sent_again(text: str, language: str) -> str:
    """Return the text with the mark in front: how a message begins whose first answer was lost (CONTRACT section 6)."""
    return phrase(language, "sent_again", text=text)


def marked(message: Message) -> Message:
    """Return a message as it is sent a second time: whoever reads its text, or a template's first place, sees it."""
    parts = message.data.get("parts")
    data = message.data
    if isinstance(parts, dict) and parts.get("what"):
        data = data | {"parts": parts | {"what": sent_again(str(parts["what"]), message.language)}}
    return replace(message, text=sent_again(message.text, message.language), data=data)


def cut(text: str, limit: int) -> str:
    """Shorten to `limit` UTF-16 units: the middle goes, the beginning and the last line (the alert's number) stay."""
    if units(text) <= limit:
        return text
    body, newline, last = text.rpartition("\n")
    if not newline or units(last) > min(_TAIL, limit // 2):
        tail = _last(text, min(_TAIL, limit // 2))
        return _first(text, limit - units(tail) - 1) + _MARK + tail
    return _first(body, limit - units(last) - 2) + _MARK + "\n" + last


def begun(text: str, limit: int) -> str:
    """Shorten to `limit` UTF-16 units at the end, for places of a few words that begin with the most telling."""
    return text if units(text) <= limit else _first(text, limit - 1) + _MARK


def cut_bytes(text: str, limit: int) -> str:
    """Shorten in the same way to `limit` bytes of UTF-8: how Threema and WeChat measure."""
    shorter, most = text, limit
    while (size := len(shorter.encode("utf-8", "replace"))) > limit:
        shorter = cut(text, most)
        most = most * limit // max(size, limit + 1) - 1
    return shorter


def _first(text: str, limit: int) -> str:
    """Return the longest beginning of at most `limit` units; a sign of two units is never halved."""
    raw = text.encode("utf-16-le", "surrogatepass")[: 2 * max(limit, 0)]
    return raw.decode("utf-16-le", "ignore")


def _last(text: str, limit: int) -> str:
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[max(0, len(raw) - 2 * limit) :].decode("utf-16-le", "ignore")


def numbered(message: Message) -> Message:
    """Return a message about alerts with its buttons as numbers to answer with, for messengers that have none."""
    if not message.text or not message.buttons or not message.buttons[0].data.startswith("ack:"):
        return message
    choices = ", ".join(f"{number} = {button.label}" for number, button in enumerate(message.buttons, 1))
    hint = phrase(message.language, "chat.numbers", choices=choices)
    body, _, number = message.text.rpartition("\n")  # the alert's number stays at the end, where no cut reaches it
    return replace(message, text="\n".join(line for line in (body, hint, number) if line))

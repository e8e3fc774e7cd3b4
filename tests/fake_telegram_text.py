"""What Telegram does to a text before it accepts it: HTML entities out, length counted in UTF-16 units.

Written from the Bot API's "HTML style" and the error texts of its server, so that
a text which the real one refuses is refused here with the same words.
"""

from __future__ import annotations

import re

LIMIT = 4096
"""UTF-16 units of a message, counted after entity parsing."""

_TAGS = {
    "a", "b", "blockquote", "code", "del", "em", "i", "ins", "pre", "s", "span", "strike", "strong", "tg-emoji",
    "tg-spoiler", "u",
}  # fmt: skip
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_ENTITY = re.compile(r"&(#x[0-9a-fA-F]+|#[0-9]+|[a-zA-Z]+);")
_TAG = re.compile(r"<(/?)([^\s>/]*)([^>]*)>")


class BadTextError(Exception):
    """Refused; the message is what Telegram answers after `Bad Request: `."""


def units(text: str) -> int:
    """Count UTF-16 units: how Telegram measures."""
    return len(text.encode("utf-16-le")) // 2


def parse(text: str, mode: str | None) -> str:
    """Return the text a person sees.

    Raises:
        BadTextError: empty, too long, or not the HTML that Telegram understands.
    """
    if mode not in (None, "", "HTML"):
        raise BadTextError(f"unsupported parse_mode {mode!r}: this fake knows HTML alone")
    seen = (_html(text) if mode else text).strip()
    if not seen:
        raise BadTextError("message text is empty")
    if units(seen) > LIMIT:
        raise BadTextError("message is too long")
    return seen


def _html(text: str) -> str:
    shown, at = "", 0
    open_tags: list[str] = []
    while at < len(text):
        sign = text[at]
        offset = len(text[:at].encode())
        if sign == "&":
            entity = _ENTITY.match(text, at)
            decoded = _decode(entity[1]) if entity else None
            shown += decoded or "&"  # a lone & is let through, as the real one does
            at = entity.end() if entity and decoded else at + 1
        elif sign == "<":
            tag = _TAG.match(text, at)
            if tag is None:
                raise BadTextError(f"can't parse entities: Unclosed start tag at byte offset {offset}")
            closing, name = tag[1], tag[2].lower()
            if closing:
                if not open_tags or open_tags.pop() != name:
                    raise BadTextError(f"can't parse entities: Unexpected end tag at byte offset {offset}")
            elif name in _TAGS:
                open_tags.append(name)
            else:
                raise BadTextError(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {offset}')
            at = tag.end()
        else:
            shown += sign
            at += 1
    if open_tags:
        end = len(text.encode())
        raise BadTextError(
            f"can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1]}\" at {end}"
        )
    return shown


def _decode(name: str) -> str | None:
    if name.startswith("#"):
        code = int("0" + name[1:], 16) if name[1] in "xX" else int(name[1:])
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else None
    return _NAMED.get(name)

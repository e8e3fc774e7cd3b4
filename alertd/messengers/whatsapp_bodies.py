"""WhatsApp: what a message looks like on the wire, freely or by template. Pure.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/messages (interactive, templates).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from alertd.messengers.meta import parameters
from alertd.messengers.text import clean, cut
from alertd.wording.catalogue import phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.model import Button, Message

LIMIT: Final = 4096
BODY: Final = 1024
"""Characters of a text with reply buttons."""
TITLE: Final = 20
ROW_TITLE: Final = 24
REPLIES: Final = 3
"""Reply buttons of a message; more choices become a list."""
ROWS: Final = 10
DATA: Final = 200
"""Characters of a button's or row's id; ours have 40."""
_MARKUP: Final = re.compile(r"(?<!\w)[*_~`]+|[*_~`]+(?!\w)")
"""Signs that would be bold, italic, struck or code: there is no way to escape them, inside words they are harmless."""


def fixed(message: Message, template: str, language: str | None) -> dict[str, Any]:
    """Fill the approved template: what and where, how bad, since when and what to do; a payload for each button."""
    texts = [{"type": "text", "text": part} for part in parameters(message, plain)]
    components: list[dict[str, Any]] = [{"type": "body", "parameters": texts}]
    components += [
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": str(index),
            "parameters": [{"type": "payload", "payload": button.data}],
        }
        for index, button in enumerate(message.buttons[:REPLIES])
    ]
    code = language or message.language
    filled = {"name": template, "language": {"code": code}, "components": components}
    return {"type": "template", "template": filled}


def to(address: str) -> dict[str, str]:
    """Address a phone number or the opaque id of somebody who hides theirs."""
    digits = "".join(sign for sign in address if sign not in " -()/+.")
    if digits.isascii() and digits.isdigit():
        return {"to": digits.removeprefix("00")}
    return {"recipient": address}


def plain(text: str) -> str:
    """Leave out the signs that would be markup."""
    return _MARKUP.sub("", clean(text))


def freely(message: Message) -> dict[str, Any]:
    """Return a text with its buttons: three to press, more as a list."""
    buttons = _fitting(message.buttons)
    text = plain(message.text) or "…"
    if not buttons:
        return {"type": "text", "text": {"preview_url": False, "body": cut(text, LIMIT)}}
    if len(buttons) > REPLIES:
        rows = [{"id": button.data, "title": cut(plain(button.label), ROW_TITLE)} for button in buttons]
        action: dict[str, Any] = {
            "button": phrase(message.language, "chat.choose"),
            "sections": [{"rows": rows}],
        }
        return {"type": "interactive", "interactive": _interactive("list", cut(text, LIMIT), action)}
    replies = [
        {"type": "reply", "reply": {"id": button.data, "title": cut(plain(button.label), TITLE)}} for button in buttons
    ]
    return {"type": "interactive", "interactive": _interactive("button", cut(text, BODY), {"buttons": replies})}


def _interactive(kind: str, text: str, action: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "body": {"text": text}, "action": action}


def _fitting(buttons: Sequence[Button]) -> list[Button]:
    """Keep what Meta takes: a label, unique, and an id that is not too long."""
    kept: dict[str, Button] = {}
    for button in buttons:
        if button.label and 0 < len(button.data) <= DATA:
            kept.setdefault(cut(plain(button.label), TITLE), button)
    return list(kept.values())[:ROWS]

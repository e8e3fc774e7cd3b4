"""7. It reaches a phone: one module per messenger; `MESSENGERS` is the whole plugin mechanism."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.messengers.console import Console
from alertd.messengers.telegram import Telegram
from alertd.messengers.webhook import Webhook
from alertd.messengers.whatsapp import WhatsApp

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from alertd.model import Micros
    from alertd.seams import Messenger
    from alertd.settings import Settings

MESSENGERS: Final[dict[str, type[Any]]] = {
    "console": Console,
    "telegram": Telegram,
    "webhook": Webhook,
    "whatsapp": WhatsApp,
}
"""Messenger as written in the configuration to its class: a `seams.Messenger` with its `settings` type."""

SETTINGS: Final[dict[str, type[Settings]]] = {name: one.settings for name, one in MESSENGERS.items()}
"""What the operator writes under `messengers: NAME:`."""


def build(name: str, settings: Settings, http: aiohttp.ClientSession, now: Callable[[], Micros]) -> Messenger:
    """Return the messenger; `http` stays the caller's to close, `now` stamps what has no time of its own.

    Raises:
        SecretMissingError: a secret cannot be read now.
    """
    messenger: Messenger = MESSENGERS[name](settings, http, now)
    return messenger

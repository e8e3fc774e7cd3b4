"""7. It reaches a phone: one module per messenger; `MESSENGERS` is the whole plugin mechanism."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.messengers.console import Console
from alertd.messengers.facebook import Facebook
from alertd.messengers.mail import Email
from alertd.messengers.matrix import Matrix
from alertd.messengers.signal_cli import Signal
from alertd.messengers.telegram import Telegram
from alertd.messengers.threema import Threema
from alertd.messengers.webhook import Webhook
from alertd.messengers.wechat import WeChat
from alertd.messengers.whatsapp import WhatsApp

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from alertd.model import Micros
    from alertd.seams import Messenger
    from alertd.settings import Settings

MESSENGERS: Final[dict[str, type[Any]]] = {
    "console": Console,
    "email": Email,
    "matrix": Matrix,
    "messenger": Facebook,
    "signal": Signal,
    "telegram": Telegram,
    "threema": Threema,
    "webhook": Webhook,
    "wechat": WeChat,
    "whatsapp": WhatsApp,
}
"""Messenger as written in the configuration to its class: a `seams.Messenger` with its `settings` type."""

SETTINGS: Final[dict[str, type[Settings]]] = {name: one.settings for name, one in MESSENGERS.items()}
"""What the operator writes under `messengers: NAME:`."""


CALLED_BACK: Final = frozenset({"email", "telegram"})
"""Messengers that tell the provider under which address we can be called."""


def build(
    name: str,
    settings: Settings,
    http: aiohttp.ClientSession,
    now: Callable[[], Micros],
    public_url: str | None = None,
) -> Messenger:
    """Return the messenger; `http` stays the caller's to close, `now` stamps what has no time of its own.

    `public_url` is how the internet reaches us, if it does.

    Raises:
        SecretMissingError: a secret cannot be read now.
    """
    more = {"public_url": public_url} if name in CALLED_BACK else {}
    messenger: Messenger = MESSENGERS[name](settings, http, now, **more)
    return messenger

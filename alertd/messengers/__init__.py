"""7. It reaches a phone: one module per messenger; `MESSENGERS` is the whole plugin mechanism."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.messengers.apprise import Apprise
from alertd.messengers.call import Call
from alertd.messengers.console import Console
from alertd.messengers.facebook import Facebook
from alertd.messengers.mail import Email
from alertd.messengers.matrix import Matrix
from alertd.messengers.ntfy import Ntfy
from alertd.messengers.signal_cli import Signal
from alertd.messengers.sms import Sms
from alertd.messengers.telegram import Telegram
from alertd.messengers.threema import Threema
from alertd.messengers.webhook import Webhook
from alertd.messengers.wechat import WeChat
from alertd.messengers.whatsapp import WhatsApp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import aiohttp

    from alertd.model import Micros
    from alertd.seams import Messenger
    from alertd.settings import Settings

MESSENGERS: Final[dict[str, type[Any]]] = {
    "apprise": Apprise,
    "call": Call,
    "console": Console,
    "email": Email,
    "matrix": Matrix,
    "messenger": Facebook,
    "signal": Signal,
    "ntfy": Ntfy,
    "sms": Sms,
    "telegram": Telegram,
    "threema": Threema,
    "webhook": Webhook,
    "wechat": WeChat,
    "whatsapp": WhatsApp,
}
"""Messenger as written in the configuration to its class: a `seams.Messenger` with its `settings` type."""

SETTINGS: Final[dict[str, type[Settings]]] = {name: one.settings for name, one in MESSENGERS.items()}
"""What the operator writes under `messengers: NAME:`."""


CALLED_BACK: Final = frozenset({"call", "email", "sms", "telegram"})
"""Messengers that tell the provider under which address we can be called."""


def build(
    name: str,
    settings: Settings,
    http: aiohttp.ClientSession,
    now: Callable[[], Micros],
    public_url: str | None = None,
    addresses: Iterable[str] = (),
) -> Messenger:
    """Return the messenger; `http` (`exchange.session`) stays the caller's to close, `now` stamps what has no own time.

    `public_url` is how the internet reaches us, if it does; `addresses` are the farm's channels of this messenger.

    Raises:
        SecretMissingError: a secret cannot be read now.
    """
    assert http.connector is not None
    assert http.connector.force_close, "made by exchange.session"
    more: dict[str, Any] = {"public_url": public_url} if name in CALLED_BACK else {}
    if name == "ntfy":
        more["addresses"] = addresses  # whose answers it listens to
    messenger: Messenger = MESSENGERS[name](settings, http, now, **more)
    return messenger

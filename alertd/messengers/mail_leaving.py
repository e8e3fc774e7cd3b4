"""Leaving by the button that mail programs show: RFC 8058, a signed link that works without a login.

Only POST leaves, because programs that look for viruses open every link of a message.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from alertd.model import Inbound
from alertd.seams import Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.model import Micros
    from alertd.seams import HookCall

_PAGE: Final = (
    "<!doctype html><meta name=viewport content='width=device-width'><title>STOP</title>"
    "<form method=post><p>{0}</p><button>STOP</button></form>"
)
_ASK: Final = "No more messages to this address? / Keine Nachrichten mehr an diese Adresse?"
_DONE: Final = "Done. You will get one last e-mail. / Erledigt. Es kommt noch eine letzte E-Mail."


class Leaving:
    """Signs links with a key made from the sender's password, and reads the calls they come to."""

    def __init__(self, password: str, public_url: str, now: Callable[[], Micros]) -> None:
        self._key = hashlib.sha256(b"alertd leaving " + password.encode()).digest()
        self._base = f"{public_url.rstrip('/')}/hooks/email"
        self._now = now

    def link(self, address: str, message: str) -> str:
        """Return the link by which this address leaves; `message` makes it one of its own."""
        facts = {"to": address, "m": message, "sign": self._sign(address, message)}
        return f"{self._base}?{urlencode(facts, quote_via=quote)}"

    def __call__(self, call: HookCall) -> Heard:
        """Verify the link; a POST is heard as STOP from that address."""
        address, message = call.query.get("to", ""), call.query.get("m", "")
        given = call.query.get("sign", "").encode("utf-8", "surrogateescape")
        if not address or not hmac.compare_digest(given, self._sign(address, message).encode()):
            return Heard(HookAnswer(403, b"this link is not complete"))
        if call.method != "POST":
            return Heard(_page(_ASK))
        left = Inbound(
            id=f"email:stop:{message}",
            at=self._now(),
            messenger="email",
            address=address,
            sender=address,
            text="STOP",
        )
        return Heard(_page(_DONE), [left])

    def _sign(self, address: str, message: str) -> str:
        facts = f"{address}\n{message}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, facts, hashlib.sha256).hexdigest()[:32]


def _page(text: str) -> HookAnswer:
    return HookAnswer(200, _PAGE.format(text).encode(), "text/html")

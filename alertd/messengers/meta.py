"""What Meta's platforms (WhatsApp, Messenger) have in common: the Graph API's answers and its webhooks.

Source: developers.facebook.com/docs/graph-api/guides/error-handling, .../webhooks/getting-started.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.messengers.exchange import judge
from alertd.messengers.text import cut
from alertd.model import HOUR, MINUTE, Kind
from alertd.seams import HookAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.messengers.exchange import Answer
    from alertd.model import Delivery, Message, Micros, Reject, Retry, Unsure
    from alertd.seams import HookCall

API_VERSION: Final = "v26.0"
"""Newest in November 2026; each version lives about two years."""
WINDOW: Final = 24 * HOUR
"""How long after somebody wrote they may be answered freely."""
PLACES: Final = 3
"""Parameters of the template."""
_PIECES: Final = (Kind.FIRING, Kind.DELTA, Kind.REPEAT, Kind.WORSE, Kind.ESCALATE, Kind.AGAIN)
"""Kinds whose three places are told in pieces; what is over or taken is told by the lines of its text."""
PARAMETER: Final = 300
"""Characters of a template parameter: three of them and the template's own words fit its body of 1024 (132005)."""


class Window:
    """Whom we may write to freely: who wrote within a day, unless Meta has said since that their window is closed."""

    def __init__(self, now: Callable[[], Micros]) -> None:
        self._now = now
        self._closed: dict[str, Micros] = {}

    def open(self, delivery: Delivery) -> bool:
        """Tell whether the person may be written to freely now; a minute early rather than refused."""
        heard = delivery.heard
        if heard is None or self._now() - heard >= WINDOW - MINUTE:
            return False
        return heard > self._closed.get(delivery.channel.address, 0)

    def close(self, address: str) -> None:
        """Remember that Meta says it is closed."""
        self._closed[address] = self._now()


def parameters(message: Message, plain: Callable[[str], str]) -> list[str]:
    """Return a template's three parameters: what and where; how bad; since when and what to do.

    Meta takes no line breaks, tabs or runs of blanks in them, and none may be empty.
    """
    parts = message.data.get("parts")
    if isinstance(parts, dict) and message.kind in _PIECES:
        texts = [str(parts["what"]), str(parts["bad"]), f"{parts['since']} · {parts['number']}"]
    else:
        lines = [line for line in message.text.splitlines() if line.strip()]
        if len(lines) == 1:  # a sentence for each place reads better than dashes
            lines = lines[0].rstrip(".").split(". ", PLACES - 1)
        texts = [lines[0] if lines else "…", " ".join(lines[1:-1]), lines[-1] if len(lines) > 1 else ""]
    return [cut(" ".join(plain(text).split()), PARAMETER) or "–" for text in texts]


def fault(json: Any) -> tuple[int, int, str] | None:
    """Return (code, subcode, words) of an error object, None if there is none."""
    match json:
        case {"error": {"code": int(code)} as error}:
            data = error.get("error_data")
            details = data.get("details") if isinstance(data, dict) else None
            subcode = error.get("error_subcode")
            words = str(details or error.get("message") or "")[:300]
            return code, subcode if isinstance(subcode, int) else 0, f"{words} ({code})" if words else f"error {code}"
    return None


def otherwise(answer: Answer) -> Retry | Reject | Unsure:
    """Judge an answer whose error code says nothing to us by its status."""
    found = fault(answer.json)
    return judge(answer, found[2] if found else f"HTTP {answer.status}")


def handshake(call: HookCall, verify_token: str) -> HookAnswer:
    """Answer the GET by which Meta makes sure that this address is ours."""
    given = call.query.get("hub.verify_token", "")
    if call.query.get("hub.mode") != "subscribe" or not _same(given, verify_token):
        return HookAnswer(403, b"hub.verify_token is wrong or missing")
    return HookAnswer(200, call.query.get("hub.challenge", "")[:1000].encode())


def believed(call: HookCall, app_secret: bytes) -> bool:
    """Tell whether the raw body was signed with the app's secret (`X-Hub-Signature-256`), in constant time."""
    wanted = "sha256=" + hmac.new(app_secret, call.body, hashlib.sha256).hexdigest()
    return _same(call.headers.get("X-Hub-Signature-256", ""), wanted)


def opened(call: HookCall, app_secret: bytes) -> dict[str, Any] | HookAnswer:
    """Return the signed body as an object, or the answer for whoever is not believed."""
    if not believed(call, app_secret):
        return HookAnswer(403, b"X-Hub-Signature-256 is wrong or missing")
    try:
        body = msgspec.json.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return HookAnswer(400, b"this is no JSON")
    return body if isinstance(body, dict) else HookAnswer(400, b"this is no object")


def items(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, [] for anything else: hostile or newer webhooks bring what they like."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())

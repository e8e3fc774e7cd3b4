"""WhatsApp's webhook: what people write and press, and what became of our messages.

A call brings any number of both, in any order, and comes again until it is answered: updates
are known by their message's id, receipts change nothing twice.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from alertd.messengers import whatsapp_errors
from alertd.messengers.classes import Class
from alertd.messengers.meta import handshake, items, opened
from alertd.messengers.thumbs import Thumbs, direction
from alertd.model import OBJECT, SECOND, Inbound, Receipt, Reject, Retry, Sent
from alertd.seams import Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alertd.model import Micros
    from alertd.seams import HookCall


class Price(Protocol):
    """What a message to an address costs, and in which currency."""

    def __call__(self, address: str, *, free: bool) -> tuple[float, str]:
        """Say it; `free`: it answers somebody within the window."""


def _nothing(address: str, *, free: bool) -> tuple[float, str]:  # noqa: ARG001 (the protocol's)
    return 0.0, ""


WORDLESS: Final = frozenset({"audio", "contacts", "document", "image", "location", "sticker", "video"})
ARRIVED: Final = frozenset({"sent", "delivered", "read"})


class Hook:
    """Reads Meta's calls.

    `closed` is told an address whose window turned out to be closed; `price` says what a message to an address costs,
    and in which currency: a template's, or (`free`) an answer's. `thumbs` know the buttons of what we sent.
    """

    def __init__(
        self,
        app_secret: str,
        verify_token: str,
        now: Callable[[], Micros],
        *,
        closed: Callable[[str], None],
        price: Price = _nothing,
        thumbs: Thumbs | None = None,
    ) -> None:
        self._secret = app_secret.encode()
        self._verify_token = verify_token
        self._now = now
        self._closed = closed
        self._price = price
        self._thumbs = thumbs or Thumbs()

    def __call__(self, call: HookCall) -> Heard:
        """Verify and read one call."""
        if call.method == "GET":
            return Heard(handshake(call, self._verify_token))
        body = opened(call, self._secret)
        if isinstance(body, HookAnswer):
            return Heard(body)
        heard = Heard(updates=[], receipts=[])
        values = [
            change["value"]
            for entry in items(body.get("entry"))
            for change in items(entry.get("changes"))
            if isinstance(change.get("value"), dict)
        ]
        updates = [found for value in values for found in _updates(value, self._now(), self._thumbs)]
        receipts = [found for value in values for found in self._receipts(value)]
        return Heard(heard.answer, updates, receipts)

    def _receipts(self, value: dict[str, Any]) -> Iterator[Receipt]:
        for status in items(value.get("statuses")):
            match status:
                case {"id": str(ref), "status": str(state), "biz_opaque_callback_data": str(message)}:
                    if state in ARRIVED:
                        yield Receipt(message, "whatsapp", Sent(ref, *self._cost(status)), ref)
                    elif state == "failed":
                        yield Receipt(message, "whatsapp", self._failure(status), ref)

    def _cost(self, status: dict[str, Any]) -> tuple[float, str]:
        """Return what Meta says it bills: nothing where it says so, else the price of the category."""
        pricing = status.get("pricing")
        facts = pricing if isinstance(pricing, dict) else {}
        if facts.get("billable") is False:
            return 0.0, ""
        return self._price(_phone(str(status.get("recipient_id", ""))), free=facts.get("category") == "service")

    def _failure(self, status: dict[str, Any]) -> Retry | Reject:
        for error in items(status.get("errors")):
            code = error.get("code")
            if isinstance(code, int):
                why = f"{error.get('title') or error.get('message') or 'failed'} ({code})"[:300]
                if whatsapp_errors.ERRORS.get(code) is Class.WINDOW:
                    self._closed(_phone(str(status.get("recipient_id", ""))))
                return whatsapp_errors.outcome(code, why, 1) or Reject(why)
        return Reject("WhatsApp could not deliver it")


def _updates(value: dict[str, Any], now: Micros, thumbs: Thumbs) -> Iterator[Inbound]:
    names = {
        str(contact.get(key)): str(profile.get("name", ""))
        for contact in items(value.get("contacts"))
        if isinstance(profile := contact.get("profile"), dict)
        for key in ("wa_id", "user_id")
        if contact.get(key)
    }
    for message in items(value.get("messages")):
        found = _update(message, names, now, thumbs)
        if found is not None:
            yield found


def _update(message: dict[str, Any], names: dict[str, str], now: Micros, thumbs: Thumbs) -> Inbound | None:
    number, opaque, key = message.get("from"), message.get("from_user_id"), message.get("id")
    who = number if isinstance(number, str) and number else opaque
    if not isinstance(key, str) or not isinstance(who, str) or not who:
        return None
    context = message.get("context")
    ref = context.get("id") if isinstance(context, dict) else None
    text, data = _said(message)
    if message.get("type") == "reaction":
        text, data, ref = _reacted(message, thumbs)
    if not text and not data:
        return None
    stamp = message.get("timestamp")
    at = int(stamp) * SECOND if isinstance(stamp, str) and stamp.isascii() and stamp.isdigit() else now
    address = _phone(who)
    return Inbound(
        id=f"whatsapp:{key}",
        at=min(at, now),
        messenger="whatsapp",
        address=address,
        sender=address,
        name=names.get(who, ""),
        text=text,
        data=data,
        ref=ref if isinstance(ref, str) else "",
    )


def _reacted(message: dict[str, Any], thumbs: Thumbs) -> tuple[str, str, str]:
    """Return text, data and whose message it is of a thumb under one of ours; anything else says nothing."""
    match message.get("reaction"):
        case {"message_id": str(ref), "emoji": str(emoji)} if thumbs.knows(ref):
            up = direction(emoji)
            return ("", "", "") if up is None else (*thumbs.said(ref, up=up), ref)
    return "", "", ""


def _said(message: dict[str, Any]) -> tuple[str, str]:
    """Return (text, data): what was written, or the id of what was pressed."""
    match message:
        case {"type": "text", "text": {"body": str(body)}}:
            return body, ""
        case {"type": "interactive", "interactive": {"button_reply": {"id": str(data)}}}:
            return "", data
        case {"type": "interactive", "interactive": {"list_reply": {"id": str(data)}}}:
            return "", data
        case {"type": "button", "button": {"payload": str(data)}}:
            # A template sent without payloads gives its own words back: those are words of the chat.
            return ("", data) if ":" in data else (data, "")
        case {"type": "image" | "video" | "document" as kind} if _caption(message, kind):
            return _caption(message, kind), ""
        case {"type": str(kind)} if kind in WORDLESS:
            return OBJECT, ""
    return "", ""


def _caption(message: dict[str, Any], kind: str) -> str:
    medium = message.get(kind)
    caption = medium.get("caption") if isinstance(medium, dict) else None
    return caption if isinstance(caption, str) else ""


def _phone(who: str) -> str:
    return f"+{who}" if who.isascii() and who.isdigit() else who

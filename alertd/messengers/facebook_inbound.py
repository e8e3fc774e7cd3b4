"""Facebook Messenger's webhook: what people write, press and scan, and the echo of what we sent.

An echo brings our own message back with the `metadata` we gave it: so a message whose
answer was lost is settled. Delivery and read events name only Meta's ids, which we know
of no message that is unsure; they say nothing new.

Source: developers.facebook.com/docs/messenger-platform/reference/webhook-events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.messengers.meta import handshake, items, opened
from alertd.model import OBJECT, Inbound, Receipt, Sent
from alertd.seams import Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.model import Micros
    from alertd.seams import HookCall

GET_STARTED: Final = "start"
"""Payload of the button that opens a new chat."""


class Hook:
    """Reads Meta's calls for one page."""

    def __init__(self, app_secret: str, verify_token: str, now: Callable[[], Micros]) -> None:
        self._secret = app_secret.encode()
        self._verify_token = verify_token
        self._now = now

    def __call__(self, call: HookCall) -> Heard:
        """Verify and read one call."""
        if call.method == "GET":
            return Heard(handshake(call, self._verify_token))
        body = opened(call, self._secret)
        if isinstance(body, HookAnswer):
            return Heard(body)
        events = [event for entry in items(body.get("entry")) for event in items(entry.get("messaging"))]
        updates = [found for event in events if (found := _update(event, self._now())) is not None]
        receipts = [told for event in events if (told := _receipt(event)) is not None]
        return Heard(updates=updates, receipts=receipts)


def _receipt(event: dict[str, Any]) -> Receipt | None:
    match event:
        case {"message": {"is_echo": True, "mid": str(ref), "metadata": str(message)}} if message:
            return Receipt(message, "messenger", Sent(ref), ref)
    return None


def _update(event: dict[str, Any], now: Micros) -> Inbound | None:
    match event:
        case {"message": {"is_echo": True}}:
            return None
        case {"sender": {"id": str(who)}, "timestamp": int(stamp)} if who:
            pass
        case _:
            return None
    text, data, key, ref = _said(event)
    if not text and not data:
        return None
    return Inbound(
        id=f"messenger:{key or f'{who}:{stamp}'}",
        at=max(0, min(stamp * 1000, now)),
        messenger="messenger",
        address=who,
        sender=who,
        text=text,
        data=data,
        ref=ref,
    )


def _said(event: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return (text, data, Meta's id of it, the message it answers); a code scanned from a link is words."""
    match event:
        case {"message": {"mid": str(key), "quick_reply": {"payload": str(data)}}}:
            return "", data, key, ""
        case {"message": {"mid": str(key), "text": str(text)} as message}:
            answered = message.get("reply_to")
            ref = answered.get("mid") if isinstance(answered, dict) else ""
            return text, "", key, ref if isinstance(ref, str) else ""
        case {"message": {"mid": str(key), "attachments": [_, *_]}}:
            return OBJECT, "", key, ""
        case {"postback": {"referral": {"ref": str(code)}} as postback}:
            return f"JOIN {code}", "", _mid(postback), ""
        case {"postback": {"payload": str(data)} as postback} if data != GET_STARTED:
            return ("", data, _mid(postback), "") if ":" in data else (data, "", _mid(postback), "")
        case {"postback": {"payload": str()} as postback}:
            return "HELP", "", _mid(postback), ""
        case {"referral": {"ref": str(code)}} | {"optin": {"ref": str(code)}}:
            return f"JOIN {code}", "", "", ""
    return "", "", "", ""


def _mid(postback: dict[str, Any]) -> str:
    mid = postback.get("mid")
    return mid if isinstance(mid, str) else ""

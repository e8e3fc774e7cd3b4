"""WeChat's callbacks: what followers write, scan and press, who follows and leaves, what became of templates.

The signature covers the token, the time and the nonce; with `aes_key` the content as well: use it.
XML is read with everything off that XML can do besides elements.

Source: developers.weixin.qq.com/doc/service (receiving messages and events).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from alertd.model import OBJECT, SECOND, Inbound, Receipt, Reject, Retry, Sent
from alertd.seams import Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alertd.messengers.wechat_crypt import Crypt
    from alertd.model import Micros
    from alertd.seams import HookCall

XML_BYTES: Final = 100_000
_DEPTH: Final = 2  # <xml><Name>value</Name></xml>; nothing we want lies deeper
_SCENE: Final = "qrscene_"
_DONE: Final = HookAnswer(200, b"success")


class _RefusedError(Exception):
    """The XML wants more than elements."""


class Hook:
    """Reads the calls for one account; `sent` are the ids of our messages by WeChat's."""

    def __init__(self, token: str, crypt: Crypt | None, sent: Mapping[str, str], now: Callable[[], Micros]) -> None:
        self._token = token
        self._crypt = crypt
        self._sent = sent
        self._now = now

    def __call__(self, call: HookCall) -> Heard:
        """Verify and read one call."""
        stamp, nonce = call.query.get("timestamp", ""), call.query.get("nonce", "")
        if call.method == "GET" or self._crypt is None:
            if not self._signed(call.query.get("signature", ""), stamp, nonce):
                return Heard(HookAnswer(403, b"signature is wrong or missing"))
            if call.method == "GET":
                return Heard(HookAnswer(200, call.query.get("echostr", "")[:1000].encode("utf-8", "replace")))
        fields = read_xml(call.body)
        if fields is None:
            return Heard(HookAnswer(400, b"this is no message"))
        if self._crypt is not None:
            box = fields.get("Encrypt", "")
            if not self._signed(call.query.get("msg_signature", ""), stamp, nonce, box):
                return Heard(HookAnswer(403, b"msg_signature is wrong or missing"))
            opened = self._crypt.open(box)
            fields = None if opened is None else read_xml(opened)
            if fields is None:
                return Heard(HookAnswer(403, b"not encrypted for this account"))
        receipt = self._receipt(fields)
        update = None if receipt else read_message(fields, self._now())
        return Heard(_DONE, [update] if update else [], [receipt] if receipt else [])

    def _signed(self, given: str, *parts: str) -> bool:
        whole = "".join(sorted((self._token, *parts))).encode("utf-8", "surrogateescape")
        wanted = hashlib.sha1(whole, usedforsecurity=False).hexdigest()  # WeChat's choice
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())

    def _receipt(self, fields: Mapping[str, str]) -> Receipt | None:
        if fields.get("Event") != "TEMPLATESENDJOBFINISH":
            return None
        ref, status = fields.get("MsgID", ""), fields.get("Status", "")
        message = self._sent.get(ref)
        if message is None:
            return None
        if status == "success":
            return Receipt(message, "wechat", Sent(ref), ref)
        blocked = "user block" in status
        fault = Reject(f"WeChat: {status}", gone=True) if blocked else Retry(f"WeChat: {status}")
        return Receipt(message, "wechat", fault, ref)


def read_message(fields: Mapping[str, str], now: Micros) -> Inbound | None:
    """Return what a follower did, None for what says nothing to us."""
    who, stamp, kind = fields.get("FromUserName", ""), fields.get("CreateTime", ""), fields.get("MsgType", "")
    if not who:
        return None
    event, key = fields.get("Event", ""), fields.get("EventKey", "")
    text, data, gone, back = "", "", False, False
    match kind, event:
        case "text", _:
            text = fields.get("Content", "")
        case "voice", _:
            text = fields.get("Recognition", "") or OBJECT  # written down by WeChat, where the account has that
        case "image" | "video" | "shortvideo" | "location" | "link", _:
            text = OBJECT
        case "event", "subscribe" if key.startswith(_SCENE):
            text = f"JOIN {key.removeprefix(_SCENE)}"
        case "event", "subscribe":
            back = True
        case "event", "unsubscribe":
            gone = True
        case "event", "SCAN" if key:
            text = f"JOIN {key}"
        case "event", "CLICK":
            text, data = ("", key) if ":" in key else (key, "")
    if not (text or data or gone or back):
        return None
    at = int(stamp) * SECOND if stamp.isascii() and stamp.isdigit() and len(stamp) <= 11 else now  # noqa: PLR2004 (seconds)
    return Inbound(
        id=f"wechat:{fields.get('MsgId') or f'{who}:{stamp}:{event}'}",
        at=min(at, now),
        messenger="wechat",
        address=who,
        sender=who,
        text=text,
        data=data,
        gone=gone,
        back=back,
    )


def read_xml(body: bytes) -> dict[str, str] | None:
    """Return the texts of the children of the root; None for what is too long or no plain XML."""
    if len(body) > XML_BYTES:
        return None
    fields: dict[str, str] = {}
    path: list[str] = []

    def start(name: str, _attributes: object) -> None:
        path.append(name)

    def end(_name: str) -> None:
        path.pop()

    def text(data: str) -> None:
        if len(path) == _DEPTH:
            fields[path[-1]] = fields.get(path[-1], "") + data

    def refuse(*_: object) -> None:
        raise _RefusedError

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = refuse  # with no document type there are no entities
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, _RefusedError, ValueError, LookupError):
        return None
    return fields

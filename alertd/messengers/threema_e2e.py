"""Threema end to end: sealing what we send, and reading what people send and tap.

A box holds a type byte, its content and a random padding. Delivery receipts of type 3 and 4 are the
thumbs up and down under a message: its acknowledge and its false-alarm button (`thumbs`).

A call from somebody whose key we do not know yet is answered 503 and kept in `waiting`: the key is
looked up (`Threema.inbound`), and whichever of the two brings the message first counts.

Source: gateway.threema.ch/en/developer (end-to-end mode, callback) and the SDK's public source.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import msgspec
from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey
from nacl.secret import SecretBox

from alertd.messengers.exchange import PICTURE
from alertd.messengers.thumbs import Thumbs
from alertd.model import OBJECT, SECOND, Inbound
from alertd.seams import Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from alertd.model import Micros
    from alertd.seams import HookCall

TEXT: Final = 0x01
FILE: Final = 0x17
RECEIPT: Final = 0x80
WORDLESS: Final = frozenset([b"\x02", b"\x10", b"\x13", b"\x14", b"\x17"])
"""Picture, place, video, voice, file."""
FILE_NONCE: Final = bytes(23) + b"\x01"
"""The same for every file, whose key is used once."""
ACKNOWLEDGED: Final = 3
DECLINED: Final = 4
SIGNED: Final = ("from", "to", "messageId", "date", "nonce", "box")
"""The fields the callback's mac covers, in its order."""
REMEMBERED: Final = 1000
"""People whose key is known."""
WAITING: Final = 100
FIELDS: Final = 20
FORM_BYTES: Final = 20_000
_TIME_DIGITS: Final = 11
"""Digits of a time in seconds; what has more is none."""
_SHORTEST: Final = 32  # bytes of a box's content, padding included, so that OK does not show by its length
_ID_BYTES: Final = 8
_QUOTE: Final = "> quote #"
_UP: Final = {ACKNOWLEDGED: True, DECLINED: False}


class EndToEnd:
    """The keys we know, the buttons we sent, and the webhook of the gateway."""

    def __init__(self, private_key: str, secret: str, now: Callable[[], Micros]) -> None:
        try:
            self._key = PrivateKey(bytes.fromhex(private_key.removeprefix("private:")))
        except (ValueError, CryptoError, TypeError):
            raise ValueError("must be 64 hexadecimal digits, as the gateway's tools print it") from None
        self._secret = secret.encode()
        self._now = now
        self._boxes: dict[str, Box] = {}
        self.thumbs = Thumbs()
        self.waiting: asyncio.Queue[dict[str, str]] = asyncio.Queue(WAITING)

    def knows(self, who: str) -> bool:
        """Return whether somebody's public key is known."""
        return who in self._boxes

    def learn(self, who: str, key: str) -> bool:
        """Take a public key in hexadecimal; False: it is none."""
        try:
            box = Box(self._key, PublicKey(bytes.fromhex(key)))
        except (ValueError, CryptoError, TypeError):
            return False
        self._boxes[who] = box
        while len(self._boxes) > REMEMBERED:
            del self._boxes[next(iter(self._boxes))]
        return True

    def seal(self, who: str, text: str, kind: int = TEXT) -> tuple[bytes, bytes]:
        """Return nonce and box of a text (or other content) to somebody whose key is known."""
        content = bytes([kind]) + text.encode()
        padding = max(secrets.randbelow(255) + 1, _SHORTEST - len(content))
        nonce = secrets.token_bytes(Box.NONCE_SIZE)
        return nonce, self._boxes[who].encrypt(content + bytes([padding]) * padding, nonce).ciphertext

    @staticmethod
    def lock(picture: bytes) -> tuple[str, bytes]:
        """Return the key of a file, and the file under it: the gateway keeps it for the phone and cannot read it."""
        key = secrets.token_bytes(SecretBox.KEY_SIZE)
        return key.hex(), SecretBox(key).encrypt(picture, FILE_NONCE).ciphertext

    def seal_file(self, who: str, blob: str, key: str, size: int) -> tuple[bytes, bytes]:
        """Return nonce and box of what lets the phone fetch and open a file (`lock`) of `size` bytes."""
        about = {"b": blob, "k": key, "m": "image/png", "n": PICTURE, "s": size, "i": 0}
        return self.seal(who, msgspec.json.encode(about).decode(), FILE)

    def __call__(self, call: HookCall) -> Heard:
        """Verify and read one callback."""
        if len(call.body) > FORM_BYTES:
            return Heard(HookAnswer(413, b"this is too long for a message"))
        try:
            fields = dict(parse_qsl(call.body.decode("ascii"), max_num_fields=FIELDS))
        except ValueError:  # not ASCII, or too many fields
            return Heard(HookAnswer(400, b"this is no form"))
        signed = "".join(fields.get(name, "") for name in SIGNED).encode("utf-8", "surrogateescape")
        wanted = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(fields.get("mac", "").encode("utf-8", "surrogateescape"), wanted.encode()):
            return Heard(HookAnswer(403, b"mac is wrong or missing"))
        if not self.knows(fields.get("from", "")):
            if not self.waiting.full():
                self.waiting.put_nowait(fields)
            return Heard(HookAnswer(503, b"the sender's key is being looked up"))
        return Heard(updates=self.read(fields))

    def read(self, fields: Mapping[str, str]) -> Sequence[Inbound]:
        """Open a believed call's box from somebody whose key is known; [] for what says nothing to us."""
        try:
            nonce, box = bytes.fromhex(fields.get("nonce", "")), bytes.fromhex(fields.get("box", ""))
            opened = self._boxes[fields["from"]].decrypt(box, nonce)
        except (ValueError, CryptoError, KeyError, TypeError):
            return []
        content = opened[: -opened[-1]] if opened and opened[-1] < len(opened) else b""
        match content[:1]:
            case b"\x01":
                quoted, text = _unquoted(content[1:].decode("utf-8", "replace"))
                return [self._update(fields, 0, text=text, ref=quoted)]
            case kind if kind in WORDLESS:
                return [self._update(fields, 0, text=OBJECT)]
            case b"\x80" if len(content) > 1 and content[1] in _UP:
                whole = range(2, len(content) - _ID_BYTES + 1, _ID_BYTES)
                return [self._thumb(fields, content[1], content[at : at + _ID_BYTES].hex(), at) for at in whole]
        return []

    def _thumb(self, fields: Mapping[str, str], thumb: int, ref: str, number: int) -> Inbound:
        text, data = self.thumbs.said(ref, up=_UP[thumb])
        return self._update(fields, number, text=text, data=data, ref=ref)

    def _update(self, fields: Mapping[str, str], number: int, *, text: str, data: str = "", ref: str = "") -> Inbound:
        stamp = fields.get("date", "")
        at = int(stamp) * SECOND if stamp.isascii() and stamp.isdigit() and len(stamp) <= _TIME_DIGITS else self._now()
        return Inbound(
            id=f"threema:{fields.get('messageId', '')}" + (f":{number}" if number else ""),
            at=min(at, self._now()),
            messenger="threema",
            address=fields["from"],
            sender=fields["from"],
            name=fields.get("nickname", ""),
            text=text,
            data=data,
            ref=ref,
        )


def _unquoted(text: str) -> tuple[str, str]:
    """Return the id of the message that is answered, and the text without its quotation."""
    quotation, empty, rest = text.partition("\n\n")
    return (quotation.removeprefix(_QUOTE), rest) if empty and text.startswith(_QUOTE) else ("", text)

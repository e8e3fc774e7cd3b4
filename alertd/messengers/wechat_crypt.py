"""WeChat's encrypted callbacks: AES-256-CBC under the account's EncodingAESKey. Needs `cryptography`.

Source: developers.weixin.qq.com/doc/oplatform (message encryption).
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY_SIGNS: Final = 43
_BLOCK: Final = 32
_RANDOM: Final = 16
_LENGTH: Final = 4


class Crypt:
    """Opens what WeChat encrypted for one account."""

    def __init__(self, aes_key: str, app_id: str) -> None:
        try:
            self._key = base64.b64decode(aes_key + "=", validate=True)
        except (binascii.Error, ValueError):
            self._key = b""
        if len(aes_key) != KEY_SIGNS or len(self._key) != _BLOCK:
            raise ValueError(f"must be the EncodingAESKey of {KEY_SIGNS} letters and digits")
        self._app_id = app_id.encode()

    def open(self, encrypted: str) -> bytes | None:
        """Return the XML, None for what was not encrypted for this account."""
        try:
            box = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError):
            return None
        if not box or len(box) % 16:
            return None
        decryptor = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16])).decryptor()
        plain = decryptor.update(box) + decryptor.finalize()
        padding = plain[-1]
        content = plain[_RANDOM:-padding] if 1 <= padding <= _BLOCK else b""
        size = int.from_bytes(content[:_LENGTH], "big")
        xml, app_id = content[_LENGTH : _LENGTH + size], content[_LENGTH + size :]
        return xml if len(xml) == size and app_id == self._app_id else None

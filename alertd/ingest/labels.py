"""Names that come from outside: what of them may be shown, and when two of them mean the same device.

A topic or payload can carry anything; the name in it ends up in a log line and on
a phone. Control and direction characters go, the length is capped, and nothing
else is changed: markup is escaped by the messenger that has it.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from typing import Any, Final

_EUI_BYTES: Final = 8

LONGEST: Final = 128
"""Characters of a device, metric or label that are kept."""

_SEPARATORS = re.compile(r"[:\-.\s]")
_HEX = re.compile(r"[0-9a-f]{12}|[0-9a-f]{16}")


def clean(text: str) -> str:
    """Return the text without control, direction and unassigned characters, trimmed, at most 128 long.

    Every kind of blank becomes a space. `isprintable` is false for exactly the Unicode
    classes that must not reach a phone (Cc, Cf, Cs, Co, Cn, Zl, Zp) and for odd blanks.
    """
    if not text.isprintable():
        kept = (letter if letter.isprintable() else " " if letter.isspace() else "" for letter in text)
        text = "".join(kept)
    return text.strip()[:LONGEST].rstrip()


def canonical_id(text: str) -> str:
    """Return the form by which ids are compared: EUIs and MACs as bare lower hex, others composed (NFC).

    `24:E1:24:13:6B:50:23:45`, `24E124136B502345` and `24-e1-24-13-6b-50-23-45` are one device.
    """
    bare = _SEPARATORS.sub("", text).lower()
    return bare if _HEX.fullmatch(bare) else unicodedata.normalize("NFC", text)


def device_text(value: Any) -> str:
    """Return the device id that a payload gives as text or whole number, cleaned; empty if it gives none."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int) and not isinstance(value, bool):
        # Beyond 64 bits it is no id, and Python refuses to write very long integers.
        return str(value) if abs(value) < 1 << 64 else ""
    return ""


def eui(value: Any) -> str:
    """Return a LoRaWAN EUI as lower hex: written as hex, or as base64 of its 8 bytes (ChirpStack 3); else empty."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return ""
    bare = canonical_id(value)
    if _HEX.fullmatch(bare):
        return bare
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == _EUI_BYTES else ""

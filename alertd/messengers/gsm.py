"""Texts as SMS: the alphabet that costs least, and how many messages a text becomes.

One sign outside the alphabet of 7 bits more than halves what fits into an SMS, and an SMS is paid
for one by one. So signs that have a plain likeness get it; only a text that is not Latin stays as it is.

Source: 3GPP TS 23.038 (6.2.1, alphabet), 3GPP TS 23.040 (9.2.3.24.1, joining).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The signs an SMS carries at 7 bits."""
GSM_TWICE: Final = frozenset("^{}\\[~]|€")
"""Those that take two places."""
_ALONE: Final = 160
_JOINED: Final = 153  # 7 places go to the header that joins several
_WIDE_ALONE: Final = 70
_WIDE_JOINED: Final = 67
_TAIL: Final = 30  # signs of a text without lines that are kept at its end

_LIKE: Final = {
    "°": "", "–": "-", "—": "-", "−": "-", "‑": "-", "…": "...", "·": "-", "•": "-", "×": "x", "÷": "/",
    "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‹": "'", "›": "'", "´": "'",
    "`": "'", "≥": ">=", "≤": "<=", "≈": "~", "±": "+/-", "→": "->", "←": "<-", "µ": "u", "μ": "u", "²": "2", "³": "3",
    "½": "1/2", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "œ": "oe", "Œ": "OE", "ç": "c", "ẞ": "SS",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\t": " ",
}  # fmt: skip
_NOTHING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk", "Mn", "Me"})
"""Categories of signs without a meaning of their own here: emoji, control signs, joiners."""


def plain(text: str) -> str:
    """Return the text in the 7-bit alphabet; what is not Latin keeps its letters and loses only emoji."""
    signs = [_like(sign) for sign in unicodedata.normalize("NFC", text)]
    if any(sign is None for sign in signs):
        signs = [sign if sign in _LIKE or sign == "\n" or _speaks(sign) else "" for sign in text]
    return re.sub(" {2,}", " ", "".join(sign or "" for sign in signs))


def _speaks(sign: str) -> bool:
    return unicodedata.category(sign) not in _NOTHING - {"Mn", "Me"}


def _like(sign: str) -> str | None:
    """Return the sign as 7 bits can say it, "" if it says nothing, None if it is a letter of another script."""
    if sign in GSM or sign in GSM_TWICE:
        return sign
    if sign in _LIKE:
        return _LIKE[sign]
    if unicodedata.category(sign) in _NOTHING:
        return ""
    base = "".join(one for one in unicodedata.normalize("NFKD", sign) if unicodedata.category(one) != "Mn")
    return base if base and all(one in GSM or one in GSM_TWICE for one in base) else None


def segments(text: str) -> int:
    """Return how many SMS a text costs: 160 signs of the alphabet or 70 of any, fewer each once they are several."""
    if _fits(text):
        places = _places(text)
        return 1 if places <= _ALONE else -(-places // _JOINED)
    places = _wide(text)
    return 1 if places <= _WIDE_ALONE else -(-places // _WIDE_JOINED)


def fitted(text: str, most: int) -> str:
    """Shorten a text to `most` SMS: the middle goes, the beginning and the last line (the alert's number) stay."""
    if segments(text) <= most:
        return text
    mark = "..." if _fits(text) else "…"
    head, newline, last = text.rpartition("\n")
    if not newline or segments(last) > 1:
        head, newline, last = text[:-_TAIL], "", text[-_TAIL:]
    low, high = 0, len(head)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if segments(head[:middle] + mark + newline + last) <= most else (low, middle - 1)
    return head[:low] + mark + newline + last


def _fits(text: str) -> bool:
    return all(sign in GSM or sign in GSM_TWICE for sign in text)


def _places(text: str) -> int:
    return len(text) + sum(sign in GSM_TWICE for sign in text)


def _wide(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2

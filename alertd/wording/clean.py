"""Names from devices and topics are data: one line, no control or bidirectional signs, of bearable length."""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST: Final = 60
"""Characters of one name in a message: an ear tag and a pet name fit, a hostile topic does not."""

# Controls, formats (bidi overrides, zero width), lone surrogates, private use: nothing of it is part of a name.
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co"})
_SPACES: Final = frozenset({"Zl", "Zp", "Zs"})


def clean(name: str, longest: int = LONGEST) -> str:
    """Return the name fit for a message, at most `longest` characters; "?" if nothing is left of it."""
    if len(name) <= longest and name.isascii() and name.isprintable():  # nearly all of them
        return " ".join(name.split()) or "?"
    signs = []
    for sign in name[: 4 * longest]:
        category = unicodedata.category(sign)
        if category in _SPACES or sign in "\t\r\n\v\f\x85":
            signs.append(" ")
        elif category not in _DROPPED:
            signs.append(sign)
    text = " ".join("".join(signs).split())
    return (text if len(text) <= longest else text[: longest - 1].rstrip() + "…") or "?"


def plain(text: str) -> str:
    """Return a text of several lines without the signs that `clean` drops; line breaks stay."""
    lines = (
        "".join(sign for sign in line if unicodedata.category(sign) not in _DROPPED).rstrip()
        for line in text.strip().splitlines()
    )
    return "\n".join(lines)

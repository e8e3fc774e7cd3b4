"""Codes to join by: random, typed by tired people, kept as hashes, good once for a day.

The randomness is an argument (the caller asks `secrets`), so that everything here
gives the same answer twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from alertd.model import DAY, HOUR, Invite, Micros

if TYPE_CHECKING:
    from collections.abc import Iterable

RANDOM_BYTES: Final = 5
"""40 bits: eight signs of Crockford's base 32. Five guesses an hour need 12 million years for half of them."""

WRONG_TRIES: Final = 5
"""How many wrong codes a sender may send in an hour."""

# Douglas Crockford's alphabet (crockford.com/base32.html): no I, L, O, U; the first three are read as 1, 1, 0.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_GROUP: Final = 4
_LENGTH: Final = 8


def code_from(random: bytes) -> str:
    """Write five random bytes the way people type them: `K7Q2-9MXW`.

    Raises:
        ValueError: fewer or more than five bytes.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a code is made of {RANDOM_BYTES} random bytes, not {len(random)}")
    number = int.from_bytes(random, "big")
    signs = "".join(_ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
    return f"{signs[:_GROUP]}-{signs[_GROUP:]}"


def canonical(text: str) -> str | None:
    """Return the eight signs somebody meant: case, dashes, a full stop, O for 0 and I or L for 1 do not matter.

    None if it cannot be a code.
    """
    signs = "".join(sign for sign in text.upper() if sign.isalnum()).translate(_MISREAD)
    return signs if len(signs) == _LENGTH and all(sign in _ALPHABET for sign in signs) else None


def code_hash(plain: str) -> str:
    """Hash a canonical code to 32 hexadecimal digits: what the store keeps instead of the code."""
    return hashlib.blake2b(plain.encode("ascii"), digest_size=16, person=b"alertd-invite").hexdigest()


def new(subscriber: str, random: bytes, now: Micros) -> tuple[str, Invite]:
    """Return a code to show once, and the invite to keep; it ends 24 h from `now`."""
    code = code_from(random)
    return code, Invite(code_hash(code.replace("-", "")), subscriber, created=now, expires=now + DAY)


def valid(invite: Invite, now: Micros) -> bool:
    """Return whether the invite can still be used."""
    return invite.used is None and now < invite.expires


def redeemed(invite: Invite, now: Micros) -> Invite:
    """Return the invite as used."""
    return replace(invite, used=now)


def exhausted(tries: Iterable[Micros], now: Micros) -> bool:
    """Return whether a sender's wrong tries of the last hour are used up."""
    return sum(now - HOUR < at for at in tries) >= WRONG_TRIES


def link(messenger: str, account: str, code: str, *, shared: bool = False) -> str | None:
    """Return a link that sends the code with one press, where the messenger has such links.

    `account` is the bot's name for Telegram (core.telegram.org/bots/features#deep-linking), the phone
    number for WhatsApp (`wa.me`, digits only) and the page's name or id for Messenger (`m.me`),
    the gateway's id for Threema. Links of Signal and Matrix carry no text: the code has to be typed.
    With `shared` Telegram's asks for the group into which the bot and the code go.
    """
    match messenger:
        case "telegram":
            return f"https://t.me/{quote(account.lstrip('@'))}?{'startgroup' if shared else 'start'}={code}"
        case "whatsapp":
            return f"https://wa.me/{''.join(sign for sign in account if sign.isdigit())}?text=JOIN%20{code}"
        case "messenger":
            return f"https://m.me/{quote(account)}?ref={code}"
        case "matrix":
            return f"https://matrix.to/#/{account}"
        case "signal":
            return f"https://signal.me/#p/{account}"
        case "threema":
            return f"https://threema.id/{quote(account)}?text=JOIN%20{code}"
        case _:
            return None

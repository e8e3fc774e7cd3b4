"""What each errcode of WeChat means for a message: one table, data. The HTTP status is always 200.

Source: developers.weixin.qq.com/doc/service (global return codes, template messages, customer service).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from alertd.model import Reject, Retry


class Class(StrEnum):
    """What an errcode asks of us."""

    TOKEN = "take a new token and send once more"  # noqa: S105 (words, no password)
    TRANSIENT = "try again"
    BUSY = "wait, the whole account"
    SPENT = "wait long, the whole account, tell the operator"
    GONE = "close the channel until they write again"
    PERSON = "next channel"
    QUOTA = "the template instead of a free reply"
    OURS = "next channel, tell the operator"
    ACCOUNT = "keep the messages, tell the operator"


_CODES: Final[dict[Class, tuple[int, ...]]] = {
    Class.TOKEN: (40001, 40014, 42001),
    Class.TRANSIENT: (-1,),
    Class.BUSY: (45011,),
    Class.SPENT: (45009,),
    Class.GONE: (43004,),
    Class.PERSON: (40003, 43101),
    Class.QUOTA: (45015, 45047),
    Class.OURS: (40037, 47001, 47003, 45002),
    Class.ACCOUNT: (40013, 40125, 40164, 41001, 48001),
}

ERRORS: Final[dict[int, Class]] = {code: kind for kind, codes in _CODES.items() for code in codes}
"""errcode to what it asks of us."""

SPENT_PAUSE: Final = 3600.0
"""Seconds between attempts while the day's quota is used up; it is renewed at midnight in China."""


def outcome(code: int, why: str) -> Retry | Reject:
    """Return what follows from an errcode, once a new token or the template is no way out any more."""
    match ERRORS.get(code):
        case Class.TRANSIENT:
            return Retry(why)
        case Class.BUSY:
            return Retry(why, after=60.0, whole_account=True)
        case Class.SPENT:
            return Retry(why, after=SPENT_PAUSE, whole_account=True, config=True)
        case Class.TOKEN | Class.ACCOUNT:
            return Retry(why, whole_account=True, config=True)
        case Class.GONE:
            return Reject(why, gone=True)
        case Class.OURS:
            return Reject(why, ours=True)
    return Reject(why)

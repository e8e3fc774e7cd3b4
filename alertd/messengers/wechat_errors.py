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


CODES: Final[dict[Class, dict[int, str]]] = {
    Class.TOKEN: {40001: "the token is wrong", 40014: "the token is wrong", 42001: "the token has ended"},
    Class.TRANSIENT: {-1: "WeChat is busy"},
    Class.BUSY: {45011: "too many calls in a minute"},
    Class.SPENT: {45009: "the day's calls are used up"},
    Class.GONE: {43004: "does not follow the account"},
    Class.PERSON: {40003: "no such follower", 43101: "refused these messages"},
    Class.QUOTA: {45015: "they last wrote more than 48 hours ago", 45047: "the replies to what they wrote are used up"},
    Class.OURS: {
        40037: "template_id is wrong",
        45002: "the text is too long",
        47001: "WeChat cannot read what we send",
        47003: "a field of the template is wrong: check `fields`",
    },
    Class.ACCOUNT: {
        40013: "app_id is wrong",
        40125: "app_secret is wrong",
        40164: "this address is not on the account's list of allowed ones",
        41001: "the token is missing",
        48001: "the account may not do that: is it verified?",
    },
}
"""Class to errcodes and what they mean."""

ERRORS: Final[dict[int, Class]] = {code: kind for kind, codes in CODES.items() for code in codes}
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

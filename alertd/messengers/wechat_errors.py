"""What each errcode of WeChat means for a message: one table, data. The HTTP status is always 200.

Source: developers.weixin.qq.com/doc/service (global return codes, template messages, customer service).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.messengers.classes import Class, meant
from alertd.model import Retry

if TYPE_CHECKING:
    from alertd.model import Reject


CODES: Final[dict[Class, dict[int, str]]] = {
    Class.TOKEN: {40001: "the token is wrong", 40014: "the token is wrong", 42001: "the token has ended"},
    Class.TRANSIENT: {-1: "WeChat is busy"},
    Class.BUSY: {45011: "too many calls in a minute"},
    Class.LIMIT: {45009: "the day's calls are used up"},
    Class.GONE: {43004: "does not follow the account"},
    Class.PERSON: {40003: "no such follower", 43101: "refused these messages"},
    Class.WINDOW: {
        45015: "they last wrote more than 48 hours ago",
        45047: "the replies to what they wrote are used up",
    },
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
        50001: "the account is not allowed this interface",
        50002: "the account is restricted for breaking rules",
    },
}
"""Class to errcodes and what they mean."""

ERRORS: Final[dict[int, Class]] = {code: kind for kind, codes in CODES.items() for code in codes}
"""errcode to what it asks of us."""

MINUTE_PAUSE: Final = 60.0
"""Seconds after which a minute's calls are counted anew."""


def outcome(code: int, why: str) -> Retry | Reject:
    """Return what follows from an errcode, once a new token or the template is no way out any more."""
    kind = ERRORS.get(code, Class.PERSON)
    if kind is Class.BUSY:
        return Retry(why, after=MINUTE_PAUSE, whole_account=True)
    return meant(kind, why)

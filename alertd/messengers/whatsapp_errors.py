"""What each error code of the WhatsApp Cloud API means for a message: one table, data.

The code alone decides: the HTTP status of throttling varies, and the same error may come in
the answer, by webhook, or both. Source: developers.facebook.com/documentation/business-messaging/
whatsapp/support/error-codes (15 May 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.messengers.classes import Class, meant
from alertd.model import Retry

if TYPE_CHECKING:
    from alertd.model import Reject


CODES: Final[dict[Class, dict[int, str]]] = {
    Class.BUSY: {
        4: "the app has made too many calls",
        80007: "the business account has made too many calls",
        130429: "the number sends too fast",
        131057: "the account is under maintenance, for a minute",
        131064: "the number's limit is reached",
        133016: "the number was registered too often",
    },
    Class.LIMIT: {131048: "people blocked the number or called it spam"},
    Class.CHAT_BUSY: {131056: "too many messages to this person"},
    Class.TRANSIENT: {
        1: "a fault at Meta",
        2: "a fault at Meta",
        131000: "a fault at Meta",
        131016: "WhatsApp is not available for now",
        135000: "a fault at Meta",
    },
    Class.WINDOW: {131047: "they last wrote more than 24 hours ago"},
    Class.PERSON: {
        130472: "held back for an experiment of Meta's (marketing only)",
        131021: "that is our own number",
        131026: "not deliverable: not on WhatsApp, an old app, or they blocked us",
        131030: "a test number, and they are not on its list",
        131049: "held back by Meta (marketing only)",
        131050: "they stopped marketing messages",
        131062: "cannot be sent to an opaque id",
        137000: "their phone has changed",
    },
    Class.OURS: {
        100: "a parameter is wrong",
        130497: "the account may not write to people in this country",
        131008: "a parameter is missing",
        131009: "a parameter is wrong",
        131051: "this kind of message does not exist",
        131052: "a medium cannot be fetched",
        131053: "a medium cannot be uploaded",
        131063: "the template is one for marketing: it must be of the category utility",
        132000: "the template wants another number of parameters: it needs three",
        132001: "no such template, or not in this language, or not approved",
        132005: "the template's text is too long when filled",
        132007: "the template breaks WhatsApp's rules",
        132008: "a parameter of the template is wrong",
        132012: "a parameter of the template is wrong",
        132015: "the template is paused: too many complaints",
        132016: "the template is disabled: paused too often",
        132068: "the template's flow is blocked",
        132069: "the template's flow is slowed down",
    },
    Class.ACCOUNT: {
        0: "the token is wrong or was taken back",
        3: "the app lacks a permission",
        10: "the app lacks a permission",
        190: "the token has ended",
        **dict.fromkeys(range(200, 300), "the app lacks a permission"),
        368: "the account is blocked for a while for breaking rules",
        131005: "the token lacks a permission",
        131031: "the account is locked",
        131037: "the number's display name is not approved",
        131042: "nobody pays: see Billing in the business account",
        131044: "nobody pays: see Billing in the business account",
        131045: "the number is not registered: its certificate is wrong",
        133010: "the number is not registered",
    },
}
"""Class to error codes and what they mean."""

ERRORS: Final[dict[int, Class]] = {code: kind for kind, codes in CODES.items() for code in codes}
"""Error code to what it asks of us."""

LONGEST_PAIR_PAUSE: Final = 600.0


def outcome(code: int, why: str, attempt: int) -> Retry | Reject | None:
    """Return what follows from an error at the n-th attempt; None: the code is not known, the status must decide."""
    kind = ERRORS.get(code)
    if kind is Class.CHAT_BUSY:
        return Retry(why, after=min(4.0 ** max(attempt, 1), LONGEST_PAIR_PAUSE))
    if kind is Class.WINDOW:
        return Retry(why, after=0.0)
    return None if kind is None else meant(kind, why)

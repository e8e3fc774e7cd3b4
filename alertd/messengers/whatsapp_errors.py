"""What each error code of the WhatsApp Cloud API means for a message: one table, data.

The code alone decides: the HTTP status of throttling varies, and the same error may come in
the answer, by webhook, or both. Source: developers.facebook.com/documentation/business-messaging/
whatsapp/support/error-codes (15 May 2026).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from alertd.model import Reject, Retry


class Class(StrEnum):
    """What an error asks of us."""

    ACCOUNT_BUSY = "wait, the whole number"
    SPAM = "wait long, the whole number, tell the operator"
    PAIR_BUSY = "wait, this chat"
    TRANSIENT = "try again"
    WINDOW = "use the template"
    PERSON = "next channel"
    OURS = "next channel, tell the operator"
    ACCOUNT = "keep the messages, tell the operator"


_CODES: Final[dict[Class, tuple[int, ...]]] = {
    Class.ACCOUNT_BUSY: (4, 80007, 130429, 131057, 131064, 133016),
    Class.SPAM: (131048,),
    Class.PAIR_BUSY: (131056,),
    Class.TRANSIENT: (1, 2, 131000, 131016, 135000),
    Class.WINDOW: (131047,),
    Class.PERSON: (131021, 131026, 131030, 131049, 131050, 131062, 130472, 137000),
    Class.OURS: (
        100, 131008, 131009, 131051, 131052, 131053, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016,
        132068, 132069,
    ),
    Class.ACCOUNT: (0, 3, 10, *range(200, 300), 190, 368, 130497, 131005, 131031, 131037, 131042, 131045, 133010),
}  # fmt: skip

ERRORS: Final[dict[int, Class]] = {code: kind for kind, codes in _CODES.items() for code in codes}
"""Error code to what it asks of us."""

SPAM_PAUSE: Final = 3600.0
"""Seconds: sending on while Meta counts complaints makes it worse."""
LONGEST_PAIR_PAUSE: Final = 600.0


def outcome(code: int, why: str, attempt: int) -> Retry | Reject | None:
    """Return what follows from an error at the n-th attempt; None: the code is not known, the status must decide."""
    match ERRORS.get(code):
        case Class.ACCOUNT_BUSY:
            return Retry(why, whole_account=True)
        case Class.SPAM:
            return Retry(why, after=SPAM_PAUSE, whole_account=True, config=True)
        case Class.PAIR_BUSY:
            return Retry(why, after=min(4.0 ** max(attempt, 1), LONGEST_PAIR_PAUSE))
        case Class.TRANSIENT:
            return Retry(why)
        case Class.WINDOW:
            return Retry(why, after=0.0)
        case Class.PERSON:
            return Reject(why)
        case Class.OURS:
            return Reject(why, ours=True)
        case Class.ACCOUNT:
            return Retry(why, whole_account=True, config=True)
    return None

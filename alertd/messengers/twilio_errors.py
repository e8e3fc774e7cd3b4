"""What each error code of Twilio means for an SMS or a call: one table, data.

The same codes come in the answer and by status callback. A code that is not here is judged by its status.
Source: twilio.com/docs/api/errors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from alertd.model import Reject, Retry


class Class(StrEnum):
    """What an error asks of us."""

    ACCOUNT_BUSY = "wait, the whole account"
    TRANSIENT = "try again"
    GONE = "they said STOP: the channel is closed"
    PERSON = "next channel"
    OURS = "next channel, tell the operator"
    ACCOUNT = "keep the messages, tell the operator"


_CODES: Final[dict[Class, tuple[int, ...]]] = {
    # too many requests; calls at once; queue of the sender full; queue overflow; rate and daily limits of carriers
    Class.ACCOUNT_BUSY: (20429, 10004, 21611, 21730, 30001, 30022, 30023, 30027),
    # time-out and internal error at the carrier
    Class.TRANSIENT: (30410, 30500),
    Class.GONE: (21610,),
    # no valid number; cannot be reached; no mobile; no route; unreachable, blocked, unknown, landline, unknown error
    Class.PERSON: (
        13223, 13224, 13226, 21211, 21214, 21217, 21612, 21614, 21635, 30003, 30004, 30005, 30006, 30008, 30011, 32203,
    ),
    # country or number not permitted; trial's unverified numbers; body missing or too long; content filtered
    Class.OURS: (13225, 13227, 21215, 21216, 21219, 21408, 21602, 21605, 21608, 21617, 21619, 30007, 30019),
    # login; account closed, suspended or on trial; sender missing, wrong, not ours, cannot send; registration missing
    Class.ACCOUNT: (
        10001, 10002, 20003, 20005, 20006, 20008, 21210, 21212, 21213, 21601, 21603, 21606, 21659, 21660, 21661, 21701,
        21703, 21704, 21705, 21712, 30002, 30032, 30034, 30038,
    ),
}  # fmt: skip

ERRORS: Final[dict[int, Class]] = {code: kind for kind, codes in _CODES.items() for code in codes}
"""Error code to what it asks of us."""


def outcome(code: int, why: str) -> Retry | Reject | None:
    """Return what follows from an error; None: the code is not known."""
    match ERRORS.get(code):
        case Class.ACCOUNT_BUSY:
            return Retry(why, whole_account=True)
        case Class.TRANSIENT:
            return Retry(why)
        case Class.GONE:
            return Reject(why, gone=True)
        case Class.PERSON:
            return Reject(why)
        case Class.OURS:
            return Reject(why, ours=True)
        case Class.ACCOUNT:
            return Retry(why, whole_account=True, config=True)
    return None

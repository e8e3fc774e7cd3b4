"""What each error of Messenger's Send API means for a message: one table, data.

The code with its subcode decides, then the code alone: the HTTP status of throttling varies.
Source: developers.facebook.com/docs/messenger-platform/error-codes (2026).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from alertd.model import Reject, Retry


class Class(StrEnum):
    """What an error asks of us."""

    BUSY = "wait, the whole page"
    RESTRICTED = "wait long, the whole page, tell the operator"
    TRANSIENT = "try again"
    WINDOW = "use the template"
    PERSON = "next channel"
    OURS = "next channel, tell the operator"
    ACCOUNT = "keep the messages, tell the operator"


ERRORS: Final[dict[tuple[int, int], Class]] = {
    (1, 0): Class.TRANSIENT,
    (2, 0): Class.TRANSIENT,
    (1200, 0): Class.TRANSIENT,
    (4, 0): Class.BUSY,
    (32, 0): Class.BUSY,
    (613, 0): Class.BUSY,
    (80006, 0): Class.BUSY,
    (10, 2018278): Class.WINDOW,
    (10, 2018276): Class.OURS,
    (10, 1893063): Class.RESTRICTED,
    (10, 0): Class.ACCOUNT,
    (551, 0): Class.PERSON,
    (551, 1545041): Class.PERSON,
    (200, 1545041): Class.PERSON,
    (100, 2018001): Class.PERSON,
    (100, 0): Class.OURS,
    (190, 0): Class.ACCOUNT,
    (200, 0): Class.ACCOUNT,
    (230, 0): Class.ACCOUNT,
    (368, 0): Class.ACCOUNT,
}
"""(code, subcode) to what it asks of us; subcode 0: any other one."""

RESTRICTED_PAUSE: Final = 3600.0
"""Seconds: a restricted page that keeps sending is restricted for longer."""


def kind(code: int, subcode: int) -> Class | None:
    """Return the class of an error, None if it is not known."""
    return ERRORS.get((code, subcode)) or ERRORS.get((code, 0))


def outcome(code: int, subcode: int, why: str) -> Retry | Reject | None:
    """Return what follows from an error; None: it is not known, the status must decide."""
    match kind(code, subcode):
        case Class.BUSY:
            return Retry(why, whole_account=True)
        case Class.RESTRICTED:
            return Retry(why, after=RESTRICTED_PAUSE, whole_account=True, config=True)
        case Class.TRANSIENT:
            return Retry(why)
        case Class.WINDOW | Class.PERSON:
            return Reject(why)
        case Class.OURS:
            return Reject(why, ours=True)
        case Class.ACCOUNT:
            return Retry(why, whole_account=True, config=True)
    return None

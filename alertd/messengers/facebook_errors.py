"""What each error of Messenger's Send API means for a message: one table, data.

The code with its subcode decides, then the code alone: the HTTP status of throttling varies.
Source: developers.facebook.com/docs/messenger-platform/error-codes (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.messengers.classes import Class, meant

if TYPE_CHECKING:
    from alertd.model import Reject, Retry


CODES: Final[dict[Class, dict[tuple[int, int], str]]] = {
    Class.TRANSIENT: {
        (1, 0): "a fault at Meta",
        (2, 0): "a fault at Meta",
        (1200, 0): "a fault at Meta",
    },
    Class.BUSY: {
        (4, 0): "the app has made too many calls",
        (32, 0): "the page has made too many calls",
        (613, 0): "too many calls",
        (80006, 0): "the page sends too fast",
    },
    Class.WINDOW: {(10, 2018278): "they last wrote more than 24 hours ago"},
    Class.LIMIT: {(10, 1893063): "the page is restricted for a while"},
    Class.PERSON: {
        (100, 2018001): "no such person on this page",
        (200, 1545041): "the person cannot be reached now",
        (551, 0): "the person cannot be reached: blocked us, or left",
        (551, 1545041): "the person cannot be reached: blocked us, or left",
    },
    Class.OURS: {
        (10, 2018276): "the page may not answer after 24 hours",
        (100, 0): "a parameter or the template is wrong",
    },
    Class.ACCOUNT: {
        (10, 0): "the app lacks a permission",
        (190, 0): "the token is wrong or has ended",
        (200, 0): "the app lacks a permission",
        (230, 0): "the app lacks a permission",
        (368, 0): "the page is blocked for breaking rules",
    },
}
"""Class to (code, subcode) and what they mean; subcode 0: any other one."""

ERRORS: Final[dict[tuple[int, int], Class]] = {code: kind for kind, codes in CODES.items() for code in codes}
"""(code, subcode) to what it asks of us."""


def kind(code: int, subcode: int) -> Class | None:
    """Return the class of an error, None if it is not known."""
    return ERRORS.get((code, subcode)) or ERRORS.get((code, 0))


def outcome(code: int, subcode: int, why: str) -> Retry | Reject | None:
    """Return what follows from an error; None: it is not known, the status must decide."""
    found = kind(code, subcode)
    return None if found is None else meant(found, why)

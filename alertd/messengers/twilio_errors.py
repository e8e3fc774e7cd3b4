"""What each error code of Twilio means for an SMS or a call: one table, data.

The same codes come in the answer and by status callback. A code that is not here is judged by its status.
Source: twilio.com/docs/api/errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.messengers.classes import Class, meant

if TYPE_CHECKING:
    from alertd.model import Reject, Retry


CODES: Final[dict[Class, dict[int, str]]] = {
    Class.BUSY: {
        10004: "too many calls at once",
        20429: "too many requests",
        21611: "the sender's queue is full",
        21730: "the sender's queue is full",
        30001: "the sender's queue is full",
        30022: "the carrier's limit a second is reached",
        30023: "the carrier's limit a day is reached",
        30027: "the carrier's limit a day is reached",
    },
    Class.TRANSIENT: {30410: "the carrier did not answer", 30500: "a fault at the provider"},
    Class.GONE: {21610: "they answered STOP"},
    Class.PERSON: {
        13223: "no valid number",
        13224: "no valid number",
        13226: "no valid number",
        21211: "no valid number",
        21214: "the number cannot be reached",
        21217: "no valid number",
        21612: "no route to this number",
        21614: "no mobile number",
        21635: "a landline",
        30003: "the phone is off or without network",
        30004: "the carrier or the person blocks it",
        30005: "the number is unknown or not in use",
        30006: "a landline, or a carrier that is not reached",
        30008: "the carrier gives no reason",
        30011: "no pictures or files to this number",
        32203: "the number is blocked",
    },
    Class.OURS: {
        13225: "the provider calls no such number",
        13227: "the account may not call this country",
        21215: "the account may not call this country",
        21216: "the account may not call this number",
        21219: "a trial account calls only numbers it has proved",
        21408: "the account may not write to this country",
        21602: "the text is missing",
        21605: "the text is too long",
        21608: "a trial account writes only to numbers it has proved",
        21617: "the text is too long",
        21619: "the text is missing",
        30007: "the carrier filtered it out",
        30019: "too big for the carrier",
    },
    Class.ACCOUNT: {
        10001: "the account is suspended",
        10002: "a trial account may not do this",
        20003: "account_sid or auth_token is wrong",
        20005: "the account is suspended",
        20006: "the token may not do this",
        20008: "these are credentials for tests",
        21210: "the sender's number is not proved",
        21212: "the sender is no valid number",
        21213: "the sender is missing",
        21601: "the sender cannot send SMS",
        21603: "the sender is missing",
        21606: "the sender is not the account's, or cannot send",
        21659: "the sender is not the account's",
        21660: "the sender belongs to another account",
        21661: "the sender cannot send SMS",
        21701: "no such messaging service",
        21703: "the messaging service has no sender",
        21704: "the messaging service has no sender",
        21705: "no such messaging service",
        21712: "the sender is in another messaging service",
        30002: "the account is suspended",
        30032: "the toll-free number is not verified",
        30034: "the number is not registered (A2P 10DLC)",
        30038: "the text may not be one-time codes from this sender",
    },
}
"""Class to error codes and what they mean."""

ERRORS: Final[dict[int, Class]] = {code: kind for kind, codes in CODES.items() for code in codes}
"""Error code to what it asks of us."""


def outcome(code: int, why: str) -> Retry | Reject | None:
    """Return what follows from an error; None: the code is not known."""
    kind = ERRORS.get(code)
    return None if kind is None else meant(kind, why)

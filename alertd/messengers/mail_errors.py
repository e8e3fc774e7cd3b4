"""What each reply of an SMTP server means for a message: one table, data.

The step at which it comes decides what was meant: a sender that is refused is our fault, a recipient theirs.
Source: RFC 5321 section 4.2.3 (codes), RFC 3463 (enhanced codes), RFC 4954 section 6 (login).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from alertd.model import Reject, Retry, Unsure


class Step(StrEnum):
    """How far the conversation has come."""

    CONNECT = "connecting"
    LOGIN = "login"
    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"
    TAKEN = "taken"


class Class(StrEnum):
    """What a reply asks of us."""

    BUSY = "try again"
    SERVER_BUSY = "wait, the whole server"
    ACCOUNT = "keep the messages, tell the operator"
    PERSON = "next channel"
    OURS = "next channel, tell the operator"


ANYWHERE: Final = {421: Class.SERVER_BUSY, 454: Class.SERVER_BUSY} | dict.fromkeys((530, 534, 535, 538), Class.ACCOUNT)
"""Replies that mean the same at every step: the server closes, cannot do TLS or login now, or wants another login."""

TRANSIENT: Final = {
    Step.CONNECT: Class.SERVER_BUSY,
    Step.LOGIN: Class.SERVER_BUSY,
    Step.SENDER: Class.SERVER_BUSY,
    Step.RECIPIENT: Class.BUSY,
    Step.CONTENT: Class.BUSY,
}
"""What 4xx means at each step: 450 greylisting, 451 a fault there, 452 full."""

PERMANENT: Final = {
    Step.CONNECT: Class.ACCOUNT,
    Step.LOGIN: Class.ACCOUNT,
    Step.SENDER: Class.ACCOUNT,
    Step.RECIPIENT: Class.PERSON,
    Step.CONTENT: Class.PERSON,
}
"""What 5xx means at each step: 550 no mailbox, 552 full, 553 no such name, 554 refused."""

_POLICY: Final = re.compile(r"\s*5\.7\.\d+")
"""Enhanced codes of policy: relaying denied, taken for spam. Nothing the recipient did."""


def classify(step: Step, code: int, words: str) -> Class | None:
    """Return what a reply asks of us; None: it is no reply of SMTP."""
    if code in ANYWHERE:
        return ANYWHERE[code]
    if 400 <= code < 500:  # noqa: PLR2004 (SMTP)
        return TRANSIENT[step]
    if 500 <= code < 600:  # noqa: PLR2004 (SMTP)
        found = PERMANENT[step]
        return Class.OURS if found is Class.PERSON and _POLICY.match(words) else found
    return None


def meaning(step: Step, code: int, words: str) -> Retry | Reject | Unsure:
    """Return what follows for the message from a reply that is no success."""
    why = f"{step.value}: {code} {' '.join(words.split())}"[:300]
    match classify(step, code, words):
        case Class.BUSY:
            return Retry(why)
        case Class.SERVER_BUSY:
            return Retry(why, whole_account=True)
        case Class.ACCOUNT:
            return Retry(why, whole_account=True, config=True)
        case Class.PERSON:
            return Reject(why)
        case Class.OURS:
            return Reject(why, ours=True)
    return Unsure(why) if step is Step.CONTENT else Retry(why, whole_account=True)

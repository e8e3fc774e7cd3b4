"""What an error asks of us: the same few things at every provider, and what each comes to for a message."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from alertd.model import Reject, Retry

LONG: Final = 3600.0
"""Seconds: who sends on while a provider counts complaints, or a day's quota is used up, makes it worse."""


class Class(StrEnum):
    """What an error asks of us."""

    BUSY = "wait, the whole account"
    LIMIT = "wait long, the whole account, tell the operator"
    CHAT_BUSY = "wait, this chat"
    TRANSIENT = "try again"
    TOKEN = "take a new token and send once more"  # noqa: S105 (words, no password)
    WINDOW = "use the template"
    GONE = "close the channel until they write again"
    PERSON = "next channel"
    OURS = "next channel, tell the operator"
    ACCOUNT = "keep the messages, tell the operator"


MEANT: Final[dict[Class, Retry | Reject]] = {
    Class.BUSY: Retry("", whole_account=True),
    Class.LIMIT: Retry("", after=LONG, whole_account=True, config=True),
    Class.CHAT_BUSY: Retry(""),
    Class.TRANSIENT: Retry(""),
    Class.TOKEN: Retry("", whole_account=True, config=True),
    Class.WINDOW: Reject(""),
    Class.GONE: Reject("", gone=True),
    Class.PERSON: Reject(""),
    Class.OURS: Reject("", ours=True),
    Class.ACCOUNT: Retry("", whole_account=True, config=True),
}
"""Class to what follows; where an adapter has another way out (a new token, a template), once that has failed."""


def meant(kind: Class, why: str) -> Retry | Reject:
    """Return what a class of errors comes to, with the provider's words."""
    return replace(MEANT[kind], why=why)

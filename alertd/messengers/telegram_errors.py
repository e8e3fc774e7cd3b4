"""What each refusal of the Telegram Bot API means for a message: one table, data.

Telegram has no error codes beside the HTTP status: its words tell them apart.
Source: core.telegram.org/bots/api (making requests, ResponseParameters) and the error texts of its open server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.messengers.classes import Class, meant
from alertd.messengers.exchange import judge
from alertd.model import Retry

if TYPE_CHECKING:
    from alertd.messengers.exchange import Answer
    from alertd.model import Reject, Unsure


REFUSALS: Final[tuple[tuple[int, str, Class], ...]] = (
    (403, "bot was blocked by the user", Class.GONE),
    (403, "user is deactivated", Class.GONE),
    (403, "bot was kicked", Class.GONE),
    (403, "bot is not a member", Class.GONE),
    (403, "bot can't initiate conversation", Class.GONE),
    (403, "group chat was deleted", Class.GONE),
    (403, "group chat was deactivated", Class.GONE),
    (403, "", Class.PERSON),
    (400, "chat not found", Class.PERSON),
    (400, "PEER_ID_INVALID", Class.PERSON),
    (400, "not enough rights", Class.PERSON),
    (400, "have no rights to send", Class.PERSON),
    (400, "CHAT_WRITE_FORBIDDEN", Class.PERSON),
    (400, "TOPIC_CLOSED", Class.PERSON),
    (400, "message is too long", Class.OURS),
    (400, "message text is empty", Class.OURS),
    (400, "BUTTON_DATA_INVALID", Class.OURS),
    (400, "can't parse entities", Class.OURS),
    (401, "", Class.ACCOUNT),
    (404, "", Class.ACCOUNT),
)
"""Status, words of the description (none: any), and what they ask of us; the first that fits counts."""


def classify(answer: Answer) -> Retry | Reject | Unsure:
    """Turn an answer that is no success into an outcome."""
    why = str(answer.json.get("description") or f"HTTP {answer.status}")
    match answer.status, answer.json:
        case 429, {"parameters": {"retry_after": int(seconds) | float(seconds)}}:
            return Retry(why, after=float(seconds))
        case status, _ if 300 <= status < 400:  # noqa: PLR2004 (HTTP)
            return Retry(f"{why}: api_base is not a Bot API server", whole_account=True, config=True)
    for status, words, kind in REFUSALS:
        if status == answer.status and words in why:
            return refused(kind, why)
    return judge(answer, why)


def refused(kind: Class, why: str) -> Retry | Reject:
    """Return what a class of refusals comes to."""
    # the bot's token stands in the path: 404 is a malformed one
    return meant(kind, f"{why}: the token is wrong" if kind is Class.ACCOUNT else why)

"""What each error code of a Matrix homeserver means for a message: one table, data.

Source: spec.matrix.org/latest/client-server-api (standard error response).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.messengers.exchange import judge
from alertd.model import Reject, Retry, Unsure

if TYPE_CHECKING:
    from alertd.messengers.exchange import Answer

ERRORS: Final[dict[str, Retry | Reject]] = {
    "M_LIMIT_EXCEEDED": Retry("too many requests"),
    "M_UNKNOWN_TOKEN": Retry("the token is wrong", whole_account=True, config=True),
    "M_MISSING_TOKEN": Retry("the token is missing", whole_account=True, config=True),
    "M_USER_DEACTIVATED": Retry("our account was closed", whole_account=True, config=True),
    "M_USER_LOCKED": Retry("our account is locked", whole_account=True, config=True),
    "M_USER_SUSPENDED": Retry("our account is suspended", whole_account=True, config=True),
    "M_CONSENT_NOT_GIVEN": Retry("our account must agree to the homeserver's terms", whole_account=True, config=True),
    "M_RESOURCE_LIMIT_EXCEEDED": Retry("the homeserver is full", whole_account=True, config=True),
    "M_UNRECOGNIZED": Retry("that is no Matrix homeserver", whole_account=True, config=True),
    "M_FORBIDDEN": Reject("we are not in the room, nor invited"),
    "M_NOT_FOUND": Reject("no such room"),
    "M_TOO_LARGE": Reject("the message is too long", ours=True),
    "M_BAD_JSON": Reject("the homeserver cannot read what we send", ours=True),
    "M_NOT_JSON": Reject("the homeserver cannot read what we send", ours=True),
    "M_INVALID_PARAM": Reject("a parameter is wrong", ours=True),
}
"""`errcode` to what it means."""


def outcome(answer: Answer) -> Retry | Reject:
    """Return what follows from an answer that is no success.

    Nothing is unsure here: the same transaction asked again is the same event.
    """
    code = str(answer.json.get("errcode", ""))
    words = str(answer.json.get("error", ""))[:200]
    why = f"{words} ({code})" if code else f"HTTP {answer.status}"
    match ERRORS.get(code) or judge(answer, why):
        case Retry() as found:
            return Retry(why, pause(answer), found.whole_account, found.config)
        case Reject() as found:
            return Reject(why, gone=found.gone, ours=found.ours)
        case Unsure():
            return Retry(why)


def pause(answer: Answer) -> float | None:
    """Return for how many seconds the homeserver asks, in either of its two ways."""
    old = answer.json.get("retry_after_ms")
    return answer.retry_after if answer.retry_after is not None else old / 1000 if isinstance(old, int) else None

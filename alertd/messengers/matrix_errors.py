"""What each error code of a Matrix homeserver means for a message: one table, data.

Source: spec.matrix.org/latest/client-server-api (standard error response).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.messengers.exchange import judge
from alertd.model import Reject, Retry, Unsure

if TYPE_CHECKING:
    from alertd.messengers.exchange import Answer

_ACCOUNT: Final = Retry("", whole_account=True, config=True)

ERRORS: Final[dict[str, Retry | Reject]] = {
    "M_LIMIT_EXCEEDED": Retry(""),
    "M_UNKNOWN_TOKEN": _ACCOUNT,
    "M_MISSING_TOKEN": _ACCOUNT,
    "M_USER_DEACTIVATED": _ACCOUNT,
    "M_USER_LOCKED": _ACCOUNT,
    "M_USER_SUSPENDED": _ACCOUNT,
    "M_CONSENT_NOT_GIVEN": _ACCOUNT,
    "M_RESOURCE_LIMIT_EXCEEDED": _ACCOUNT,
    "M_UNRECOGNIZED": _ACCOUNT,
    "M_FORBIDDEN": Reject(""),
    "M_NOT_FOUND": Reject(""),
    "M_TOO_LARGE": Reject("", ours=True),
    "M_BAD_JSON": Reject("", ours=True),
    "M_NOT_JSON": Reject("", ours=True),
    "M_INVALID_PARAM": Reject("", ours=True),
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

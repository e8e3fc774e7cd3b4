"""What each failure that signal-cli reports means for a message: two tables, data.

A send that fails has a type for its recipient (`results[].type`); without one the JSON-RPC code decides.
Source: signal-cli's public source (SendMessageResult types, SignalJsonRpcCommandHandler) and JSON-RPC 2.0.
"""

from __future__ import annotations

from typing import Any, Final

from alertd.model import Reject, Retry, Unsure

RESULTS: Final[dict[str, Retry | Reject]] = {
    "NETWORK_FAILURE": Retry("signal-cli has no connection to Signal", whole_account=True),
    "RATE_LIMIT_FAILURE": Retry("Signal asks for a pause", whole_account=True),
    "PROOF_REQUIRED_FAILURE": Retry("Signal wants proof of a person (captcha)", whole_account=True, config=True),
    "UNREGISTERED_FAILURE": Reject("not on Signal"),
    "IDENTITY_FAILURE": Reject("the safety number changed: trust it in signal-cli (trust)", ours=True),
    "INVALID_PRE_KEY_FAILURE": Reject("their device has no valid key"),
}
"""Type of a result to what it means."""

CODES: Final[dict[int, Retry | Reject | Unsure]] = {
    -32700: Reject("signal-cli cannot read what we send", ours=True),
    -32600: Reject("signal-cli cannot read what we send", ours=True),
    -32601: Retry("signal-cli does not know `send`: is api_base its JSON-RPC?", whole_account=True, config=True),
    -32602: Retry("signal-cli does not know the account", whole_account=True, config=True),
    -32603: Unsure("signal-cli failed inside"),
    -1: Reject("signal-cli refuses it"),
    -3: Unsure("signal-cli lost its connection"),
    -4: Reject("the safety number changed: trust it in signal-cli (trust)", ours=True),
    -5: Retry("Signal asks for a pause", whole_account=True),
    -6: Retry("Signal wants proof of a person (captcha)", whole_account=True, config=True),
}
"""JSON-RPC code to what it means."""

LONGEST_PAUSE: Final = 86_400.0
"""Seconds: the longest `retryAfterSeconds` seen."""


def failed(result: dict[str, Any]) -> Retry | Reject:
    """Return what follows from a result that is no success; with a token it is the captcha that is asked for."""
    kind = str(result.get("type", ""))
    found = RESULTS.get("PROOF_REQUIRED_FAILURE" if result.get("token") else kind) or Reject(f"not sent: {kind[:60]}")
    pause = result.get("retryAfterSeconds")
    if isinstance(found, Retry) and isinstance(pause, int | float) and 0 < pause <= LONGEST_PAUSE:
        return Retry(found.why, float(pause), found.whole_account, found.config)
    return found


def refused(error: dict[str, Any]) -> Retry | Reject | Unsure:
    """Return what follows from a JSON-RPC error."""
    match error:
        case {"data": {"response": {"results": [{"type": str(kind)} as result, *_]}}} if kind != "SUCCESS":
            return failed(result)
        case {"code": int(code)} if code in CODES:
            return CODES[code]
    return Reject(f"signal-cli: {str(error.get('message', 'error'))[:200]}")

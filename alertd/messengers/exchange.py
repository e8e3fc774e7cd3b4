"""One HTTP request to a provider, and what each way of failing says about the message.

The whole of "once" rests on this table: *not taken* may be tried again, *refused*
goes to the next channel, and where the answer was lost nobody may pretend to know.
Nothing here shows a URL: providers' URLs hold tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from alertd.model import Reject, Retry, Unsure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.model import Outcome

REQUEST_TIMEOUT: Final = 10.0
"""Seconds from connecting to the last byte of the answer."""
ANSWER_BYTES: Final = 1_000_000
"""More than any provider answers; what is longer counts as unreadable."""
PICTURE: Final = "chart.png"
"""What a picture is called where it has a name."""
TEXT: Final = 1000
"""Bytes kept of an answer that is no JSON."""
_CONNECT_SHARE: Final = 0.6  # connecting ends first, so that a time-out there is known to be "not taken"
_HEADERS: Final = {"Content-Type": "application/json", "Connection": "close"}

LINE: Final[tuple[tuple[type[Exception], Retry | Unsure], ...]] = (
    (aiohttp.ClientConnectorDNSError, Retry("name not found", whole_account=True)),
    (aiohttp.ClientSSLError, Retry("TLS failed: {cause}", whole_account=True)),
    (aiohttp.ClientConnectorError, Retry("no connection: {cause}", whole_account=True)),
    (aiohttp.ConnectionTimeoutError, Retry("no connection: timed out", whole_account=True)),
    (aiohttp.InvalidURL, Retry("address is not a URL", config=True)),
    (TimeoutError, Unsure("no answer within {seconds:g} s")),
    (aiohttp.ClientError, Unsure("answer lost: {name}")),
    (OSError, Unsure("answer lost: {name}")),
)
"""What breaks on the line to what it means for the message; the first that fits counts."""

STATUSES: Final[tuple[tuple[range, Retry | Reject | Unsure], ...]] = (
    (range(429, 430), Retry("too many requests")),
    (range(500, 501), Retry("a fault there")),
    (range(503, 504), Retry("busy, or down for maintenance")),
    (range(410, 411), Reject("gone for good", gone=True)),
    (range(300, 500), Reject("refused")),
    (range(1000), Unsure("a success without the answer of one, a gateway that lost it (502, 504), or nonsense")),
)
"""HTTP status that is no success, where the provider gives no better word; the first that fits (CONTRACT section 6)."""
LOST: Final = frozenset({502, 504})
"""A gateway lost the answer: whatever it says in its place, what is behind it may have taken the message."""


def session() -> aiohttp.ClientSession:
    """Return what every messenger makes its requests with: a connection of its own for each.

    A kept connection that the other side has just closed loses the request without a trace: unsure, where a fresh one
    is plainly refused or taken. Asking for its end is not enough: signal-cli's server closes without a word, and every
    second message was unsure. Messages are few; a handshake each costs less than one that is not told.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """The provider's status and the decoded JSON object; `{}` if the body is no such thing or was cut."""

    status: int
    json: dict[str, Any]
    retry_after: float | None = None
    """Seconds, from the header."""
    readable: bool = True
    text: str = ""
    """The body of a provider that does not speak JSON."""


async def ask(
    http: aiohttp.ClientSession,
    url: str,
    body: bytes | aiohttp.payload.Payload | None,
    *,
    seconds: float = REQUEST_TIMEOUT,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Answer | Retry | Unsure:
    """Send a JSON body; return the answer, `Retry` if the request never left, or `Unsure`. Never raises for delivery.

    Redirects are not followed: a message goes where it was addressed or nowhere. 502 and 504 are lost answers.
    """
    limits = aiohttp.ClientTimeout(total=seconds, connect=seconds * _CONNECT_SHARE)
    try:
        async with http.request(
            method,
            url,
            data=body,
            headers=_HEADERS | dict(headers or {}),
            timeout=limits,
            allow_redirects=False,
        ) as response:
            answer = await _read(response)
            return Unsure(f"HTTP {answer.status}") if answer.status in LOST else answer
    except (aiohttp.ClientError, OSError) as error:
        return _broken(error, seconds)


def form(fields: Mapping[str, str], name: str, picture: bytes) -> tuple[aiohttp.payload.Payload, dict[str, str]]:
    """Return body and headers of a form with a PNG under this name, for `ask`."""
    whole = aiohttp.FormData(dict(fields))
    whole.add_field(name, picture, filename=PICTURE, content_type="image/png")
    body = whole()
    return body, dict(body.headers)


def _broken(error: Exception, seconds: float) -> Retry | Unsure:
    meant = next(meant for kind, meant in LINE if isinstance(error, kind))
    cause = getattr(error, "os_error", None)
    words = {"cause": _words(cause) if cause else "", "name": type(error).__name__, "seconds": seconds}
    return replace(meant, why=meant.why.format(**words))


async def _read(response: aiohttp.ClientResponse) -> Answer:
    """Read what follows the status line; the status stands even if that fails."""
    after = response.headers.get("Retry-After", "")
    wait = float(after) if after.isascii() and after.isdigit() else None  # the date form gives our own back-off
    body, decoded = b"", None
    try:
        async for chunk in response.content.iter_chunked(65_536):
            body += chunk
            if len(body) > ANSWER_BYTES:
                break
        decoded = msgspec.json.decode(body)
    except (aiohttp.ClientError, OSError, TimeoutError):
        body = b""  # cut: half an answer is none
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # it may be text
    if isinstance(decoded, dict):
        return Answer(response.status, decoded, wait)
    return Answer(response.status, {}, wait, readable=False, text=body[:TEXT].decode("utf-8", "replace"))


def judge(answer: Answer, why: str) -> Retry | Reject | Unsure:
    """Say what a status that is no success means, where the provider gives no better word (CONTRACT section 6)."""
    meant = next((meant for statuses, meant in STATUSES if answer.status in statuses), Unsure(""))
    if isinstance(meant, Retry):
        return replace(meant, why=why, after=answer.retry_after)
    return replace(meant, why=why)


def heeding(outcome: Outcome, answer: Answer) -> Outcome:
    """Return what a provider's own code means, with the pause of its `Retry-After` where that is the longer one."""
    if isinstance(outcome, Retry) and answer.retry_after is not None:
        return replace(outcome, after=max(answer.retry_after, outcome.after or 0.0))
    return outcome


def _words(error: OSError) -> str:
    """Name the fault without the address that aiohttp puts into its own text."""
    return error.strerror or type(error).__name__

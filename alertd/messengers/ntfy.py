"""ntfy: push with buttons, on ntfy.sh or an own server, without an address of our own.

A button posts to a second topic (the person's, with `-answers` behind it) that we subscribe, so answers
come through any router. Whoever knows a topic's name can answer in its place: nobody is authenticated.

Source: docs.ntfy.sh/publish, docs.ntfy.sh/subscribe/api; codes from ntfy's server/errors.go.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
from pydantic import Field

from alertd.messengers.exchange import PICTURE, REQUEST_TIMEOUT, Answer, ask, heeding, judge
from alertd.messengers.ntfy_inbound import ANSWERS, Line, listen
from alertd.messengers.text import NEWS, clean, cut
from alertd.model import Kind, Reject, Retry, Sent, Severity, Unsure
from alertd.seams import Abilities
from alertd.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    import aiohttp

    from alertd.model import Delivery, Inbound, Message, Micros, Outcome
    from alertd.seams import Hook

BYTES: Final = 4000
"""Bytes of a message: at 4096 the server makes a file of it."""
BUTTONS: Final = 3
TOPIC: Final = 64
"""Characters of a topic's name."""
REFILL: Final = 5.0
"""Seconds after which a busy server takes one more message of a visitor."""
QUOTA_PAUSE: Final = 3600.0
_SILENT: Final = 2
"""The priority that neither sounds nor vibrates."""
_PRIORITY: Final = {Severity.CRITICAL: 5, Severity.WARNING: 4, Severity.INFO: 3}
_TAG: Final = {Severity.CRITICAL: "rotating_light", Severity.WARNING: "warning", Severity.INFO: "information_source"}

ERRORS: Final[dict[int, Retry | Reject]] = {
    40009: Reject("the topic's name is not allowed", ours=True),
    40010: Reject("this topic's name is the server's own", ours=True),
    40014: Reject("the server takes no pictures (its attachment-cache-dir is not set)"),
    40017: Reject("the server cannot read what we send", ours=True),
    40018: Reject("the buttons are wrong", ours=True),
    40024: Reject("the server cannot read what we send", ours=True),
    40101: Retry("the token is wrong", whole_account=True, config=True),
    40301: Reject("the token may not write to this topic", ours=True),
    41301: Reject("the picture is too big for the server, or too many of them"),
    41303: Reject("the message is too long", ours=True),
    42901: Retry("too many requests", after=REFILL, whole_account=True),
    42905: Reject("the day's bytes of pictures are used up"),
    42908: Retry("the day's messages are used up", after=QUOTA_PAUSE, whole_account=True, config=True),
    42909: Retry("too many wrong logins", after=QUOTA_PAUSE, whole_account=True, config=True),
}
"""Error code to what it means; of those that are not here the HTTP status decides."""


class NtfySettings(Settings):
    """ntfy.sh or an own server."""

    url: str = Field("https://ntfy.sh", pattern=r"^https?://[^\s]+$", description="as the phones know it")
    token: Secret | None = None
    api_base: str | None = Field(None, pattern=r"^https?://[^\s]+$", description="default: url")


class Ntfy:
    """One server; an address is a topic."""

    name = "ntfy"
    settings: ClassVar[type[Settings]] = NtfySettings
    abilities = Abilities(limit=BYTES, buttons=BUTTONS, inbound=True, pictures=True, per_account=0.5, burst=5)
    hook: Hook | None = None

    def __init__(
        self,
        settings: NtfySettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros],
        *,
        addresses: Iterable[str] = (),
        timeout: float = REQUEST_TIMEOUT,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Read the token now; `addresses` are the topics whose answers are listened to.

        Raises:
            SecretMissingError
        """
        self._http = http
        self._url = settings.url.rstrip("/")
        self._base = (settings.api_base or settings.url).rstrip("/")
        self._headers = {"Authorization": f"Bearer {settings.token.read()}"} if settings.token else {}
        self._line = Line(http, self._base, self._headers, now, pause, set(addresses))
        self._timeout = timeout

    async def send(self, delivery: Delivery) -> Outcome:
        """Publish one message."""
        topic = delivery.channel.address
        self._line.learn(topic)
        body = msgspec.json.encode(self._written(delivery.message, topic))
        return _judged(await ask(self._http, self._base, body, seconds=self._timeout, headers=self._headers))

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:  # noqa: ARG002 (ntfy has no answers)
        """Publish a picture as a file; a low priority makes no sound."""
        about = {"Filename": PICTURE, "Title": _worded(_title(delivery.message)), "Priority": str(_SILENT)}
        headers = self._headers | about | {"Content-Type": "image/png"}
        url = f"{self._base}/{delivery.channel.address}"
        return _judged(await ask(self._http, url, picture, seconds=self._timeout, headers=headers))

    def _written(self, message: Message, topic: str) -> dict[str, Any]:
        news = message.kind in NEWS
        written: dict[str, Any] = {
            "topic": topic,
            "title": _title(message),
            "message": _fitted(clean(message.text)) or "–",
            "priority": 3 if news else _PRIORITY[message.severity],
            "tags": ["white_check_mark"] if message.kind is Kind.RESOLVE else [] if news else [_TAG[message.severity]],
        }
        if len(topic) + len(ANSWERS) <= TOPIC:
            written["actions"] = [
                {
                    "action": "http",
                    "label": cut(clean(button.label), 40),
                    "url": f"{self._url}/{topic}{ANSWERS}",
                    "method": "POST",
                    "body": button.data,
                    "clear": True,
                }
                for button in message.buttons[:BUTTONS]
            ]
        return written

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:
        """Yield what was pressed or written in the answer topics after `position` (a message's id)."""
        async for updates in listen(self._line, position):
            yield updates

    async def answered(self, update: Inbound, note: str) -> None:
        """Do nothing: a pressed button closes the message by itself."""

    async def check(self) -> str:
        """Return the server; with a token who we are there.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        path = "/v1/account" if self._headers else "/v1/health"
        url, headers = f"{self._base}{path}", self._headers
        answer = await ask(self._http, url, None, seconds=self._timeout, headers=headers, method="GET")
        match answer:
            case Answer(status=200, json={"username": str(user)}) if user != "*":
                return f"{user} at {self._base}"
            case Answer(status=200):
                return self._base
            case Answer(status=401 | 403):
                raise ConnectionError("ntfy: the token is not accepted; make one under Account, Access tokens")
            case Answer(status=status):
                raise ConnectionError(f"ntfy: HTTP {status}; check url and api_base")
        raise ConnectionError(f"ntfy: {answer.why}")

    async def close(self) -> None:
        """Do nothing: the session is the caller's."""


def _judged(answer: Answer | Retry | Unsure) -> Outcome:
    match answer:
        case Answer(status=200, json={"id": str(ref)}):
            return Sent(ref)
        case Answer(json={"code": int(code), **rest}):
            return _refused(code, f"{rest.get('error') or 'refused'} ({code})"[:300], answer)
        case Answer(status=401):
            return Retry("HTTP 401", whole_account=True, config=True)
        case Answer(status=status):
            return judge(answer, f"HTTP {status}")
    return answer


def _title(message: Message) -> str:
    parts = message.data.get("parts")
    title = parts.get("what") if isinstance(parts, dict) else None
    return cut(" ".join(clean(str(title or "alertd")).split()), 250)


def _worded(text: str) -> str:
    """Write a header of any letters (RFC 2047, which ntfy reads)."""
    return text if text.isascii() else f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="


def _refused(code: int, why: str, answer: Answer) -> Outcome:
    match ERRORS.get(code):
        case Retry() as known:
            return heeding(replace(known, why=why), answer)
        case Reject() as known:
            return replace(known, why=why)
    return judge(answer, why)


def _fitted(text: str) -> str:
    """Cut to the limit, which is one of bytes; a sign has at most three for each of its UTF-16 units."""
    short = cut(text, BYTES)
    return short if len(short.encode()) <= BYTES else cut(text, BYTES // 3)

"""Signal, by signal-cli's JSON-RPC daemon: there is no official interface. Works behind NAT.

The provider's id of a message (`Sent.ref`) is the time at which Signal says it was sent, in milliseconds.

Source: signal-cli's manual (man 5 signal-cli-jsonrpc).
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

import aiohttp
import msgspec
import structlog
from pydantic import Field

from alertd.messengers.exchange import PICTURE, REQUEST_TIMEOUT, Answer, ask, judge
from alertd.messengers.signal_errors import failed, refused
from alertd.messengers.signal_inbound import events, read_event
from alertd.messengers.text import clean, cut
from alertd.messengers.thumbs import Thumbs
from alertd.model import Retry, Sent, Unsure
from alertd.seams import Abilities
from alertd.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from alertd.model import Delivery, Inbound, Micros, Outcome
    from alertd.seams import Hook

LIMIT: Final = 2000
"""Characters; what is longer Signal turns into an attachment."""
SILENCE: Final = 60.0
"""Seconds; signal-cli sends a comment every 15."""
_SLACK: Final = 1.0
_LONGEST_PAUSE: Final = 60.0

log = structlog.get_logger(__name__)


class SignalSettings(Settings):
    """signal-cli's JSON-RPC daemon."""

    api_base: str = Field("http://127.0.0.1:8080", pattern=r"^https?://[^\s]+$")
    account: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")


class Signal:
    """One account of signal-cli."""

    name = "signal"
    settings: ClassVar[type[Settings]] = SignalSettings
    abilities = Abilities(
        limit=LIMIT, replies=True, inbound=True, authenticates=True, pictures=True, per_account=1.0, groups=True
    )
    hook: Hook | None = None

    def __init__(
        self,
        settings: SignalSettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros],
        *,
        timeout: float = REQUEST_TIMEOUT,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._account = settings.account
        self._http = http
        self._base = f"{settings.api_base.rstrip('/')}/api/v1"
        self._now = now
        self._timeout = timeout
        self._pause = pause
        self._thumbs = Thumbs()

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one message by one request."""
        outcome = await self._send(delivery, {"message": cut(clean(delivery.message.text), LIMIT)}, delivery.reply_to)
        if isinstance(outcome, Sent):
            self._thumbs.sent(outcome.ref, delivery.message.buttons)
        return outcome

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:
        """Send a picture that quotes its text; it travels inside the request (man signal-cli: --attachment)."""
        inside = f"data:image/png;filename={PICTURE};base64,{base64.b64encode(picture).decode()}"
        return await self._send(delivery, {"attachment": [inside]}, ref)

    async def _send(self, delivery: Delivery, content: dict[str, Any], quoted: str | None) -> Outcome:
        to = "groupId" if delivery.channel.address.endswith("=") else "recipient"
        params = {"account": self._account, to: [delivery.channel.address]} | content
        if quoted and quoted.isascii() and quoted.isdigit():
            params |= {"quoteTimestamp": int(quoted), "quoteAuthor": self._account}
        try:
            async with asyncio.timeout(self._timeout + _SLACK):
                answer = await self._call("send", params, delivery.key)
        except TimeoutError:
            return Unsure(f"no answer within {self._timeout:g} s")
        match answer:
            case Answer(json={"result": {"timestamp": int(stamp), "results": list(results)}}) if _anybody(results):
                return Sent(str(stamp))
            case Answer(json={"result": {"results": [{"type": str()} as result, *_]}}):
                return failed(result)
            case Answer(json={"result": {"timestamp": int(stamp)}}):  # older versions tell of failures alone
                return Sent(str(stamp))
            case Answer(json={"error": dict(error)}):
                return refused(error)
            case Answer(status=status):
                return judge(answer, f"HTTP {status}")
        return answer

    async def _call(self, method: str, params: dict[str, Any], key: str) -> Answer | Retry | Unsure:
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": key, "method": method, "params": params})
        return await ask(self._http, f"{self._base}/rpc", body, seconds=self._timeout)

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:  # noqa: ARG002 (the stream has no positions)
        """Yield what people write and react with, for ever; a stream that breaks is taken up again."""
        url = f"{self._base}/events?account={quote(self._account, safe='')}"
        trouble, failures = "", 0
        while True:
            why = "the stream ended"
            try:
                async for event in events(self._http, url, SILENCE):
                    if trouble:
                        log.info("signal hears again", after=trouble)
                    trouble, failures = "", 0
                    found = read_event(event, self._account, self._thumbs, self._now())
                    if found is not None:
                        yield [found]
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                why = f"HTTP {error.status}" if isinstance(error, aiohttp.ClientResponseError) else type(error).__name__
            if why != trouble:
                log.warning("signal cannot hear", why=why, todo="is signal-cli's daemon running with --http?")
                trouble = why
            await self._pause(min(_LONGEST_PAUSE, 2.0**failures))
            failures = min(failures + 1, 10)

    async def answered(self, update: Inbound, note: str) -> None:
        """Do nothing: a reaction has no spinner, the reply says what happened."""

    async def check(self) -> str:
        """Return our number.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        answer = await self._call("listAccounts", {}, "check")
        match answer:
            case Answer(json={"result": list(accounts)}):
                if any(isinstance(one, dict) and one.get("number") == self._account for one in accounts):
                    return self._account
                raise ConnectionError(f"signal: signal-cli does not know {self._account}; register or link it there")
            case Answer(json={"error": {"message": str(why)}}):
                raise ConnectionError(f"signal: {why}; start the daemon without --account")
            case Answer(status=status):
                raise ConnectionError(f"signal: HTTP {status}; is api_base signal-cli's daemon --http?")
        raise ConnectionError(f"signal: {answer.why}; is signal-cli's daemon running?")

    async def close(self) -> None:
        """Do nothing: the session is the caller's."""


def _anybody(results: list[Any]) -> bool:
    """Tell whether at least one member of a group, or the one person, was reached."""
    return any(isinstance(one, dict) and one.get("type") == "SUCCESS" for one in results)

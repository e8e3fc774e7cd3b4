"""Threema Gateway: sending, in two modes.

Basic: Threema's server encrypts, nobody can answer, the sender of an answer could not be believed.
End-to-end (`private_key`): we encrypt and hear; the thumbs up and down under our message are its
buttons (`threema_e2e`, which needs PyNaCl).

Source: gateway.threema.ch/en/developer/api and the public source of its SDK.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlencode

from pydantic import Field

from alertd.messengers.exchange import REQUEST_TIMEOUT, Answer, ask, form, judge
from alertd.messengers.text import clean, cut_bytes
from alertd.model import Reject, Retry, Sent, Unsure
from alertd.seams import Abilities
from alertd.settings import Secret, SecretMissingError, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    import aiohttp

    from alertd import seams
    from alertd.messengers.threema_e2e import EndToEnd
    from alertd.model import Delivery, Inbound, Micros, Outcome

LIMIT_BYTES: Final = 3500
ID_DIGITS: Final = 16
"""Hexadecimal digits of a message id."""
BLOB_DIGITS: Final = 32
"""Hexadecimal digits of the id of a file that is kept for a phone."""
_SLACK: Final = 1.0
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

STATUSES: Final[dict[int, Reject | Retry]] = {
    400: Reject("no such Threema id, or it does not take this kind of message"),
    401: Retry("gateway_id or secret is wrong", whole_account=True, config=True),
    402: Retry("no credits left", whole_account=True, config=True),
    404: Reject("no such Threema id"),
    413: Reject("message too long", ours=True),
    500: Retry("temporary fault at Threema"),
}
"""HTTP status to what it means; Threema has no other codes."""


class ThreemaSettings(Settings):
    """Threema Gateway; end-to-end mode when `private_key` is given."""

    gateway_id: str = Field(pattern=r"^\*[A-Z0-9]{7}$")
    secret: Secret
    private_key: Secret | None = None
    api_base: str = Field("https://msgapi.threema.ch", pattern=r"^https?://[^\s]+$")


class Threema:
    """One gateway id."""

    name = "threema"
    settings: ClassVar[type[Settings]] = ThreemaSettings
    abilities = Abilities(limit=LIMIT_BYTES)
    end_to_end: ClassVar[Abilities] = replace(abilities, inbound=True, authenticates=True, replies=True, pictures=True)
    """What it can do when `private_key` is given."""

    def __init__(
        self,
        settings: ThreemaSettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros],
        *,
        timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        """Read the secrets now, so that a missing one is known at start.

        Raises:
            SecretMissingError: also where end-to-end mode lacks PyNaCl.
        """
        self._id = settings.gateway_id
        self._secret = settings.secret.read()
        self._http = http
        self._base = settings.api_base.rstrip("/")
        self._timeout = timeout
        self._boxes: EndToEnd | None = None
        if settings.private_key is not None:
            try:
                from alertd.messengers.threema_e2e import EndToEnd  # noqa: PLC0415 (an extra, for those who use it)
            except ImportError as error:
                raise SecretMissingError(
                    "messengers.threema.private_key: end-to-end mode needs PyNaCl: pip install 'alertd[threema]'"
                ) from error
            try:
                self._boxes = EndToEnd(settings.private_key.read(), self._secret, now)
            except ValueError as error:
                raise SecretMissingError(f"messengers.threema.private_key: {error}") from None
            self.abilities = self.end_to_end
        self.hook: seams.Hook | None = self._boxes

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one message; end-to-end the recipient's public key is looked up before the first one."""
        try:
            async with asyncio.timeout(self._timeout + _SLACK):
                return await (self._sealed(delivery, self._boxes) if self._boxes else self._plain(delivery))
        except TimeoutError:
            return Unsure(f"no answer within {self._timeout:g} s")

    async def _plain(self, delivery: Delivery) -> Outcome:
        text = cut_bytes(clean(delivery.message.text), LIMIT_BYTES)
        return await self._post("send_simple", {"to": delivery.channel.address, "text": text})

    async def _sealed(self, delivery: Delivery, boxes: EndToEnd) -> Outcome:
        who = delivery.channel.address
        if not boxes.knows(who):
            wrong = await self._fetch_key(who, boxes)
            if wrong is not None:
                return wrong
        text = clean(delivery.message.text)
        if delivery.reply_to:
            text = f"> quote #{delivery.reply_to}\n\n{text}"
        nonce, box = boxes.seal(who, cut_bytes(text, LIMIT_BYTES))
        outcome = await self._post("send_e2e", {"to": who, "nonce": nonce.hex(), "box": box.hex()})
        if isinstance(outcome, Sent):
            boxes.thumbs.sent(outcome.ref, delivery.message.buttons)
        return outcome

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:  # noqa: ARG002 (files quote nothing)
        """Upload a picture that only the phone can open, and send what opens it (a file message)."""
        who, boxes = delivery.channel.address, self._boxes
        if boxes is None:
            return Reject("pictures need end-to-end mode")
        if not boxes.knows(who) and (wrong := await self._fetch_key(who, boxes)) is not None:
            return wrong
        key, locked = boxes.lock(picture)
        body, headers = form({}, "blob", locked)
        owner = urlencode({"from": self._id, "secret": self._secret})  # holds the secret: never shown
        url = f"{self._base}/upload_blob?{owner}"
        answer = await ask(self._http, url, body, seconds=self._timeout, headers=headers)
        match answer:
            case Answer(status=200, text=blob) if len(blob.strip()) == BLOB_DIGITS:
                nonce, box = boxes.seal_file(who, blob.strip(), key, len(picture))
                return await self._post("send_e2e", {"to": who, "nonce": nonce.hex(), "box": box.hex()})
            case Answer(status=status):
                return STATUSES.get(status) or Reject(f"not uploaded: HTTP {status}")
        return Reject(f"not uploaded: {answer.why}")

    async def _fetch_key(self, who: str, boxes: EndToEnd) -> Retry | Reject | None:
        """Learn somebody's public key; None: it is known now. Whatever is lost here, no message was sent."""
        answer = await self._get(f"pubkeys/{who}")
        match answer:
            case Answer(status=200, text=text) if boxes.learn(who, text.strip()):
                return None
            case Answer(status=200):
                return Retry("Threema's answer to a look-up is no key")
            case Answer(status=status):
                known = STATUSES.get(status) or judge(answer, f"HTTP {status}")
                return Retry(known.why) if isinstance(known, Unsure) else known
            case Unsure(why=why):
                return Retry(why)
        return answer

    async def _post(self, path: str, fields: dict[str, str]) -> Outcome:
        body = urlencode({"from": self._id, "secret": self._secret} | fields).encode()
        answer = await ask(self._http, f"{self._base}/{path}", body, seconds=self._timeout, headers=_FORM)
        match answer:
            case Answer(status=200, text=text) if _is_id(text.strip()):
                return Sent(text.strip().lower())
            case Answer(status=status):
                return STATUSES.get(status) or judge(answer, f"HTTP {status}")
        return answer

    async def _get(self, path: str) -> Answer | Retry | Unsure:
        query = urlencode({"from": self._id, "secret": self._secret})  # holds the secret: never shown
        return await ask(self._http, f"{self._base}/{path}?{query}", None, seconds=self._timeout, method="GET")

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:  # noqa: ARG002 (the seam's: it comes by webhook)
        """Yield what people wrote whose key had to be looked up first; all others come by webhook alone.

        Their call was answered "later", so Threema brings it again if we do not live to keep it.
        """
        if self._boxes is None:
            await asyncio.Event().wait()
            yield ()
            return
        while True:
            call = await self._boxes.waiting.get()
            if await self._fetch_key(call["from"], self._boxes) is None:
                yield self._boxes.read(call)

    async def answered(self, update: Inbound, note: str) -> None:
        """Do nothing: a thumb has no spinner, the reply says what happened."""

    async def check(self) -> str:
        """Return our id.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        answer = await self._get("credits")
        match answer:
            case Answer(status=200, text=text) if text.strip() == "0":
                raise ConnectionError(f"threema: {self._id} has no credits; buy some at gateway.threema.ch")
            case Answer(status=200, text=text) if text.strip().isdigit():
                return self._id
            case Answer(status=401):
                raise ConnectionError("threema: gateway_id or secret is wrong; see gateway.threema.ch")
            case Answer(status=status):
                raise ConnectionError(f"threema: HTTP {status}; is api_base the gateway's?")
        raise ConnectionError(f"threema: {answer.why}")

    async def close(self) -> None:
        """Do nothing: the session is the caller's."""


def _is_id(text: str) -> bool:
    digits: Any = set("0123456789abcdefABCDEF")
    return len(text) == ID_DIGITS and set(text) <= digits

"""SMS by Twilio or a provider with the same API: the channel that needs no app and no data.

201 means queued, not delivered: with `web.public_url` the provider tells later what became of it (the
callback's URL names our message) and what people answer. Without, SMS are sent all the same.

Source: twilio.com/docs/messaging/api/message-resource, .../messaging/guides/webhook-request.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from alertd.messengers.exchange import REQUEST_TIMEOUT
from alertd.messengers.gsm import fitted, plain
from alertd.messengers.text import clean
from alertd.messengers.twilio import EMPTY, Account, TwilioSettings, callback, told
from alertd.model import Inbound, Receipt, Sent
from alertd.seams import Abilities, Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    import aiohttp

    from alertd import seams
    from alertd.model import Delivery, Micros, Outcome
    from alertd.seams import HookCall
    from alertd.settings import Settings

SEGMENTS: Final = 4
"""SMS that one message may cost at most."""
LIMIT: Final = SEGMENTS * 153
ARRIVED: Final = frozenset({"sent", "delivered", "read"})
FAILED: Final = frozenset({"failed", "undelivered", "canceled"})


class SmsSettings(TwilioSettings):
    """Text messages."""


class Sms:
    """One sender of one account."""

    name = "sms"
    settings: ClassVar[type[Settings]] = SmsSettings
    abilities = Abilities(
        limit=LIMIT, inbound=True, per_account=10.0, receipts=True, markup="plain alphabet: °C becomes C, no emoji"
    )

    def __init__(
        self,
        settings: SmsSettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros],
        *,
        public_url: str | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        """Read the token now, so that a missing one is known at start.

        Raises:
            SecretMissingError
        """
        self._account = Account(settings, http, timeout)
        self._http = http
        self._from = settings.from_
        self._public_url = public_url
        self._now = now
        self.hook: seams.Hook | None = self._heard if public_url else None
        if not public_url:
            self.abilities = replace(self.abilities, inbound=False, receipts=False)

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand one text to the provider."""
        message = delivery.message
        sender = "MessagingServiceSid" if self._from.startswith("MG") and len(self._from) == 34 else "From"  # noqa: PLR2004 (Twilio's ids)
        text = fitted(plain(clean(message.text)), SEGMENTS).strip() or "-"
        form = {"To": delivery.channel.address, sender: self._from, "Body": text}
        told_at = callback(self._public_url, "sms", m=message.id)
        if told_at is not None:
            form["StatusCallback"] = told_at
        return await self._account.create("Messages", form)

    def _heard(self, call: HookCall) -> Heard:
        """Verify and read one call: what somebody wrote, or what became of a message."""
        fields = self._account.opened(call)
        if isinstance(fields, HookAnswer):
            return Heard(fields)
        message, state, ref = call.query.get("m"), fields.get("MessageStatus", ""), fields.get("MessageSid", "")
        if message:
            if state in ARRIVED:
                return Heard(EMPTY, receipts=[Receipt(message, "sms", Sent(ref), ref)])
            if state in FAILED:
                return Heard(EMPTY, receipts=[Receipt(message, "sms", told(fields, state), ref)])
            return Heard(EMPTY)
        address, text = fields.get("From", ""), fields.get("Body", "")
        if not ref or not address or not text.strip():
            return Heard(EMPTY)
        wrote = Inbound(
            id=f"sms:{ref}", at=self._now(), messenger="sms", address=address, sender=address, text=text, ref=ref
        )
        return Heard(EMPTY, [wrote])

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:  # noqa: ARG002 (the seam's: it comes by webhook)
        """Yield nothing, for ever: the provider calls us."""
        await asyncio.Event().wait()
        yield ()

    async def answered(self, update: Inbound, note: str) -> None:
        """Do nothing: there is no button to press."""

    async def check(self) -> str:
        """Return account and sender.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        owner = await self._account.check("sms")
        deaf = "" if self._public_url else "; answers and receipts need web.public_url"
        return f"{owner}, from {self._from}{deaf}"

    async def close(self) -> None:
        """Do nothing: the session is the caller's."""

"""SMS by Twilio or a provider with the same API: the channel that needs no app and no data.

201 means queued, not delivered: with `web.public_url` the provider tells later what became of it (the
callback's URL names our message) and what people answer. Without, SMS are sent all the same.

Source: twilio.com/docs/messaging/api/message-resource, .../messaging/guides/webhook-request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from alertd.messengers.gsm import fitted, plain
from alertd.messengers.text import clean
from alertd.messengers.twilio import EMPTY, Twilio, TwilioSettings, callback, told
from alertd.model import OBJECT, Inbound, Receipt, Sent
from alertd.seams import Abilities, Heard, HookAnswer

if TYPE_CHECKING:
    from alertd.model import Delivery, Outcome
    from alertd.seams import HookCall
    from alertd.settings import Settings

SEGMENTS: Final = 4
"""SMS that one message may cost at most."""
LIMIT: Final = SEGMENTS * 153
ARRIVED: Final = frozenset({"sent", "delivered", "read"})
FAILED: Final = frozenset({"failed", "undelivered", "canceled"})


class SmsSettings(TwilioSettings):
    """Text messages."""


class Sms(Twilio):
    """One sender of one account."""

    name = "sms"
    settings: ClassVar[type[Settings]] = SmsSettings
    abilities = Abilities(
        limit=LIMIT, inbound=True, per_account=10.0, receipts=True, markup="plain alphabet: °C becomes C, no emoji"
    )

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
        if not text.strip() and fields.get("NumMedia", "0") != "0":
            text = OBJECT
        if not ref or not address or not text.strip():
            return Heard(EMPTY)
        wrote = Inbound(
            id=f"sms:{ref}", at=self._now(), messenger="sms", address=address, sender=address, text=text, ref=ref
        )
        return Heard(EMPTY, [wrote])

    async def join_link(self, code: str) -> str:
        """Return what writes the code to our number in one press, or by QR code (RFC 5724).

        Raises:
            ConnectionError: our sender is no number that could be written to.
        """
        if not re.fullmatch(r"\+[1-9][0-9]+", self._from):
            raise ConnectionError("sms: the sender is no phone number")
        return f"sms:{self._from}?body=JOIN%20{code}"

    async def check(self) -> str:
        """Return account and sender.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        return await self._who("answers and receipts need web.public_url")

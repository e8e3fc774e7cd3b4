"""Calls by Twilio or a provider with the same API: for the night when a push does not wake.

The call reads the alert aloud in the person's language, twice. With `web.public_url` key 1 takes the alert
and key 2 passes it on; whether somebody answered the phone is told later. Without, the call reads and hangs up.

Source: twilio.com/docs/voice/api/call-resource, .../voice/twiml/gather, .../voice/twiml/say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final
from xml.sax.saxutils import quoteattr

from alertd.messengers.call_words import WORDS, Words
from alertd.messengers.text import clean, cut
from alertd.messengers.twilio import EMPTY, Twilio, TwilioSettings, callback, told
from alertd.model import Inbound, Kind, Receipt, Reject, Retry, Sent
from alertd.seams import Abilities, Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.model import Delivery, Message, Outcome
    from alertd.seams import HookCall
    from alertd.settings import Settings

LIMIT: Final = 600
"""Characters that are read aloud: about 45 seconds, twice of them fit into a call's document (4000)."""
BUSY_PAUSE: Final = 60.0
"""Seconds: they are on the phone, so they are awake."""
ENDINGS: Final[dict[str, Sent | Retry | Reject]] = {
    "completed": Sent(),
    "busy": Retry("the line is busy", after=BUSY_PAUSE),
    "no-answer": Reject("nobody answered the phone"),
    "failed": Reject("the call failed"),
    "canceled": Reject("the call was canceled"),
}
"""How a call ended (`CallStatus`) to what it means; any other one: it is under way."""
KEYS: Final = {"1": "ack", "2": "esc"}
"""Key to what pressing it means."""
_WRITTEN: Final = frozenset({Kind.RESOLVE, Kind.TAKEN, Kind.DIGEST, Kind.DUTY})
"""What wakes nobody who can be written to."""
_UNSPOKEN: Final = re.compile(r"[^\w\s.,:;!?%+'/-]|_")
_COMMAS: Final = re.compile(r"\s*(?:(?<!\d),|,(?!\d))[\s,]*")
"""Commas that are pauses, one or several; not the one in `40,9`."""
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>'


class CallSettings(TwilioSettings):
    """Voice: reads the alert aloud, key 1 acknowledges, key 2 escalates."""


class Call(Twilio):
    """One number that calls people."""

    name = "call"
    settings: ClassVar[type[Settings]] = CallSettings
    abilities = Abilities(
        limit=LIMIT,
        buttons=len(KEYS),
        inbound=True,
        per_account=1.0,
        burst=1,
        receipts=True,
        markup="read aloud: signs nobody says are left out",
    )

    async def send(self, delivery: Delivery) -> Outcome:
        """Have the provider call; what is said goes with the request."""
        message = delivery.message
        if message.kind in _WRITTEN and len(message.channels) > 1:
            return Reject("not worth a call")
        tell_at = callback(self._public_url, "call", m=message.id, l=message.language)
        form = {"To": delivery.channel.address, "From": self._from, "Twiml": document(message, tell_at)}
        if tell_at is not None:
            form["StatusCallback"] = tell_at
        return await self._account.create("Calls", form)

    def _heard(self, call: HookCall) -> Heard:
        """Verify and read one call: a pressed key, or how the phone call ended."""
        fields = self._account.opened(call)
        if isinstance(fields, HookAnswer):
            return Heard(fields)
        message, ref = call.query.get("m", ""), fields.get("CallSid", "")
        if "Digits" in fields:
            return self._pressed(call, message, ref, fields)
        outcome = _ended(fields)
        if not message or outcome is None:
            return Heard(EMPTY)
        return Heard(EMPTY, receipts=[Receipt(message, "call", outcome, ref)])

    def _pressed(self, call: HookCall, message: str, ref: str, fields: dict[str, str]) -> Heard:
        words = WORDS.get(call.query.get("l", ""), WORDS["en"])
        key, address = fields["Digits"], fields.get("To", "")
        if key not in KEYS or not message or not address:
            return Heard(_answer(_gather(words, call.url, [words.keys])))
        press = Inbound(
            id=f"call:{ref}:{key}",
            at=self._now(),
            messenger="call",
            address=address,
            sender=address,
            data=f"{KEYS[key]}:{message}",
            ref=ref,
            callback=ref or message,
        )
        return Heard(_answer(_say(words, words.done[key])), [press])

    async def check(self) -> str:
        """Return account and number.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        return await self._who("keys are not heard without web.public_url: it reads aloud only")


def document(message: Message, tell_at: str | None) -> str:
    """Return what is said in the call; keys are offered for alerts, and where somebody hears them."""
    words = WORDS.get(message.language, WORDS["en"])
    text = spoken(message.text, words)
    if tell_at is None or not any(button.data.startswith("ack:") for button in message.buttons):
        said = [_say(words, text), '<Pause length="1"/>', _say(words, text)]
    else:
        said = [_gather(words, tell_at, [text, words.keys]), _gather(words, tell_at, [text, words.keys])]
    return f"{_HEAD}<Response>{_say(words, words.greeting)}{''.join(said)}{_say(words, words.goodbye)}</Response>"


def spoken(text: str, words: Words) -> str:
    """Return the text as it is read aloud: lines are sentences, signs nobody says are left out."""
    lines = [line.strip().rstrip(".") for line in clean(text).splitlines() if line.strip()]
    said = ". ".join(lines).replace("°C", words.degrees).replace("–", " , ").replace("(", ", ").replace(")", ",")
    said = re.sub(r"\bA-(?=\d)", "A ", said)
    said = _COMMAS.sub(", ", " ".join(_UNSPOKEN.sub(" ", said).split()))
    said = re.sub(r", (?=[.:;!?])", "", said)
    return cut(said.rstrip(" ,"), LIMIT)


def _say(words: Words, text: str) -> str:
    return f'<Say language="{words.voice}">{text}</Say>'


def _gather(words: Words, tell_at: str, texts: Sequence[str]) -> str:
    said = "".join(_say(words, text) for text in texts)
    return f'<Gather numDigits="1" timeout="6" method="POST" action={quoteattr(tell_at)}>{said}</Gather>'


def _answer(said: str) -> HookAnswer:
    return HookAnswer(200, f"{_HEAD}<Response>{said}</Response>".encode(), "text/xml")


def _ended(fields: dict[str, str]) -> Sent | Retry | Reject | None:
    """Say how a call ended; None: it is under way. A failed one may have an error code, which tells more."""
    found = ENDINGS.get(fields.get("CallStatus", ""))
    match found:
        case Sent():
            return Sent(fields.get("CallSid", ""))
        case Reject(why=why) if fields.get("ErrorCode"):
            return told(fields, why)
    return found

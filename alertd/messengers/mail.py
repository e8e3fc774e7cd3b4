"""E-mail by any SMTP server: plain text, one thread an incident, a way out in every message.

The message's id is computed from ours, so that a mailbox which knows it already shows a repeated one
once. Everything up to the final dot may be tried again; after it only the server's own word counts.

Source: RFC 5321 (replies, 4.2), RFC 3463 (enhanced codes), RFC 3834 (Auto-Submitted), RFC 8058 (one-click unsubscribe).
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from alertd.messengers.exchange import PICTURE, REQUEST_TIMEOUT
from alertd.messengers.mail_errors import Step, meaning
from alertd.messengers.mail_leaving import Leaving
from alertd.messengers.text import NEWS, clean, cut
from alertd.messengers.unpolled import Unpolled
from alertd.model import SECOND, Reject, Retry, Sent, Severity, Unsure, stable_id
from alertd.seams import Abilities
from alertd.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp
    import aiosmtplib

    from alertd.model import Delivery, Message, Micros, Outcome
    from alertd.seams import Hook

PORTS: Final = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
SUBJECT: Final = 150
"""Characters of a subject: what a telephone's list shows is at its beginning."""
LIMIT: Final = 100_000
_BYE: Final = 1.0
_UNFOLDED: Final = WIRE.clone(cte_type="7bit", max_line_length=998)
"""Header lines as long as SMTP takes them: a subject that begins on its second line is shown as none by some."""
_CRITICAL: Final = {
    "en": "CRITICAL",
    "de": "KRITISCH",
    "es": "CRÍTICO",
    "fr": "CRITIQUE",
    "nl": "KRITIEK",
    "pl": "KRYTYCZNE",
}


class EmailSettings(Settings):
    """Any SMTP server."""

    url: str = Field(
        pattern=r"^(smtps?|smtp\+starttls)://[^\s@]+$",
        description="smtp://, smtps:// or smtp+starttls://, HOST or HOST:PORT",
    )
    from_: str = Field(alias="from", pattern=r"^[^@]*[^@\s]@[^@\s]+$")
    username: str | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _whole(self) -> EmailSettings:
        try:
            port = urlsplit(self.url).port
        except ValueError:
            port = 0
        if port == 0 or not urlsplit(self.url).hostname:
            raise ValueError("url must be HOST or HOST:PORT, such as smtp+starttls://mail.example:587")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if not _ascii(parseaddr(self.from_)[1]):
            raise ValueError("from must be an address of plain letters, such as alerts@farm.example")
        return self


class Email(Unpolled):
    """One sender at one server."""

    name = "email"
    settings: ClassVar[type[Settings]] = EmailSettings
    abilities = Abilities(limit=LIMIT, replies=True, pictures=True)

    def __init__(
        self,
        settings: EmailSettings,
        http: aiohttp.ClientSession | None,  # noqa: ARG002 (every messenger is built with it)
        now: Callable[[], Micros],
        *,
        public_url: str | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        """Read the password now, so that a missing one is known at start.

        Raises:
            SecretMissingError
        """
        where = urlsplit(settings.url)
        self._scheme, self._host = where.scheme, where.hostname or ""
        self._port = where.port or PORTS[where.scheme]
        self._from = settings.from_
        self._sender = parseaddr(settings.from_)[1]
        self._domain = self._sender.rpartition("@")[2]
        self._username = settings.username
        self._password = settings.password.read() if settings.password else ""
        self._now = now
        self._timeout = timeout
        self._leaving = Leaving(self._password, public_url, now) if self._password and public_url else None
        self.hook: Hook | None = self._leaving

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand one message to the server; its `ref` is the Message-ID."""
        address = _plain(delivery.channel.address)
        if address is None:
            return Reject("the address has letters that not every mail server knows")
        mail = self._headed(delivery, address, "mail", delivery.reply_to)
        mail.set_content(cut(clean(delivery.message.text), LIMIT), cte="quoted-printable")
        return await self._sent(address, mail)

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:
        """Send the picture in a mail of its own, in the thread of its text."""
        address = _plain(delivery.channel.address)
        if address is None:
            return Reject("the address has letters that not every mail server knows")
        mail = self._headed(delivery, address, "picture", ref)
        first, *_ = [line for line in clean(delivery.message.text).splitlines() if line.strip()] or [PICTURE]
        mail.set_content(cut(first, LIMIT), cte="quoted-printable")
        mail.add_attachment(picture, maintype="image", subtype="png", filename=PICTURE, disposition="inline")
        return await self._sent(address, mail)

    async def _sent(self, address: str, mail: EmailMessage) -> Outcome:
        outcome = await self._hand_over(address, mail.as_bytes(policy=_UNFOLDED))
        return outcome if isinstance(outcome, Retry | Reject | Unsure) else Sent(mail["Message-ID"])

    async def _hand_over(self, address: str | None, mail: bytes) -> Retry | Reject | Unsure | None:
        """Speak with the server; None: it took the message, or without `address` the login."""
        import aiosmtplib  # noqa: PLC0415 (only where a farm sends e-mail)

        smtp = self._client()
        step = Step.CONNECT
        try:
            async with asyncio.timeout(self._timeout):
                await smtp.connect()
                if self._username is not None:
                    step = Step.LOGIN
                    await smtp.login(self._username, self._password)
                if address is not None:
                    step = Step.SENDER
                    await smtp.mail(self._sender)
                    step = Step.RECIPIENT
                    await smtp.rcpt(address)
                    step = Step.CONTENT
                    await smtp.data(mail)
                step = Step.TAKEN
        except aiosmtplib.SMTPResponseException as error:
            return meaning(step, error.code, error.message)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            if step is Step.CONTENT:
                return Unsure(f"no answer within {self._timeout:g} s")
            return Retry(f"no answer within {self._timeout:g} s", whole_account=True)
        except (aiosmtplib.SMTPException, OSError) as error:
            return _broken(step, error)
        finally:
            with suppress(aiosmtplib.SMTPException, TimeoutError, OSError):
                if step not in (Step.CONNECT, Step.CONTENT):
                    async with asyncio.timeout(_BYE):
                        await smtp.quit()
            smtp.close()
        return None

    def _client(self) -> aiosmtplib.SMTP:
        import aiosmtplib  # noqa: PLC0415 (only where a farm sends e-mail)

        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._scheme == "smtps",
            start_tls=self._scheme == "smtp+starttls",
            timeout=self._timeout,
            local_hostname=self._domain,
        )

    def _headed(self, delivery: Delivery, address: str, what: str, ref: str | None) -> EmailMessage:
        message = delivery.message
        mail = EmailMessage(policy=WIRE.clone(cte_type="7bit", max_line_length=76))
        mail["From"] = self._from
        mail["To"] = address
        mail["Subject"] = subject(message)
        mail["Date"] = format_datetime(datetime.fromtimestamp(self._now() / SECOND, UTC))
        mail["Message-ID"] = f"<{stable_id(what, message.id, address)}@{self._domain}>"
        thread = [f"<{stable_id('thread', message.incident, address)}@{self._domain}>"] if message.incident else []
        if ref:
            mail["In-Reply-To"] = ref
            thread.append(ref)
        if thread:
            mail["References"] = " ".join(thread)
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"  # Exchange answers with absence notes otherwise
        ways = [f"<mailto:{self._sender}?subject=STOP>"]
        if self._leaving is not None:
            ways.insert(0, f"<{self._leaving.link(delivery.channel.address, message.id, message.language)}>")
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["List-Unsubscribe"] = ", ".join(ways)
        if _grave(message):
            mail["Importance"] = "high"
        return mail

    async def check(self) -> str:
        """Return sender and server after a login; nothing is sent.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        outcome = await self._hand_over(None, b"")
        if outcome is not None:
            raise ConnectionError(f"email: {outcome.why}; check url, username and password")
        open_line = ", not encrypted" if self._scheme == "smtp" else ""
        way_out = "" if self._leaving else "; unsubscribing by one press needs web.public_url and a password"
        return f"{self._sender} by {self._host}:{self._port}{open_line}{way_out}"


def subject(message: Message) -> str:
    """Say the worst first: how grave, what and where, how bad; of what is over or taken, that it is."""
    parts = message.data.get("parts")
    if isinstance(parts, dict) and parts.get("what") and parts.get("bad"):
        text = f"{parts['what']}: {parts['bad']}"
    else:
        text = next((line for line in clean(message.text).splitlines() if line.strip()), "alertd")
    if _grave(message):
        text = f"{_CRITICAL.get(message.language, _CRITICAL['en'])} · {text}"
    printable = "".join(sign if sign.isprintable() else " " for sign in clean(text))
    return cut(" ".join(printable.split()), SUBJECT)


def _grave(message: Message) -> bool:
    return message.severity is Severity.CRITICAL and message.kind not in NEWS


def _broken(step: Step, error: Exception) -> Retry | Unsure:
    """Judge a line that broke, or a server that lacks what we need."""
    cause = error.__cause__ or error
    words = " ".join(str(cause if isinstance(cause, ssl.SSLError) else error).split())[:200]
    if step is Step.CONTENT:
        return Unsure(f"answer lost: {type(error).__name__}")
    lacks = "not supported" in words
    return Retry(f"{step.value}: {words or type(error).__name__}", whole_account=True, config=lacks)


def _plain(address: str) -> str | None:
    """Return the address with its domain in ASCII; None if the mailbox's name is not."""
    mailbox, at, domain = address.strip().rpartition("@")
    if not at or not _ascii(mailbox):
        return None
    try:
        whole = f"{mailbox}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return None
    return whole if _ascii(whole) else None


def _ascii(text: str) -> bool:
    """Tell whether these are printable ASCII signs without blanks and brackets, and at least one."""
    return bool(text) and all("!" <= sign <= "~" and sign not in "<>,;" for sign in text)

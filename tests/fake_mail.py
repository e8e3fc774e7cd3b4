"""A real SMTP server (aiosmtpd) on loopback that fails on demand, at the step it is told.

async with FakeMail() as server:
    server.fail("RCPT", "550 5.1.1 no such person")     # MAIL, RCPT, DATA, EHLO: the reply instead of success
    server.fail("DATA", "cut")                          # taken, and the line breaks before the answer; "silence", "noise"
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.smtp import SMTP, AuthResult

if TYPE_CHECKING:
    from email.message import EmailMessage


class FakeMail:
    """`taken` are the mails it took, in order; `envelopes` their sender and recipients."""

    def __init__(self, *, password: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.taken: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.faults: dict[str, deque[str]] = {}
        self.logins: list[tuple[str, str]] = []
        self.ended: list[str] = []
        self.port = 0
        self._open: list[SMTP] = []
        self._password = password
        self._tls = tls
        self._over = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        self._server.close()
        for one in self._open:
            if one.transport is not None:
                one.transport.abort()
        await asyncio.sleep(0)

    def pictures(self) -> list[tuple[str, bytes]]:
        """What was shown: the mail it answers, the PNG."""
        return [
            (str(mail["In-Reply-To"]), part.get_content()) for mail in self.taken for part in mail.iter_attachments()
        ]

    def fail(self, step: str, *replies: str) -> None:
        self.faults.setdefault(step, deque()).extend(replies)

    def _serve(self) -> SMTP:
        with warnings.catch_warnings(action="ignore"):  # it says that a login without TLS is not safe
            one = SMTP(
                self,
                hostname="mail.example",
                tls_context=self._tls,
                auth_required=self._password is not None,
                auth_require_tls=False,
                authenticator=self._authenticate if self._password is not None else None,
                timeout=5,
            )
        self._open.append(one)
        return one

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == ("alerts", self._password), handled=False)

    async def _fault(self, step: str, server: SMTP) -> str | None:
        fault = self.faults[step].popleft() if self.faults.get(step) else None
        if fault == "cut":
            server.transport.abort()
        elif fault == "silence":
            await self._over.wait()
        elif fault == "noise":
            server.transport.write(b"\x00\xff what?\r\n")
            server.transport.close()
        return fault

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 (aiosmtpd's)
        envelope.mail_from = address
        return await self._fault("MAIL", server) or "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 (aiosmtpd's)
        envelope.rcpt_tos.append(address)
        return await self._fault("RCPT", server) or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's)
        fault = self.faults["DATA"][0] if self.faults.get("DATA") else "250"
        if not fault[0].isdigit() or fault.startswith("250"):
            self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            self.raw.append(envelope.content)
            self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        return await self._fault("DATA", server) or "250 taken"

    async def handle_QUIT(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's)
        self.ended.append("QUIT")
        return "221 bye"

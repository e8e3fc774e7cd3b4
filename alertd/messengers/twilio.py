"""What SMS and calls have in common at Twilio and at providers that speak like it: account, requests, signatures.

Source: twilio.com/docs/usage/requests-to-twilio, .../usage/webhooks/webhooks-security.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import Field

from alertd.messengers import twilio_errors
from alertd.messengers.exchange import REQUEST_TIMEOUT, Answer, ask, heeding, judge
from alertd.messengers.unpolled import Unpolled
from alertd.model import Reject, Retry, Sent
from alertd.seams import HookAnswer
from alertd.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

    from alertd.model import Micros, Outcome
    from alertd.seams import Abilities, Heard, Hook, HookCall

VERSION: Final = "2010-04-01"
"""The API's only version since then."""
LARGEST: Final = 64_000
"""Bytes of a call that are read at all: an SMS has 1600 characters."""
MOST_FIELDS: Final = 200
EMPTY: Final = HookAnswer(200, b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>', "text/xml")


class TwilioSettings(Settings):
    """An account at Twilio or a provider with the same API."""

    account_sid: str = Field(min_length=1)
    auth_token: Secret
    from_: str = Field(alias="from", min_length=1, description="phone number, sender name, or messaging service")
    api_base: str = Field("https://api.twilio.com", pattern=r"^https?://[^\s]+$")


class Account:
    """One account: makes its requests and knows what comes from it."""

    def __init__(self, settings: TwilioSettings, http: aiohttp.ClientSession, timeout: float) -> None:
        """Read the token now.

        Raises:
            SecretMissingError
        """
        token = settings.auth_token.read()
        self._http = http
        self._timeout = timeout
        self._token = token.encode()
        sid = quote(settings.account_sid, safe="")
        self._base = f"{settings.api_base.rstrip('/')}/{VERSION}/Accounts/{sid}"
        login = base64.b64encode(f"{settings.account_sid}:{token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"}

    async def create(self, what: str, form: Mapping[str, str]) -> Outcome:
        """POST a form to `Messages` or `Calls`; its `sid` is the `ref`."""
        answer = await ask(
            self._http,
            f"{self._base}/{what}.json",
            urlencode(form).encode(),
            seconds=self._timeout,
            headers=self._headers,
        )
        match answer:
            case Answer(status=200 | 201, json={"sid": str(sid)}):
                return Sent(sid)
            case Answer(json={"code": int(code), **rest}):
                why = f"{rest.get('message') or 'refused'} ({code})"[:300]
                known = twilio_errors.outcome(code, why)
                return judge(answer, why) if known is None else heeding(known, answer)
            case Answer(status=401):
                return Retry("HTTP 401", whole_account=True, config=True)
            case Answer(status=status):
                return judge(answer, f"HTTP {status}")
        return answer

    async def check(self, name: str) -> str:
        """Return the account's name.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        headers = self._headers
        answer = await ask(self._http, f"{self._base}.json", None, seconds=self._timeout, headers=headers, method="GET")
        match answer:
            case Answer(status=200, json={"friendly_name": str(owner), "status": "active"}):
                return owner
            case Answer(status=200, json={"status": str(state)}):
                raise ConnectionError(f"{name}: the account is {state}; see the provider's console")
            case Answer(status=status):
                raise ConnectionError(f"{name}: HTTP {status}; check account_sid and auth_token")
        raise ConnectionError(f"{name}: {answer.why}")

    def opened(self, call: HookCall) -> dict[str, str] | HookAnswer:
        """Return the fields of a signed POST, or the answer for whoever is not believed.

        The signature covers the URL and the fields by name, so a size-capped split comes first.
        """
        if call.method != "POST" or len(call.body) > LARGEST:
            return HookAnswer(403, b"only signed calls are heard here")
        try:
            text = call.body.decode()
            pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=MOST_FIELDS)
        except ValueError:
            return HookAnswer(400, b"this is no form")
        signed = call.url + "".join(name + value for name, value in sorted(set(pairs)))
        wanted = base64.b64encode(hmac.new(self._token, signed.encode("utf-8", "replace"), hashlib.sha1).digest())
        given = call.headers.get("X-Twilio-Signature", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, wanted):
            return HookAnswer(403, b"X-Twilio-Signature is wrong or missing")
        return dict(pairs)


def callback(public_url: str | None, name: str, **facts: str) -> str | None:
    """Return the URL by which the provider tells of one message; None if nobody can reach us."""
    if not public_url:
        return None
    return f"{public_url.rstrip('/')}/hooks/{name}?{urlencode(facts)}"


def told(fields: Mapping[str, Any], state: str) -> Retry | Reject:
    """Say what a failure that is told later means."""
    code = str(fields.get("ErrorCode") or "")
    if code.isascii() and code.isdigit():
        why = f"{state} ({code})"
        return twilio_errors.outcome(int(code), why) or Reject(why)
    return Reject(state)


class Twilio(Unpolled):
    """What SMS and calls share: an account, a sender, and a hook where the provider can reach us."""

    name: str
    abilities: Abilities

    def __init__(
        self,
        settings: TwilioSettings,
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
        self._from = settings.from_
        self._public_url = public_url
        self._now = now
        self.hook: Hook | None = self._heard if public_url else None
        if not public_url:
            self.abilities = replace(self.abilities, buttons=0, inbound=False, receipts=False)

    def _heard(self, call: HookCall) -> Heard:
        """Verify and read one call."""
        raise NotImplementedError

    async def _who(self, deaf: str) -> str:
        """Return account and sender; `deaf` says what does not work where the provider cannot reach us.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        owner = await self._account.check(self.name)
        return f"{owner}, from {self._from}" + ("" if self._public_url else f"; {deaf}")

"""A strict stand-in for Twilio's REST API on loopback: checks what Twilio checks, fails on demand, signs its calls.

async with FakeTwilio() as api:
    ...                                 # api_base api.base, account_sid SID, auth_token TOKEN
    api.fail(21610)                     # the next request is answered with this error code
    call = api.told(api.taken[0], MessageStatus="delivered")      # a signed `HookCall`
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as ET

from aiohttp import web
from fake_http import FakeHttp

from alertd.seams import HookCall

if TYPE_CHECKING:
    from collections.abc import Mapping

SID, TOKEN = "AC" + "0" * 32, "twilio-auth-token"
PUBLIC = "https://alerts.example"
STATUS = {20003: 401, 20429: 429, 20005: 403, 30500: 500}


class FakeTwilio(FakeHttp):
    """One account; `taken` are the forms it accepted, in order, each with its `sid`."""

    prefix = "/proxy"

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dict[str, str]] = []
        self.state = "active"

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.post("/2010-04-01/Accounts/{sid}/{what}.json", self._create),
            web.get("/2010-04-01/Accounts/{sid}.json", self._account),
        ]

    def written(self, **facts: str) -> dict[str, str]:
        """What the operator writes for this account."""
        return {"account_sid": SID, "auth_token": TOKEN, "from": "+4915100000000", "api_base": self.base} | facts

    async def _account(self, request: web.Request) -> web.Response:
        if not _known(request):
            return _error(20003, "Authenticate")
        return web.json_response({"sid": SID, "friendly_name": "Hof Lindenau", "status": self.state})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if not _known(request):
            return _error(20003, "Authenticate")
        if request.content_type != "application/x-www-form-urlencoded":
            return _error(21602, "no form")
        fault = self.fault()
        if isinstance(fault, int):
            return _error(fault, "on demand")
        form = {name: str(value) for name, value in (await request.post()).items()}
        wrong = _wrong(request.match_info["what"], form)
        if wrong is not None:
            return _error(*wrong)
        prefix = {"Messages": "SM", "Calls": "CA"}[request.match_info["what"]]
        form["sid"] = f"{prefix}{len(self.taken) + 1:032x}"
        self.taken.append(form)
        await self.lose(request, fault)
        return web.json_response({"sid": form["sid"], "status": "queued", "error_code": None}, status=201)

    # --- its calls ----------------------------------------------------------------------------

    def told(self, form: Mapping[str, str], **fields: str) -> HookCall:
        """Return the call by which it tells what became of a message or call."""
        return signed(form["StatusCallback"], {"AccountSid": SID, "To": form["To"]} | fields)

    def said(self, who: str, text: str, key: str = "SMin1") -> HookCall:
        """Return the call that tells of a text."""
        return signed(f"{PUBLIC}/hooks/sms", {"MessageSid": key, "AccountSid": SID, "From": who, "Body": text})


def signed(url: str, fields: Mapping[str, str], token: str = TOKEN) -> HookCall:
    """Return a POST signed as the provider signs: the URL, then each field's name and value in order of the names."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()
    query = dict(parse_qsl(urlsplit(url).query))
    return HookCall("POST", url, query, {"X-Twilio-Signature": signature}, urlencode(fields).encode())


def spoken(form: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (language, words) of everything that is said in a call, in order."""
    return [(one.get("language", ""), one.text or "") for one in ET.fromstring(form["Twiml"]).iter("Say")]


def _known(request: web.Request) -> bool:
    login = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    return request.match_info["sid"] == SID and request.headers.get("Authorization") == f"Basic {login}"


def _wrong(what: str, form: Mapping[str, str]) -> tuple[int, str] | None:
    if not re.fullmatch(r"\+[1-9]\d{6,14}", form.get("To", "")):
        return 21211, "The 'To' number is not a valid phone number."
    if ("From" in form) == ("MessagingServiceSid" in form):
        return 21603, "A 'From' phone number is required."
    if "StatusCallback" in form and not form["StatusCallback"].startswith("https://"):
        return 21609, "The 'StatusCallback' URL is not valid."
    if what == "Messages":
        if not form.get("Body"):
            return 21602, "Message body is required."
        return (21617, "The concatenated message body exceeds 1600.") if len(form["Body"]) > 1600 else None
    if len(form.get("Twiml", "")) > 4000:
        return 21225, "Twiml is too long"
    try:
        root = ET.fromstring(form["Twiml"])
    except (KeyError, ET.ParseError):
        return 12100, "Document parse failure"
    fine = root.tag == "Response" and all(
        one.tag in ("Gather", "Say", "Pause") for one in root.iter() if one is not root
    )
    return None if fine else (12200, "Schema validation")


def _error(code: int, message: str) -> web.Response:
    status = STATUS.get(code, 400)
    more = f"https://www.twilio.com/docs/errors/{code}"
    return web.json_response({"code": code, "message": message, "more_info": more, "status": status}, status=status)

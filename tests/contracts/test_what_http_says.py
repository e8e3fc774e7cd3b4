"""What the HTTP answer says beside the provider's own code: how long to wait, and that a gateway lost the answer."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from deliveries import T0, delivery
from serving import serving

from alertd.messengers import MESSENGERS
from alertd.model import Channel, Retry, Unsure

BUSY = {
    "whatsapp": {"error": {"message": "(#130429) Rate limit hit", "code": 130429}},
    "messenger": {"error": {"message": "(#613) Calls exceed the rate", "code": 613}},
    "sms": {"code": 20429, "message": "Too Many Requests", "status": 429},
    "call": {"code": 20429, "message": "Too Many Requests", "status": 429},
    "ntfy": {"code": 42901, "http": 429, "error": "limit reached"},
    "telegram": {"ok": False, "error_code": 429, "description": "Too Many Requests"},
}
"""How each says that it is asked too often."""
_TWILIO = {"account_sid": "AC1", "auth_token": "t", "from": "+493012345"}
SETTINGS = {
    "whatsapp": {"phone_number_id": "1", "token": "t", "app_secret": "s", "verify_token": "v", "template": "alert"},
    "messenger": {"page_id": "1", "token": "t", "app_secret": "s", "verify_token": "v"},
    "sms": _TWILIO,
    "call": _TWILIO,
    "ntfy": {},
    "telegram": {"token": "1:t"},
}
ADDRESS = {"messenger": "4711", "ntfy": "topic", "telegram": "4711"}


async def answered(name, status, headers):
    """Return the outcome of one message that is answered so."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(BUSY[name], status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    messenger = MESSENGERS[name]
    async with serving(app) as port, aiohttp.ClientSession() as http:
        settings = messenger.settings.model_validate(SETTINGS[name] | {"api_base": f"http://127.0.0.1:{port}"})
        one = messenger(settings, http, lambda: T0)
        return await one.send(delivery(channels=(Channel(name, ADDRESS.get(name, "+4915112345678")),)))


@pytest.mark.parametrize("name", BUSY)
async def test_who_is_asked_to_wait_waits_whatever_the_code_says(name):
    outcome = await answered(name, 429, {"Retry-After": "37"})
    assert isinstance(outcome, Retry)
    assert outcome.after == 37


@pytest.mark.parametrize("status", [502, 504])
@pytest.mark.parametrize("name", BUSY)
async def test_a_gateway_that_gives_up_leaves_the_message_unsure_whatever_its_body(name, status):
    assert isinstance(await answered(name, status, {}), Unsure)

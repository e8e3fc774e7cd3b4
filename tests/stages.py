"""Every messenger beside its stand-in, in one form: what people read, how an answer is lost, how that is settled later.

async with stage("whatsapp") as one:
    one.lose()                        # the next message is taken, its answer is cut off
    await one.messenger.send(delivery(channels=(one.channel,)))
    one.read()                        # what people have on their phones, oldest first
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web
from deliveries import T0
from fake_facebook import FakeFacebook
from fake_mail import FakeMail
from fake_matrix import ME, ROOM, FakeMatrix
from fake_ntfy import FakeNtfy
from fake_signal import FakeSignal
from fake_telegram import FakeTelegram
from fake_twilio import PUBLIC, FakeTwilio, spoken
from fake_whatsapp import FakeWhatsApp
from serving import Serving

from alertd.messengers import SETTINGS, build
from alertd.messengers.exchange import session
from alertd.model import Channel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from alertd.seams import HookCall, Messenger

PHONE = "+4915112345678"


@dataclass
class Stage:
    """One messenger with its counterpart. `later`: the call by which a provider tells what became of its newest message."""

    messenger: Messenger
    channel: Channel
    lose: Callable[[], object]
    read: Callable[[], list[str]]
    later: Callable[[], HookCall] | None = None
    pictures: Callable[[], list[tuple[str, bytes]]] = list
    """What was shown: the message it answers ("" where nothing can be answered), the PNG."""
    places: Callable[[], list[tuple[str, float, float]]] = list
    """What was shown on a map: the message it answers, latitude, longitude."""


@dataclass
class Service:
    """Any program that takes JSON: what the webhook and Apprise write to."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    lost: int = 0
    base: str = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        self._serving = await Serving.start(app)
        self.base = f"127.0.0.1:{self._serving.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._serving.stop()

    def lose(self) -> None:
        self.lost += 1

    async def _take(self, request: web.Request) -> web.Response:
        self.taken.append(await request.json())
        if self.lost:
            self.lost -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.Response()


def _made(name: str, http: aiohttp.ClientSession, public_url: str | None = None, **written: Any) -> Messenger:
    return build(name, SETTINGS[name].model_validate(written), http, lambda: T0, public_url)


@asynccontextmanager
async def _telegram(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    async with FakeTelegram() as api:
        one = _made("telegram", http, token=api.token, api_base=api.base)
        yield Stage(
            one,
            Channel("telegram", "4711"),
            lambda: api.fail("cut"),
            lambda: api.to(4711),
            pictures=lambda: [(str(ref), picture) for _, picture, ref, _ in api.pictures],
            places=lambda: [(str(ref), latitude, longitude) for _, latitude, longitude, _, _, ref in api.places],
        )


@asynccontextmanager
async def _whatsapp(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    from fake_whatsapp import SECRET, TOKEN, VERIFY  # noqa: PLC0415 (each stand-in has names like these)

    async with FakeWhatsApp() as api:
        api.open.add(PHONE.removeprefix("+"))
        secrets = {"token": TOKEN, "app_secret": SECRET, "verify_token": VERIFY}
        one = _made("whatsapp", http, phone_number_id=api.number, template="alert", api_base=api.base, **secrets)
        later = lambda: api.status("delivered", api.taken[-1])  # noqa: E731
        yield Stage(
            one,
            Channel("whatsapp", PHONE),
            lambda: api.fail("cut"),
            api.texts,
            later,
            pictures=lambda: api.pictures,
            places=lambda: api.places,
        )


@asynccontextmanager
async def _messenger(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    from fake_facebook import SECRET, TOKEN, VERIFY  # noqa: PLC0415

    async with FakeFacebook() as api:
        api.open.add("24681357")
        secrets = {"token": TOKEN, "app_secret": SECRET, "verify_token": VERIFY}
        one = _made("messenger", http, page_id=api.page, api_base=api.base, **secrets)
        read = lambda: [message["message"]["text"] for message in api.taken]  # noqa: E731
        later = lambda: api.echo(api.taken[-1])  # noqa: E731
        yield Stage(one, Channel("messenger", "24681357"), lambda: api.fail("cut"), read, later, lambda: api.pictures)


@asynccontextmanager
async def _wechat(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    from fake_wechat import ANNA, APP, SECRET, TOKEN, FakeWeChat  # noqa: PLC0415 (needs the extra)

    fields = {"thing1": "what", "time2": "since", "character_string3": "number", "phrase4": "severity"}
    async with FakeWeChat() as api:
        account = {"app_id": APP, "app_secret": SECRET, "token": TOKEN, "template_id": "T1", "fields": fields}
        one = _made("wechat", http, api_base=api.base, **account)
        read = lambda: [message["data"]["thing1"]["value"] for message in api.templates]  # noqa: E731
        shown = lambda: api.pictures  # noqa: E731
        api.quota = 5
        yield Stage(one, Channel("wechat", ANNA), lambda: api.fail("cut"), read, pictures=shown)


@asynccontextmanager
async def _threema(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    from fake_threema import PERSON, SECRET, FakeThreema  # noqa: PLC0415 (needs the extra)

    async with FakeThreema() as api:
        key = "private:" + bytes(api.ours).hex()
        one = _made("threema", http, gateway_id=api.gateway, secret=SECRET, private_key=key, api_base=api.base)
        shown = lambda: api.pictures  # noqa: E731
        yield Stage(one, Channel("threema", PERSON), lambda: api.fail("cut"), api.read, pictures=shown)


@asynccontextmanager
async def _signal(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    async with FakeSignal() as api:
        one = _made("signal", http, api_base=api.base, account=api.account)
        read = lambda: [message["message"] for message in api.taken]  # noqa: E731
        shown = lambda: api.pictures  # noqa: E731
        yield Stage(one, Channel("signal", PHONE), lambda: api.fail("cut"), read, pictures=shown)


@asynccontextmanager
async def _matrix(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    from fake_matrix import TOKEN  # noqa: PLC0415

    async with FakeMatrix() as api:
        api.members.add(ME)
        one = _made("matrix", http, homeserver=api.base, token=TOKEN)
        read = lambda: [message["body"] for message in api.taken]  # noqa: E731
        room, shown, placed = Channel("matrix", ROOM), lambda: api.pictures, lambda: api.places
        yield Stage(one, room, lambda: api.fail("cut"), read, pictures=shown, places=placed)


@asynccontextmanager
async def _email(_http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    async with FakeMail() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        one = _made("email", _http, url=url, **{"from": "alerts@farm.example"})
        read = lambda: [str(mail["Subject"]) for mail in server.taken]  # noqa: E731
        yield Stage(
            one, Channel("email", "anna@farm.example"), lambda: server.fail("DATA", "cut"), read, None, server.pictures
        )


def _twilio(name: str) -> Callable[[aiohttp.ClientSession], Any]:
    @asynccontextmanager
    async def made(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
        from fake_twilio import SID, TOKEN  # noqa: PLC0415

        async with FakeTwilio() as api:
            account = {"account_sid": SID, "auth_token": TOKEN, "from": "+4915100000000"}
            one = _made(name, http, PUBLIC, api_base=api.base, **account)
            if name == "sms":
                read = lambda: [form["Body"] for form in api.taken]  # noqa: E731
                told = {"MessageStatus": "delivered", "MessageSid": "SM1"}
            else:
                read = lambda: [spoken(form)[1][1] for form in api.taken]  # noqa: E731
                told = {"CallStatus": "completed", "CallSid": "CA1"}
            later = lambda: api.told(api.taken[-1], **told)  # noqa: E731
            yield Stage(one, Channel(name, PHONE), lambda: api.fail("cut"), read, later)

    return made


@asynccontextmanager
async def _ntfy(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    async with FakeNtfy(token=None) as api:
        one = _made("ntfy", http, url=api.base)
        read = lambda: [message["message"] for message in api.taken]  # noqa: E731
        shown = lambda: api.pictures  # noqa: E731
        yield Stage(one, Channel("ntfy", "hof-7GkQ2x"), lambda: api.fail("cut"), read, pictures=shown)


@asynccontextmanager
async def _webhook(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    async with Service() as service:
        read = lambda: [body["alerts"][0]["annotations"]["summary"] for body in service.taken]  # noqa: E731
        one = _made("webhook", http)
        yield Stage(one, Channel("webhook", f"http://{service.base}/hook"), service.lose, read)


def load_apprise() -> None:
    """Have Apprise load its services, which takes seconds, once: no message of a test waits for it."""
    import apprise  # noqa: PLC0415 (an extra)

    apprise.Apprise("json://127.0.0.1")


@asynccontextmanager
async def _apprise(http: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    load_apprise()
    async with Service() as service:
        read = lambda: [body["message"] for body in service.taken]  # noqa: E731
        yield Stage(_made("apprise", http), Channel("apprise", f"json://{service.base}/hook"), service.lose, read)


STAGES: dict[str, Callable[[aiohttp.ClientSession], Any]] = {
    "apprise": _apprise,
    "call": _twilio("call"),
    "email": _email,
    "matrix": _matrix,
    "messenger": _messenger,
    "ntfy": _ntfy,
    "signal": _signal,
    "sms": _twilio("sms"),
    "telegram": _telegram,
    "threema": _threema,
    "webhook": _webhook,
    "wechat": _wechat,
    "whatsapp": _whatsapp,
}
"""Every messenger whose answer can be lost; the console has none."""
EXTRAS = {"apprise": "apprise", "threema": "nacl", "wechat": "cryptography"}
"""What must be installed for a messenger of an extra."""


@asynccontextmanager
async def stage(name: str) -> AsyncIterator[Stage]:
    """Return a messenger on its stage."""
    async with session() as http, STAGES[name](http) as one:
        yield one
        await asyncio.sleep(0)

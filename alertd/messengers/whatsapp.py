"""WhatsApp Business Cloud API: sending. Hearing and receipts come by webhook (`whatsapp_inbound`).

Within 24 hours of a person's last message we may answer freely; outside only an approved
template is taken. When they last wrote is known (`Delivery.heard`), and corrected when Meta
says otherwise (131047, in the answer or by webhook). 200 means accepted, not delivered:
`biz_opaque_callback_data` carries our message's id, so that a webhook settles what the answer did not.

Source: developers.facebook.com/documentation/business-messaging/whatsapp (messages, templates, pricing).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
from pydantic import Field

from alertd.messengers import whatsapp_errors
from alertd.messengers.arranging import arrange
from alertd.messengers.classes import Class
from alertd.messengers.exchange import REQUEST_TIMEOUT, Answer, ask, form, heeding
from alertd.messengers.meta import API_VERSION, WINDOW, Window, fault, otherwise
from alertd.messengers.policy import BUDGETED
from alertd.messengers.text import cut
from alertd.messengers.thumbs import Thumbs
from alertd.messengers.unpolled import Unpolled
from alertd.messengers.whatsapp_bodies import LIMIT, ROWS, fixed, freely, to
from alertd.messengers.whatsapp_inbound import Hook
from alertd.messengers.whatsapp_prices import MonthlyBudget, Prices, Till, price_of
from alertd.model import Reject, Sent, Unsure
from alertd.seams import Abilities
from alertd.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import aiohttp

    from alertd import seams
    from alertd.model import Delivery, Micros, Outcome
    from alertd.seams import Place

COMMANDS: Final = 30
HINT: Final = 256
"""Characters of what a command is said to do."""
_SLACK: Final = 1.0


class WhatsAppSettings(Settings):
    """WhatsApp Business Cloud API."""

    phone_number_id: str = Field(pattern=r"^\d+$")
    token: Secret
    app_secret: Secret
    verify_token: Secret
    template: str = Field(description="approved utility template, used outside the 24-hour window")
    template_language: str | None = Field(None, description="default: the person's")
    api_version: str = Field(API_VERSION, pattern=r"^v\d+\.\d+$")
    api_base: str = Field("https://graph.facebook.com", pattern=r"^https?://[^\s]+$")
    menu: bool = Field(False, description="offer the words of the chat after a /, in place of the number's own")
    monthly_budget: MonthlyBudget | None = None
    prices: Prices = Field(default_factory=dict, description="per template message by country, such as {DE: 0.05}")


class WhatsApp(Unpolled):
    """One business number."""

    name = "whatsapp"
    settings: ClassVar[type[Settings]] = WhatsAppSettings
    abilities = Abilities(
        limit=LIMIT,
        buttons=ROWS,
        replies=True,
        inbound=True,
        authenticates=True,
        pictures=True,
        places=True,
        per_chat=1 / 6,  # Meta's pair rate; a burst has to be paid back
        per_account=80.0,
        receipts=True,
        window=WINDOW,
        markup="* _ ~ `, left out",
    )

    def __init__(
        self,
        settings: WhatsAppSettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros],
        *,
        timeout: float = REQUEST_TIMEOUT,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Read the secrets now, so that a missing one is known at start.

        Raises:
            SecretMissingError
        """
        self._settings = settings
        self._http = http
        self._base = f"{settings.api_base.rstrip('/')}/{settings.api_version}/{settings.phone_number_id}"
        self._headers = {"Authorization": f"Bearer {settings.token.read()}"}
        self._timeout = timeout
        self._pause = pause
        self._window = Window(now)
        self._till = Till(now)
        self._thumbs = Thumbs()
        self.hook: seams.Hook | None = Hook(
            settings.app_secret.read(),
            settings.verify_token.read(),
            now,
            closed=self._window.close,
            price=self._price,
            thumbs=self._thumbs,
        )

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one message; a second request only where Meta clearly refused the first because the window is closed."""
        free = self._window.open(delivery)
        stop = self._over_budget(delivery, free=free)
        if stop is not None:
            return stop
        try:
            async with asyncio.timeout(self._timeout + _SLACK):
                outcome = await self._send(delivery, free=free)
                if outcome is not None:
                    return self._known(delivery, outcome)
                self._window.close(delivery.channel.address)
                closed = await self._send(delivery, free=False)
                if closed is None:
                    return Reject("the window is closed and the template was not taken either", ours=True)
                return self._known(delivery, closed)
        except TimeoutError:
            return Unsure(f"no answer within {self._timeout:g} s")

    def _known(self, delivery: Delivery, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Sent):
            self._thumbs.sent(outcome.ref, delivery.message.buttons)
        return outcome

    def _over_budget(self, delivery: Delivery, *, free: bool) -> Reject | None:
        """Refuse what the month's budget has no room for; critical messages, answers and digests are always sent."""
        message = delivery.message
        return None if message.critical or message.kind not in BUDGETED else self._unpaid(delivery, free=free)

    def _unpaid(self, delivery: Delivery, *, free: bool) -> Reject | None:
        budget = self._settings.monthly_budget
        if budget is None:
            return None
        cost = price_of(self._settings.prices, delivery.channel.address, free=free)
        if self._till.room(delivery.spent, cost, budget.amount):
            return None
        return Reject(f"the monthly budget of {budget.amount:g} {budget.currency} is spent", unpaid=True)

    async def _send(self, delivery: Delivery, *, free: bool) -> Outcome | None:
        """Make one request; None: the window is closed."""
        message = delivery.message
        content = freely(message) if free else fixed(message, self._settings.template, self._settings.template_language)
        content["biz_opaque_callback_data"] = message.id
        return await self._post(delivery, content, delivery.reply_to, free=free)

    async def _post(
        self, delivery: Delivery, content: dict[str, Any], ref: str | None, *, free: bool
    ) -> Outcome | None:
        body = (
            to(delivery.channel.address) | {"messaging_product": "whatsapp", "recipient_type": "individual"} | content
        )
        if ref:
            body["context"] = {"message_id": ref}
        cost, currency = self._price(delivery.channel.address, free=free)
        self._till.begin(cost)
        billed = True
        try:
            answer = await ask(
                self._http,
                f"{self._base}/messages",
                msgspec.json.encode(body),
                seconds=self._timeout,
                headers=self._headers,
            )
            billed = isinstance(answer, Unsure) or (isinstance(answer, Answer) and "messages" in answer.json)
        finally:
            self._till.end(cost, billed=billed)
        if not isinstance(answer, Answer):
            return answer
        match answer.json:
            case {"messages": [{"id": str(wamid)}, *_]}:
                return Sent(wamid, cost, currency)
        found = fault(answer.json)
        if found is not None and whatsapp_errors.ERRORS.get(found[0]) is Class.WINDOW and free:
            return None
        return self._refused(answer, delivery)

    def _price(self, address: str, *, free: bool) -> tuple[float, str]:
        """Return what a message costs and the currency of the budget, "" where there is none."""
        cost, budget = price_of(self._settings.prices, address, free=free), self._settings.monthly_budget
        return cost, budget.currency if budget and cost else ""

    def _refused(self, answer: Answer, delivery: Delivery) -> Outcome:
        found = fault(answer.json)
        known = None if found is None else whatsapp_errors.outcome(found[0], found[2], delivery.attempt)
        return otherwise(answer) if known is None else heeding(known, answer)

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:
        """Upload a picture and send it below its text: within the window only, and while the month's budget lasts."""
        stop = self._no_extra(delivery)
        if stop is not None:
            return stop
        body, headers = form({"messaging_product": "whatsapp", "type": "image/png"}, "file", picture)
        url = f"{self._base}/media"
        answer = await ask(self._http, url, body, seconds=self._timeout, headers=self._headers | headers)
        match answer:
            case Answer(json={"id": str(medium)}):
                return await self._extra(delivery, {"type": "image", "image": {"id": medium}}, ref)
            case Answer():
                return self._refused(answer, delivery)
        return Reject(f"not uploaded: {answer.why}")

    async def locate(self, delivery: Delivery, place: Place, ref: str) -> Outcome:
        """Send a named point on a map below its text: within the window only, and while the month's budget lasts."""
        where = {"latitude": place.latitude, "longitude": place.longitude, "name": place.name, "address": place.note}
        return self._no_extra(delivery) or await self._extra(delivery, {"type": "location", "location": where}, ref)

    def _no_extra(self, delivery: Delivery) -> Reject | None:
        """Say why nothing may follow a text; None: it may."""
        if not self._window.open(delivery):
            return Reject("outside the 24-hour window only the template is taken")
        return self._unpaid(delivery, free=True)

    async def _extra(self, delivery: Delivery, content: dict[str, Any], ref: str) -> Outcome:
        outcome = await self._post(delivery, content, ref, free=True)
        if outcome is None:
            self._window.close(delivery.channel.address)
        return outcome or Reject("the window is closed")

    async def show_menu(self, menus: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Have the chat offer the words after a `/`, in the farm's language, if the file says so."""
        if not self._settings.menu:
            return
        commands = [{"command_name": word, "command_description": cut(does, HINT)} for word, does in menus[""]]
        body = msgspec.json.encode({"commands": commands[:COMMANDS]})
        url = f"{self._base}/conversational_automation"

        async def attempt() -> str:
            answer = await ask(self._http, url, body, seconds=self._timeout, headers=self._headers)
            if not isinstance(answer, Answer):
                return answer.why
            found = fault(answer.json)
            return "" if answer.json.get("success") is True else found[2] if found else f"HTTP {answer.status}"

        await arrange("whatsapp: the menu is not set", attempt, self._pause)

    async def check(self) -> str:
        """Return the number people write to.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        url = f"{self._base}?fields=display_phone_number,verified_name"
        answer = await ask(self._http, url, None, seconds=self._timeout, headers=self._headers, method="GET")
        match answer:
            case Answer(status=200, json={"display_phone_number": str(number)}):
                return number
            case Answer(json=json, status=status):
                found = fault(json)
                what = found[2] if found else f"HTTP {status}"
                raise ConnectionError(f"whatsapp: {what}; check phone_number_id and token (a system user's)")
        raise ConnectionError(f"whatsapp: {answer.why}")

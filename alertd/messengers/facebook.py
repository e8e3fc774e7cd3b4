"""Facebook Messenger's Send API: sending. Hearing comes by webhook (`facebook_inbound`).

Within 24 hours of a person's last message we may answer freely; outside only an approved
utility template is taken (message tags ended in April 2026), and a page without one reaches
nobody there: the next channel must. `metadata` carries our message's id, so that the echo
of a message settles what its answer did not.

Source: developers.facebook.com/docs/messenger-platform (send-messages, quick replies, utility messages).
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

import msgspec
from pydantic import Field

from alertd.messengers import facebook_errors
from alertd.messengers.arranging import arrange
from alertd.messengers.classes import Class
from alertd.messengers.exchange import REQUEST_TIMEOUT, Answer, ask, form, heeding
from alertd.messengers.facebook_inbound import GET_STARTED, Hook
from alertd.messengers.meta import API_VERSION, WINDOW, Window, fault, otherwise, parameters
from alertd.messengers.text import clean, cut
from alertd.messengers.unpolled import Unpolled
from alertd.model import Reject, Retry, Sent, Unsure
from alertd.seams import Abilities
from alertd.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    import aiohttp

    from alertd import seams
    from alertd.model import Button, Delivery, Inbound, Message, Micros, Outcome

LIMIT: Final = 2000
TITLE: Final = 20
REPLIES: Final = 13
"""Quick replies of a message."""
PAYLOAD: Final = 1000
MENU_TITLE: Final = 30
MENU_ENTRIES: Final = 3
_SLACK: Final = 1.0


class FacebookSettings(Settings):
    """Messenger Send API."""

    page_id: str = Field(pattern=r"^\d+$")
    token: Secret
    app_secret: Secret
    verify_token: Secret
    template: str | None = Field(None, description="approved utility template, used outside the 24-hour window")
    menu: bool = Field(False, description="show the first words of the chat as the page's menu, in place of its own")
    api_version: str = Field(API_VERSION, pattern=r"^v\d+\.\d+$")
    api_base: str = Field("https://graph.facebook.com", pattern=r"^https?://[^\s]+$")


class Facebook(Unpolled):
    """One page."""

    name = "messenger"
    settings: ClassVar[type[Settings]] = FacebookSettings
    abilities = Abilities(
        limit=LIMIT,
        buttons=REPLIES,
        inbound=True,
        authenticates=True,
        pictures=True,
        receipts=True,
        window=WINDOW,
    )

    def __init__(
        self,
        settings: FacebookSettings,
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
        self._page = settings.page_id
        self._template = settings.template
        self._menu = settings.menu
        self._http = http
        self._base = f"{settings.api_base.rstrip('/')}/{settings.api_version}"
        self._token = f"access_token={quote(settings.token.read(), safe='')}"
        self._timeout = timeout
        self._pause = pause
        self._window = Window(now)
        self.hook: seams.Hook | None = Hook(settings.app_secret.read(), settings.verify_token.read(), now)

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one message; a second request only where Meta clearly refused the first because the window is closed."""
        try:
            async with asyncio.timeout(self._timeout + _SLACK):
                if self._template is None or self._window.open(delivery):
                    outcome = await self._send(delivery, _freely(delivery.message))
                    if outcome is not None:
                        return outcome
                    self._window.close(delivery.channel.address)
                    if self._template is None:
                        return Reject("24 hours have passed since they last wrote, and there is no template")
                closed = await self._send(delivery, _fixed(delivery.message, self._template))
                return closed or Reject("the window is closed and the template was not taken either", ours=True)
        except TimeoutError:
            return Unsure(f"no answer within {self._timeout:g} s")

    async def _send(self, delivery: Delivery, content: dict[str, Any]) -> Outcome | None:
        """Make one request; None: the window is closed."""
        body = {"recipient": {"id": delivery.channel.address}} | content
        answer = await self._call(f"{self._page}/messages", body)
        if not isinstance(answer, Answer):
            return answer
        match answer.json:
            case {"message_id": str(ref)}:
                return Sent(ref)
        found = fault(answer.json)
        if found is not None and facebook_errors.kind(found[0], found[1]) is Class.WINDOW:
            return None
        return _refused(answer)

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:  # noqa: ARG002 (no answers here)
        """Upload a picture and send it: within the window only."""
        if not self._window.open(delivery):
            return Reject("outside the 24-hour window only the template is taken")
        about = {"attachment": {"type": "image", "payload": {"is_reusable": False}}}
        body, headers = form({"message": msgspec.json.encode(about).decode()}, "filedata", picture)
        url = f"{self._base}/{self._page}/message_attachments?{self._token}"
        answer = await ask(self._http, url, body, seconds=self._timeout, headers=headers)
        match answer:
            case Answer(json={"attachment_id": str(medium)}):
                image = {"attachment": {"type": "image", "payload": {"attachment_id": medium}}}
                outcome = await self._send(delivery, {"messaging_type": "RESPONSE", "message": image})
                return outcome or Reject("the window is closed")
            case Answer():
                return _refused(answer)
        return Reject(f"not uploaded: {answer.why}")

    async def _call(self, path: str, body: dict[str, Any] | None) -> Answer | Retry | Unsure:
        mark = "&" if "?" in path else "?"
        url = f"{self._base}/{path}{mark}{self._token}"  # holds the token: never shown
        encoded = None if body is None else msgspec.json.encode(body)
        return await ask(self._http, url, encoded, seconds=self._timeout, method="POST" if body else "GET")

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:
        """Yield nothing, for ever: Messenger calls us.

        First the page gets its start button, without which no link can join; waited out until it is taken, and
        trouble is logged once per change.
        """
        await arrange("messenger: the start button is not set, links cannot join", self._set_start, self._pause)
        async for nothing in super().inbound(position):
            yield nothing

    async def _set_start(self, **more: Any) -> str:
        """Give new chats a button to begin with; return why not, "" when they have it."""
        answer = await self._call("me/messenger_profile", {"get_started": {"payload": GET_STARTED}} | more)
        if not isinstance(answer, Answer):
            return answer.why
        if answer.json.get("result") == "success":
            return ""
        found = fault(answer.json)
        return found[2] if found else f"HTTP {answer.status}"

    async def show_menu(self, menus: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Set the page's menu in the farm's language, if the file says so; Meta takes it with the start button only."""
        if not self._menu:
            return
        entries = [
            {"type": "postback", "title": cut(f"{word.upper()} – {does}", MENU_TITLE), "payload": word}
            for word, does in menus[""][:MENU_ENTRIES]
        ]
        menu = [{"locale": "default", "composer_input_disabled": False, "call_to_actions": entries}]
        attempt = partial(self._set_start, persistent_menu=menu)
        await arrange("messenger: the menu is not set", attempt, self._pause)

    async def check(self) -> str:
        """Return the page's name in links.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        answer = await self._call(f"{self._page}?fields=name,username", None)
        match answer:
            case Answer(status=200, json={"username": str(name)}) if name:
                return name
            case Answer(status=200, json={"id": str(page)}):
                return page
            case Answer(json=json, status=status):
                found = fault(json)
                what = found[2] if found else f"HTTP {status}"
                raise ConnectionError(f"messenger: {what}; check page_id and token (the page's own)")
        raise ConnectionError(f"messenger: {answer.why}")


def _refused(answer: Answer) -> Outcome:
    found = fault(answer.json)
    known = None if found is None else facebook_errors.outcome(*found)
    return otherwise(answer) if known is None else heeding(known, answer)


def _freely(message: Message) -> dict[str, Any]:
    content: dict[str, Any] = {"text": cut(clean(message.text), LIMIT) or "…", "metadata": message.id}
    replies = [
        {"content_type": "text", "title": cut(clean(button.label), TITLE), "payload": button.data}
        for button in _fitting(message.buttons)
    ]
    if replies:
        content["quick_replies"] = replies
    return {"messaging_type": "RESPONSE", "message": content}


def _fixed(message: Message, template: str | None) -> dict[str, Any]:
    """Fill the approved template: what and where, how bad, since when and what to do."""
    texts = [{"type": "text", "text": part} for part in parameters(message, clean)]
    filled = {
        "name": template,
        "language": {"code": message.language},
        "components": [{"type": "body", "parameters": texts}],
    }
    return {"messaging_type": "UTILITY", "message": {"template": filled}}


def _fitting(buttons: Sequence[Button]) -> list[Button]:
    return [button for button in buttons if button.label and 0 < len(button.data) <= PAYLOAD][:REPLIES]

"""Telegram Bot API: sending. Works behind NAT; hearing is in `telegram_inbound`.

The provider's id of a message (`Sent.ref`) is Telegram's `MESSAGE_ID`, or
`CHAT_ID/MESSAGE_ID` when the group had become a supergroup with another id: the
message went there, and the operator must put the new id into the configuration.

Source: core.telegram.org/bots/api (making requests, sendMessage, editMessageText).
"""

from __future__ import annotations

import asyncio
import html
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
import structlog
from pydantic import Field

from alertd.messengers.exchange import REQUEST_TIMEOUT, Answer, ask, form
from alertd.messengers.telegram_errors import classify
from alertd.messengers.telegram_inbound import Hook, announce, poll
from alertd.messengers.telegram_moves import Moves
from alertd.messengers.text import clean, cut
from alertd.model import Retry, Sent, Unsure
from alertd.seams import Abilities
from alertd.settings import Secret, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    import aiohttp

    from alertd import seams
    from alertd.model import Button, Delivery, Inbound, Micros, Outcome
    from alertd.seams import Place

LIMIT: Final = 4096
"""UTF-16 units of a message after entity parsing."""
DATA_BYTES: Final = 64
"""Bytes of `callback_data`; a button with more would make Telegram refuse the whole message."""
NOTE: Final = 200
"""Units of the note that answers a press."""
_ROW: Final = 3  # German labels ("Fehlalarm") still fit three abreast on a phone
_SLACK: Final = 1.0  # the request's own time-out must strike first: it knows whether a status had arrived

log = structlog.get_logger(__name__)


class TelegramSettings(Settings):
    """A bot made with @BotFather."""

    token: Secret
    api_base: str = Field(
        "https://api.telegram.org", pattern=r"^https?://[^\s]+$", description="may carry a path prefix"
    )
    webhook_secret: Secret | None = Field(None, description="receive by POST /hooks/telegram instead of long polling")


class Telegram:
    """One bot. `hook` reads webhook requests when `webhook_secret` is set, else it is None."""

    name = "telegram"
    settings: ClassVar[type[Settings]] = TelegramSettings
    abilities = Abilities(
        limit=LIMIT,
        buttons=6,
        edits=True,
        replies=True,
        inbound=True,
        authenticates=True,
        pictures=True,
        places=True,
        groups=True,
        markup="HTML, escaped",
    )

    def __init__(
        self,
        settings: TelegramSettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros],
        *,
        timeout: float = REQUEST_TIMEOUT,
        poll_seconds: int = 30,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        public_url: str | None = None,
    ) -> None:
        """Read the secrets now, so that a missing one is known at start. `public_url`: how Telegram reaches us.

        Raises:
            SecretMissingError
        """
        self._http = http
        self._url = f"{settings.api_base.rstrip('/')}/bot{settings.token.read()}/"  # holds the token: never shown
        self._now = now
        self._timeout = timeout
        self._poll_seconds = poll_seconds
        self._pause = pause
        self._moves = Moves()
        self._secret = settings.webhook_secret.read() if settings.webhook_secret else ""
        self._hook_url = f"{public_url.rstrip('/')}/hooks/telegram" if public_url else ""
        self.hook: seams.Hook | None = Hook(self._secret, now, self._moves) if self._secret else None

    async def send(self, delivery: Delivery) -> Outcome:
        """Send or edit one message.

        One request, each within 10 s; a second one only after a clear refusal (no such message to edit, the chat moved,
        unreadable markup), and all together within a second more.
        """
        try:
            async with asyncio.timeout(self._timeout + _SLACK):
                if delivery.message.edits and delivery.reply_to:
                    return await self._edit(delivery, delivery.reply_to)
                return await self._send(delivery, self._moves.chat(delivery.channel.address))
        except TimeoutError:
            return Unsure(f"no answer within {self._timeout:g} s")

    async def _send(self, delivery: Delivery, chat: str) -> Outcome:
        body: dict[str, Any] = {"chat_id": chat} | _content(delivery)
        if delivery.reply_to:
            body["reply_parameters"] = {"message_id": _place(delivery)[1], "allow_sending_without_reply": True}
        answer = await self._refined("sendMessage", body)
        match answer:
            case Answer(json={"ok": True, "result": {"message_id": int(ref)}}):
                return Sent(str(ref) if chat == delivery.channel.address else f"{chat}/{ref}")
            case Answer(status=400, json={"parameters": {"migrate_to_chat_id": int(moved)}}) if str(moved) != chat:
                self._moves.moved(chat, str(moved))
                return await self._send(delivery, str(moved))
            case Answer():
                return classify(answer)
        return answer

    async def _edit(self, delivery: Delivery, ref: str) -> Outcome:
        chat, number = _place(delivery)
        whole = delivery.message.merged_text or delivery.message.text
        changed = replace(delivery, message=replace(delivery.message, text=whole))
        body: dict[str, Any] = {"chat_id": chat, "message_id": number} | _content(changed)
        method = "editMessageText" if whole else "editMessageReplyMarkup"
        answer = await self._refined(method, body)
        match answer:
            case Answer(json={"ok": True}):
                return Sent(ref)
            case Answer(status=400, json={"description": str(why)}) if "message is not modified" in why:
                return Sent(ref)
            case Answer(status=400, json={"description": str(why)}) if _no_edit(why) and delivery.message.text:
                return await self._send(delivery, chat)
            case Answer():
                return classify(answer)
        return answer

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:
        """Send a picture without a sound below its message (core.telegram.org/bots/api#sendphoto)."""
        fields = {"chat_id": self._chat(delivery, ref), "disable_notification": "true"}
        if answers := _answers(ref):
            fields["reply_parameters"] = msgspec.json.encode(answers).decode()
        body, headers = form(fields, "photo", picture)
        return _shown(await ask(self._http, self._url + "sendPhoto", body, seconds=self._timeout, headers=headers))

    async def locate(self, delivery: Delivery, place: Place, ref: str) -> Outcome:
        """Send a named point on a map without a sound below its message (core.telegram.org/bots/api#sendvenue)."""
        venue = {"latitude": place.latitude, "longitude": place.longitude, "title": place.name, "address": place.note}
        body = venue | {"chat_id": self._chat(delivery, ref), "disable_notification": True}
        if answers := _answers(ref):
            body["reply_parameters"] = answers
        return _shown(await self._call("sendVenue", body))

    def _chat(self, delivery: Delivery, ref: str) -> str:
        return ref.rpartition("/")[0] or self._moves.chat(delivery.channel.address)

    async def _refined(self, method: str, body: dict[str, Any]) -> Answer | Retry | Unsure:
        """Call; where Telegram cannot read our markup, once more without: plain words beat none."""
        answer = await self._call(method, body)
        match answer:
            case Answer(status=400, json={"description": str(why)}) if "can't parse entities" in why:
                log.warning("telegram could not read the markup", why=why)
                plain = {name: value for name, value in body.items() if name != "parse_mode"}
                return await self._call(method, plain | {"text": html.unescape(body["text"])})
        return answer

    async def _call(self, method: str, body: dict[str, Any], seconds: float | None = None) -> Answer | Retry | Unsure:
        return await ask(self._http, self._url + method, msgspec.json.encode(body), seconds=seconds or self._timeout)

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:
        """Yield what people did after `position` by long polling; with a webhook only tell Telegram our address.

        Asking for the next batch confirms the one before to Telegram: commit it first.
        """
        if self.hook is not None:
            await announce(self._call, self._hook_url, self._secret, pause=self._pause)
            await asyncio.Event().wait()
        async for batch in poll(
            self._call, position, self._now, self._moves, seconds=self._poll_seconds, pause=self._pause
        ):
            yield batch

    async def answered(self, update: Inbound, note: str) -> None:
        """Stop the button's spinner; "query is too old" and every other failure is harmless."""
        if update.callback:
            await self._call("answerCallbackQuery", {"callback_query_id": update.callback, "text": cut(note, NOTE)})

    async def show_menu(self, menus: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Set the bot's command menu (setMyCommands); while Telegram cannot be reached it is tried again."""
        for language, entries in menus.items():
            commands = [{"command": word, "description": does} for word, does in entries]
            asked = {"commands": commands, "language_code": language}
            failures = 0
            while not isinstance(answer := await self._call("setMyCommands", asked), Answer):
                await self._pause(min(300.0, 5.0 * 2**failures))
                failures = min(failures + 1, 10)
            if answer.json.get("ok") is not True:
                log.info("telegram menu not set", why=answer.json.get("description") or f"HTTP {answer.status}")
                return

    async def check(self) -> str:
        """Return the bot's name.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        answer = await self._call("getMe", {})
        match answer:
            case Answer(json={"ok": True, "result": {"username": str(name)}}):
                await self._check_hook()
                return f"@{name}"
            case Answer(status=401 | 404):
                raise ConnectionError("telegram: the token is wrong; ask @BotFather for it (/token)")
            case Answer(status=status):
                raise ConnectionError(f"telegram: HTTP {status}; is api_base a Bot API server?")
        raise ConnectionError(f"telegram: {answer.why}")

    async def _check_hook(self) -> None:
        """Look at the webhook as Telegram sees it, where there is one."""
        answer = await self._call("getWebhookInfo", {}) if self.hook is not None else None
        match answer:
            case Answer(json={"ok": True, "result": {"url": ""}}) if not self._hook_url:
                raise ConnectionError(
                    "telegram: webhook_secret is set, but Telegram knows no address; set web.public_url"
                )
            case Answer(json={"ok": True, "result": {"last_error_message": str(why)}}):
                raise ConnectionError(f"telegram: its calls to our webhook fail: {why}")

    async def close(self) -> None:
        """Do nothing: the session is the caller's."""


def _answers(ref: str) -> dict[str, Any] | None:
    number = ref.rpartition("/")[2]
    known = number.isascii() and number.isdigit()
    return {"message_id": int(number), "allow_sending_without_reply": True} if known else None


def _shown(answer: Answer | Retry | Unsure) -> Outcome:
    match answer:
        case Answer(json={"ok": True, "result": {"message_id": int(ref)}}):
            return Sent(str(ref))
        case Answer():
            return classify(answer)
    return answer


def _no_edit(why: str) -> bool:
    return any(words in why for words in ("message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID"))


def _place(delivery: Delivery) -> tuple[str, int]:
    """Return chat and message id of the followed message; 0, which exists nowhere, for a ref that is not ours."""
    chat, _, number = (delivery.reply_to or "").rpartition("/")
    return chat or delivery.channel.address, int(number) if number.isascii() and number.isdigit() else 0


def _content(delivery: Delivery) -> dict[str, Any]:
    """Return text and buttons; our texts are plain, so every sign with a meaning in HTML is escaped."""
    message = delivery.message
    content: dict[str, Any] = {}
    if message.text:
        content = {"text": html.escape(cut(clean(message.text), LIMIT), quote=False), "parse_mode": "HTML"}
    rows = _keyboard(message.buttons)
    if rows or message.edits:
        content["reply_markup"] = {"inline_keyboard": rows}
    return content


def _keyboard(buttons: Sequence[Button]) -> list[list[dict[str, str]]]:
    fitting = [
        {"text": button.label, "callback_data": button.data}
        for button in buttons
        if button.label and 0 < len(button.data.encode()) <= DATA_BYTES
    ]
    return [fitting[at : at + _ROW] for at in range(0, len(fitting), _ROW)]

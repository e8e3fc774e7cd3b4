"""WeChat service account: alerts by template, answers by customer service, hearing by webhook.

A template reaches every follower at any time, but its fields are short. Words that answer somebody go out as
customer-service text as long as WeChat's quota (5 within 48 hours of what they wrote) lasts, then by template too.
`client_msg_id` is our message's id: what is sent again within ten minutes, because an answer was lost, is told once.

Source: developers.weixin.qq.com/doc/service (stable token, template messages, customer service).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal
from urllib.parse import quote

import msgspec
from pydantic import AfterValidator, Field

from alertd.messengers import wechat_errors
from alertd.messengers.arranging import arrange
from alertd.messengers.classes import Class
from alertd.messengers.exchange import REQUEST_TIMEOUT, Answer, ask, form, judge
from alertd.messengers.text import clean, cut_bytes
from alertd.messengers.unpolled import Unpolled
from alertd.messengers.wechat_errors import ERRORS
from alertd.messengers.wechat_fields import filled
from alertd.messengers.wechat_inbound import Hook
from alertd.model import DAY, HOUR, MINUTE, SECOND, Kind, Reject, Retry, Sent, Unsure
from alertd.seams import Abilities
from alertd.settings import Secret, SecretMissingError, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    import aiohttp
    from aiohttp.payload import Payload

    from alertd import seams
    from alertd.model import Delivery, Inbound, Micros, Outcome

REPLY_BYTES: Final = 2048
WINDOW: Final = 48 * HOUR
QUOTA: Final = 5
"""Replies after each thing somebody wrote."""
RESERVE: Final = 2
"""Replies that pictures leave for words."""
REMEMBERED: Final = 1000
_EARLY: Final = 5 * MINUTE  # a token is renewed this long before it ends
_SLACK: Final = 1.0


MENU_BYTES: Final = 16
"""Bytes of a button of the menu."""


def _short(word: str) -> str:
    if len(word.encode()) > MENU_BYTES:
        raise ValueError(f"WeChat's buttons have room for {MENU_BYTES} bytes")
    return word


MenuWord = Annotated[str, Field(min_length=1), AfterValidator(_short)]


class WeChatSettings(Settings):
    """WeChat service account."""

    app_id: str
    app_secret: Secret
    template_id: str
    fields: dict[str, Literal["what", "since", "number", "severity", "value", "normal", "todo"]] = Field(
        default_factory=dict, description="the template's fields, such as thing1, and what goes there"
    )
    token: Secret
    aes_key: Secret | None = None
    menu: list[MenuWord] | None = Field(
        None,
        max_length=3,
        description="words shown as buttons; []: no menu; default: left as it is",
    )
    api_base: str = Field("https://api.weixin.qq.com", pattern=r"^https?://[^\s]+$")


class WeChat(Unpolled):
    """One service account."""

    name = "wechat"
    settings: ClassVar[type[Settings]] = WeChatSettings
    abilities = Abilities(
        limit=REPLY_BYTES,
        inbound=True,
        authenticates=True,
        pictures=True,
        receipts=True,
        knows_again=True,
        window=WINDOW,
    )

    def __init__(
        self,
        settings: WeChatSettings,
        http: aiohttp.ClientSession,
        now: Callable[[], Micros],
        *,
        timeout: float = REQUEST_TIMEOUT,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Read the secrets now, so that a missing one is known at start.

        Raises:
            SecretMissingError: also where encrypted callbacks lack `cryptography`.
        """
        self._settings = settings
        self._secret = settings.app_secret.read()
        self._http = http
        self._base = settings.api_base.rstrip("/")
        self._now = now
        self._timeout = timeout
        self._pause = pause
        self._token, self._token_ends = "", 0
        self._used: dict[str, tuple[Micros, int]] = {}
        """Follower to when they last wrote and how many replies that has had."""
        self._sent: dict[str, str] = {}
        """WeChat's id of a template message to ours, for what is told of it later."""
        crypt = None
        if settings.aes_key is not None:
            try:
                from alertd.messengers.wechat_crypt import Crypt  # noqa: PLC0415 (an extra, for those who use it)

                crypt = Crypt(settings.aes_key.read(), settings.app_id)
            except ImportError as error:
                raise SecretMissingError(
                    "messengers.wechat.aes_key: encrypted callbacks need cryptography: pip install 'alertd[wechat]'"
                ) from error
            except ValueError as error:
                raise SecretMissingError(f"messengers.wechat.aes_key: {error}") from None
        self.hook: seams.Hook | None = Hook(settings.token.read(), crypt, self._sent, now)

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one message; once more only where WeChat clearly refused: the token had ended, the quota is used up."""
        try:
            async with asyncio.timeout(self._timeout + _SLACK):
                if self._may_reply(delivery):
                    outcome = await self._post("custom/send", self._reply(delivery))
                    if outcome is not Class.WINDOW:
                        return self._known(delivery, outcome)
                    self._used[delivery.channel.address] = (delivery.heard or 0, QUOTA)
                outcome = await self._post("template/send", self._template(delivery))
                return self._known(delivery, outcome)
        except TimeoutError:
            return Unsure(f"no answer within {self._timeout:g} s")

    def _known(self, delivery: Delivery, outcome: Outcome | Class) -> Outcome:
        if isinstance(outcome, Class):
            return Reject("WeChat's reply quota is used up")
        if isinstance(outcome, Sent) and outcome.ref:
            self._sent[outcome.ref] = delivery.message.id
            while len(self._sent) > REMEMBERED:
                del self._sent[next(iter(self._sent))]
        return outcome

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:  # noqa: ARG002 (no answers here)
        """Upload a picture and send it as customer service: of the quota of what they wrote two are left for words."""
        if not self._within_quota(delivery, leave=RESERVE):
            return Reject("WeChat takes pictures only for who has just written")
        body, headers = form({}, "media", picture)
        answer = await self._call("media/upload?type=image", body, headers)
        match answer:
            case Answer(json={"media_id": str(medium)}):
                image = {"touser": delivery.channel.address, "msgtype": "image", "image": {"media_id": medium}}
                return self._known(delivery, await self._post("custom/send", image))
        return Reject(f"not uploaded: {_fault(answer) or 'no media_id in the answer'}")

    def _may_reply(self, delivery: Delivery) -> bool:
        """Tell whether this answers somebody within the quota, and count it."""
        return delivery.message.kind is Kind.REPLY and self._within_quota(delivery)

    def _within_quota(self, delivery: Delivery, leave: int = 0) -> bool:
        heard, who = delivery.heard, delivery.channel.address
        if heard is None or self._now() - heard >= WINDOW - MINUTE:
            return False
        since, used = self._used.get(who, (heard, 0))
        used = used if since == heard else 0
        if used >= QUOTA - leave:
            return False
        self._used[who] = (heard, used + 1)
        return True

    def _reply(self, delivery: Delivery) -> dict[str, Any]:
        text = cut_bytes(clean(delivery.message.text), REPLY_BYTES) or "…"
        return {"touser": delivery.channel.address, "msgtype": "text", "text": {"content": text}}

    def _template(self, delivery: Delivery) -> dict[str, Any]:
        return {
            "touser": delivery.channel.address,
            "template_id": self._settings.template_id,
            "client_msg_id": delivery.message.id,
            "data": filled(self._settings.fields, delivery.message),
        }

    async def _post(self, path: str, body: dict[str, Any]) -> Outcome | Class:
        """Send; WINDOW: refused because the replies are used up."""
        answer = await self._call(f"message/{path}", body)
        match answer:
            case Answer(json={"errcode": 0, **more}):
                return Sent(str(more.get("msgid", "")))
            case Answer(json={"errcode": int(code)}):
                if ERRORS.get(code) is Class.WINDOW and path == "custom/send":
                    return Class.WINDOW
                return wechat_errors.outcome(code, _words(answer, code))
            case Answer(status=status):
                return judge(answer, f"HTTP {status}")
        return answer

    async def _call(
        self, path: str, body: dict[str, Any] | Payload | None, headers: Mapping[str, str] | None = None
    ) -> Answer | Retry | Unsure:
        """Call with a token; one that had ended is renewed once. None: GET."""
        for force in (False, True):
            wrong = await self._renew(force=force)
            if wrong is not None:
                return wrong
            mark = "&" if "?" in path else "?"
            url = f"{self._base}/cgi-bin/{path}{mark}access_token={quote(self._token)}"  # never shown
            encoded = msgspec.json.encode(body) if isinstance(body, dict) else body
            method = "GET" if body is None else "POST"
            answer = await ask(self._http, url, encoded, seconds=self._timeout, method=method, headers=headers)
            match answer:
                case Answer(json={"errcode": int(code)}) if ERRORS.get(code) is Class.TOKEN and not force:
                    continue
            return answer
        raise AssertionError("the second round always returns")

    async def _renew(self, *, force: bool) -> Retry | None:
        """Make sure of a token; None: there is one. No message is sent here, so nothing is unsure."""
        if not force and self._token and self._now() < self._token_ends:
            return None
        body = {
            "grant_type": "client_credential",
            "appid": self._settings.app_id,
            "secret": self._secret,
            "force_refresh": force,
        }
        url = f"{self._base}/cgi-bin/stable_token"
        answer = await ask(self._http, url, msgspec.json.encode(body), seconds=self._timeout)
        match answer:
            case Answer(json={"access_token": str(token), "expires_in": int(seconds)}):
                self._token, self._token_ends = token, self._now() + seconds * SECOND - _EARLY
                return None
            case Answer(json={"errcode": int(code)}):
                known = wechat_errors.outcome(code, _words(answer, code))
                return known if isinstance(known, Retry) else Retry(known.why, whole_account=True, config=True)
            case Answer(status=status):
                return Retry(f"HTTP {status} instead of a token", answer.retry_after, whole_account=True)
        return Retry(answer.why, whole_account=True)

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:
        """Arrange the account's menu, where the file has one; then yield nothing, for ever: WeChat calls us."""
        if self._settings.menu is not None:
            await arrange("wechat: the menu is not set", self._set_menu, self._pause)
        async for nothing in super().inbound(position):
            yield nothing

    async def _set_menu(self) -> str:
        """Have the account show the words, or none; return why not, "" when it does (custom menu API)."""
        words = self._settings.menu or []
        buttons = [{"type": "click", "name": word, "key": word} for word in words]
        path, body = ("menu/create", {"button": buttons}) if words else ("menu/delete", None)
        return _fault(await self._call(path, body))

    async def join_link(self, code: str) -> str:
        """Return what a QR code must hold so that whoever scans it follows and joins (a scene, for a day).

        Raises:
            ConnectionError: with what is wrong.
        """
        scene = {"expire_seconds": DAY // SECOND, "action_name": "QR_STR_SCENE"}
        scene["action_info"] = {"scene": {"scene_str": code}}
        answer = await self._call("qrcode/create", scene)
        match answer:
            case Answer(json={"url": str(url)}):
                return url
        raise ConnectionError(f"wechat: {_fault(answer) or 'no address in the answer'}")

    async def check(self) -> str:
        """Return the account's id, once WeChat gave us a token.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """
        wrong = await self._renew(force=False)
        if wrong is not None:
            raise ConnectionError(f"wechat: {wrong.why}; check app_id, app_secret and the list of allowed addresses")
        return self._settings.app_id


def _words(answer: Answer, code: int) -> str:
    return f"{str(answer.json.get('errmsg', 'error'))[:200]} ({code})"


def _fault(answer: Answer | Retry | Unsure) -> str:
    """Return what is wrong with an answer that is no message's, "" if nothing is."""
    match answer:
        case Answer(json={"errcode": 0}):
            return ""
        case Answer(json={"errcode": int(code)}):
            return _words(answer, code)
        case Answer(status=status):
            return f"HTTP {status}"
    return answer.why

"""A strict stand-in for the Telegram Bot API on loopback, with faults on demand.

In a test:

    async with FakeTelegram() as api:
        ...  # point `api_base` at api.base, `token` at api.token
        api.fail("timeout")          # the next sendMessage is accepted and never answered
        api.press(api.sent[0], 0, user=4711)

As a process that outlives a `kill -9` of alertd: `python tests/fake_telegram.py --port 8081 --log sent.jsonl`.
It prints its base and token; every accepted message is a line of the log. `POST /control/WHAT` (fail, chaos, say,
press, block, down) with the arguments as JSON and `GET /control/sent` do what the methods do.
"""

# ruff: noqa: N802 (the methods are named as the Bot API names them)

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from fake_telegram_text import BadTextError, parse
from serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOKEN = "4242424242:AAFakeTokenOfTheFakeTelegramServer00"
BOT = {"id": 4242424242, "is_bot": True, "first_name": "alertd", "username": "alertd_fake_bot"}
FAULTS = ("429", "500", "502", "503", "504", "timeout", "cut", "garbage", "abort", "slow", "403", "400-unreadable")
KNOWN = {
    "getMe": set(),
    "deleteWebhook": {"drop_pending_updates"},
    "setWebhook": {"url", "secret_token", "allowed_updates", "drop_pending_updates", "max_connections"},
    "getWebhookInfo": set(),
    "getUpdates": {"offset", "limit", "timeout", "allowed_updates"},
    "setMyCommands": {"commands", "scope", "language_code"},
    "answerCallbackQuery": {"callback_query_id", "text", "show_alert", "url", "cache_time"},
    "editMessageText": {"chat_id", "message_id", "text", "parse_mode", "reply_markup", "link_preview_options"},
    "editMessageReplyMarkup": {"chat_id", "message_id", "reply_markup"},
    "sendMessage": {
        "chat_id", "text", "parse_mode", "reply_markup", "reply_parameters", "disable_notification", "protect_content",
        "link_preview_options",
    },
    "sendVenue": {
        "chat_id",
        "latitude",
        "longitude",
        "title",
        "address",
        "reply_parameters",
        "disable_notification",
    },
    "sendPhoto": {"chat_id", "photo", "caption", "parse_mode", "reply_parameters", "disable_notification"},
}  # fmt: skip


@dataclass
class Told:
    """A message in a chat: what a person sees, `at` which second of the wall clock it was accepted."""

    message_id: int
    chat: int
    text: str
    at: float
    buttons: list[dict[str, str]] = field(default_factory=list)
    reply_to: int | None = None
    edits: int = 0
    answered: bool = True
    """Whether the client was told that it arrived."""


@dataclass
class Fault:
    """What goes wrong with one request. `seconds`: retry_after of a 429, delay of `slow`."""

    kind: str
    method: str = "sendMessage"
    seconds: float = 1
    chat: int | None = None


class ApiError(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad(description: str, **parameters: int) -> ApiError:
    return ApiError(400, f"Bad Request: {description}", **parameters)


class FakeTelegram:
    """The server. `sent` is what people got, `unknown` the parameters no method has, `calls` every request."""

    def __init__(
        self,
        *,
        chats: Iterable[int] | None = (4711, 4712, 4713),
        port: int = 0,
        prefix: str = "",
        log: Path | None = None,
    ) -> None:
        self.token = TOKEN
        self.sent: list[Told] = []
        self.edits: list[Told] = []
        self.unknown: list[str] = []
        self.pictures: list[tuple[int, bytes, int | None, str | None]] = []
        self.places: list[tuple[int, float, float, str, str, int | None]] = []
        """Chat, latitude, longitude, title, address, the message it answers."""
        """(chat, picture, the message it answers, "true" without a sound)."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.notes: dict[str, str] = {}
        self.menus: dict[str, list[str]] = {}
        """Language code ("": everybody else) to the words of the command menu."""
        self.blocked: set[int] = set()
        self.migrated: dict[int, int] = {}
        self.hook = ""
        self.hook_fault = ""
        """What last went wrong when Telegram called the webhook."""
        self._chats = None if chats is None else set(chats)
        self._faults: deque[Fault] = deque()
        self._chaos: tuple[random.Random, Mapping[str, float]] | None = None
        self._updates: list[dict[str, Any]] = []
        self._allowed: list[str] = []
        self._next_update = 700_000_001
        self._next_message = 0
        self._presses: set[str] = set()
        self._poll: asyncio.Future[None] | None = None
        self._poller = 0
        self._port, self._prefix, self._log = port, prefix, log
        self._serving: Serving | None = None
        self._halt = asyncio.Event()
        self._pausing: asyncio.Task[None] | None = None

    @property
    def base(self) -> str:
        """What `api_base` must be."""
        return f"http://127.0.0.1:{self._port}{self._prefix}"

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Listen; the first time on a free port, then always on the same one."""
        app = web.Application()
        app.router.add_route("*", self._prefix + "/bot{token}/{method}", self._serve)
        app.router.add_route("*", "/control/{what}", self._control)
        self._halt = asyncio.Event()
        self._serving = await Serving.start(app, self._port)
        self._port = self._serving.port

    async def down(self) -> None:
        """Stop listening: connections are refused until `up()`."""
        self._halt.set()
        self._ring()
        if self._serving is not None:
            await self._serving.stop()
            self._serving = None

    # --- what tests do -----------------------------------------------------------------------

    def fail(
        self, kind: str, times: int = 1, *, method: str = "sendMessage", seconds: float = 1, chat: int | None = None
    ) -> None:
        """Let the next `times` requests of `method` (to `chat`) go wrong.

        429, 500, 503: not accepted. 502, 504: not accepted either, but the client cannot know. 403: blocked.
        timeout: accepted, never answered. cut: accepted, connection closed without an answer. garbage: accepted,
        unreadable 200. abort: connection closed before anything was accepted. slow: answered after `seconds`.
        400-unreadable: refused with a body that is no JSON.
        """
        assert kind in FAULTS, kind
        self._faults.extend(Fault(kind, method, seconds, chat) for _ in range(times))

    def chaos(self, seed: int, odds: Mapping[str, float]) -> None:
        """From now on every sendMessage goes wrong with these probabilities, the same way for the same seed."""
        assert set(odds) <= set(FAULTS), odds
        self._chaos = (random.Random(seed), odds) if odds else None

    def say(self, chat: int, text: str, user: int | None = None, *, kind: str = "private") -> int:
        """Let a person write; the chat is known from then on. Returns the update id."""
        if self._chats is not None:
            self._chats.add(chat)
        self.blocked.discard(chat)
        body: dict[str, Any] = {
            "message_id": self._number(),
            "from": _person(user or chat),
            "chat": {"id": chat, "type": kind},
            "date": int(time.time()),
            "text": text,
        }
        if text.startswith("/"):
            body["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
        return self.update({"message": body})

    def press(self, message: Told | int, button: int, user: int | None = None) -> str:
        """Let a person press a button of a message; returns the callback id, `notes` has the answer."""
        told = message if isinstance(message, Told) else next(one for one in self.sent if one.message_id == message)
        data = told.buttons[button]["callback_data"]
        callback = str(random.Random(self._next_update).getrandbits(62))
        self._presses.add(callback)
        shown = {
            "message_id": told.message_id,
            "from": BOT,
            "chat": {"id": told.chat, "type": "private" if told.chat > 0 else "supergroup"},
            "date": int(told.at),
            "text": told.text,
        }
        query = {
            "id": callback,
            "from": _person(user or told.chat),
            "message": shown,
            "chat_instance": "1",
            "data": data,
        }
        self.update({"callback_query": query})
        return callback

    def block(self, chat: int, *, blocked: bool = True) -> None:
        """Let a person block the bot, or unblock it."""
        (self.blocked.add if blocked else self.blocked.discard)(chat)
        member: dict[str, Any] = {"user": BOT, "status": "kicked" if blocked else "member"}
        before: dict[str, Any] = {"user": BOT, "status": "member" if blocked else "kicked"}
        if blocked:
            member["until_date"] = 0
        else:
            before["until_date"] = 0
        self.update(
            {
                "my_chat_member": {
                    "chat": {"id": chat, "type": "private"},
                    "from": _person(chat),
                    "date": int(time.time()),
                    "old_chat_member": before,
                    "new_chat_member": member,
                }
            }
        )

    def update(self, body: dict[str, Any]) -> int:
        """Queue any update, also one no client knows; kinds that were not asked for are lost, as with the real one."""
        number = self._next_update
        self._next_update += 1
        if not self._allowed or set(body) & set(self._allowed):
            self._updates.append({"update_id": number, **body})
            self._ring()
        return number

    @property
    def pending(self) -> int:
        """How many updates are not confirmed."""
        return len(self._updates)

    def to(self, chat: int) -> list[str]:
        """The texts in a chat, in order."""
        return [told.text for told in self.sent if told.chat == chat]

    # --- the wire ----------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            self._authorise(request.match_info["token"])
            arguments = await self._arguments(request, method)
            self.calls.append((method, arguments))
            fault = self._fault(method, arguments)
            self._refuse(fault)
            if fault and fault.kind == "400-unreadable":
                return web.Response(status=400, body=b"\xff\xfe<", content_type="application/json")
            if fault and fault.kind == "abort":
                return self._cut(request)
            told_before = len(self.sent) + len(self.edits)
            result = await getattr(self, f"_{method}")(arguments)
            if fault and len(self.sent) + len(self.edits) > told_before and fault.kind in ("timeout", "cut", "garbage"):
                (self.edits if method.startswith("edit") else self.sent)[-1].answered = False
            self._write(method, told_before)
        except ApiError as error:
            answer = {"ok": False, "error_code": error.code, "description": error.description}
            if error.parameters:
                answer["parameters"] = error.parameters
            return web.json_response(answer, status=error.code)
        return await self._answer(request, fault, {"ok": True, "result": result})

    async def _answer(self, request: web.Request, fault: Fault | None, answer: Any) -> web.StreamResponse:
        match fault.kind if fault else "":
            case "timeout":
                await self._halt.wait()
                return self._cut(request)
            case "cut":
                return self._cut(request)
            case "garbage":
                return web.Response(text="<html>It works!</html>", content_type="text/html")
            case "slow":
                assert fault is not None
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._halt.wait(), fault.seconds)
        return web.json_response(answer)

    def _cut(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _authorise(self, token: str) -> None:
        number, colon, rest = token.partition(":")
        if not colon or not number.isdigit() or not rest:
            raise ApiError(404, "Not Found")
        if token != self.token:
            raise ApiError(401, "Unauthorized")

    async def _arguments(self, request: web.Request, method: str) -> dict[str, Any]:
        if method not in KNOWN:
            raise ApiError(404, "Not Found")
        found: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            try:
                found |= await request.json()
            except ValueError as error:
                raise bad("can't parse JSON object") from error
        else:
            form = await request.post()
            found |= {key: value if isinstance(value, str) else value.file.read() for key, value in form.items()}
        for key, value in list(found.items()):
            if isinstance(value, str) and value.startswith("attach://"):
                found[key] = found.pop(value.removeprefix("attach://"))
        for key in ("reply_markup", "reply_parameters", "allowed_updates", "link_preview_options"):
            if isinstance(found.get(key), str):
                found[key] = json.loads(found[key])  # forms carry objects as JSON
        self.unknown += [f"{method}.{key}" for key in found if key not in KNOWN[method]]
        return found

    def _fault(self, method: str, arguments: dict[str, Any]) -> Fault | None:
        for fault in self._faults:
            if fault.method == method and fault.chat in (None, _number_or_none(arguments.get("chat_id"))):
                self._faults.remove(fault)
                return fault
        if self._chaos and method == "sendMessage":
            dice, odds = self._chaos
            drawn = dice.random()
            for kind, share in odds.items():
                drawn -= share
                if drawn < 0:
                    return Fault(kind)
        return None

    def _refuse(self, fault: Fault | None) -> None:
        match fault.kind if fault else "":
            case "429":
                assert fault is not None
                after = int(fault.seconds)
                raise ApiError(429, f"Too Many Requests: retry after {after}", retry_after=after)
            case "500" | "502" | "503" | "504" as code:
                words = {"500": "Internal Server Error", "502": "Bad Gateway", "503": "Service Unavailable"}
                raise ApiError(int(code), words.get(code, "Gateway Timeout"))
            case "403":
                raise ApiError(403, "Forbidden: bot was blocked by the user")

    def _write(self, method: str, told_before: int) -> None:
        if self._log is None or len(self.sent) + len(self.edits) == told_before:
            return
        told = (self.edits if method.startswith("edit") else self.sent)[-1]
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"method": method} | asdict(told), ensure_ascii=False) + "\n")

    # --- the methods -------------------------------------------------------------------------

    async def _getMe(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        return BOT | {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _setWebhook(self, arguments: dict[str, Any]) -> bool:
        url, secret = arguments.get("url", ""), arguments.get("secret_token", "")
        if url and not url.startswith("https://"):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise bad("secret token contains unallowed characters")
        self.hook = url
        return True

    async def _getWebhookInfo(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        info = {"url": self.hook, "has_custom_certificate": False, "pending_update_count": len(self._updates)}
        return info | ({"last_error_date": 1, "last_error_message": self.hook_fault} if self.hook_fault else {})

    async def _deleteWebhook(self, _arguments: dict[str, Any]) -> bool:
        self.hook = ""
        return True

    async def _sendMessage(self, arguments: dict[str, Any]) -> dict[str, Any]:
        chat = self._chat(arguments)
        text = _text(arguments)
        buttons = _buttons(arguments.get("reply_markup"))
        reply_to = None
        if reply := arguments.get("reply_parameters"):
            number = _number_or_none(reply.get("message_id"))
            if any(told.chat == chat and told.message_id == number for told in self.sent):
                reply_to = number
            elif not reply.get("allow_sending_without_reply"):
                raise bad("message to be replied not found")
        told = Told(self._number(), chat, text, time.time(), buttons, reply_to)
        self.sent.append(told)
        return _shown(told)

    async def _sendPhoto(self, arguments: dict[str, Any]) -> dict[str, Any]:
        chat = self._chat(arguments)
        if not arguments["photo"].startswith((b"\x89PNG", b"\xff\xd8")):
            raise bad("IMAGE_PROCESS_FAILED")
        reply = arguments.get("reply_parameters") or {}
        self.pictures.append((chat, arguments["photo"], reply.get("message_id"), arguments.get("disable_notification")))
        size = {"file_id": "F1", "file_unique_id": "U1", "width": 1080, "height": 810}
        return self._below(chat, photo=[size])

    def _below(self, chat: int, **content: Any) -> dict[str, Any]:
        kind = "private" if chat > 0 else "supergroup"
        facts = {
            "message_id": self._number(),
            "from": BOT,
            "chat": {"id": chat, "type": kind},
            "date": int(time.time()),
        }
        return facts | content

    async def _sendVenue(self, arguments: dict[str, Any]) -> dict[str, Any]:
        chat = self._chat(arguments)
        if not arguments.get("title") or not arguments.get("address"):
            raise bad("text must be non-empty")
        latitude, longitude = float(arguments["latitude"]), float(arguments["longitude"])
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise bad("wrong latitude or longitude specified")
        reply = arguments.get("reply_parameters") or {}
        title, address = arguments["title"], arguments["address"]
        self.places.append((chat, latitude, longitude, title, address, reply.get("message_id")))
        where = {"latitude": latitude, "longitude": longitude}
        return self._below(chat, venue={"location": where, "title": title, "address": address}, location=where)

    async def _editMessageText(self, arguments: dict[str, Any]) -> dict[str, Any]:
        told = self._told(arguments)
        text, buttons = _text(arguments), _buttons(arguments.get("reply_markup"))
        return self._edit(told, text, buttons)

    async def _editMessageReplyMarkup(self, arguments: dict[str, Any]) -> dict[str, Any]:
        told = self._told(arguments)
        return self._edit(told, told.text, _buttons(arguments.get("reply_markup")))

    def _edit(self, told: Told, text: str, buttons: list[dict[str, str]]) -> dict[str, Any]:
        if (told.text, told.buttons) == (text, buttons):
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message"
            )
        told.text, told.buttons, told.edits = text, buttons, told.edits + 1
        self.edits.append(Told(told.message_id, told.chat, text, time.time(), buttons, told.reply_to, told.edits))
        return _shown(told) | {"edit_date": int(time.time())}

    def _told(self, arguments: dict[str, Any]) -> Told:
        chat, number = self._chat(arguments), _number_or_none(arguments.get("message_id"))
        for told in self.sent:
            if told.chat == chat and told.message_id == number:
                return told
        raise bad("message to edit not found")

    async def _setMyCommands(self, arguments: dict[str, Any]) -> bool:
        commands, language = arguments.get("commands"), arguments.get("language_code") or ""
        if not isinstance(commands, list) or not commands or len(commands) > 100:
            raise bad("can't parse commands")
        for command in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command.get("command", "")):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(command.get("description", "")) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        if language and not re.fullmatch(r"[a-z]{2}", language):
            raise bad("LANG_CODE_INVALID")
        self.menus[language] = [command["command"] for command in commands]
        return True

    async def _answerCallbackQuery(self, arguments: dict[str, Any]) -> bool:
        callback, text = str(arguments.get("callback_query_id", "")), arguments.get("text", "")
        if len(text) > 200:
            raise bad("MESSAGE_TOO_LONG")
        if callback not in self._presses:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self._presses.discard(callback)
        self.notes[callback] = text
        return True

    async def _getUpdates(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        if self.hook:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        if "allowed_updates" in arguments:
            self._allowed = arguments["allowed_updates"]
        offset, limit = int(arguments.get("offset", 0)), min(100, max(1, int(arguments.get("limit", 100))))
        if offset < 0:
            self._updates = self._updates[offset:]
        else:
            self._updates = [update for update in self._updates if update["update_id"] >= offset]
        self._poller += 1
        mine = self._poller
        self._ring()  # the older poll ends with a conflict
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(50.0, float(arguments.get("timeout", 0)))
        while not self._updates and (left := deadline - loop.time()) > 0 and not self._halt.is_set():
            self._poll = self._poll or loop.create_future()
            await asyncio.wait([self._poll], timeout=left)
            if mine != self._poller:
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )
        return self._updates[:limit]

    def _chat(self, arguments: dict[str, Any]) -> int:
        chat = _number_or_none(arguments.get("chat_id"))
        if chat is None:
            raise bad("chat_id is empty" if not arguments.get("chat_id") else "chat not found")
        if chat in self.migrated:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrated[chat])
        if self._chats is not None and chat not in self._chats and chat not in self.migrated.values():
            raise bad("chat not found")
        if chat in self.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat

    def _number(self) -> int:
        self._next_message += 1
        return self._next_message

    def _ring(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
        self._poll = None

    # --- the same from outside the process ---------------------------------------------------

    async def _control(self, request: web.Request) -> web.StreamResponse:
        arguments = await request.json() if request.can_read_body else {}
        match request.match_info["what"]:
            case "sent":
                return web.json_response([asdict(told) for told in self.sent])
            case "fail" | "chaos" | "say" | "press" | "block" as what:
                return web.json_response({"result": getattr(self, what)(**arguments)})
            case "down":
                self._pausing = asyncio.create_task(self._pause(arguments["seconds"]))
                return web.json_response({"result": True})
        raise web.HTTPNotFound

    async def _pause(self, seconds: float) -> None:
        await self.down()
        await asyncio.sleep(seconds)
        await self.up()


def _person(number: int) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": f"Person {number}", "language_code": "de"}


def _number_or_none(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _text(arguments: dict[str, Any]) -> str:
    try:
        return parse(str(arguments.get("text", "")), arguments.get("parse_mode"))
    except BadTextError as error:
        raise bad(str(error)) from None


def _buttons(markup: Any) -> list[dict[str, str]]:
    if not markup:
        return []
    rows = markup.get("inline_keyboard")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" of the InlineKeyboardMarkup should be an Array of Arrays')
    buttons = [button for row in rows for button in row]
    if len(buttons) > 100:
        raise bad("reply markup is too long")
    for button in buttons:
        if not button.get("text"):
            raise bad("inline keyboard button text is empty")
        if not 1 <= len(str(button.get("callback_data", "")).encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")
    return buttons


def _shown(told: Told) -> dict[str, Any]:
    chat = {"id": told.chat, "type": "private" if told.chat > 0 else "supergroup"}
    return {"message_id": told.message_id, "from": BOT, "chat": chat, "date": int(told.at), "text": told.text}


async def _main() -> None:
    options = argparse.ArgumentParser(description="A strict stand-in for the Telegram Bot API on loopback.")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--log", type=Path, help="a JSON line for every accepted message")
    options.add_argument("--chats", help="known chats, comma-separated; default: any")
    chosen = options.parse_args()
    chats = [int(chat) for chat in chosen.chats.split(",")] if chosen.chats else None
    async with FakeTelegram(chats=chats, port=chosen.port, log=chosen.log) as api:
        print(json.dumps({"base": api.base, "token": api.token}), flush=True)  # noqa: T201 (for who started it)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main())

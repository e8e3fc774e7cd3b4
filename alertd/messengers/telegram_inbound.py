"""Telegram Bot API: hearing, by long polling or by webhook.

An update we do not know, or one that is malformed, gives nothing and is passed over
with the next: no update can stop the poll.

Source: core.telegram.org/bots/api (getUpdates, Update, setWebhook).
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from alertd.messengers.exchange import Answer
from alertd.model import OBJECT, SECOND, Inbound, Retry, Unsure
from alertd.seams import Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from alertd.messengers.telegram_moves import Moves
    from alertd.model import Micros
    from alertd.seams import HookCall

    Call = Callable[[str, dict[str, Any], float], Awaitable[Answer | Retry | Unsure]]

KINDS: Final = ("message", "callback_query", "my_chat_member")
WORDLESS: Final = frozenset(
    ["animation", "audio", "contact", "document", "location", "photo", "sticker", "video", "video_note", "voice"]
)
"""Fields of a message that is no text."""
"""The updates we ask for."""
_LONGEST_PAUSE: Final = 60.0  # seconds between attempts while Telegram cannot be reached
_GRACE: Final = 10.0  # seconds beyond the long poll's own for its answer to arrive

log = structlog.get_logger(__name__)


async def poll(
    call: Call,
    position: str,
    now: Callable[[], Micros],
    moves: Moves,
    *,
    seconds: int,
    pause: Callable[[float], Awaitable[None]],
) -> AsyncIterator[Sequence[Inbound]]:
    """Yield batches for ever, beginning with update `position`; empty: with the oldest unconfirmed.

    Telegram repeats updates until a later offset is asked for, which happens here when the caller comes for the next
    batch. Trouble is waited out with growing pauses and logged once per change.
    """
    offset = int(position) if position.isascii() and position.isdigit() else 0
    trouble, failures = "", 0
    behind = True
    while True:
        # After a time of not hearing, what is there already is fetched first: nobody knows how long it has waited.
        asked: dict[str, Any] = {"timeout": 0 if behind else seconds, "allowed_updates": KINDS}
        if offset:
            asked["offset"] = offset
        answer = await call("getUpdates", asked, seconds + _GRACE)
        match answer:
            case Answer(json={"ok": True, "result": list(updates)}):
                if trouble:
                    log.info("telegram hears again", after=trouble)
                    trouble, failures = "", 0
                read = [found for update in updates if (found := heard_of(update, now(), moves)) is not None]
                batch = [replace(one, waited=True) for one in read] if behind else read
                behind = behind and bool(updates)
                offset = max([offset, *(number + 1 for update in updates if (number := _id(update)) is not None)])
                if batch:
                    yield batch
                elif updates and not any(_id(update) is not None for update in updates):
                    await pause(1.0)  # nothing with an id: asking again at once would spin
            case _:
                why = _why(answer)
                if why != trouble:
                    log.warning("telegram cannot hear", why=why)
                    trouble = why
                if "webhook is active" in why:
                    await call("deleteWebhook", {}, _GRACE)  # the configuration says long polling
                await pause(_wait(answer, failures))
                failures += 1
                behind = True


async def announce(call: Call, url: str, secret: str, *, pause: Callable[[float], Awaitable[None]]) -> None:
    """Tell Telegram where to call us, until it knows. One call at a time keeps the order in which people wrote."""
    if not url:
        todo = "set web.public_url, or call setWebhook yourself"
        log.warning("telegram is not told our address", todo=todo)
        return
    asked = {"url": url, "secret_token": secret, "allowed_updates": KINDS, "max_connections": 1}
    trouble, failures = "", 0
    while True:
        answer = await call("setWebhook", asked, _GRACE)
        if isinstance(answer, Answer) and answer.json.get("ok") is True:
            log.info("telegram calls us", url=url)
            return
        why = _why(answer)
        if why != trouble:
            log.warning("telegram does not take our webhook", why=why, url=url)
            trouble = why
        await pause(_wait(answer, failures))
        failures += 1


class Hook:
    """Reads the requests that Telegram makes when a webhook is set."""

    def __init__(self, secret: str, now: Callable[[], Micros], moves: Moves) -> None:
        self._secret = secret.encode()
        self._now = now
        self._moves = moves

    def __call__(self, call: HookCall) -> Heard:
        """Return the update (none if we do not know its kind); 403 for who does not know the secret."""
        given = call.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._secret):
            return Heard(HookAnswer(403, b"X-Telegram-Bot-Api-Secret-Token is wrong or missing"))
        try:
            update = msgspec.json.decode(call.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Heard(HookAnswer(400, b"this is no JSON"))
        found = heard_of(update, self._now(), self._moves)
        # While we could not be reached Telegram kept calls back, and a press has no time: it may be hours old.
        return Heard(updates=[] if found is None else [replace(found, timeless=bool(found.data))])


def heard_of(update: object, now: Micros, moves: Moves) -> Inbound | None:
    """Return what a person did, in the chat as the configuration calls it."""
    moves.learn(update)
    found = read_update(update, now)
    return None if found is None else replace(found, address=moves.address(found.address))


def read_update(update: object, now: Micros) -> Inbound | None:
    """Return what a person did, None for an update that says nothing to us. Never raises.

    A press has no time of its own: it is `now`. Text has, and keeps it unless it lies ahead.
    """
    number = _id(update)
    if number is None:
        return None
    base: dict[str, Any] = {"id": f"telegram:{number}", "messenger": "telegram", "position": str(number + 1)}
    match update:
        case {
            "callback_query": {
                "id": str(callback),
                "from": {"id": int(sender), **person},
                "data": str(data),
                "message": {"message_id": int(ref), "chat": {"id": int(chat)}},
            }
        }:
            return Inbound(
                **base,
                at=now,
                address=str(chat),
                sender=str(sender),
                name=_name(person),
                data=data,
                ref=str(ref),
                callback=callback,
            )
        case {
            "message": {
                "from": {"id": int(sender), **person},
                "chat": {"id": int(chat)},
                "date": int(date),
                **said,
            }
        } if text := _text(said):
            at = min(date * SECOND, now)
            return Inbound(
                **base,
                at=at,
                address=str(chat),
                sender=str(sender),
                name=_name(person),
                text=text,
                ref=_quoted(said),
            )
        case {
            "my_chat_member": {
                "from": {"id": int(sender), **person},
                "chat": {"id": int(chat)},
                "new_chat_member": {"status": str(status)},
            }
        }:
            gone = status in ("kicked", "left")
            return Inbound(
                **base,
                at=now,
                address=str(chat),
                sender=str(sender),
                name=_name(person),
                gone=gone,
                back=not gone,
            )
    return None


def _quoted(said: Mapping[Any, Any]) -> str:
    match said.get("reply_to_message"):
        case {"message_id": int(ref)}:
            return str(ref)
    return ""


def _text(said: Mapping[Any, Any]) -> str:
    text = said.get("text") or said.get("caption")
    return text if isinstance(text, str) else OBJECT if WORDLESS & said.keys() else ""


def _id(update: object) -> int | None:
    match update:
        case {"update_id": int(number)} if number >= 0:
            return number
    return None


def _name(person: Mapping[Any, Any]) -> str:
    parts = (person.get("first_name"), person.get("last_name"))
    return " ".join(part for part in parts if isinstance(part, str) and part)


def _why(answer: Answer | Retry | Unsure) -> str:
    if isinstance(answer, Answer):
        return str(answer.json.get("description") or f"HTTP {answer.status}")
    return answer.why


def _wait(answer: Answer | Retry | Unsure, failures: int) -> float:
    """Return seconds to wait: what Telegram asks for, a minute where only a person can help, else 1, 2, 4 and so on."""
    match answer:
        case Answer(status=429, json={"parameters": {"retry_after": int(seconds) | float(seconds)}}):
            return float(seconds)
        case Answer(status=400 | 401 | 404 | 409):
            return _LONGEST_PAUSE
    return float(min(_LONGEST_PAUSE, 2.0 ** min(failures, 10)))

"""How the first person is reached: the few questions of each messenger that `alertd init` offers."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from alertd.messengers import MESSENGERS, build
from alertd.messengers.exchange import session
from alertd.tools.asking import TRIES

if TYPE_CHECKING:
    from alertd.model import Inbound
    from alertd.seams import Messenger
    from alertd.tools.asking import Dialogue

HEAR: Final = 90.0
"""Seconds to write to the bot in."""


@dataclass(frozen=True, slots=True)
class FirstChannel:
    """A messenger with its settings, and the person's address there (may be empty: they join by message).

    `hidden` are the secrets among the settings: they are kept in files of their own.
    """

    messenger: str = "console"
    address: str = "terminal"
    settings: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Question:
    key: str
    text: str
    default: str = ""
    hidden: bool = False


_SETTINGS: Final[dict[str, tuple[_Question, ...]]] = {
    "console": (),
    "ntfy": (
        _Question("url", "Server, as the phones know it", "https://ntfy.sh"),
        _Question("token", "Access token (Enter: none, as on ntfy.sh)", hidden=True),
    ),
    "telegram": (_Question("token", "Token of your bot (from @BotFather)", hidden=True),),
    "email": (
        _Question("url", "Mail server: smtps:// or smtp+starttls://HOST:PORT"),
        _Question("from", "Sender, such as alerts@farm.example"),
        _Question("username", "User name there (Enter: none)"),
        _Question("password", "Password (Enter: none)", hidden=True),
    ),
    "whatsapp": (
        _Question("phone_number_id", "Phone number id (Meta's developer page, WhatsApp, API setup)"),
        _Question("token", "Permanent access token", hidden=True),
        _Question("app_secret", "App secret", hidden=True),
        _Question("verify_token", "Verify token of the webhook (make one up)", hidden=True),
        _Question("template", "Approved utility template with three parameters", "alert"),
    ),
}
"""Messengers on offer, the simplest first: ntfy needs no account, WhatsApp one with Meta."""

_ADDRESSES: Final = {
    "ntfy": ("Topic (whoever knows it can read along)", r"[A-Za-z0-9_-]{1,64}", "letters, digits, - and _"),
    "email": ("Mail address of the person", r"[^@\s]+@[^@\s]+", "an address such as anna@farm.example"),
    "whatsapp": ("Phone number of the person", r"\+[1-9]\d{6,14}", "with its country, such as +4915112345678"),
}
"""Question, form and example of an address that is typed; at Telegram the person writes to the bot."""


def first_channel(dialogue: Dialogue) -> FirstChannel:
    """Ask how the person is to be reached; what cannot work ends at the console, with the reason."""
    messenger = dialogue.choose("By which messenger", tuple(_SETTINGS), "console")
    if messenger == "console":
        return FirstChannel()
    for _ in range(TRIES):
        told = {one.key: _asked(dialogue, one) for one in _SETTINGS[messenger]}
        told = {key: value for key, value in told.items() if value}
        why = _wrong(messenger, told)
        found = None if why else reached(dialogue, messenger, told)
        if found is not None:
            return found
        if why:
            print(f"  {why}")
        if dialogue.over:
            break
    print("  By the console for now; `messengers:` in the file takes another at any time.")
    return FirstChannel()


def _asked(dialogue: Dialogue, question: _Question) -> str:
    return dialogue.secret(question.text) if question.hidden else dialogue.ask(question.text, question.default)


def _wrong(messenger: str, told: dict[str, str]) -> str:
    """Return what is wrong with the settings, or nothing."""
    try:
        MESSENGERS[messenger].settings.model_validate(told)
    except ValidationError as error:
        faults = ((".".join(str(step) for step in one["loc"]), str(one["msg"])) for one in error.errors())
        return "; ".join(f"{where}: {text}" if where else text for where, text in faults)
    return ""


def reached(dialogue: Dialogue, messenger: str, told: dict[str, str]) -> FirstChannel | None:
    """Find the person's address; None where the settings do not work and the person wants to give others."""
    hidden = {one.key: told[one.key] for one in _SETTINGS[messenger] if one.hidden and one.key in told}
    if messenger == "telegram":
        writer = asyncio.run(_who_writes(dialogue, told))
        if writer is None:
            return None
        address = writer
    else:
        question, form, example = _ADDRESSES[messenger]
        default = f"alertd-{secrets.token_hex(6)}" if messenger == "ntfy" else ""
        address = dialogue.ask(question, default, lambda text: "" if re.fullmatch(form, text) else f"{example}, please")
        if messenger == "ntfy":
            print(f"  On the phone: install the app ntfy, subscribe to {told['url'].rstrip('/')}/{address}")
    shown = {key: value for key, value in told.items() if key not in hidden}
    return FirstChannel(messenger, address, shown, hidden)


async def _who_writes(dialogue: Dialogue, told: dict[str, str]) -> str | None:
    """Find the person's chat: whoever writes to the bot now, and says that it was them; None: another token."""
    async with session() as http:
        settings = MESSENGERS["telegram"].settings.model_validate(told)
        bot = build("telegram", settings, http, lambda: time.time_ns() // 1000)
        try:
            name = await bot.check()
        except ConnectionError as error:
            print(f"  {error}")
            keep = not sys.stdin.isatty() or dialogue.agree("  Keep this token all the same?", default=False)
            return "" if keep else None
        print(f"  The bot is {name}.")
        if not sys.stdin.isatty():
            return ""
        print(f"  Open https://t.me/{name.removeprefix('@')} on your phone and write anything ({HEAR:.0f} s).")
        try:
            async with asyncio.timeout(HEAR):
                update = await _first(bot)
        except TimeoutError:
            print("  Nobody wrote: join later with `alertd people invite`.")
            return ""
        who = "".join(letter for letter in update.name if letter.isprintable()) or update.address
        return update.address if dialogue.agree(f"  {who} wrote. Is that you?", default=True) else ""


async def _first(bot: Messenger) -> Inbound:
    async for updates in bot.inbound(""):
        for update in updates:
            return update
    raise TimeoutError

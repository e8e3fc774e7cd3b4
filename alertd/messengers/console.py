"""Messages printed to the terminal: the phone of the demo, and the module to copy when writing another messenger."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, ClassVar

from alertd.messengers.unpolled import Unpolled
from alertd.model import Reject, Sent
from alertd.seams import Abilities
from alertd.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from alertd.model import Delivery, Micros, Outcome
    from alertd.seams import Hook


class ConsoleSettings(Settings):
    """Nothing to set."""


class Console(Unpolled):
    """One block of text a message, flushed at once; it cannot hear."""

    name = "console"
    settings: ClassVar[type[Settings]] = ConsoleSettings
    abilities = Abilities(limit=100_000, per_chat=50.0, per_account=50.0, burst=50)
    hook: Hook | None = None

    def __init__(
        self,
        settings: ConsoleSettings | None = None,
        http: aiohttp.ClientSession | None = None,
        now: Callable[[], Micros] | None = None,
    ) -> None:
        """Take what every messenger takes; a terminal needs none of it."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Print the message; a terminal that is gone refuses it."""
        message = delivery.message
        lines = [f"── {delivery.channel.address} · {message.severity.value} · {message.kind.value} ──", message.text]
        if message.buttons:
            lines.append("  ".join(f"[{button.label}]" for button in message.buttons))
        try:
            # replaced, not raised: under LANG=C stdout has no degree sign
            encoding = sys.stdout.encoding or "utf-8"
            shown = _printable("\n".join(lines))
            text = (_bubble(shown) if sys.stdout.isatty() else shown).encode(encoding, "replace").decode(encoding)
            print(text, end="\n\n", flush=True)  # noqa: T201 (this messenger prints)
        except (OSError, ValueError) as error:  # ValueError: stdout was closed
            return Reject(f"stdout: {error}")
        return Sent()

    async def check(self) -> str:
        """Return where messages appear."""
        return "stdout"


def _bubble(text: str) -> str:
    """Draw the message as it would look on a phone."""
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 56) or [""]]
    wide = max(len(line) for line in lines)
    body = "\n".join(f"  │ {line:<{wide}} │" for line in lines)
    return f"  ╭{'─' * (wide + 2)}╮\n{body}\n  ╰{'─' * (wide + 2)}╯"


def _printable(text: str) -> str:
    """Drop control signs: a device's name must not move the operator's cursor."""
    return "".join(sign for sign in text if sign == "\n" or sign.isprintable())

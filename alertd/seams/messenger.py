"""The promise of what reaches a phone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from alertd.model import Delivery, Inbound, Micros, Outcome, Receipt


@dataclass(frozen=True, slots=True)
class HookCall:
    """A provider called us. `url` as the provider knows it, with its query; `headers` ignores case; `body` raw."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What the provider gets back; some want their challenge echoed as text."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a call came to: what people did, what became of deliveries, and what the provider is answered.

    The answer is given only when all of it is kept, so a provider that gets none sends it again.
    """

    answer: HookAnswer = field(default_factory=HookAnswer)
    updates: Sequence[Inbound] = ()
    receipts: Sequence[Receipt] = ()


class Hook(Protocol):
    """A messenger's webhook. Pure: signature first, on the raw bytes; what is not believed gets 401 or 403."""

    def __call__(self, call: HookCall) -> Heard:
        """Verify and read one call; redelivery is harmless. Never raises for what comes from outside."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a messenger can do; wording and fallback follow from it.

    `limit`: characters of one message (UTF-16 units for Telegram). `per_chat` and
    `per_account` are messages a second, `burst` how many may go at once.
    """

    limit: int
    buttons: int = 0
    edits: bool = False
    replies: bool = False
    inbound: bool = False
    authenticates: bool = False
    pictures: bool = False
    places: bool = False
    """Whether a place can be shown on a map."""
    per_chat: float = 1.0
    per_account: float = 25.0
    burst: int = 5
    receipts: bool = False
    """Whether what became of a delivery is told later: then an unsure one waits a little before it is repeated."""
    window: Micros = 0
    """How long after somebody wrote they may be answered freely, in microseconds; 0: always (`Delivery.heard`)."""
    knows_again: bool = False
    """Whether a message sent again soon is recognised there and told once: a repeat needs no mark."""
    groups: bool = False
    """Whether several people may share a chat; then `Inbound.sender` is who wrote, and differs from the address."""
    markup: str = ""
    """Signs that mean something there, and what becomes of them in a text; empty: text is text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is to look: WGS 84 degrees, whose place it is, and when it was there as people read it."""

    latitude: float
    longitude: float
    name: str
    note: str


class Messenger(Protocol):
    """Code for one kind of channel. One request in, one outcome out; the courier owns patience."""

    name: str
    abilities: Abilities

    @property
    def hook(self) -> Hook | None:
        """What reads calls of `/hooks/NAME`; None where the messenger is not called."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand one message to the provider and say what became of it, within 10 s.

        Never raises for delivery and never retries. With `message.edits` and `reply_to` it
        changes that message in place.
        """

    async def show(self, delivery: Delivery, picture: bytes, ref: str) -> Outcome:
        """Send a PNG below the text of this delivery (`ref`), silently if it can; only with `abilities.pictures`."""

    async def locate(self, delivery: Delivery, place: Place, ref: str) -> Outcome:
        """Show a place on a map, below the text of this delivery (`ref`); asked only with `abilities.places`."""

    def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:
        """Yield what people did after `position`, for ever; redelivery is harmless.

        Yields nothing, for ever, where the messenger cannot hear. Trouble (wrong token, no
        network) is waited out inside, logged once per change.
        """

    async def answered(self, update: Inbound, note: str) -> None:
        """Close the press of a button (a spinner) with a short note; failing is harmless."""

    async def check(self) -> str:
        """Return who we are there ("@bot") for `doctor`, without sending anything.

        Raises:
            ConnectionError: with what is wrong and the remedy.
        """

    async def close(self) -> None:
        """Release connections."""


@runtime_checkable
class MakesLinks(Protocol):
    """A messenger whose provider makes the links to join by; others' are known (`audience.invites.link`)."""

    async def join_link(self, code: str) -> str:
        """Return what to open, or to show as a QR code, to join with this code within a day.

        Raises:
            ConnectionError: there is none to be had now.
        """


@runtime_checkable
class HasMenu(Protocol):
    """A messenger that shows words in a menu of its own."""

    async def show_menu(self, menus: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Have it show these (word, what it does), by language; "" is for everybody else's. Failing is harmless."""

"""How fast one messenger may be used: messages a second to a chat and in all, and who asked us to wait.

Pure: `now` is an argument. One `Pace` per messenger, owned by the courier.

An account-wide fault (no connection, wrong token) opens the circuit: nothing is sent
until the pause is over, then a single message tries whether it works again. A farm
whose line is down for a day asks a few hundred times, not once per waiting message.
A fault of one chat closes that chat in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.messengers.policy import back_off
from alertd.model import SECOND

if TYPE_CHECKING:
    from alertd.model import Micros, Retry
    from alertd.seams import Abilities

_FORGET_ABOVE: Final = 1000
"""Chats whose buckets are kept before full ones are dropped."""


class Bucket:
    """A token bucket as the time at which it will be full again (the GCRA form: one integer, no refill loop)."""

    __slots__ = ("_burst", "_full_at", "_interval")

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = round(SECOND / per_second)
        self._burst = burst
        self._full_at: Micros = 0

    def ready(self, now: Micros) -> Micros:
        """Return when the next message may go; `now` if at once."""
        return max(now, self._full_at - (self._burst - 1) * self._interval)

    def take(self, now: Micros) -> None:
        """Use one token."""
        self._full_at = max(self._full_at, now) + self._interval

    def full(self, now: Micros) -> bool:
        """Return whether nothing of it is used: the bucket may be forgotten."""
        return self._full_at <= now


class Circuit:
    """Closed while `failures` is 0; after each failure nothing passes before `until`. `asked`: the provider said so."""

    __slots__ = ("_key", "asked", "failures", "until")

    def __init__(self, key: str) -> None:
        self._key = key
        self.failures = 0
        self.until: Micros = 0
        self.asked = False

    def open(self, retry: Retry, now: Micros) -> None:
        """Let nothing pass for as long as the provider asked, else for a growing pause."""
        self.failures += 1
        self.asked = retry.after is not None
        pause = back_off(self.failures, self._key, config=retry.config)
        self.until = now + (pause if retry.after is None else round(retry.after * SECOND))


class Pace:
    """Buckets and blocks of one messenger."""

    def __init__(self, name: str, abilities: Abilities) -> None:
        self._name = name
        self._abilities = abilities
        self._account = Bucket(abilities.per_account, max(abilities.burst, int(abilities.per_account)))
        self._chats: dict[str, Bucket] = {}
        self._circuit = Circuit(name)
        self._chat_circuits: dict[str, Circuit] = {}
        self._trying = False

    def blocked(self, address: str, now: Micros) -> Micros:
        """Return until when the provider, or our circuit, lets nothing through to this chat; `now` if it does."""
        chat = self._chat_circuits.get(address)
        return max(now, self._circuit.until, chat.until if chat else 0)

    def ready(self, address: str, now: Micros) -> Micros | None:
        """Return when the pace allows the next message to this chat; None: when the one on trial has come back."""
        if self._trying:
            return None
        chat = self._chats.get(address)
        return max(self._account.ready(now), chat.ready(now) if chat else now)

    def begin(self, address: str, now: Micros) -> None:
        """Count a message that goes out now."""
        if len(self._chats) > _FORGET_ABOVE:
            self._chats = {known: bucket for known, bucket in self._chats.items() if not bucket.full(now)}
        if address not in self._chats:
            self._chats[address] = Bucket(self._abilities.per_chat, self._abilities.burst)
        self._chats[address].take(now)
        self._account.take(now)
        self._trying = self._circuit.failures > 0

    def unused(self) -> None:
        """Take back a `begin` after which no request was made; its tokens are lost, which only slows us."""
        self._trying = False

    def end(self, address: str, retry: Retry | None, now: Micros) -> None:
        """Take in how it went: `retry` if the provider, or the line, refused for now."""
        self._trying = False
        if retry is not None and (retry.whole_account or retry.config):
            self._circuit.open(retry, now)
            return
        self._circuit.failures = 0
        if retry is None:
            self._chat_circuits.pop(address, None)
            return
        if retry.after is not None and any(
            circuit.asked and circuit.until > now for chat, circuit in self._chat_circuits.items() if chat != address
        ):
            # Telegram does not say whether a 429 meant the chat or the bot: a second chat's tells
            self._circuit.until = now + round(retry.after * SECOND)
        self._chat_circuits.setdefault(address, Circuit(address)).open(retry, now)

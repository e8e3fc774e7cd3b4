"""Groups that became supergroups: Telegram gives them another id, the configuration still has the old one.

What is told to the old id is refused with the new one; what people do comes from the new one.
People and consent hang on the configured id, so it stays the chat's name here until the operator
changes it. Kept in memory: after a restart the first refusal, or the update, tells it again.

Source: core.telegram.org/bots/api#responseparameters, Message.migrate_to_chat_id.
"""

from __future__ import annotations

import structlog

log = structlog.get_logger(__name__)


class Moves:
    """Which configured chat has which id now."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}
        self._before: dict[str, str] = {}

    def moved(self, chat: str, now: str) -> None:
        """Remember that `chat` has the id `now`."""
        address = self.address(chat)
        if self._now.get(address) == now or address == now:
            return
        self._now[address], self._before[now] = now, address
        log.warning("telegram chat moved", chat=address, now=now, todo="change the channel's address")

    def chat(self, address: str) -> str:
        """Return where a configured chat is written to now."""
        return self._now.get(address, address)

    def address(self, chat: str) -> str:
        """Return how the configuration calls the chat from which something came."""
        return self._before.get(chat, chat)

    def learn(self, update: object) -> None:
        """Take the news of a move out of an update, if it is one; both sides of a move are told."""
        match update:
            case {"message": {"chat": {"id": int(chat)}, "migrate_to_chat_id": int(now)}}:
                self.moved(str(chat), str(now))
            case {"message": {"chat": {"id": int(now)}, "migrate_from_chat_id": int(chat)}}:
                self.moved(str(chat), str(now))

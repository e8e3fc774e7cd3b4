"""What was published and is not answered yet: one answer for each packet id, good or bad."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from alertd.ingest.mqtt_line import REFUSED

if TYPE_CHECKING:
    from alertd.ingest.mqtt_address import Address


class Posted:
    """The publishes of one connection that wait for the broker's answer; empty text: it took them."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._waiting: dict[int, tuple[str, asyncio.Future[str]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, number: int) -> bool:
        return number in self._waiting

    def wait(self, number: int, topic: str) -> asyncio.Future[str]:
        """Return what the answer to a publish will be."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[number] = topic, answer
        return answer

    def settle(self, number: int, code: int) -> None:
        """Take the broker's answer; a packet id that nobody waits for is none of ours."""
        topic, answer = self._waiting.pop(number, ("", None))
        if answer is not None and not answer.done():
            refused = f"{self._address} refused to publish to {topic} (reason code {code})"
            answer.set_result(refused if code >= REFUSED else "")

    def end(self, why: str) -> None:
        """Tell everybody who waits that no answer will come."""
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_result(why)
        self._waiting.clear()


def answered(why: str) -> asyncio.Future[str]:
    """Return an answer that is known already."""
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    answer.set_result(why)
    return answer

"""The promise of what brings messages in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from alertd.model import Link, Micros


@dataclass(slots=True)
class Raw:
    """One message as it came: text topic, bytes, and what the broker said of it.

    `received` is unique and increases from message to message (1 microsecond steps
    within one socket read). `packet` is the MQTT packet id (0: QoS 0). `backlog`
    marks what the broker had kept while we were away, as far as it can be known.
    """

    topic: str
    payload: bytes
    received: Micros
    packet: int = 0
    duplicate: bool = False
    retained: bool = False
    backlog: bool = False


@dataclass(slots=True)
class RawBatch:
    """What one socket read brought, in order; `position` is handed back to `acknowledge`."""

    messages: list[Raw]
    position: int


class Source(Protocol):
    """Ordered batches with a position. May repeat, never skips; acknowledged only after commit."""

    def events(self) -> AsyncIterator[RawBatch | Link]:
        """Yield batches and, in their order, the coming and going of the connection, for ever.

        A broker that is absent is not an error: `Link(up=False, why=…)`, and it keeps trying
        with jittered back-off.
        """

    def acknowledge(self, position: int) -> None:
        """Acknowledge every batch up to and including `position`: called after their commit."""

    def pressing(self, held: int) -> bool:
        """Return whether `held` unacknowledged messages fill half of the broker's in-flight window."""

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Publish on the source's own connection.

        Raises:
            ConnectionError: not connected, or the broker refused it.
        """

    def post(self, topic: str, payload: bytes, *, qos: int, seconds: int) -> asyncio.Future[str] | None:
        """Publish at this very moment or not at all; None: there is no connection and nothing was sent.

        Never repeated, and not kept by the broker for longer than `seconds` (where it speaks MQTT 5). The
        future becomes empty when the broker has it, else one sentence why not.
        """

    async def close(self) -> None:
        """Say offline, disconnect and keep the session (expiry at least 7 days)."""

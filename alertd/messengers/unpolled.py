"""A messenger that is not asked for news: its provider calls us, or nobody can answer there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from alertd.model import Inbound


class Unpolled:
    """The three methods of a `seams.Messenger` that have nothing to do there."""

    async def inbound(self, position: str) -> AsyncIterator[Sequence[Inbound]]:  # noqa: ARG002 (the seam's)
        """Yield nothing, for ever."""
        await asyncio.Event().wait()
        yield ()

    async def answered(self, update: Inbound, note: str) -> None:
        """Do nothing: a press has no spinner there, the reply says what happened."""

    async def close(self) -> None:
        """Do nothing: the session is the caller's, and each message has a connection of its own."""

"""Everything that may follow a text: places at once, pictures when they are drawn; neither waits for the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from alertd.charts.drawing import Drawing, available
from alertd.charts.placing import Placing
from alertd.charts.showing import Showing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from alertd.charts.following import Following
    from alertd.engine import Engine
    from alertd.model import Delivery
    from alertd.seams import Clock, Messenger, Store


class Extras:
    """What the daemon has; `path` is the store's file, beside which matplotlib keeps its fonts."""

    def __init__(
        self,
        engine: Engine,
        messengers: Mapping[str, Messenger],
        clock: Clock,
        store: Store,
        path: Path,
        paid: Callable[[str, float], None],
    ) -> None:
        parts = (engine, messengers, clock, store, paid)
        drawing = Drawing(path.parent / "charts") if available() else None
        self._all: tuple[Following, ...] = (Placing(*parts), Showing(*parts, path=path, drawing=drawing))

    def sent(self, delivery: Delivery, ref: str) -> None:
        """Note that a text was sent."""
        for one in self._all:
            one.sent(delivery, ref)

    async def run(self) -> None:
        """Send what follows, for ever."""
        async with asyncio.TaskGroup() as group:
            for one in self._all:
                group.create_task(one.run(), name=one.what)

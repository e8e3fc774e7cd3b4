"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio

from deliveries import T0


class ManualClock:
    """`seams.Clock` for tests; `sleepers` is how many wait for it."""

    def __init__(self, now: int = T0) -> None:
        self._now = now
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> int:
        return self._now

    def mark(self) -> tuple[int, ...]:
        return ()

    async def sleep_until(self, when: int) -> None:
        if when > self._now:
            woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.append((when, woken))
            await woken

    def advance(self, micros: int) -> None:
        self._now += micros
        for when, woken in self._sleepers:
            if when <= self._now and not woken.done():
                woken.set_result(None)
        self._sleepers = [(when, woken) for when, woken in self._sleepers if not woken.done()]

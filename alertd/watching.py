"""What the daemon does by the clock alone: it asks sources, and watches the broker, the traffic and itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from alertd.model import SECOND, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.clock import SystemClock
    from alertd.engine import Engine
    from alertd.ingest.decoder import Decoder
    from alertd.keeping import Keeper
    from alertd.seams import Source
    from alertd.systemd import Systemd

log = structlog.get_logger("alertd")

EVERY: Final = 5 * SECOND
DOWN_TOLD_AFTER: Final = 30 * SECOND
"""A broker away for this long is told to the operator; shorter gaps are the nature of LTE."""
STUCK: Final = 60 * SECOND
"""Without a turn of the engine or a due commit for this long, systemd hears no more of us and starts us again."""


async def ask(decoder: Decoder, source: Source, clock: SystemClock) -> None:
    """Publish what sources must be asked, on the source's own connection; what is lost is asked again."""
    while True:
        await asyncio.sleep(1)
        for request in decoder.requests.due(clock.now()):
            try:
                await source.publish(request.topic, request.payload, qos=0, retain=False)
            except ConnectionError as error:
                log.info("not asked", topic=request.topic, why=str(error))


async def watch(
    engine: Engine, keeper: Keeper, clock: SystemClock, systemd: Systemd, was_set: Callable[[], None]
) -> None:
    """Every 5 s: tell the operator of a broker that stays away and of sources that map nothing; feed the watchdog.

    More often where systemd wants to hear of us within less than 10 s. `was_set` is called once the wall clock
    has been set and has stayed so from one look to the next.
    """
    told = stepped = False
    set_by = 0
    pause = min(EVERY, (systemd.watchdog_interval or 2 * EVERY) // 2) / SECOND
    while True:
        await asyncio.sleep(pause)
        now, book = clock.now(), engine.book
        before, set_by = set_by, clock.set_by()
        if set_by and abs(set_by - before) < SECOND:
            was_set()
        elif clock.stepped() and not stepped and not set_by:
            log.warning(
                "the wall clock shows another time: messages go on with ours",
                ahead_s=(clock.now() - clock.wall()) // SECOND,
                remedy="if the wall clock is right, start alertd again",
            )
        stepped = clock.stepped() and not set_by
        down = book.down_since
        if down is not None and not told and now - down > DOWN_TOLD_AFTER:
            told = True
            await keeper.put(Trouble("broker", now, "the MQTT broker cannot be reached; still trying"))
        elif down is None and (told or "broker" in book.troubles):
            told = False
            await keeper.put(Trouble("broker", now, "the MQTT broker is back", over=True))
        for trouble in keeper.traffic.troubles(now, book.away_between, tuple(book.troubles)):
            await keeper.put(trouble)
        waiting = keeper.holding.held.since
        committing = waiting is None or now - waiting < STUCK or keeper.holding.full_since is not None
        if now - keeper.turned < STUCK and committing:
            systemd.alive()

"""What the store keeps, read again at the start: the book is brought back to where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd import recovery
from alertd.detect.relearning import Relearning

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.engine import Engine
    from alertd.ingest.learned import Learned
    from alertd.seams import Kept, Store

MOST: Final = 2_000_000
"""Readings, the newest, that a rule lives through to learn: less than half a minute on a laptop, in which nothing is
judged. A month of 200 animals is half of it."""


class StoppedError(Exception):
    """Raised by `alive`: alertd was told to stop."""


async def reread(
    engine: Engine, learned: Learned, store: Store, kept: Kept, alive: Callable[[], object] = lambda: None
) -> tuple[int, int]:
    """Enter what was kept, then the journal; return how many readings were replayed and how many left out.

    What the snapshot does not know of rules and series is learned from the readings that it covers; a
    damaged one covers nothing. `alive` is called while it goes on; what it raises ends it, with nothing handed over
    that was learned by half.
    """
    restored = recovery.restore(engine, kept, learned)
    relearning = Relearning(engine.book.panel)
    replayed = left_out = 0
    if relearning.needed:
        async for seq, batch in store.readings_since(await store.before_newest(MOST)):
            if seq > kept.snapshot_seq:
                break
            left_out += sum(recovery.piecewise(part, relearning.take) for part in restored.again(batch))
            alive()
        relearning.done()
    covered = kept.snapshot is not None and not restored.damaged
    async for _, batch in store.readings_since(kept.snapshot_seq if covered else await store.before_newest(MOST)):
        learned.follow(batch)
        left_out += sum(recovery.replay(engine, part) for part in restored.again(batch))
        replayed += len(batch)
        alive()
    return replayed, left_out

"""A process that commits for ever and says what was acknowledged, to be killed: `store_child.py PATH START [hold]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
from store_samples import NOW, batch, fever, message

from alertd.model import Changes
from alertd.seams import Flush, Settlement
from alertd.store.sqlite import SqliteStore


async def main(path: Path, start: int, *, hold: bool) -> None:
    store = SqliteStore(path, ballast=4096)
    await store.open()
    for n in range(start, 1_000_000):
        name = f"message-{n}"
        changes = Changes(alerts={f"alert-{n}": fever(n)}, messages=[message(name, due=NOW + n)], counters={"alert": n})
        readings = batch(*np.full(200, float(n)))
        await store.commit(Flush(NOW + n, readings, changes=changes, ledger=[(n % 65536, n)], session="one"))
        print("committed", n, flush=True)  # noqa: T201 (the test reads it)
        delivery = await store.claim(name, NOW + n)
        print("claimed", n, flush=True)  # noqa: T201
        if hold:
            sys.stdin.read()  # until killed, with the request under way
        await store.settle(delivery, Settlement("sent", "sent", NOW + n, ref=str(n)))
        print("settled", n, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), hold="hold" in sys.argv))

"""kill -9 at any moment: what was acknowledged is there, whole, and nothing is half there."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from store_samples import NOW

from alertd.store.sqlite import SqliteStore

CHILD = Path(__file__).with_name("store_child.py")
KILLS = int(os.environ.get("ALERTD_KILLS", "20"))


def run_and_kill(path: Path, start: int, lines: int, pause: float) -> dict[str, int]:
    """Let the child acknowledge `lines` things, wait a moment that falls anywhere in its loop, kill it.

    Returns the last number of each thing it said.
    """
    last: dict[str, int] = {}
    child = subprocess.Popen([sys.executable, str(CHILD), str(path), str(start)], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        for count, line in enumerate(child.stdout, 1):
            what, _, number = line.partition(" ")
            last[what] = int(number)
            if count == lines:
                # Not to wait for anything: to spread the kills over the loop.
                try:
                    child.wait(pause)
                except subprocess.TimeoutExpired:
                    child.kill()
    assert child.returncode == -9, "the child ended by itself"
    return last


async def test_what_was_acknowledged_survives_kill_9_and_nothing_is_half_there(tmp_path):
    path = tmp_path / "alertd.db"
    moments = random.Random(20)
    start = 1
    for _ in range(KILLS):
        said = run_and_kill(path, start, moments.randint(1, 25), moments.random() / 40)
        store = SqliteStore(path, ballast=4096)
        await store.open()
        kept = await store.load()
        newest = len(kept.alerts)
        assert newest >= said.get("committed", start - 1)
        # Alert, counter, readings, ledger and message of a commit are there together or not at all.
        assert [alert.number for alert in kept.alerts] == list(range(1, newest + 1))
        assert kept.counters == {"alert": newest}
        flushes = [(seq, set(part.value.tolist()), len(part)) async for seq, part in store.readings_since(0)]
        assert flushes == [(n, {float(n)}, 200) for n in range(1, newest + 1)]
        assert kept.ledger == [(n, n) for n in range(1, newest + 1)][-2000:]
        pages = {page["id"]: page["state"] for page in await store.messages(1_000_000)}
        assert len(pages) == newest
        claimed = [delivery.message.id for delivery in await store.abandoned()]
        assert sorted(claimed) == sorted(name for name, state in pages.items() if state == "claimed")
        if said.get("claimed", 0) > said.get("settled", 0):
            name = f"message-{said['claimed']}"
            # Said to be claimed and not yet to be settled: abandoned, unless its settling was on the disk already.
            assert name in claimed or pages[name] == "sent"
        assert all(pages[f"message-{n}"] == "sent" for n in range(start, said.get("settled", 0) + 1))
        await store.close()
        start = newest + 1
    assert start > KILLS, "every round got on"


async def test_a_claimed_delivery_is_found_after_kill_9(tmp_path):
    path = tmp_path / "alertd.db"
    child = subprocess.Popen(  # noqa: ASYNC220 (nothing else is to run meanwhile)
        [sys.executable, str(CHILD), str(path), "1", "hold"], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert [child.stdout.readline(), child.stdout.readline()] == ["committed 1\n", "claimed 1\n"]
        child.kill()
    store = SqliteStore(path, ballast=4096)
    await store.open()
    [delivery] = await store.abandoned()
    assert (delivery.message.id, delivery.attempt) == ("message-1", 1)
    assert await store.waiting(NOW + 1) == []
    await store.close()

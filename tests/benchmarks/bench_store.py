"""What a flush costs: commits a second, CPU, and bytes written to the card, by page size.

    python tests/benchmarks/bench_store.py [FLUSHES] [FOLDER]

A flush is 100 readings (as many devices, one decimal, arrival in microseconds) with their
ledger, one outbox message in every hundredth. Bytes are `write_bytes` of /proc/self/io: what
the process sent towards the disk, checkpoints included; FOLDER must be on a real disk.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from alertd.model import DAY, SECOND, Batch, Changes, Channel, Kind, Message
from alertd.seams import Flush
from alertd.store.sqlite import SqliteStore

START = 1_790_000_000 * SECOND
EVERY = 30 * SECOND
READINGS = 100


def flushes(count: int) -> list[Flush]:
    """Make the same flushes for every run."""
    random = np.random.default_rng(7)
    made = []
    for n in range(count):
        received = START + n * EVERY + np.sort(random.integers(0, EVERY, READINGS))
        series = random.permutation(200)[:READINGS].astype(np.int32)
        value = np.round(38.6 + random.normal(0, 0.3, READINGS), 1)
        batch = Batch(series, received, received, value, np.zeros(READINGS, np.int8))
        ledger = [(int(p), int(h)) for p, h in random.integers(0, 2**16, (READINGS, 2))]
        changes = Changes()
        if n % 100 == 0:
            changes.messages.append(
                Message(f"m{n}", Kind.FIRING, "anna", (Channel("telegram", "1"),), "text " * 30, START)
            )
        made.append(Flush(START + n * EVERY, batch, [], changes, ledger, "session", {"up": n}))
    return made


def written() -> int:
    """Return the bytes this process has sent towards disks."""
    for line in Path("/proc/self/io").read_text("ascii").splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise AssertionError("no write_bytes in /proc/self/io")


async def measure(folder: Path, page_size: int, work: list[Flush]) -> None:
    store = SqliteStore(folder / f"bench-{page_size}.db", page_size=page_size, ballast=4096)
    await store.open()
    before, cpu, wall = written(), time.process_time(), time.perf_counter()
    for flush in work:
        await store.commit(flush)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    async for _ in store.readings_since(0):
        pass
    begin = time.perf_counter()
    readings = [len(batch) async for _, batch in store.readings_since(0)]
    reading = time.perf_counter() - begin
    await store.close()
    each = (written() - before) / len(work)
    size = (folder / f"bench-{page_size}.db").stat().st_size / len(work)
    print(  # noqa: T201 (that is what it is for)
        f"page {page_size:5}: {len(work) / wall:7.0f} commits/s, {cpu / len(work) * 1e6:5.0f} us CPU a commit, "
        f"{each / 1000:5.1f} KB written and {size / 1000:4.2f} KB kept a flush, "
        f"{each * DAY / EVERY / 1e6:4.0f} MB a day at one flush in 30 s, "
        f"{sum(readings) / reading / 1e6:.1f} M readings/s read back"
    )


def main() -> None:
    """Compare the page sizes, twice, so that the first run's warming shows."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    work = flushes(count)
    for _ in range(2):
        for page_size in (1024, 2048, 4096):
            with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
                asyncio.run(measure(Path(folder), page_size, work))


if __name__ == "__main__":
    main()

"""The store of one machine: a SQLite file, one writer in one thread of its own.

Reading for pages and start-up has a second connection and thread, so that a curve over a
month delays no commit. In the event loop there are only hand-overs.
"""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import msgspec

from alertd.seams import BODIES_KEPT, Quarantined, Settlement, StoreDamagedError, StoreFullError
from alertd.store import epoch, figures, journal, load, outbox, pages, personal, retention
from alertd.store.commit import set_aside, write
from alertd.store.database import PAGE_SIZE, damaged, engine_for, examine, make_file, prepare, troubles, unwritable
from alertd.store.files import BALLAST_BYTES, Ballast, Lock
from alertd.store.schema import journal as journal_table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from sqlalchemy import Connection

    from alertd.model import (
        Alert,
        Batch,
        Channel,
        ConsentEntry,
        Delivery,
        Figures,
        Invite,
        Micros,
        Reading,
        Receipt,
        Settled,
        Switching,
    )
    from alertd.seams import Flush, Kept, Waiting

P = ParamSpec("P")
T = TypeVar("T")

_CHUNK = 256
"""Journal rows read per hand-over at start: a few MB."""


class SqliteStore:
    """`alertd.seams.Store` on one SQLite file in WAL mode with synchronous=FULL.

    `ballast` is the room set aside for a full disk, in bytes.
    """

    def __init__(self, path: Path, *, page_size: int = PAGE_SIZE, ballast: int = BALLAST_BYTES) -> None:
        self.path = path
        self._page_size = page_size
        self._lock = Lock(path)
        self._ballast = Ballast(path, ballast)
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-pages")
        self._writer: Connection | None = None
        self._reader: Connection | None = None
        self._epoch = 0
        self._inode = 0
        """Which file `path` was when it was opened."""
        self._seq = 0
        self._now = 0

    async def open(self) -> None:
        """Lock, make or migrate the file, take the next epoch.

        Raises:
            StoreBusyError, StoreDamagedError, StoreFullError
        """
        await self._in(self._writing, self._open)

    async def load(self) -> Kept:
        """Return everything but the readings."""
        return await self._in(self._writing, self._transaction, load.load)

    async def readings_since(self, seq: int) -> AsyncIterator[tuple[int, Batch]]:
        """Yield the journal's flushes after `seq`; a row that cannot be read goes into quarantine instead."""
        while rows := await self._read(pages.journal_after, seq, _CHUNK):
            for number, body in rows:
                try:
                    batch = journal.unpack_batch(body)
                except ValueError:
                    await self._write(self._set_blob_aside, number, body, traceback.format_exc())
                else:
                    yield number, batch
            seq = rows[-1][0]

    async def before_newest(self, most: int) -> int:
        """Return the `seq` after which the journal has at most `most` readings; 0 if that is all of them."""
        return await self._read(pages.before_newest, most)

    async def commit(self, flush: Flush) -> None:
        """Write all of `flush` or nothing, and return when it is on the disk.

        Raises:
            FencedError, StoreFullError, StoreDamagedError
        """
        await self._in(self._writing, self._commit, flush)

    async def waiting(self, now: Micros, limit: int = 200) -> list[Waiting]:
        """Return queued messages due by `now`, critical first, then oldest first."""
        return await self._in(self._writing, self._transaction, outbox.waiting, now, limit)

    async def next_due(self) -> Micros | None:
        """Return when the earliest queued message is due that nothing holds back."""
        return await self._in(self._writing, self._transaction, outbox.next_due)

    async def unsent(self) -> tuple[int, Micros | None]:
        """Return how many messages are queued or being sent, and when the oldest of them was due."""
        return await self._read(outbox.unsent)

    async def claim(self, message_id: str, now: Micros) -> Delivery | Settlement | None:
        """Mark one queued message as being sent, or settle it where nothing can be sent."""
        try:
            return await self._write(outbox.claim, message_id, now)
        except msgspec.MsgspecError:
            why = traceback.format_exc()
            return await self._write(_give_up, message_id, now, why)

    async def settle(self, delivery: Delivery, settlement: Settlement) -> Settled | None:
        """Record an attempt; return the report when the state is final."""
        return await self._write(outbox.settle, delivery, settlement)

    async def receipt(self, receipt: Receipt, now: Micros) -> Settled | Delivery | None:
        """Take what a provider told later of a delivery."""
        try:
            return await self._write(outbox.receipt, receipt, now)
        except msgspec.MsgspecError:
            return None  # the words are gone: nothing could be sent elsewhere

    async def pay(self, messenger: str, cost: float, at: Micros) -> None:
        """Add to what a messenger's month has cost."""
        await self._write(outbox.pay, messenger, cost, at)

    async def sent_as(self, channel: Channel, ref: str) -> str:
        """Return the id of our message that the provider calls `ref` in this chat, "" if it is none of ours."""
        return await self._read(outbox.sent_as, channel, ref)

    async def abandoned(self) -> list[Delivery]:
        """Return deliveries that were claimed and never settled; they stay claimed until they are."""
        found = []
        for message_id in await self._read(outbox.abandoned):
            try:
                found.append(await self._read(outbox.claimed, message_id))
            except msgspec.MsgspecError:
                await self._write(_give_up, message_id, self._now, traceback.format_exc())
        return found

    async def figures(self, start: Micros, end: Micros) -> Figures:
        """Return a month in numbers (`alertd.store.figures`)."""
        return await self._read(figures.gather, start, end)

    async def retain(self, now: Micros, keep: Micros, bodies: Micros = BODIES_KEPT) -> None:
        """Forget what is too old (a bounded amount per call), and lay the ballast down again if there is room."""
        await self._write(retention.forget, now, keep, bodies)
        await self._in(self._writing, self._ballast.lay)

    def release_ballast(self) -> bool:
        """Give up the room set aside for a full disk; tell whether there was any."""
        return self._ballast.release()

    async def lay_ballast(self) -> bool:
        """Set the room aside (again) if there is enough; tell whether it is there."""
        return await self._in(self._writing, self._ballast.lay)

    async def messages(self, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        """Return messages, newest first (`alertd.store.pages.message_page`)."""
        return await self._read(pages.message_page, limit, before)

    async def readings(
        self, device: str | None, metric: str | None, start: Micros, end: Micros, limit: int
    ) -> list[Reading]:
        """Return the first `limit` readings with start <= time < end, by time; None: any device or metric."""
        return await self._read(pages.reading_page, device=device, metric=metric, start=start, end=end, limit=limit)

    async def alert_history(self, limit: int, before_number: int | None = None) -> list[Alert]:
        """Return alerts of any state, the highest number first."""
        return await self._read(pages.alert_page, limit, before_number)

    async def switchings(self, limit: int, before: tuple[Micros, str] | None = None) -> list[Switching]:
        """Return wishes to switch a device, newest first (`alertd.store.pages.switching_page`)."""
        return await self._read(pages.switching_page, limit, before)

    async def held_of(self, person: str) -> tuple[list[dict[str, Any]], list[Alert], list[Invite]]:
        """Return all messages to a person, the alerts that name them, and their invites (`alertd.store.personal`)."""
        return await self._read(personal.gather, person)

    async def erase(self, person: str, addresses: Iterable[str], now: Micros) -> tuple[int, int]:
        """Make everything that is over anonymous; return how many messages and alerts that were."""
        return await self._write(personal.erase, person, addresses, now)

    async def consents(self, subscriber: str | None = None) -> list[ConsentEntry]:
        """Return a person's lines of the consent ledger, or all of it, oldest first."""
        return await self._read(pages.consent_page, subscriber)

    async def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """Return what was set aside, newest first."""
        return await self._read(pages.quarantine_page, limit)

    async def close(self) -> None:
        """Checkpoint and unlock; harmless when nothing is open."""
        await self._in(self._reading, self._close_reader)
        await self._in(self._writing, self._close_writer)
        self._reading.shutdown()
        self._writing.shutdown()

    def _open(self) -> None:
        try:
            self._lock.take()
            make_file(self.path)
        except OSError as error:
            self._lock.release()
            why = error.strerror or str(error)
            if not self.path.exists():
                where = self.path.parent
                raise StoreDamagedError(
                    f"{self.path}: cannot be made ({why}); {where} must exist and be ours"
                ) from error
            raise (unwritable if error.errno == errno.EROFS else damaged)(self.path, why) from error
        try:
            try:
                self._begin()
            except StoreFullError:
                if not self._ballast.release():
                    raise
                self._begin()
        except BaseException:
            self._close_writer()
            raise
        self._ballast.lay()

    def _begin(self) -> None:
        with troubles(self.path):
            found = examine(self.path)
            self._writer = engine_for(self.path, page_size=self._page_size).connect()
            prepare(self._writer, found)
            with self._writer.begin():
                self._epoch, self._seq = epoch.take(self._writer)
            self._inode = self.path.stat().st_ino

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader.engine.dispose()
            self._reader = None

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            # The last connection to close copies the write-ahead log home and removes it.
            self._writer.engine.dispose()
            self._writer = None
        self._lock.release()

    def _make_sure(self) -> None:
        """See that what we write is what the next start will read.

        Raises:
            StoreDamagedError: the file was deleted (it is written again, whole) or is another one by now.
        """
        try:
            if self.path.stat().st_ino == self._inode:
                return
            what = "was replaced by another file while alertd ran: stop alertd before that"
        except FileNotFoundError:
            assert self._writer is not None, "the store is not open"
            make_file(self.path)
            with closing(sqlite3.connect(self.path)) as again:
                self._writer.connection.driver_connection.backup(again)  # type: ignore[union-attr]
            what = "was deleted while alertd ran; it is written again, and the next start goes on with it"
        raise StoreDamagedError(f"{self.path}: {what}")

    def _commit(self, flush: Flush) -> None:
        self._make_sure()
        self._seq = self._transaction(partial(write, flush=flush, epoch=self._epoch, seq=self._seq))
        self._now = flush.now

    def _set_blob_aside(self, connection: Connection, seq: int, body: bytes, why: str) -> None:
        set_aside(connection, [Quarantined("journal", f"journal row {seq}", body, why, self._now)])
        connection.execute(journal_table.delete().where(journal_table.c.seq == seq))

    def _transaction(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        assert self._writer is not None, "the store is not open"
        with troubles(self.path), self._writer.begin():
            return work(self._writer, *args, **kwargs)

    def _owned(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        assert self._writer is not None, "the store is not open"
        with troubles(self.path), self._writer.begin():
            epoch.check(self._writer, self._epoch)
            return work(self._writer, *args, **kwargs)

    def _look(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with troubles(self.path):
            if self._reader is None:
                self._reader = engine_for(self.path, reader=True).connect()
            with self._reader.begin():
                return work(self._reader, *args, **kwargs)

    async def _write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a transaction of the writer that first makes sure the store is still ours."""
        return await self._in(self._writing, partial(self._owned, work, *args, **kwargs))

    async def _read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._in(self._reading, partial(self._look, work, *args, **kwargs))

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, partial(work, *args, **kwargs))


def _give_up(connection: Connection, message_id: str, now: Micros, why: str) -> Settlement:
    """Settle a message whose row cannot be read as dead, and keep the row for whoever looks into it."""
    reason = "its row in the outbox cannot be read"
    body = outbox.set_poison_aside(connection, message_id, now, reason)
    set_aside(connection, [Quarantined("outbox", message_id, body, why, now)])
    return Settlement("dead", "reject", now, reason)

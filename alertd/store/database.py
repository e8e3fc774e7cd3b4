"""The file itself: opened, made or migrated, and what its troubles mean."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from alertd.seams import StoreDamagedError, StoreFullError
from alertd.store import schema
from alertd.store.files import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE_SIZE: Final = 1024
"""Bytes. A flush of 100 readings writes 9.9 KB to the card, with 4096 it is 16.8 (tests/benchmarks/bench_store.py)."""

BASE: Final = "0000"
"""The version of a store whose first migration was never finished."""

_CHECKPOINT_BYTES: Final = 4 * 1024 * 1024
"""The write-ahead log grows to this before pages are copied home: the page every commit changes is then copied once.

On a full disk copying fails and the log goes on growing by less than this again, so the ballast
must hold both: only once all is copied home is the log's room used anew.
"""

_FULL: Final = frozenset({"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_SHMMAP"})
_FAILING: Final = ("SQLITE_READONLY", "SQLITE_IOERR")
"""How the names of what a disk does begin that fails, or that the kernel has made read-only because it did."""
_DAMAGED: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CORRUPT_INDEX", "SQLITE_CORRUPT_SEQUENCE"})


@contextmanager
def troubles(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a full disk or a damaged file into the store's own errors.

    Raises:
        StoreFullError, StoreDamagedError; anything else passes as it came.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        name = getattr(cause, "sqlite_errorname", "")
        if name in _FULL:
            raise StoreFullError(f"{path}: the disk is full, nothing was written: free some space") from error
        if name.startswith(_FAILING):
            raise unwritable(path, str(cause)) from error
        if name in _DAMAGED or name == "SQLITE_CANTOPEN":
            raise damaged(path, str(cause)) from error
        raise


def unwritable(path: Path, why: str) -> StoreDamagedError:
    """Return the error that names the disk and what to look at, in one line."""
    return StoreDamagedError(
        f"{path}: cannot be written ({why}): is the disk read-only, or does it fail? `dmesg` says why"
    )


def damaged(path: Path, why: str) -> StoreDamagedError:
    """Return the error that names file and remedy in one line."""
    return StoreDamagedError(f"{path}: the store cannot be read ({why}); `alertd repair` sets it aside and salvages it")


def engine_for(path: Path, *, page_size: int = PAGE_SIZE, reader: bool = False) -> Engine:
    """Return an engine over one connection, to be used by one thread at a time.

    The writer's transactions take the write lock at their first word (BEGIN IMMEDIATE): a transaction
    that reads first and then finds itself locked out could only be repeated as a whole.
    """

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver begins nothing by itself.
        connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        if reader:
            connection.execute("PRAGMA query_only = ON")
            return connection
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA journal_size_limit = {_CHECKPOINT_BYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_BYTES // page_size}")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if reader else "BEGIN IMMEDIATE")

    return engine


def look_only(path: Path) -> Engine:
    """Return an engine that can change nothing, for a store that a daemon may be using.

    Raises:
        StoreDamagedError: damaged, written by a newer alertd, or not a store of ours.
    """
    with troubles(path):
        examine(path)
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=5.0), poolclass=StaticPool)


def make_file(path: Path) -> None:
    """Make an empty file that only we may read; one that exists is left as it is (SQLite's own files copy its mode)."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE))


def examine(path: Path) -> str | None:
    """Look at a store before anything is written to it; return its schema version, None for an empty file.

    Read-only, because even closing a file that was opened for writing copies its write-ahead log
    home, and a store that is refused must stay as it was found.

    Raises:
        StoreDamagedError: damaged, written by a newer alertd, or not a store of ours.
    """
    # Quoted for a URI: a path may hold a question mark or a percent sign.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
    with closing(connection):
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return None
        if schema.version.name not in tables:
            raise StoreDamagedError(f"{path}: not a store of alertd; set another store.path, or move this file away")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        found = BASE if row is None else str(row[0])
        if found > schema.HEAD:
            raise StoreDamagedError(
                f"{path}: written by a newer alertd (schema {found}, this one knows {schema.HEAD});"
                " install that version again, or let `alertd repair` set it aside and salvage it"
            )
        for table in sorted(tables - {schema.journal.name}):
            # Every table but the journal, which is big and whose newest part is read at start anyway.
            answer = connection.execute(f'PRAGMA quick_check("{table}")').fetchone()[0]
            if answer != "ok":
                raise damaged(path, " ".join(str(answer).split()))
    return found


def prepare(connection: Connection, found: str | None) -> None:
    """Bring the schema from the version `found` to `schema.HEAD`, in one transaction.

    Alembic costs 10 MB of memory and 100 ms, so it is imported only when there is something to migrate.
    """
    with connection.begin():
        if found is None:
            schema.metadata.create_all(connection)
            connection.execute(insert(schema.version).values(version_num=schema.HEAD))
        elif found != schema.HEAD:
            from alertd.store.migrate import upgrade  # noqa: PLC0415 (imports Alembic)

            upgrade(connection)

"""The file: who may open it, what it says when it is damaged, newer, or the disk is full."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from store_samples import BERTA, NOW, batch, fever, message, sent, told

from alertd.model import Changes
from alertd.seams import Flush, StoreBusyError, StoreDamagedError, StoreFullError
from alertd.store import migrate, schema
from alertd.store.files import BALLAST_BYTES
from alertd.store.sqlite import SqliteStore

MIB = 1024 * 1024


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alertd.db"


async def opened(path, **options):
    store = SqliteStore(path, ballast=options.pop("ballast", 4096), **options)
    await store.open()
    return store


def shape(path):
    """Every table and index as SQLite knows it, apart from Alembic's own."""
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        found = {
            name: (
                connection.execute(f"PRAGMA table_info('{name}')").fetchall(),
                sorted(row[1:4] for row in connection.execute(f"PRAGMA index_list('{name}')")),
            )
            for name in names
            if name != "alembic_version"
        }
    connection.close()
    return found


async def change(path, statement):
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


async def test_a_second_daemon_is_told_the_pid_of_the_first(path):
    store = await opened(path)
    second = SqliteStore(path)
    with pytest.raises(StoreBusyError, match=f"pid {os.getpid()}"):
        await second.open()
    await second.close()
    await store.commit(Flush(NOW, batch(1.0)))
    await store.close()
    await (await opened(path)).close()


async def test_only_the_owner_may_read_the_files(path):
    store = await opened(path)
    await store.commit(Flush(NOW, batch(1.0)))
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(
        ["alertd.db", "alertd.db-wal", "alertd.db-shm", "alertd.db.lock", "alertd.db.ballast"], 0o600
    )
    await store.close()
    assert not path.with_name("alertd.db-wal").exists()


async def test_it_is_written_through_to_the_disk(path):
    store = await opened(path)
    pragmas = [
        await store._read(lambda connection, name=name: connection.exec_driver_sql(f"PRAGMA {name}").scalar())
        for name in ("journal_mode", "page_size")
    ]
    assert pragmas == ["wal", 1024]
    full = await store._write(lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar())
    assert full == 2
    await store.close()


async def test_a_new_store_has_the_very_schema_the_migrations_make(path, tmp_path):
    await (await opened(path)).close()
    migrated = tmp_path / "migrated.db"
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.begin() as connection:
        migrate.upgrade(connection)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [one for one in compare_metadata(context, schema.metadata) if "alembic_version" not in repr(one)]
    engine.dispose()
    assert differences == []
    assert shape(path) == shape(migrated)
    assert migrate.newest() == schema.HEAD


async def test_an_older_store_is_migrated_in_place(path, tmp_path):
    # What a store before the first migration is: Alembic's marker at "0000" and nothing of ours.
    await change(path, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    store = await opened(path)
    await store.commit(Flush(NOW, batch(1.0), [(1, BERTA)]))
    assert (await store.load()).series == {1: BERTA}
    await store.close()


def test_a_current_store_opens_without_importing_alembic(path):
    code = (
        "import asyncio, sys; from pathlib import Path; from alertd.store.sqlite import SqliteStore\n"
        "async def main():\n"
        f"    store = SqliteStore(Path({str(path)!r}), ballast=4096); await store.open(); await store.close()\n"
        "asyncio.run(main()); asyncio.run(main()); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def refused(path, words):
    before = path.read_bytes()
    store = SqliteStore(path)
    with pytest.raises(StoreDamagedError) as error:
        await store.open()
    await store.close()
    assert path.read_bytes() == before
    text = str(error.value)
    assert str(path) in text
    assert words in text
    assert "\n" not in text


async def test_a_store_of_a_newer_alertd_is_left_alone(path):
    await (await opened(path)).close()
    await change(path, "UPDATE alembic_version SET version_num = '9999'")
    await refused(path, "newer alertd")


async def test_a_file_that_is_no_database_is_left_alone(path):
    path.write_bytes(b"not a database at all" * 100)
    await refused(path, "alertd repair")


async def test_a_newer_store_that_crashed_is_left_alone_with_its_write_ahead_log(path, tmp_path):
    store = await opened(path)
    await store.commit(Flush(NOW, batch(1.0)))
    await change(path, "UPDATE alembic_version SET version_num = '9999'")
    crashed = tmp_path / "crashed.db"
    for end in ("", "-wal"):
        shutil.copyfile(f"{path}{end}", f"{crashed}{end}")
    await store.close()
    before = (tmp_path / "crashed.db-wal").read_bytes()
    await refused(crashed, "newer alertd")
    assert (tmp_path / "crashed.db-wal").read_bytes() == before


async def test_a_database_of_another_program_is_left_alone(path):
    await change(path, "CREATE TABLE recipes (name TEXT)")
    await refused(path, "not a store of alertd")


async def test_a_damaged_page_is_found_at_start(path):
    store = await opened(path)
    for n in range(50):
        await store.commit(told(*(message(f"{n}-{k}", text="x" * 500) for k in range(10))))
    await store.close()
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        for page in range(size // 4096 // 2, size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 512)
    await refused(path, "alertd repair")


async def test_a_truncated_file_is_left_alone(path):
    store = await opened(path)
    for n in range(50):
        await store.commit(told(*(message(f"{n}-{k}", text="x" * 500) for k in range(10))))
    await store.close()
    os.truncate(path, path.stat().st_size // 2)
    await refused(path, "alertd repair")


async def test_a_folder_that_is_missing_is_named(tmp_path):
    store = SqliteStore(tmp_path / "missing" / "alertd.db")
    with pytest.raises(StoreDamagedError, match=r"missing/alertd\.db: cannot be made.*must exist"):
        await store.open()
    await store.close()


async def test_a_journal_row_that_cannot_be_read_goes_into_quarantine_and_the_rest_comes_back(path):
    store = await opened(path)
    for value in (1.0, 2.0, 3.0):
        await store.commit(Flush(NOW, batch(value), [(1, BERTA)]))
    await change(path, "UPDATE journal SET body = x'01800000' WHERE seq = 2")
    assert [one.value for one in await store.readings(None, None, 0, 2 * NOW, 9)] == [1.0, 3.0]
    for _ in range(2):
        assert [seq async for seq, _ in store.readings_since(0)] == [1, 3]
        [row] = await store.quarantined()
        assert (row.kind, row.payload) == ("journal", b"\x01\x80\x00\x00")
    await store.close()


async def test_an_outbox_row_that_cannot_be_read_is_given_up_and_holds_back_nothing(path):
    store = await opened(path)
    await store.commit(told(message("a"), message("b"), message("c")))
    await store.claim("b", NOW)
    await change(path, "UPDATE messages SET body = '{' WHERE id IN ('a', 'b')")
    assert (await store.claim("a", NOW)).state == "dead"
    assert await store.abandoned() == []
    states = {one["id"]: one["state"] for one in await store.messages(9)}
    assert states == {"a": "dead", "b": "dead", "c": "queued"}
    assert {one.topic for one in await store.quarantined()} == {"a", "b"}
    assert (await store.claim("c", NOW)).message.text == "text of c"
    await store.close()


async def test_a_full_disk_leaves_nothing_behind_and_the_next_commit_succeeds(path):
    store = await opened(path)
    await store.commit(Flush(NOW, batch(1.0), [(1, BERTA)]))

    def cap(connection, pages):
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    used = await store._write(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())
    await store._write(cap, used + 2)
    changes = Changes(alerts={"alert-1": fever()}, messages=[message("a")], counters={"alert": 1})
    noise = [float(n) ** 0.5 for n in range(5000)]
    with pytest.raises(StoreFullError):
        await store.commit(Flush(NOW + 1, batch(*noise), changes=changes, marks={"later": 1}))
    kept = await store.load()
    assert (kept.alerts, kept.counters, kept.marks) == ([], {}, {})
    assert await store.waiting(NOW + 1) == []
    await store._write(cap, 1_000_000)
    await store.commit(Flush(NOW + 2, batch(2.0), changes=changes))
    assert [seq async for seq, _ in store.readings_since(0)] == [1, 2]
    assert (await store.load()).alerts == [fever()]
    await store.close()


async def fits(store, flush):
    try:
        await store.commit(flush)
    except StoreFullError:
        return False
    return True


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 72 MiB, where we may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=72m", "none", str(folder)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("may not mount a small file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_when_the_disk_is_full_the_ballast_lets_alerts_through(small_disk):
    store = await opened(small_disk / "alertd.db", ballast=BALLAST_BYTES)
    ballast = small_disk / "alertd.db.ballast"
    assert ballast.stat().st_size == BALLAST_BYTES
    noise = [float(n) ** 0.5 for n in range(100_000)]
    written = 0
    alert = Flush(NOW, changes=Changes(alerts={"alert-1": fever()}, messages=[message("a")]))
    # Big flushes, then ever smaller ones, until there is no room for anything.
    for size in (100_000, 2000, 200, 2):
        while await fits(store, Flush(NOW, batch(*noise[:size]))):
            written += 1
    assert not await fits(store, alert)
    assert store.release_ballast()
    assert not store.release_ballast()
    await store.commit(alert)
    await store.settle(await store.claim("a", NOW), sent())
    for n in range(200):
        await store.commit(told(message(f"a-{n}")))
    assert len([seq async for seq, _ in store.readings_since(0)]) == written
    await store.retain(NOW, 0)
    assert not ballast.exists()
    await store.close()


async def test_a_start_on_a_full_disk_takes_the_room_that_was_set_aside(small_disk):
    path = small_disk / "alertd.db"
    store = await opened(path, ballast=BALLAST_BYTES)
    await store.commit(Flush(NOW, changes=Changes(alerts={"alert-1": fever()})))
    await store.close()
    fill = small_disk / "fill"
    disk = os.statvfs(small_disk)
    with fill.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize)
    store = await opened(path, ballast=BALLAST_BYTES)
    assert not (small_disk / "alertd.db.ballast").exists()
    assert (await store.load()).alerts == [fever()]
    await store.commit(told(message("a")))
    assert not await store.lay_ballast()
    fill.unlink()
    assert await store.lay_ballast()
    await store.close()


async def test_a_file_that_is_deleted_while_alertd_runs_is_written_again_and_the_next_start_goes_on(path):
    store = await opened(path)
    await store.commit(Flush(NOW, batch(1.0), [(1, BERTA)], Changes(alerts={"alert-1": fever()})))
    for name in ("alertd.db", "alertd.db-wal", "alertd.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    with pytest.raises(StoreDamagedError, match=r"alertd\.db: was deleted .* the next start goes on with it"):
        await store.commit(told(message("a")))
    await store.close()
    store = await opened(path)
    assert (await store.load()).alerts == [fever()]
    assert [seq async for seq, _ in store.readings_since(0)] == [1]
    await store.commit(told(message("a")))
    await store.close()


async def test_a_file_that_is_replaced_while_alertd_runs_is_left_alone(path):
    store = await opened(path)
    path.unlink()
    path.write_bytes(b"the copy of yesterday")
    with pytest.raises(StoreDamagedError, match=r"was replaced .* stop alertd before"):
        await store.commit(told(message("a")))
    assert path.read_bytes() == b"the copy of yesterday"
    await store.close()


async def test_a_disk_that_is_read_only_is_named_with_what_to_look_at(path):
    store = await opened(path)
    await store._write(lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON"))
    with pytest.raises(StoreDamagedError, match=r"cannot be written .* read-only, or does it fail\? `dmesg`"):
        await store.commit(told(message("a")))
    await store.close()


async def test_the_ballast_comes_back_when_there_is_room(path):
    store = await opened(path, ballast=MIB)
    assert store.release_ballast()
    await store.retain(NOW, 0)
    ballast = path.with_name("alertd.db.ballast")
    assert ballast.stat().st_blocks * 512 >= MIB
    await store.close()


async def test_one_call_forgets_a_bounded_number_of_readings(path):
    store = await opened(path)
    for _ in range(3):
        await store.commit(Flush(NOW, batch(1.0)))
    await store.commit(Flush(NOW, snapshot=b"s"))
    await change(
        path,
        "WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
        " INSERT INTO journal SELECT i, at, first, last, count, session, ledger, body FROM journal, n WHERE seq = 1",
    )
    await change(path, "UPDATE snapshots SET seq = 1500")
    left = []
    for _ in range(3):
        await store.retain(NOW + 1, 0)
        left.append(len([seq async for seq, _ in store.readings_since(0)]))
    assert left == [500, 0, 0]
    await store.close()

"""`repair`: the old file stays as it was, and what people depend on comes along."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest
from store_samples import BERTA, NOW, batch, fever, incident, message

from alertd.model import Changes, ConsentEntry, PersonState, State
from alertd.seams import Flush, StoreBusyError, StoreDamagedError
from alertd.store.salvage import repair
from alertd.store.sqlite import SqliteStore

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.fixture
async def path(tmp_path):
    """A store with a farm's worth of everything, closed."""
    path = tmp_path / "alertd.db"
    store = SqliteStore(path, ballast=4096)
    await store.open()
    changes = Changes(
        alerts={one.id: one for one in (fever(number) for number in range(1, 201))},
        incidents={"incident-1": incident()},
        messages=[message(f"m{number}", text="x" * 300) for number in range(200)],
        people={"anna": PersonState("anna", language="de")},
        consents=[ConsentEntry("anna", "telegram", "hash", "given", "joined", "1", NOW)],
        counters={"alert": 200, "incident": 1},
    )
    await store.commit(Flush(NOW, batch(38.6, 38.7, series=0), new_series=[(0, BERTA)], changes=changes))
    await store.close()
    return path


async def load(path):
    store = SqliteStore(path, ballast=4096)
    await store.open()
    try:
        return await store.load(), [one async for one in store.readings_since(0)], await store.waiting(NOW, 1000)
    finally:
        await store.close()


def tear(path, table):
    """Overwrite a leaf page in the middle of a table with noise."""
    with closing(sqlite3.connect(path)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        pages = [
            number
            for (number,) in connection.execute(
                "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno", (table,)
            )
        ]
    connection.close()
    with path.open("r+b") as file:
        file.seek((pages[len(pages) // 2] - 1) * size)
        file.write(os.urandom(size))


def dbstat():
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("SELECT 1 FROM dbstat")
        except sqlite3.OperationalError:
            return False
    return True


async def test_a_sound_store_is_left_alone(path):
    before = path.read_bytes()
    assert repair(path, AT).aside is None
    assert path.read_bytes() == before


@pytest.mark.skipif(not dbstat(), reason="this SQLite was built without dbstat, so no page can be aimed at")
async def test_a_torn_page_costs_only_the_rows_on_it(path):
    tear(path, "messages")
    before = path.read_bytes()
    with pytest.raises(StoreDamagedError, match="alertd repair"):
        await load(path)
    found = repair(path, AT)
    assert found.aside is not None
    assert found.aside.name == "alertd.db.damaged-20261123T020000Z"
    assert found.aside.read_bytes() == before
    assert "messages" in found.lost
    kept, readings, waiting = await load(path)
    assert len(kept.alerts) == 200
    assert kept.people["anna"].language == "de"
    assert kept.counters["alert"] == 200
    assert 180 <= len(waiting) < 200
    assert [len(one) for _, one in readings] == [2]
    assert repair(path, AT).aside is None


@pytest.mark.skipif(not dbstat(), reason="this SQLite was built without dbstat, so no page can be aimed at")
async def test_lost_counters_never_give_a_number_twice(path):
    tear(path, "counters")
    repair(path, AT)
    kept, _, _ = await load(path)
    assert kept.counters["alert"] == 200


async def test_a_store_of_a_newer_version_is_taken_over_by_the_columns_both_know(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("ALTER TABLE alerts ADD COLUMN mood TEXT")
    connection.close()
    assert repair(path, AT).aside is not None
    kept, readings, waiting = await load(path)
    assert {alert.state for alert in kept.alerts} == {State.FIRING}
    assert (len(kept.alerts), len(readings), len(waiting)) == (200, 1, 200)


async def test_a_file_that_is_no_database_leaves_an_empty_store(path):
    path.write_bytes(b"not a database, but somebody's notes" * 100)
    found = repair(path, AT)
    assert found.aside is not None
    assert found.aside.read_bytes().startswith(b"not a database")
    kept, _, _ = await load(path)
    assert not kept.alerts


async def test_a_store_in_use_is_not_touched(path):
    store = SqliteStore(path, ballast=4096)
    await store.open()
    with pytest.raises(StoreBusyError, match=f"pid {os.getpid()}"):
        repair(path, AT)
    await store.close()


def test_the_command_says_what_it_saved(path, tmp_path):
    config = tmp_path / "alertd.yaml"
    config.write_text(
        f"farm: {{name: Hof, timezone: Europe/Berlin}}\nmqtt: {{url: mqtt://127.0.0.1:1883}}\nsources: [{{preset: alertd}}]\nstore: {{path: {path}}}\n"
    )
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    command = [sys.executable, "-m", "alertd", "repair", "-c", str(config)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0].startswith(f"set aside: {path}.damaged-")
    assert said[1].startswith("salvaged: 1 people, 1 lines of the consent ledger, 200 alerts, 1 incidents")
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.endswith("nothing to repair\n")

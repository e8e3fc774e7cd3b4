"""A damaged store set aside, and what can be read of it taken over into a new one.

The old file is never written to: it is renamed (with its write-ahead log) and read. What
people depend on comes first: people, consent, open alerts, numbers, outbox. Readings
come along where the list of their series is whole, because a reading names its series by number.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.seams import StoreDamagedError
from alertd.store import rows, schema
from alertd.store.database import PAGE_SIZE, engine_for, examine, make_file, prepare
from alertd.store.files import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection, Table

COMPANIONS: Final = ("-wal", "-shm")
"""What SQLite keeps beside a store, and what goes with it."""
GAP: Final = 200_000
"""Rows looked for one by one between the last readable from the front and the first from the back."""
BODIES: Final[Mapping[str, Callable[[str], object]]] = {
    "alerts": rows.read_alert,
    "incidents": rows.read_incident,
    "silences": rows.read_silence,
    "switchings": rows.read_switching,
    "messages": rows.read_message,
    "people": rows.read_person,
    "invites": rows.read_invite,
}
"""How the body of a row is read; a row whose body cannot be read would stop the next start."""
READINGS: Final = ("journal", "snapshots")
"""Tables that mean nothing without all of `series`."""


@dataclass(slots=True)
class Salvaged:
    """What was done: where the old store is, rows taken over by table, and tables of which something is missing."""

    aside: Path | None
    rows: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def repair(path: Path, now: datetime) -> Salvaged:
    """Set a store that cannot be used aside and make a new one of what can be read; a sound one is left alone.

    Args:
        path: the store.
        now: names the file that is set aside, `PATH.damaged-20261123T020000Z`.

    Raises:
        FileNotFoundError: there is no store.
        StoreBusyError: an alertd has it open.
        OSError: the files cannot be moved or written.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no store here, so nothing to repair")
    lock = Lock(path)
    lock.take()
    try:
        if sound(path):
            return Salvaged(None)
        aside = _set_aside(path, now)
        make_file(path)
        engine = engine_for(path, page_size=PAGE_SIZE)
        try:
            with engine.connect() as connection:
                prepare(connection, None)
                with connection.begin():
                    return _take_over(aside, connection)
        finally:
            engine.dispose()
    finally:
        lock.release()


def sound(path: Path) -> bool:
    """Tell whether a store is whole, of a version we know, and all its rows can be read."""
    try:
        if examine(path) is None:
            return True
        with closing(_reader(path)) as old:
            if old.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                return False
            return all(_readable(name, row) for name in BODIES for row in _forward(old, name, []))
    except (StoreDamagedError, sqlite3.Error):
        return False


def _set_aside(path: Path, now: datetime) -> Path:
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for companion in ("", *COMPANIONS):
        old = path.with_name(path.name + companion)
        if old.exists():
            old.rename(aside.with_name(aside.name + companion))
    return aside


def _reader(path: Path) -> sqlite3.Connection:
    reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
    reader.row_factory = sqlite3.Row
    return reader


def _take_over(aside: Path, new: Connection) -> Salvaged:
    found = Salvaged(aside)
    with closing(_reader(aside)) as old:
        for table in schema.metadata.sorted_tables:
            if table.name != schema.version.name and table.name not in READINGS:
                _copy(old, new, table, found)
        if "series" not in found.lost:
            for name in READINGS:
                _copy(old, new, schema.metadata.tables[name], found)
        else:
            found.lost += READINGS
    _number_on(new)
    return found


def _copy(old: sqlite3.Connection, new: Connection, table: Table, found: Salvaged) -> None:
    """Copy the rows that can be read, with the columns both versions have."""
    missing: list[str] = []
    count = 0
    for row in _every(old, table.name, missing):
        known = {column.name: row[column.name] for column in table.columns if column.name in row.keys()}  # noqa: SIM118 (sqlite3.Row iterates values)
        if not _readable(table.name, row):
            missing.append(table.name)
            continue
        try:
            new.execute(table.insert().prefix_with("OR IGNORE"), known)
        except Exception:  # noqa: BLE001 (whatever a torn row holds, it must not cost the others)
            missing.append(table.name)
            continue
        count += 1
    found.rows[table.name] = count
    if missing:
        found.lost.append(table.name)


def _every(old: sqlite3.Connection, name: str, missing: list[str]) -> Iterator[sqlite3.Row]:
    """Yield every readable row: from the front, and past a torn place from the back and one by one between."""
    last = None
    for row in _forward(old, name, missing):
        last = row["place"]
        yield row
    if not missing:
        return
    first = None
    try:
        for row in old.execute(f'SELECT _rowid_ AS place, * FROM "{name}" ORDER BY _rowid_ DESC'):  # noqa: S608 (our table)
            if last is not None and row["place"] <= last:
                return
            first = row["place"]
            yield row
    except sqlite3.Error:
        if first is None:
            return
    between = range((last or 0) + 1, first if first is not None else 0)
    for rowid in between[:GAP]:
        try:
            yield from old.execute(f'SELECT _rowid_ AS place, * FROM "{name}" WHERE _rowid_ = ?', (rowid,))  # noqa: S608 (our table)
        except sqlite3.Error:
            continue


def _forward(old: sqlite3.Connection, name: str, missing: list[str]) -> Iterator[sqlite3.Row]:
    try:
        yield from old.execute(f'SELECT _rowid_ AS place, * FROM "{name}" NOT INDEXED ORDER BY _rowid_')  # noqa: S608 (our table)
    except sqlite3.Error:
        missing.append(name)


def _readable(name: str, row: sqlite3.Row) -> bool:
    read = BODIES.get(name)
    if read is None or (name == "messages" and row["body"] is None):  # bodies of old messages are forgotten on purpose
        return True
    try:
        read(row["body"])
    except (msgspec.MsgspecError, TypeError):
        return False
    return True


def _number_on(new: Connection) -> None:
    """Never give a number twice, even where the counters were lost."""
    for counter, table in (("alert", "alerts"), ("incident", "incidents"), ("silence", "silences")):
        statement: Any = (
            f"INSERT INTO counters (name, value) SELECT ?, max(number) FROM {table} WHERE true HAVING max(number) > 0"  # noqa: S608 (our tables)
            " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"
        )
        new.exec_driver_sql(statement, (counter,))

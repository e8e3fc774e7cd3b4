"""One flush becomes one transaction.

A flush that only brings readings costs two statements, an insert into the journal and the
update that checks the epoch; everything else is asked for only if it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from alertd.seams import FencedError
from alertd.store.journal import pack_batch, pack_ledger
from alertd.store.outbox import put
from alertd.store.rows import alert_row, dump, incident_row, silence_row, switching_row
from alertd.store.schema import (
    alerts,
    commands,
    consents,
    counters,
    incidents,
    invites,
    people,
    positions,
    quarantine,
    series,
    silences,
    snapshots,
    switchings,
)
from alertd.store.shift import shift

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Table

    from alertd.model import Changes, Series
    from alertd.seams import Flush, Quarantined

QUARANTINE_ROWS: Final = 1000

_OWN = (
    "UPDATE partitions SET at = ?, seq = ?, session = coalesce(?, session), marks = coalesce(?, marks)"
    " WHERE partition = 0 AND epoch = ?"
)
_JOURNAL = (
    'INSERT INTO journal (seq, at, "first", "last", "count", session, ledger, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
)


def write(connection: Connection, flush: Flush, *, epoch: int, seq: int) -> int:
    """Write all of `flush` inside the transaction `connection` is in; `seq` is the journal's newest number.

    Empty `marks` and an empty `session` leave what was. A snapshot covers the flush it comes with.

    Returns:
        The journal's newest number now.

    Raises:
        FencedError: another epoch owns the partition.
    """
    if flush.move is not None:
        shift(connection, flush.move)
    kept = len(flush.batch) > 0 or bool(flush.ledger)
    seq += kept
    marks = dump(flush.marks) if flush.marks else None
    owned = connection.exec_driver_sql(_OWN, (flush.now, seq, flush.session or None, marks, epoch))
    if owned.rowcount != 1:
        raise FencedError(f"epoch {epoch} does not own the store any more")
    if kept:
        connection.exec_driver_sql(_JOURNAL, _journal_row(flush, seq))
    if flush.new_series:
        _upsert(connection, series, [_series_row(number, one) for number, one in flush.new_series])
    if flush.changes.any or flush.changes.counters:
        _changes(connection, flush.changes, flush.now)
    if flush.quarantine:
        set_aside(connection, flush.quarantine)
    if flush.snapshot is not None:
        _upsert(connection, snapshots, [{"partition": 0, "seq": seq, "at": flush.now, "body": flush.snapshot}])
    return seq


def set_aside(connection: Connection, rows: Sequence[Quarantined]) -> None:
    """Keep what made the code raise, and of all that the newest `QUARANTINE_ROWS`."""
    connection.execute(
        insert(quarantine),
        [
            {"kind": one.kind, "topic": one.topic, "payload": one.payload, "traceback": one.traceback, "at": one.at}
            for one in rows
        ],
    )
    newest = select(func.max(quarantine.c.row)).scalar_subquery()
    connection.execute(delete(quarantine).where(quarantine.c.row <= newest - QUARANTINE_ROWS))


def _changes(connection: Connection, changes: Changes, now: int) -> None:
    _upsert(connection, alerts, [alert_row(alert) for alert in changes.alerts.values()])
    _upsert(connection, incidents, [incident_row(incident) for incident in changes.incidents.values()])
    _upsert(connection, silences, [silence_row(silence) for silence in changes.silences.values()])
    _upsert(connection, switchings, [switching_row(switching) for switching in changes.switchings.values()])
    for message in changes.messages:
        put(connection, message, now)
    _upsert(connection, people, [{"id": one.id, "body": dump(one)} for one in changes.people.values()])
    if changes.consents:
        connection.execute(
            insert(consents),
            [
                {
                    "subscriber": one.subscriber,
                    "messenger": one.messenger,
                    "address_hash": one.address_hash,
                    "action": one.action,
                    "how": one.how,
                    "wording": one.wording,
                    "at": one.at,
                }
                for one in changes.consents
            ],
        )
    _upsert(
        connection,
        invites,
        [{"code_hash": one.code_hash, "expires": one.expires, "body": dump(one)} for one in changes.invites.values()],
    )
    if changes.commands:
        statement = insert(commands).on_conflict_do_nothing()
        connection.execute(statement, [{"id": one, "at": now} for one in changes.commands])
    _upsert(connection, positions, [{"messenger": key, "position": value} for key, value in changes.positions.items()])
    _upsert(connection, counters, [{"name": key, "value": value} for key, value in changes.counters.items()])


def _upsert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    if not rows:
        return
    statement = insert(table)
    keys = list(table.primary_key)
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), rows)


def _series_row(number: int, one: Series) -> dict[str, Any]:
    return {
        "id": number,
        "device": one.device,
        "metric": one.metric,
        "unit": one.unit,
        "state": one.state,
        "group": one.group,
        "labels": dump(dict(one.labels)),
    }


def _journal_row(flush: Flush, seq: int) -> tuple[object, ...]:
    count = len(flush.batch)
    return (
        seq,
        flush.now,
        int(flush.batch.time.min()) if count else None,
        int(flush.batch.time.max()) if count else None,
        count,
        flush.session,
        pack_ledger(flush.ledger) if flush.ledger else None,
        pack_batch(flush.batch) if count else None,
    )

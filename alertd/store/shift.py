"""The times of journal, outbox and records, moved in one transaction because the clock was set (`alertd.moving`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import delete, select, update

from alertd.moving import moved_batch, moved_message
from alertd.store.journal import pack_batch, unpack_batch
from alertd.store.rows import WAITS, dump, read_message
from alertd.store.schema import commands, consents, deliveries, journal, messages, quarantine, snapshots

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from alertd.model import Move

POINTS: Final = (
    messages.c.created,
    messages.c.settled,
    deliveries.c.at,
    consents.c.at,
    commands.c.at,
    quarantine.c.at,
    journal.c.at,
)
"""What was written down when it happened."""


def shift(connection: Connection, move: Move) -> None:
    """Move what was written in the span, inside the transaction `connection` is in.

    A snapshot of the span cannot be moved, because it does not say whose time a value has: it goes,
    and the windows are rebuilt from the journal.
    """
    connection.execute(delete(snapshots).where(snapshots.c.seq > move.seq))
    _outbox(connection, move)
    _journal(connection, move)
    for column in POINTS:
        within = column.between(move.since, move.until)
        connection.execute(update(column.table).where(within).values({column: column + move.by}))


def _outbox(connection: Connection, move: Move) -> None:
    columns = (messages.c.row, messages.c.created, messages.c.due, messages.c.body)
    waiting = select(*columns).where(messages.c.state.in_(WAITS), messages.c.body.is_not(None))
    for row, created, due, body in connection.execute(waiting).all():
        try:
            message = moved_message(read_message(body), created, due, move)
        except msgspec.MsgspecError:
            continue  # its claim sets it aside
        values = {"due": message.due, "expires": message.expires, "body": dump(message)}
        connection.execute(update(messages).where(messages.c.row == row).values(values))
    over = messages.c.state.not_in(WAITS) & messages.c.due.between(move.since, move.until)
    connection.execute(update(messages).where(over).values(due=messages.c.due + move.by))


def _journal(connection: Connection, move: Move) -> None:
    rows = select(journal.c.seq).where(journal.c.seq > move.seq, journal.c.count > 0).order_by(journal.c.seq)
    for seq in connection.execute(rows).scalars().all():
        body = connection.execute(select(journal.c.body).where(journal.c.seq == seq)).scalar()
        try:
            batch = moved_batch(unpack_batch(body or b""), move)
        except ValueError:
            continue  # reading it sets it aside
        values = {"first": int(batch.time.min()), "last": int(batch.time.max()), "body": pack_batch(batch)}
        connection.execute(update(journal).where(journal.c.seq == seq).values(values))

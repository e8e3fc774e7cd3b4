"""What is forgotten, a bounded amount per call so that no commit waits long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, select, update

from alertd.model import DAY
from alertd.store.load import COMMANDS_KEPT
from alertd.store.rows import WAITS
from alertd.store.schema import commands, invites, journal, messages, quarantine, silences, snapshots, switchings

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Table

    from alertd.model import Micros

QUARANTINE_KEPT: Final = 90 * DAY
SILENCES_KEPT: Final = 90 * DAY
"""After a silence has ended."""
SWITCHINGS_KEPT: Final = 365 * DAY
"""Who switched what: for a year, a season and the one before."""
INVITES_KEPT: Final = 7 * DAY
"""After an invite has lapsed: so long a late try still hears that the code is too old."""
STEP: Final = 1000
"""Rows of each table forgotten in one call."""


def forget(connection: Connection, now: Micros, keep: Micros, bodies_kept: Micros) -> None:
    """Forget what is too old, inside the transaction `connection` is in.

    Readings go by when they were journalled, from the oldest on, and never those after the last
    snapshot: the windows are rebuilt from them.
    """
    covered = select(func.coalesce(func.max(snapshots.c.seq), 0)).scalar_subquery()
    oldest = (
        select(journal.c.seq, journal.c.at)
        .where(journal.c.seq <= covered)
        .order_by(journal.c.seq)
        .limit(STEP)
        .subquery()
    )
    last = select(func.max(oldest.c.seq)).where(oldest.c.at < now - keep).scalar_subquery()
    connection.execute(delete(journal).where(journal.c.seq <= last))

    bodies = select(messages.c.row).where(
        messages.c.body.is_not(None), messages.c.state.not_in(WAITS), messages.c.settled < now - bodies_kept
    )
    clear = update(messages).where(messages.c.row.in_(bodies.limit(STEP)))
    connection.execute(clear.values(body=None, address=""))

    _drop(connection, commands, commands.c.id, commands.c.at < now - COMMANDS_KEPT)
    _drop(connection, invites, invites.c.code_hash, invites.c.expires < now - INVITES_KEPT)
    _drop(connection, silences, silences.c.number, silences.c.ended < now - SILENCES_KEPT)
    _drop(connection, switchings, switchings.c.id, switchings.c.asked < now - SWITCHINGS_KEPT)
    _drop(connection, quarantine, quarantine.c.row, quarantine.c.at < now - QUARANTINE_KEPT)


def _drop(connection: Connection, table: Table, key: Column[Any], old: Any) -> None:
    connection.execute(delete(table).where(key.in_(select(key).where(old).limit(STEP))))

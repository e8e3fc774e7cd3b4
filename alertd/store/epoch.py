"""Who owns the store: each `open` takes the next epoch, and whoever holds an older one may not write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.seams import FencedError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FIRST = (
    "INSERT INTO partitions (partition, epoch, seq, at, session, marks) VALUES (0, 0, 0, 0, '', '{}')"
    " ON CONFLICT DO NOTHING"
)
_TAKE = "UPDATE partitions SET epoch = epoch + 1 WHERE partition = 0 RETURNING epoch, seq"
_LOOK = "SELECT epoch FROM partitions WHERE partition = 0"


def take(connection: Connection) -> tuple[int, int]:
    """Take the next epoch; return it with the journal's newest number."""
    connection.exec_driver_sql(_FIRST)
    epoch, seq = connection.exec_driver_sql(_TAKE).one()
    return epoch, seq


def check(connection: Connection, epoch: int) -> None:
    """Make sure that `epoch` still owns the store, inside the transaction that is about to write.

    Raises:
        FencedError: somebody took a later one.
    """
    if connection.exec_driver_sql(_LOOK).scalar() != epoch:
        raise FencedError(f"epoch {epoch} does not own the store any more")

"""What the store remembers, for building the book again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import and_, func, or_, select

from alertd.model import DAY, Kind, Series
from alertd.seams import Kept
from alertd.store.journal import unpack_ledger
from alertd.store.rows import (
    SETTLED_COLUMNS,
    WAITS,
    read_alert,
    read_incident,
    read_invite,
    read_message,
    read_person,
    read_silence,
    read_switching,
    settled,
)
from alertd.store.schema import (
    alerts,
    commands,
    counters,
    incidents,
    invites,
    journal,
    messages,
    partitions,
    people,
    positions,
    series,
    silences,
    snapshots,
    switchings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Connection, Row

    from alertd.model import Message

RECENT: Final = 2 * DAY
"""Resolved alerts younger than this are loaded: a reopen, a late answer of a person or a digest may still need them."""
COMMANDS_KEPT: Final = 2 * DAY
LEDGER_KEPT: Final = 2000


def load(connection: Connection) -> Kept:
    """Return everything but the readings. "Within the last days" counts back from the newest commit."""
    own = connection.execute(select(partitions).where(partitions.c.partition == 0)).one()
    chosen = or_(alerts.c.held, alerts.c.resolved >= own.at - RECENT)
    told = select(alerts.c.incident).where(chosen)
    # A digest tells of alerts of several incidents, and stands under one of them: all since the oldest open alert.
    oldest = select(func.min(alerts.c.started)).where(chosen).scalar_subquery()
    digests = and_(messages.c.kind == Kind.DIGEST.value, func.ifnull(messages.c.settled, oldest) >= oldest)
    theirs = or_(and_(messages.c.incident.in_(told), messages.c.incident != ""), digests)
    report = select(*(messages.c[name] for name in SETTLED_COLUMNS)).where(theirs, messages.c.state.not_in(WAITS))
    snapshot = connection.execute(select(snapshots.c.seq, snapshots.c.body)).one_or_none()
    bodies = connection.execute
    return Kept(
        series={row.id: as_series(row) for row in connection.execute(select(series))},
        alerts=[read_alert(body) for (body,) in bodies(select(alerts.c.body).where(chosen).order_by(alerts.c.number))],
        incidents=[
            read_incident(body)
            for (body,) in bodies(select(incidents.c.body).where(incidents.c.id.in_(told)).order_by(incidents.c.number))
        ],
        silences=[
            read_silence(body)
            for (body,) in bodies(
                select(silences.c.body)
                .where(or_(silences.c.ended.is_(None), silences.c.ended >= own.at - RECENT))
                .order_by(silences.c.number)
            )
        ],
        switchings=[
            read_switching(body)
            for (body,) in bodies(
                select(switchings.c.body)
                .where(switchings.c.asked >= own.at - RECENT)
                .order_by(switchings.c.asked, switchings.c.id)
            )
        ],
        messages=_readable(connection, theirs),
        settled=[settled(row) for row in connection.execute(report.order_by(messages.c.settled, messages.c.row))],
        people={key: read_person(body) for key, body in bodies(select(people.c.id, people.c.body))},
        invites={key: read_invite(body) for key, body in bodies(select(invites.c.code_hash, invites.c.body))},
        commands=set(bodies(select(commands.c.id).where(commands.c.at >= own.at - COMMANDS_KEPT)).scalars()),
        positions=_pairs(connection, select(positions.c.messenger, positions.c.position)),
        counters=_pairs(connection, select(counters.c.name, counters.c.value)),
        ledger=_ledger(connection, own.session),
        session=own.session,
        marks=msgspec.json.decode(own.marks, type=dict[str, Any]),
        snapshot=None if snapshot is None else snapshot.body,
        snapshot_seq=0 if snapshot is None else snapshot.seq,
        at=own.at,
        seq=own.seq,
    )


def as_series(row: Row[Any]) -> Series:
    """Read a row of the table `series`."""
    labels: Mapping[str, str] = msgspec.json.decode(row.labels, type=dict[str, str])
    return Series(row.device, row.metric, row.unit, row.state, row.group, labels)


def _readable(connection: Connection, which: ColumnElement[bool]) -> list[Message]:
    """Read messages back, oldest first. One that cannot be read is left to the courier, who sets it aside."""
    bodies = select(messages.c.body).where(which, messages.c.body.is_not(None)).order_by(messages.c.row)
    found = []
    for (body,) in connection.execute(bodies):
        with suppress(msgspec.MsgspecError):
            found.append(read_message(body))
    return found


def _pairs(connection: Connection, statement: Any) -> dict[str, Any]:
    return {row[0]: row[1] for row in connection.execute(statement)}


def _ledger(connection: Connection, session: str) -> list[tuple[int, int]]:
    """Gather the newest entries of the session, oldest first."""
    # A row of readings that came by QoS 1 has at least one entry, so this many rows are enough.
    statement = select(journal.c.session, journal.c.ledger).order_by(journal.c.seq.desc()).limit(LEDGER_KEPT)
    newest: list[list[tuple[int, int]]] = []
    count = 0
    for row_session, blob in connection.execute(statement):
        if row_session not in (session, "") or count >= LEDGER_KEPT:
            break
        if blob:
            newest.append(unpack_ledger(blob))
            count += len(newest[-1])
    flat = [entry for part in reversed(newest) for entry in part]
    return flat[-LEDGER_KEPT:]

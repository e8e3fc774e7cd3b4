"""What is held of one person, and how it is taken away: all but the consent ledger, the proof that they had agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import delete, select, update

from alertd.audience.erasing import ERASED, anonymous_alert, anonymous_incident, anonymous_switching, names_person
from alertd.store.rows import dump, read_alert, read_incident, read_invite, read_message, read_switching
from alertd.store.schema import alerts, deliveries, incidents, invites, messages, quarantine, switchings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from alertd.model import Alert, Invite, Micros

_row = messages.c
KINDS: Final = ("update", "event", "outbox")
"""Kinds of quarantined things in which an address may stand."""


def gather(connection: Connection, person: str) -> tuple[list[dict[str, Any]], list[Alert], list[Invite]]:
    """Return all messages to a person as data (with address and deliveries), alerts that name them, and invites."""
    told = {row.id: _told(row) for row in connection.execute(select(messages).where(_row.subscriber == person))}
    for row in connection.execute(select(deliveries).order_by(deliveries.c.row)):
        if row.message in told:
            told[row.message]["deliveries"].append(
                {"messenger": row.messenger, "outcome": row.outcome, "why": row.why, "ref": row.ref, "at": row.at}
            )
    named = [alert for _, alert in _naming(connection, person)]
    return list(told.values()), named, _invites(connection, person)


def erase(connection: Connection, person: str, addresses: Iterable[str], now: Micros) -> tuple[int, int]:
    """Take a person out of everything that is over; what is still to be sent to them is dropped.

    Messages keep their times and outcomes for the farm's record, without words, address and name. The
    consent ledger is not touched: it holds hashes.

    Returns:
        How many messages and how many alerts were made anonymous.
    """
    connection.exec_driver_sql("PRAGMA secure_delete = ON")  # what is taken out is overwritten, too (sqlite.org/pragma)
    mine = _row.subscriber == person
    waiting = update(messages).where(mine, _row.state == "queued")
    connection.execute(waiting.values(state="dropped", settled=now, why="the person was erased"))
    told = list(connection.execute(select(_row.id).where(mine, _row.state != "claimed")).scalars())
    for start in range(0, len(told), 500):
        some = told[start : start + 500]
        connection.execute(update(deliveries).where(deliveries.c.message.in_(some)).values(address_hash="", ref=""))
        connection.execute(
            update(messages).where(_row.id.in_(some)).values(subscriber=ERASED, address="", body=None, why="")
        )
    named = _naming(connection, person)
    for key, alert in named:
        connection.execute(update(alerts).where(alerts.c.id == key).values(body=dump(anonymous_alert(alert, person))))
    for key, body in _mentioning(connection, incidents, person):
        incident = anonymous_incident(read_incident(body), person)
        connection.execute(update(incidents).where(incidents.c.id == key).values(body=dump(incident)))
    for key, body in _mentioning(connection, switchings, person):
        switching = read_switching(body)
        if switching.by == person:
            taken_out = dump(anonymous_switching(switching))
            connection.execute(update(switchings).where(switchings.c.id == key).values(body=taken_out))
    codes = [one.code_hash for one in _invites(connection, person)]
    connection.execute(delete(invites).where(invites.c.code_hash.in_(codes)))
    _drop_quarantined(connection, {person, *addresses})
    return len(told), len(named)


def _told(row: Any) -> dict[str, Any]:
    names = ("id", "kind", "severity", "state", "messenger", "address", "due", "created", "settled", "why")
    try:
        text = None if row.body is None else read_message(row.body).text
    except msgspec.MsgspecError:
        text = None
    return {name: getattr(row, name) for name in names} | {"text": text, "deliveries": []}


def _naming(connection: Connection, person: str) -> list[tuple[str, Alert]]:
    found = ((key, read_alert(body)) for key, body in _mentioning(connection, alerts, person))
    return [(key, alert) for key, alert in found if names_person(alert, person)]


def _mentioning(connection: Connection, table: Any, person: str) -> list[tuple[str, str]]:
    # As text first (`_` fits any sign there): most of years of alerts were never touched by this person.
    wanted = select(table.c.id, table.c.body).where(table.c.body.contains(f'"{person}"'))
    return [(key, body) for key, body in connection.execute(wanted)]


def _invites(connection: Connection, person: str) -> list[Invite]:
    found = [read_invite(body) for body in connection.execute(select(invites.c.body)).scalars()]
    return [one for one in found if one.subscriber == person]


def _drop_quarantined(connection: Connection, words: set[str]) -> None:
    rows = connection.execute(select(quarantine.c.row, quarantine.c.payload).where(quarantine.c.kind.in_(KINDS)))
    gone = [number for number, payload in rows if any(word.encode() in payload for word in words if word)]
    connection.execute(delete(quarantine).where(quarantine.c.row.in_(gone)))

"""The tables, for SQLite and PostgreSQL alike; times are microseconds (`alertd.model.Micros`).

What pages and the courier ask for has a column of its own; the whole alert,
incident, message or person is kept beside it as JSON (`body`), so that a new
field of the model needs no migration.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

HEAD: Final = "0003"
"""The newest migration. Four digits that count up, so that an older and a newer store can be told apart as text."""

_Number = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits in both; only a column that SQLite calls INTEGER can be its row number."""

metadata = MetaData()

version = Table("alembic_version", metadata, Column("version_num", Text, primary_key=True))
"""The cheap version marker: one row, read before Alembic would have to be imported."""

partitions = Table(
    "partitions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("session", Text, nullable=False),
    Column("marks", Text, nullable=False),
)
"""Who owns a partition and how far it is; the one row every commit changes, so all of it fits one page."""

journal = Table(
    "journal",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("first", BigInteger),
    Column("last", BigInteger),
    Column("count", Integer, nullable=False),
    Column("session", Text, nullable=False),
    Column("ledger", LargeBinary),
    Column("body", LargeBinary),
)
"""One row per flush (`alertd.store.journal`). No second index: it would cost every flush another page of the card."""

snapshots = Table(
    "snapshots",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=False),
    Column("device", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("state", Boolean(create_constraint=False), nullable=False),
    Column("group", Text),
    Column("labels", Text, nullable=False),
    Index("series_device", "device", "metric"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("device", Text),
    Column("state", Text, nullable=False),
    Column("held", Boolean(create_constraint=False), nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("resolved", BigInteger),
    Column("incident", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("alerts_number", "number"),
    Index("alerts_held", "held", "resolved"),
)
"""`held`: open or dismissed, so the book needs it after any time."""

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("closed", BigInteger),
    Column("body", Text, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("body", Text, nullable=False),
)
"""Planned quiet: who wanted it, why, until when, and what it kept quiet."""

switchings = Table(
    "switchings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asked", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("switchings_asked", "asked"),
)
"""Wishes to switch a device: who, where, when, and what became of it."""

messages = Table(
    "messages",
    metadata,
    Column("row", _Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subscriber", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("alerts", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("critical", Boolean(create_constraint=False), nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("follows", Text),
    Column("merged_into", Text),
    Column("channel", Integer, nullable=False),
    Column("messenger", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("resend", Boolean(create_constraint=False), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("settled", BigInteger),
    Column("why", Text, nullable=False),
    Column("body", Text),
    Index("messages_due", "state", "due"),
    Index("messages_follows", "follows"),
    Index("messages_incident", "incident"),
)
"""The outbox, and what became of it: queued, claimed, then sent, unsure, dead, expired, merged or dropped."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("row", _Number, primary_key=True),
    Column("message", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("messenger", Text, nullable=False),
    Column("address_hash", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("deliveries_message", "message"),
)

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("body", Text, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("row", _Number, primary_key=True),
    Column("subscriber", Text, nullable=False),
    Column("messenger", Text, nullable=False),
    Column("address_hash", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("wording", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""Append-only: proof outlives what it proves."""

invites = Table(
    "invites",
    metadata,
    Column("code_hash", Text, primary_key=True),
    Column("expires", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("commands_at", "at"),
)

positions = Table(
    "positions",
    metadata,
    Column("messenger", Text, primary_key=True),
    Column("position", Text, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("row", _Number, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""What made the code raise; at most `alertd.store.commit.QUARANTINE_ROWS` rows."""

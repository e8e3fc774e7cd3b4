"""What people look through: messages, readings, alerts, consent; newest first unless it is a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from sqlalchemy import and_, or_, select

from alertd.model import Alert, ConsentEntry, Quality, Reading, Switching
from alertd.seams import Quarantined
from alertd.store.journal import unpack_batch
from alertd.store.load import as_series
from alertd.store.rows import read_alert, read_message, read_switching, read_texts
from alertd.store.schema import alerts, consents, deliveries, journal, messages, quarantine, series, switchings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Row

    from alertd.model import Batch, Micros, Series

MESSAGE_COLUMNS: Final = (
    *("id", "kind", "subscriber", "incident", "severity", "critical", "state", "messenger", "attempts", "resend"),
    *("due", "expires", "created", "settled", "why"),
)


def message_page(connection: Connection, limit: int, before: int | None) -> list[dict[str, Any]]:
    """Return messages, newest first, as plain data; `row` of the last one is the next `before`.

    Beside the columns `MESSAGE_COLUMNS` (times in microseconds): `alerts` (numbers), `text` (None once
    forgotten) and `deliveries`, the attempts in order with messenger, outcome, why, ref and at.
    """
    statement = select(messages).order_by(messages.c.row.desc()).limit(limit)
    if before is not None:
        statement = statement.where(messages.c.row < before)
    page = {row.id: _message(row) for row in connection.execute(statement)}
    tries = select(deliveries).where(deliveries.c.message.in_(page)).order_by(deliveries.c.row)
    for row in connection.execute(tries):
        page[row.message]["deliveries"].append(
            {"messenger": row.messenger, "outcome": row.outcome, "why": row.why, "ref": row.ref, "at": row.at}
        )
    return list(page.values())


def alert_page(connection: Connection, limit: int, before_number: int | None) -> list[Alert]:
    """Return alerts of any state, the highest number first; the last one's number is the next `before_number`."""
    statement = select(alerts.c.body).order_by(alerts.c.number.desc()).limit(limit)
    if before_number is not None:
        statement = statement.where(alerts.c.number < before_number)
    return [read_alert(body) for body in connection.execute(statement).scalars()]


def switching_page(connection: Connection, limit: int, before: tuple[Micros, str] | None) -> list[Switching]:
    """Return wishes to switch a device, newest first; (asked, id) of the last one is the next `before`."""
    asked, name = switchings.c.asked, switchings.c.id
    statement = select(switchings.c.body).order_by(asked.desc(), name.desc()).limit(limit)
    if before is not None:
        statement = statement.where(or_(asked < before[0], and_(asked == before[0], name < before[1])))
    return [read_switching(body) for body in connection.execute(statement).scalars()]


def consent_page(connection: Connection, subscriber: str | None) -> list[ConsentEntry]:
    """Return a person's lines of the consent ledger, or all of it, oldest first."""
    statement = select(consents).order_by(consents.c.row)
    if subscriber is not None:
        statement = statement.where(consents.c.subscriber == subscriber)
    return [ConsentEntry(*row[1:]) for row in connection.execute(statement)]


def quarantine_page(connection: Connection, limit: int) -> list[Quarantined]:
    """Return what was set aside, newest first."""
    statement = select(quarantine).order_by(quarantine.c.row.desc()).limit(limit)
    return [Quarantined(*row[1:]) for row in connection.execute(statement)]


def journal_after(connection: Connection, seq: int, limit: int) -> list[tuple[int, bytes]]:
    """Return rows (seq, body) of the journal after `seq` that hold readings, oldest first."""
    statement = select(journal.c.seq, journal.c.body).where(journal.c.seq > seq, journal.c.count > 0)
    return [(row.seq, row.body) for row in connection.execute(statement.order_by(journal.c.seq).limit(limit))]


def before_newest(connection: Connection, most: int) -> int:
    """Return the `seq` after which the journal has at most `most` readings; 0 if that is all of them."""
    statement = select(journal.c.seq, journal.c.count).order_by(journal.c.seq.desc())
    with connection.execute(statement) as rows:
        for row in rows:
            most -= row.count  # type: ignore[operator]
            if most < 0:
                return int(row.seq)
    return 0


def reading_page(
    connection: Connection, *, device: str | None, metric: str | None, start: Micros, end: Micros, limit: int
) -> list[Reading]:
    """Return the first `limit` readings with start <= time < end, by time; None for device or metric: any.

    A row that cannot be read is passed over: start-up has set it aside, or will.
    """
    wanted = select(series)
    if device is not None:
        wanted = wanted.where(series.c.device == device)
    if metric is not None:
        wanted = wanted.where(series.c.metric == metric)
    known = {row.id: as_series(row) for row in connection.execute(wanted)}
    if not known or limit <= 0:
        return []
    span = (
        select(journal.c.body)
        .where(journal.c.count > 0, journal.c.last >= start, journal.c.first < end)
        .order_by(journal.c.seq)
        .execution_options(yield_per=100)
    )
    return choose(_batches(connection.execute(span).scalars()), known, start=start, end=end, limit=limit)


def reading_columns(connection: Connection, start: Micros, end: Micros) -> tuple[dict[int, Series], list[Batch]]:
    """Return all series, and the readings with start <= time < end as they were journalled: a million is 30 MB."""
    known = {row.id: as_series(row) for row in connection.execute(select(series))}
    span = select(journal.c.body).where(journal.c.count > 0, journal.c.last >= start, journal.c.first < end)
    bodies = connection.execute(span.order_by(journal.c.seq).execution_options(yield_per=100)).scalars()
    return known, [batch.take((batch.time >= start) & (batch.time < end)) for batch in _batches(bodies)]


def choose(
    batches: Iterator[Batch], known: Mapping[int, Series], *, start: Micros, end: Micros, limit: int
) -> list[Reading]:
    """Pick from batches, in the order they were journalled, the first `limit` readings of the span by time."""
    rows = np.fromiter(known, np.int32, len(known))
    found: list[Reading] = []
    for batch in batches:
        part = batch.take(np.isin(batch.series, rows) & (batch.time >= start) & (batch.time < end))
        found += (_reading(known[int(part.series[i])], part, i) for i in range(len(part)))
        if len(found) > 4 * limit:
            found = sorted(found, key=_by_time)[:limit]
    return sorted(found, key=_by_time)[:limit]


def _by_time(reading: Reading) -> Micros:
    return reading.time


def _batches(bodies: Any) -> Iterator[Batch]:
    for body in bodies:
        try:
            yield unpack_batch(body)
        except ValueError:
            continue


def _reading(one: Series, batch: Batch, i: int) -> Reading:
    return Reading(
        device=one.device,
        metric=one.metric,
        value=float(batch.value[i]),
        unit=one.unit,
        time=int(batch.time[i]),
        received=int(batch.received[i]),
        quality=Quality(int(batch.quality[i])),
        state=one.state,
        group=one.group,
        labels=one.labels,
    )


def _message(row: Row[Any]) -> dict[str, Any]:
    try:
        text = None if row.body is None else read_message(row.body).text
    except msgspec.MsgspecError:
        text = None
    fields = {name: getattr(row, name) for name in MESSAGE_COLUMNS}
    return {"row": row.row, **fields, "alerts": list(read_texts(row.alerts)), "text": text, "deliveries": []}

"""The outbox: messages put in with the commit that meant them, claimed one at a time, settled once.

States: queued, claimed (a request may be under way), and the final ones. A message
that follows another waits until that one is final. Where one is withdrawn in favour
of another (`merged`), whatever followed it follows the other from then on, because
that is where its words are now.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, exists, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from alertd.audience.consent import address_hash
from alertd.model import Channel, Delivery, Sent, Settled
from alertd.seams import Settlement, Waiting
from alertd.store.rows import (
    MILLION,
    REACHED,
    SETTLED_COLUMNS,
    WAITS,
    arrived,
    attempt,
    channel_at,
    cost_counter,
    dump,
    merge,
    message_row,
    prefer,
    read_message,
    settled,
)
from alertd.store.schema import counters, deliveries, messages

if TYPE_CHECKING:
    from sqlalchemy import Row

    from alertd.model import Message, Micros, Receipt

_row = messages.c
_earlier = messages.alias("earlier")


def put(connection: Connection, message: Message, now: Micros) -> None:
    """Put a message into the outbox; one whose id is known already changes nothing."""
    if _find(connection, message.id) is not None:
        return
    follows = message.follows
    while follows is not None and (earlier := _find(connection, follows)) is not None and earlier.state == "merged":
        follows = earlier.merged_into
    if message.replaces is not None:
        old = _find(connection, message.replaces)
        if old is not None and old.state == "queued":
            message = merge(dataclasses.replace(message, follows=follows), old.id, old.follows)
            follows = message.follows
            _update(
                connection, old.id, state="merged", merged_into=message.id, settled=now, why="told with a later message"
            )
            behind = update(messages).where(_row.follows == old.id, _row.state == "queued")
            connection.execute(behind.values(follows=message.id))
    message = dataclasses.replace(message, follows=follows)
    if follows is not None:
        earlier = _find(connection, follows)
        if earlier is not None and earlier.state in REACHED:
            best = Channel(earlier.messenger, earlier.address)
            message = dataclasses.replace(message, channels=prefer(message.channels, best))
    connection.execute(insert(messages), message_row(message, now))


def waiting(connection: Connection, now: Micros, limit: int) -> list[Waiting]:
    """Return queued messages due by `now` that nothing holds back: critical first, then oldest first."""
    statement = (
        select(_row.id, _row.messenger, _row.address, _row.due, _row.critical, _row.attempts, _row.expires)
        .where(_free(), _row.due <= now)
        .order_by(_row.critical.desc(), _row.due, _row.row)
        .limit(limit)
    )
    return [Waiting(*row) for row in connection.execute(statement)]


def next_due(connection: Connection) -> Micros | None:
    """Return when the earliest queued message that nothing holds back is due."""
    return connection.execute(select(func.min(_row.due)).where(_free())).scalar()


def unsent(connection: Connection) -> tuple[int, Micros | None]:
    """Return how many messages are queued or being sent, and when the oldest of them was due."""
    waiting = _row.state.in_(("queued", "claimed"))
    count, oldest = connection.execute(select(func.count(), func.min(_row.due)).where(waiting)).one()
    return count, oldest


def claim(connection: Connection, message_id: str, now: Micros) -> Delivery | Settlement | None:
    """Mark a message as being sent and return the attempt, or settle it where nothing can be sent.

    Raises:
        msgspec.MsgspecError: the row's body cannot be read (`set_poison_aside`).
    """
    row = _find(connection, message_id)
    if row is None or row.state != "queued":
        return None
    earlier = _find(connection, row.follows) if row.follows is not None else None
    if earlier is not None and earlier.state in WAITS:
        return None
    _update(connection, row.id, state="claimed", attempts=row.attempts + 1)
    delivery = _delivery(connection, row, row.attempts + 1)
    cost = select(counters.c.value).where(counters.c.name == cost_counter(delivery.channel.messenger, now))
    delivery = dataclasses.replace(delivery, spent=(connection.execute(cost).scalar() or 0) / MILLION)
    end: Settlement | None = None
    if earlier is not None and earlier.state not in REACHED:
        end = Settlement("dropped", "dropped", now, f"what it follows was never told ({earlier.state})")
    elif not delivery.message.channels:
        end = Settlement("dead", "reject", now, "no channel")
    if end is None:
        return delivery
    settle(connection, delivery, end)
    return end


def sent_as(connection: Connection, channel: Channel, ref: str) -> str:
    """Return the id of the message that was sent to this chat and is called `ref` there, "" if none was."""
    sent = (deliveries.c.messenger == channel.messenger, deliveries.c.address_hash == address_hash(channel))
    newest = select(deliveries.c.message).where(*sent, deliveries.c.ref == ref).order_by(deliveries.c.row.desc())
    return connection.execute(newest.limit(1)).scalar() or ""


def pay(connection: Connection, messenger: str, cost: float, at: Micros) -> None:
    """Add to what a messenger's month has cost."""
    added = sqlite_insert(counters).values(name=cost_counter(messenger, at), value=round(cost * MILLION))
    more = {"value": counters.c.value + added.excluded.value}
    connection.execute(added.on_conflict_do_update(index_elements=["name"], set_=more))


def settle(connection: Connection, delivery: Delivery, settlement: Settlement) -> Settled | None:
    """Record an attempt and its consequence; None if the message stays queued, or was not claimed."""
    message = delivery.message
    row = _find(connection, message.id)
    if row is None or row.state != "claimed":
        return None
    connection.execute(
        insert(deliveries).values(
            message=message.id,
            attempt=delivery.attempt,
            messenger=delivery.channel.messenger,
            address_hash=address_hash(delivery.channel),
            key=delivery.key,
            outcome=settlement.outcome,
            why=settlement.why,
            ref=settlement.ref,
            at=settlement.at,
        )
    )
    if settlement.cost:
        pay(connection, delivery.channel.messenger, settlement.cost, settlement.at)
    if settlement.state == "queued":
        upcoming = channel_at(message, settlement.channel)
        _update(
            connection,
            message.id,
            state="queued",
            due=settlement.due,
            channel=settlement.channel,
            messenger=upcoming.messenger,
            address=upcoming.address,
            resend=settlement.resend,
            why=settlement.why,
        )
        return None
    _update(connection, message.id, state=settlement.state, settled=settlement.at, why=settlement.why)
    if settlement.state in REACHED:
        _lead_followers(connection, message.id, delivery.channel)
    columns = [_row[name] for name in SETTLED_COLUMNS]
    return settled(connection.execute(select(*columns).where(_row.id == message.id)).one())


def receipt(connection: Connection, told: Receipt, now: Micros) -> Settled | Delivery | None:
    """Take what a provider told later of a delivery (`seams.Store.receipt`).

    Raises:
        msgspec.MsgspecError: the row's body cannot be read.
    """
    row = _find(connection, told.message)
    if row is None or row.messenger != told.messenger:
        return None
    last = connection.execute(
        select(deliveries.c.ref).where(deliveries.c.message == row.id).order_by(deliveries.c.row.desc()).limit(1)
    ).scalar()
    if told.ref and last and told.ref != last:
        return None  # of an attempt before the newest
    if isinstance(told.outcome, Sent):
        if row.state != "unsure" and not (row.state == "queued" and row.resend):
            return None
        _update(connection, row.id, state="claimed")
        return settle(connection, _delivery(connection, row, row.attempts), arrived(told, row.channel, now))
    if row.state not in REACHED or row.body is None:
        return None
    _update(connection, row.id, state="claimed", settled=None)
    return _delivery(connection, row, row.attempts)


def abandoned(connection: Connection) -> list[str]:
    """Return the ids of messages that were claimed and never settled."""
    return list(connection.execute(select(_row.id).where(_row.state == "claimed").order_by(_row.row)).scalars())


def claimed(connection: Connection, message_id: str) -> Delivery:
    """Return the attempt a claimed message was in.

    Raises:
        msgspec.MsgspecError: the row's body cannot be read (`set_poison_aside`).
    """
    row = _find(connection, message_id)
    assert row is not None
    return _delivery(connection, row, row.attempts)


def set_poison_aside(connection: Connection, message_id: str, now: Micros, why: str) -> bytes:
    """Give up a message whose row cannot be read, so that it holds back nothing else; return its body."""
    row = _find(connection, message_id)
    assert row is not None
    _update(connection, message_id, state="dead", settled=now, why=why)
    return (row.body or "").encode()


def _free() -> ColumnElement[bool]:
    """Queued, and what it follows (if anything that we know) is final."""
    held_back = exists().where(_earlier.c.id == _row.follows, _earlier.c.state.in_(WAITS))
    return (_row.state == "queued") & or_(_row.follows.is_(None), ~held_back)


def _delivery(connection: Connection, row: Row[Any], number: int) -> Delivery:
    if row.body is None:
        raise msgspec.DecodeError("the body is missing")
    message = read_message(row.body)
    # The columns are what merging and settling change; the body keeps the words.
    message.follows = row.follows
    channel = channel_at(message, row.channel)
    reply_to = None
    if row.follows is not None:
        sent = (
            select(deliveries.c.ref)
            .where(
                deliveries.c.message == row.follows,
                deliveries.c.outcome == "sent",
                deliveries.c.address_hash == address_hash(channel),
                deliveries.c.ref != "",
            )
            .order_by(deliveries.c.row.desc())
        )
        reply_to = connection.execute(sent.limit(1)).scalar()
    return attempt(message, index=row.channel, number=number, resend=row.resend, reply_to=reply_to)


def _lead_followers(connection: Connection, message_id: str, best: Channel) -> None:
    """Have what follows tried first where this one arrived; only what was never tried: keys hold channel numbers."""
    statement = select(_row.id, _row.body).where(
        _row.follows == message_id, _row.state == "queued", _row.attempts == 0, _row.body.is_not(None)
    )
    for follower, body in connection.execute(statement).all():
        try:
            message = read_message(body)
        except msgspec.MsgspecError:
            continue  # its own claim sets it aside
        message.channels = prefer(message.channels, best)
        first = channel_at(message, 0)
        _update(connection, follower, messenger=first.messenger, address=first.address, body=dump(message))


def _find(connection: Connection, message_id: str) -> Row[Any] | None:
    return connection.execute(select(messages).where(_row.id == message_id)).one_or_none()


def _update(connection: Connection, message_id: str, **values: Any) -> None:
    connection.execute(update(messages).where(_row.id == message_id).values(**values))

"""What follows from an attempt: the whole of "once, and not lost" as one pure function.

Sent     told
Retry    not taken: again here, after a pause; elsewhere when patience is over
Reject   refused: the next channel, and when there is none, dead
Unsure   the answer was lost: critical ones once more here, marked, then the next channel; others stay unsure
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, assert_never

from alertd.model import MINUTE, SECOND, Kind, Reject, Retry, Sent, Unsure, stable_id
from alertd.seams import Settlement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.model import Delivery, Micros, Outcome

PATIENCE: Final = 15 * MINUTE
"""How long a channel may refuse for now before the message takes the next one."""
CRITICAL_PATIENCE: Final = MINUTE
FIRST_PAUSE: Final = SECOND
CONFIG_PAUSE: Final = MINUTE
"""First pause after a fault that only the operator can mend."""
LONGEST_PAUSE: Final = 5 * MINUTE
SOON: Final = 30 * SECOND
"""The longest pause of the first hour: a line that is back must be used while the message still matters."""
SOON_FAILURES: Final = 120
"""How many failures that hour is; afterwards every attempt wears the card for little (two commits each)."""
BUDGETED: Final = frozenset({Kind.FIRING, Kind.DELTA, Kind.AGAIN, Kind.REPEAT, Kind.ESCALATE, Kind.RESOLVE, Kind.TAKEN})
"""What a month's budget may hold back where it is not critical; answers and digests are what is left to say."""
_URGENT: Final = (Kind.OPERATOR, Kind.UNREACHED)
"""Told to the operator, possibly about this very channel: as impatient as critical ones."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a message's earlier attempts, by channel number.

    It lives in the courier's memory. After a restart it is empty, which costs at most patience anew and never a repeat:
    channels before the present one are tried again only if they are known to have taken nothing.
    """

    refused: Mapping[int, Micros] = field(default_factory=dict)
    """Channels that took nothing for now, and since when."""
    closed: frozenset[int] = frozenset()
    """Channels that refused for good or stayed unsure."""
    unsure: frozenset[int] = frozenset()
    """Channels that may have told it: none of them is come back to."""


NOTHING: Final = Past()


def here(delivery: Delivery) -> int:
    """Return the number of the delivery's channel in the message's order."""
    channels = delivery.message.channels
    return channels.index(delivery.channel) if delivery.channel in channels else len(channels)


def after(past: Past, delivery: Delivery, outcome: Outcome, now: Micros) -> Past:
    """Return what is known once this attempt has been made."""
    number = here(delivery)
    unsure = past.unsure | {number} if delivery.resent or isinstance(outcome, Unsure) else past.unsure
    if isinstance(outcome, Retry):
        return replace(past, refused={number: now, **past.refused}, unsure=unsure)
    return replace(past, closed=past.closed | {number}, unsure=unsure)


def elsewhere(delivery: Delivery, past: Past) -> int | None:
    """Return the channel to go to from here: the next in order, else an earlier one that took nothing, else None."""
    number, spent = here(delivery), past.closed | past.unsure
    later = range(number + 1, len(delivery.message.channels))
    earlier = (channel for channel in sorted(past.refused) if channel < number)
    return next((channel for channel in (*later, *earlier) if channel not in spent), None)


def decide(delivery: Delivery, outcome: Outcome, now: Micros, past: Past = NOTHING) -> Settlement:
    """Say what the outcome of this attempt means for the message. `past` is what was known before it."""
    number = here(delivery)
    match outcome:
        case Sent():
            cost, currency = outcome.cost, outcome.currency
            return Settlement("sent", "sent", now, ref=outcome.ref, channel=number, cost=cost, currency=currency)
        case Retry():
            return _again(delivery, outcome, now, past)
        case Reject(why=why):
            return _next(delivery, "reject", why, now, after(past, delivery, outcome, now))
        case Unsure(why=why):
            if not delivery.message.critical:
                return Settlement("unsure", "unsure", now, why=why, channel=number)
            if not delivery.resent:
                return Settlement("queued", "unsure", now, why=why, due=now, channel=number, resend=True)
            return _next(delivery, "unsure", why, now, after(past, delivery, outcome, now))
    assert_never(outcome)


def expired(delivery: Delivery, now: Micros) -> Settlement | None:
    """Return the end of a message whose time has passed, None while there is time.

    What may have been told already stays unsure.
    """
    expires = delivery.message.expires
    if expires is None or now < expires:
        return None
    state = "unsure" if delivery.resent else "expired"
    return Settlement(state, "expired", now, why="not sent in time", channel=here(delivery))


def back_off(failures: int, key: str, *, config: bool = False) -> Micros:
    """Return the pause after the n-th failure: 1, 2, 4 … s, at most 30 s for an hour, then at most 5 min.

    For a fault of ours 60 s, 2, 4, 5 min.

    Shortened by up to a fifth by `key`, so that what failed together does not come back together, and a replay does the
    same.
    """
    first = CONFIG_PAUSE if config else FIRST_PAUSE
    longest = SOON if failures < SOON_FAILURES and not config else LONGEST_PAUSE
    pause = min(longest, first << min(max(failures, 1) - 1, 20))
    share = int(stable_id(key, failures)[:4], 16) / 0xFFFF
    return round(pause * (1 - share / 5))


def _again(delivery: Delivery, retry: Retry, now: Micros, past: Past) -> Settlement:
    message, number = delivery.message, here(delivery)
    since = past.refused.get(number, now)
    patience = PATIENCE
    if message.critical or message.kind in _URGENT:
        patience = 0 if retry.config else CRITICAL_PATIENCE  # a wrong token does not mend itself within a minute
    other = elsewhere(delivery, past)
    pause = back_off(delivery.attempt, delivery.key, config=retry.config)
    if other is not None and now - since >= patience:
        due = now + pause if other in past.refused else now
        return Settlement("queued", "retry", now, why=retry.why, due=_in_time(delivery, due), channel=other)
    due = now + (pause if retry.after is None else round(retry.after * SECOND))
    if other is not None:
        due = min(due, since + patience)
    return Settlement(
        "queued",
        "retry",
        now,
        why=retry.why,
        due=_in_time(delivery, due),
        channel=number,
        resend=delivery.resent,
    )


def _next(delivery: Delivery, outcome: str, why: str, now: Micros, past: Past) -> Settlement:
    other = elsewhere(delivery, past)
    if other is None:
        return Settlement("unsure" if past.unsure else "dead", outcome, now, why=why, channel=here(delivery))
    due = now + back_off(delivery.attempt, delivery.key) if other in past.refused else now
    return Settlement("queued", outcome, now, why=why, due=_in_time(delivery, due), channel=other)


def _in_time(delivery: Delivery, due: Micros) -> Micros:
    """Come back no later than the message expires, so that its end is recorded then."""
    expires = delivery.message.expires
    return due if expires is None else min(due, expires)

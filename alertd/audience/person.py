"""One person as they are now: what the file says and what conversation changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from alertd.audience import consent
from alertd.audience.settings import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.audience.settings import Budget, QuietHours, Subscriber, Subscription
    from alertd.model import Channel, PersonState

CALLED_ONLY: Final = frozenset({"vet"})
"""Roles that hear of nothing but escalations, unless their subscriptions say otherwise."""


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber as they are now.

    `channels` in order of preference: those joined by message first, as they came, then the
    file's; one that is in both keeps the file's place, because that order was chosen.
    `subscriptions` None means everything. `language` and `timezone` are never empty.
    """

    id: str
    name: str
    language: str
    timezone: str
    subscriptions: tuple[Subscription, ...] | None
    channels: tuple[Channel, ...]
    operator: bool = False
    duty: bool = True
    role: str | None = None
    scope: Mapping[str, Any] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    budget: Budget | None = None
    shared: bool = False
    digest: Digest = field(default_factory=Digest)


def person_of(subscriber: Subscriber, state: PersonState, *, language: str, timezone: str, operator: bool) -> Person:
    """Return somebody of the file as conversation changed them; `language` and `timezone` are the farm's."""
    listed = consent.file_channels(subscriber)
    keys = {consent.channel_key(channel) for channel in listed}
    joined = [channel for channel in state.channels if consent.channel_key(channel) not in keys]
    return Person(
        id=subscriber.id,
        name=subscriber.name or subscriber.id,
        language=state.language or subscriber.language or language,
        timezone=subscriber.timezone or timezone,
        subscriptions=_subscriptions(subscriber),
        channels=(*joined, *listed),
        operator=operator,
        duty=state.duty,
        role=subscriber.role,
        scope=subscriber.scope,
        quiet_hours=subscriber.quiet_hours,
        budget=subscriber.budget,
        shared=subscriber.shared,
        digest=_digest(subscriber.digest),
    )


def _subscriptions(subscriber: Subscriber) -> tuple[Subscription, ...] | None:
    if subscriber.subscriptions is not None:
        return tuple(subscriber.subscriptions)
    return () if subscriber.role in CALLED_ONLY else None


def _digest(written: str | Digest | None) -> Digest:
    return Digest() if written is None else written if isinstance(written, Digest) else Digest(at=written)

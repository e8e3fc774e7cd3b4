"""Whether a channel may be used: what the file says, what the person said, and which of them counts.

A `consent:` in the file is the operator's word about a person; STOP is the
person's own. So nothing in the file undoes a STOP, whatever date it carries:
only START or a new JOIN from that very channel does. A mistyped or bumped date
must not bring messages back to somebody who asked for peace.

A person who blocks the bot has said STOP in the way the messenger offers, and
unblocking is not yet a START: in Telegram the same press sends `/start`, which is.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.model import Channel, ConsentEntry, Micros, PersonState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alertd.audience.settings import Subscriber

PHONES: Final = frozenset({"whatsapp", "signal", "sms", "call"})
"""Messengers whose address may be a phone number."""


def channel_key(channel: Channel) -> str:
    """Return `messenger:address`, the same for every way one address is written.

    `+49 151 123`, `0049151123` and WhatsApp's `49151123` are one phone, `A@B.example` and
    `a@b.example` one mailbox. Opaque ids stay as they are.
    """
    address = channel.address.strip()
    if channel.messenger in PHONES:
        digits = "".join(sign for sign in address if sign not in " -()/+")
        if digits.isascii() and digits.isdigit():
            address = "+" + digits.removeprefix("00")
    elif channel.messenger == "email":
        address = address.casefold()
    elif channel.messenger == "threema":
        address = address.upper()
    return f"{channel.messenger}:{address}"


def address_hash(channel: Channel) -> str:
    """Hash a channel to 32 hexadecimal digits for the ledger, which outlives the address itself."""
    return hashlib.blake2b(channel_key(channel).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def file_channels(subscriber: Subscriber) -> list[Channel]:
    """Return the channels the operator wrote down, in order of preference."""
    return [Channel(messenger, address) for entry in subscriber.channels for messenger, address in entry.items()]


def agreed(subscriber: Subscriber, state: PersonState, channel: Channel) -> bool:
    """Return whether consent was ever given for the channel, by message or in the file; STOP aside."""
    key = channel_key(channel)
    listed = subscriber.consent is not None and any(channel_key(one) == key for one in file_channels(subscriber))
    return (listed and state.erased is None) or key in state.consents


def allowed(subscriber: Subscriber, state: PersonState, channel: Channel, *, double_opt_in: bool = False) -> bool:
    """Return whether something may be sent there: consent given and no STOP since.

    With `double_opt_in` the file's word alone is not enough: the person must have said JOIN or START there.
    """
    key = channel_key(channel)
    if key in state.stopped or (double_opt_in and key not in state.consents):
        return False
    return agreed(subscriber, state, channel)


def copied(state: PersonState) -> PersonState:
    """Return a copy that can be changed without touching the original."""
    return replace(
        state,
        channels=list(state.channels),
        stopped=dict(state.stopped),
        consents=dict(state.consents),
        heard=dict(state.heard),
    )


def given(
    state: PersonState, channel: Channel, now: Micros, how: str, wording: str
) -> tuple[PersonState, list[ConsentEntry]]:
    """Return the state after consent by message (`how`: joined or start), and its line for the ledger."""
    after, key = copied(state), channel_key(channel)
    if all(channel_key(one) != key for one in after.channels):
        after.channels.append(channel)
    after.stopped.pop(key, None)
    after.consents[key] = now
    return after, [_entry(state.id, channel, now, action="given", how=how, wording=wording)]


def withdrawn(
    state: PersonState, channel: Channel, now: Micros, how: str, wording: str
) -> tuple[PersonState, list[ConsentEntry]]:
    """Return the state after STOP (`how`: stop or blocked), and its line for the ledger; a second STOP changes nothing.

    `consents` keeps its entry: it says that START has something to go back to.
    """
    after, key = copied(state), channel_key(channel)
    if key in after.stopped:
        return after, []
    after.stopped[key] = now
    return after, [_entry(state.id, channel, now, action="withdrawn", how=how, wording=wording)]


def forgotten(state: PersonState, channels: Iterable[Channel], now: Micros) -> tuple[PersonState, list[ConsentEntry]]:
    """Return what is left of somebody who is erased, and the ledger's lines for every channel they had agreed to."""
    entries = [
        _entry(state.id, channel, now, action="withdrawn", how="erased", wording="")
        for channel in channels
        if channel_key(channel) not in state.stopped
    ]
    return PersonState(state.id, erased=now), entries


def of_file(subscribers: Iterable[Subscriber], ledger: Iterable[ConsentEntry], now: Micros) -> list[ConsentEntry]:
    """Return what the ledger still lacks of the file's own word: consents given there, and taken away since.

    The time of a line is when alertd first read it; the date that the operator wrote is its `wording`.
    """
    last = {(one.subscriber, one.messenger, one.address_hash): one for one in ledger if one.how == "config"}
    found = []
    listed = set()
    for subscriber in subscribers:
        if subscriber.consent is None:
            continue
        wording = f"consent: {subscriber.consent.isoformat()}"
        for channel in file_channels(subscriber):
            key = (subscriber.id, channel.messenger, address_hash(channel))
            known = last.get(key)
            listed.add(key)
            if known is None or known.action != "given" or known.wording != wording:
                found.append(_entry(subscriber.id, channel, now, action="given", how="config", wording=wording))
    found += [
        replace(one, action="withdrawn", wording="no longer in the file", at=now)
        for key, one in last.items()
        if one.action == "given" and key not in listed
    ]
    return found


def _entry(subscriber: str, channel: Channel, at: Micros, *, action: str, how: str, wording: str) -> ConsentEntry:
    return ConsentEntry(subscriber, channel.messenger, address_hash(channel), action, how, wording, at)

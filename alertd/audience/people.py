"""Everybody alertd knows: the file and what conversation changed, as one view.

`People` owns nothing but a view. Changes are values (`joined`, `stopped`, …): the
engine commits them and hands them back to `apply`, whose undo takes them back
when the commit fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from alertd.audience import consent, invites, timing
from alertd.audience.calendar import bookings, calls
from alertd.audience.duty import Duty, Plan
from alertd.audience.person import person_of
from alertd.model import Channel, ConsentEntry, DutyWish, Invite, Kind, Message, Micros, PersonState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from alertd.audience.person import Person
    from alertd.audience.settings import Subscriber
    from alertd.model import Appointment


EVERYBODY: Final = "everybody"
ON_DUTY: Final = "on_duty"
ROLE: Final = "role:"
"""What an escalation may name besides a person; a person of that id goes first."""


class People:
    """The subscribers of the file with their states; a state of somebody the file no longer lists is ignored.

    Args:
        subscribers: as in the file; their order decides who answers for a shared address.
        states: what conversation changed, by person.
        operator: a subscriber's id; None: the first subscriber.
        language: the farm's, for people without their own.
        timezone: the farm's, an IANA name.
        invites: by code hash.
        plan: who is on duty when; default: everybody, always.
        double_opt_in: whether the file's consent waits for the person's own word on each channel.
    """

    def __init__(
        self,
        subscribers: Sequence[Subscriber],
        states: Mapping[str, PersonState],
        *,
        operator: str | None,
        language: str,
        timezone: str,
        invites: Mapping[str, Invite],
        plan: Plan | None = None,
        double_opt_in: bool = False,
    ) -> None:
        self._subscribers = {one.id: one for one in subscribers}
        self.plan = Plan() if plan is None else plan
        self._double_opt_in = double_opt_in
        self._states = dict(states)
        self._invites = dict(invites)
        self._operator = operator if operator is not None else next(iter(self._subscribers), None)
        self._language = language
        self._timezone = timezone
        self._people: dict[str, Person] = {}
        self._holders: dict[str, list[str]] = {}
        self._refresh()

    def twin(self) -> People:
        """Return the same people on their own: what is changed there changes nothing here."""
        return People(
            list(self._subscribers.values()),
            {key: consent.copied(state) for key, state in self._states.items()},
            operator=self._operator,
            language=self._language,
            timezone=self._timezone,
            invites=self._invites,
            plan=self.plan,
            double_opt_in=self._double_opt_in,
        )

    # --- who there is ---

    def get(self, person_id: str) -> Person | None:
        """Return the person with this id, or None."""
        return self._people.get(person_id)

    def all(self) -> list[Person]:
        """Return everybody in the order of the file."""
        return list(self._people.values())

    @property
    def operator(self) -> Person | None:
        """Return who is told of alertd's own troubles; None without subscribers."""
        return self._people.get(self._operator) if self._operator is not None else None

    def written(self, person_id: str) -> Subscriber | None:
        """Return what the file says of somebody."""
        return self._subscribers.get(person_id)

    def at(self, messenger: str, address: str) -> Person | None:
        """Return whose address this is, consent or not; of several who share it, the first in the file."""
        holders = self.holders(Channel(messenger, address))
        return holders[0] if holders else None

    def holders(self, channel: Channel) -> list[Person]:
        """Return everybody who has this channel: a shared phone's STOP stops it for all of them."""
        return [self._people[id_] for id_ in self._holders.get(consent.channel_key(channel), ())]

    # --- who is there ---

    def duty(self, person_id: str, at: Micros) -> Duty:
        """Return whether somebody is on duty: what they last said, as long as it holds, else the plan."""
        state = self._states.get(person_id) or PersonState(person_id)
        holds = state.duty_until is None or at < state.duty_until
        if holds and not state.duty:
            return Duty(on=False, why="said DUTY OFF", until=state.duty_until, away=True)
        if holds and state.duty_until is not None:
            return Duty(on=True, why="took the duty", until=state.duty_until)
        return self.plan.duty(person_id, at)

    def stand_in(self, person_id: str, at: Micros) -> Person | None:
        """Return who hears instead of somebody who is away: the first on duty along the line of stand-ins."""
        seen = {person_id}
        subscriber = self._subscribers.get(person_id)
        while subscriber is not None and subscriber.stand_in is not None and subscriber.stand_in not in seen:
            seen.add(subscriber.stand_in)
            subscriber = self._subscribers.get(subscriber.stand_in)
            if subscriber is not None and self.duty(subscriber.id, at).on:
                return self._people[subscriber.id]
        return None

    def addressed(self, to: str, at: Micros) -> list[Person]:
        """Return whom an escalation means: a person, `everybody`, `on_duty` or all of a role (`role:vet`)."""
        if to in self._people:
            return [self._people[to]]
        if to == EVERYBODY:
            return self.all()
        if to == ON_DUTY:
            return [person for person in self.all() if self.duty(person.id, at).on]
        if to.startswith(ROLE):
            return [person for person in self.all() if person.role == to.removeprefix(ROLE)]
        return []

    # --- what may be sent ---

    def reachable(self, person_id: str) -> tuple[Channel, ...]:
        """Return the channels with consent and without STOP, in order of preference; (): nothing may be sent."""
        person = self._people.get(person_id)
        return tuple(channel for channel in person.channels if self.allowed(person_id, channel)) if person else ()

    def allowed(self, person_id: str, channel: Channel) -> bool:
        """Return whether this person may be sent something on this channel."""
        subscriber = self._subscribers.get(person_id)
        if subscriber is None:
            return False
        return consent.allowed(subscriber, self.state(person_id), channel, double_opt_in=self._double_opt_in)

    def quiet_until(self, message: Message, now: Micros) -> Micros | None:
        """Return when the quiet hours end that forbid this message now; None: it may go.

        Answers and tests go at any time: the person is awake, or wants to know. So does what only
        changes an earlier message in place.
        """
        person = self._people.get(message.subscriber)
        if person is None or message.kind in (Kind.REPLY, Kind.TEST, Kind.DUTY) or not message.text:
            return None
        return timing.quiet_until(person, message.severity, now)

    def stopped_at(self, person_id: str, channel: Channel) -> Micros | None:
        """Return when STOP was said on this channel, if it still holds."""
        return self.state(person_id).stopped.get(consent.channel_key(channel))

    def agreed(self, person_id: str, channel: Channel) -> bool:
        """Return whether consent was ever given for this channel; without it START has nothing to go back to."""
        subscriber = self._subscribers.get(person_id)
        return subscriber is not None and consent.agreed(subscriber, self.state(person_id), channel)

    def heard(self, channel: Channel) -> Micros | None:
        """Return when somebody last wrote from this channel, None if never (or where no window asks for it)."""
        key = consent.channel_key(channel)
        states = (self._states.get(one) for one in self._holders.get(key, ()))
        known = [state.heard[key] for state in states if state is not None and key in state.heard]
        return max(known, default=None)

    # --- changes, as values ---

    def hearing(self, channel: Channel, changed: Iterable[PersonState], now: Micros) -> list[PersonState]:
        """Return changed states, with it noted for everybody who has this channel that they wrote from it."""
        key = consent.channel_key(channel)
        states = {state.id: state for state in changed}
        for holder in self.holders(channel):
            states.setdefault(holder.id, self.state(holder.id))
        for state in states.values():
            if state.id in self._holders.get(key, ()) or channel in state.channels:
                state.heard[key] = now
        return list(states.values())

    def state(self, person_id: str) -> PersonState:
        """Return a copy of what conversation changed about this person so far."""
        known = self._states.get(person_id)
        return consent.copied(known) if known else PersonState(person_id)

    def joined(
        self,
        person_id: str,
        channel: Channel,
        now: Micros,
        how: str = "joined",
        wording: str = "",
    ) -> tuple[PersonState, list[ConsentEntry]]:
        """Return what a JOIN changes: the channel is theirs, consent is given, an earlier STOP there is over."""
        return consent.given(self.state(person_id), channel, now, how, wording)

    def stopped(
        self,
        person_id: str,
        channel: Channel,
        now: Micros,
        how: str = "stop",
        wording: str = "",
    ) -> tuple[PersonState, list[ConsentEntry]]:
        """Return what a STOP (or `how="blocked"`) changes; no entry if it was stopped already."""
        return consent.withdrawn(self.state(person_id), channel, now, how, wording)

    def started(
        self,
        person_id: str,
        channel: Channel,
        now: Micros,
        how: str = "start",
        wording: str = "",
    ) -> tuple[PersonState, list[ConsentEntry]]:
        """Return what a START changes.

        It goes back to the consent that was there before STOP. Without one it changes nothing: an
        address the operator mistyped belongs to a stranger, and only a code proves it does not.
        """
        if not self.agreed(person_id, channel):
            return self.state(person_id), []
        return consent.given(self.state(person_id), channel, now, how, wording)

    def forgotten(self, person_id: str, now: Micros) -> tuple[PersonState, list[ConsentEntry]]:
        """Return what is left of somebody who is erased: that they were, and the ledger's last lines."""
        state, person = self.state(person_id), self._people.get(person_id)
        channels = [one for one in (person.channels if person else state.channels) if self.agreed(person_id, one)]
        return consent.forgotten(state, channels, now)

    def spoke(self, person_id: str, language: str) -> PersonState:
        """Return the state after LANGUAGE."""
        return replace(self.state(person_id), language=language)

    def on_duty(self, person_id: str, duty: bool, until: Micros | None = None) -> PersonState:  # noqa: FBT001 (DUTY ON or OFF is the value)
        """Return the state after DUTY. `until` None: until the next word; ON then means "as planned"."""
        return replace(self.state(person_id), duty=duty, duty_until=until, asked=None)

    def wished(self, person_id: str, wish: DutyWish | None) -> PersonState:
        """Return the state after somebody asked this person to take over a duty, or the wish is done with."""
        return replace(self.state(person_id), asked=wish)

    def invite(self, code: str) -> Invite | None:
        """Return the invite of this code, used or not, for somebody who is still listed."""
        plain = invites.canonical(code)
        found = self._invites.get(invites.code_hash(plain)) if plain else None
        return found if found and found.subscriber in self._subscribers else None

    def apply(self, states: Iterable[PersonState], invites: Iterable[Invite]) -> Callable[[], None]:
        """Take changes over and return the undo, which puts back exactly what was there."""
        before_states, before_invites = self._states, self._invites
        self._states = before_states | {state.id: consent.copied(state) for state in states}
        self._invites = before_invites | {invite.code_hash: replace(invite) for invite in invites}
        self._refresh()

        def undo() -> None:
            self._states, self._invites = before_states, before_invites
            self._refresh()

        return undo

    def booked(self, calendars: Sequence[Iterable[Appointment]]) -> Callable[[], None] | None:
        """Take over what the duty calendars say now and return the undo; None: it changes nothing."""
        before, everybody = self.plan, self._subscribers.values()
        found = [
            booking
            for calendar, appointments in zip(before.calendars, calendars, strict=True)
            for booking in bookings(appointments, calls(everybody, calendar.names))
            if booking.person in self._subscribers
        ]
        if tuple(found) == before.booked:
            return None
        self.plan = before.with_booked(found)

        def undo() -> None:
            self.plan = before

        return undo

    def _refresh(self) -> None:
        # A farm has tens of people and they change a few times a day: building all of it anew is the
        # simplest thing that cannot go stale.
        self._people = {one.id: self._person(one) for one in self._subscribers.values()}
        self._holders = {}
        for person in self._people.values():
            for channel in person.channels:
                self._holders.setdefault(consent.channel_key(channel), []).append(person.id)

    def _person(self, subscriber: Subscriber) -> Person:
        state = self._states.get(subscriber.id) or PersonState(subscriber.id)
        operator = subscriber.id == self._operator
        return person_of(subscriber, state, language=self._language, timezone=self._timezone, operator=operator)

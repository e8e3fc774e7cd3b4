"""One update under way: who wrote where, what conversation may look at, and the answer as it grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from alertd.audience.consent import channel_key
from alertd.model import Channel, Command, Kind, Message, stable_id
from alertd.wording.catalogue import phrase
from alertd.wording.cut import cut

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.conversation.setup import Setup
    from alertd.model import (
        Alert,
        Button,
        ConsentEntry,
        Inbound,
        Invite,
        Micros,
        PersonState,
        Series,
        Silence,
        Silencing,
        Switching,
    )
    from alertd.wording import Words

NOTE: Final = 200
"""UTF-16 units of the note on a spinner: core.telegram.org/bots/api#answercallbackquery."""


class View(Protocol):
    """What the book shows to conversation (`alerting.book.Book` where the names are the same)."""

    def open_alerts(self) -> Sequence[Alert]:
        """Return the firing alerts, worst first; shadow ones may be among them."""

    def numbered(self, number: int) -> Alert | None:
        """Return the alert `A-<number>`, over or not, as long as it is remembered."""

    def in_incident(self, number: int) -> tuple[int, ...] | None:
        """Return the alert numbers of the incident `I-<number>`, None if it is not known."""

    def named_in(self, message_id: str) -> tuple[int, ...] | None:
        """Return the alert numbers that a message (and so its buttons) names, None if it is not known."""

    def unanswered(self, person: str, since: Micros) -> list[tuple[int, ...]]:
        """Return the alert messages of this person since then that wait for an answer, newest first.

        Unanswered: it names at least one alert that is open and that nobody acknowledged. Each as the
        alert numbers it names.
        """

    def tries(self, sender: str) -> list[Micros]:
        """Return when a sender (`sender_key`) sent a wrong code (`Answer.tried`), of the last hour at least."""

    def places(self) -> Iterable[Mapping[str, str]]:
        """Return what is known of each series (group, labels), as a silence may match it."""

    def quiet(self) -> Iterable[Silence]:
        """Return the silences under way."""

    def heard_devices(self) -> Iterable[str]:
        """Return the ids of all devices heard of."""

    def latest(self, device: str) -> Sequence[tuple[Series, float, Micros]]:
        """Return (series, last value, its time) of each of a device's metrics."""

    def retained(self, device: str) -> Sequence[tuple[Series, float]]:
        """Return what is known of its other metrics only by the broker's retained copies, whose age nobody knows."""

    def switched(self) -> Collection[Switching]:
        """Return the wishes to switch a device of the last two days, oldest first."""

    def last_heard(self) -> Micros | None:
        """Return when the last reading of all came in, None if none ever did."""


@dataclass(slots=True)
class Answer:
    """What an update comes to: nothing of it has happened until the engine commits it.

    `tried`: it was a wrong code, to be counted for its sender. `note`: for the spinner of a pressed button.
    """

    commands: list[Command] = field(default_factory=list)
    silences: list[Silencing] = field(default_factory=list)
    replies: list[Message] = field(default_factory=list)
    people: list[PersonState] = field(default_factory=list)
    consents: list[ConsentEntry] = field(default_factory=list)
    invites: list[Invite] = field(default_factory=list)
    switchings: list[Switching] = field(default_factory=list)
    tried: bool = False
    note: str = ""


def sender_key(update: Inbound) -> str:
    """Return by which name a sender's wrong codes are counted."""
    return channel_key(Channel(update.messenger, update.sender or update.address))


class Talk:
    """The update with what follows from it.

    Authority is the sender's, never the group chat's: `person` is who wrote, `holders` are the people
    whose channel this chat is.
    """

    def __init__(self, update: Inbound, people: People, view: View, words: Words, now: Micros, setup: Setup) -> None:
        self.update = update
        self.people = people
        self.view = view
        self.words = words
        self.now = now
        self.setup = setup
        self.means = setup.means(update.messenger)
        self.answer = Answer()
        self.chat = Channel(update.messenger, update.address)
        self.sender = sender_key(update)
        self.group = self.sender != channel_key(self.chat)
        self.holders = people.holders(self.chat)
        self.person = people.at(update.messenger, update.sender) if update.sender else None
        if self.person is None and not self.group and self.holders:
            self.person = self.holders[0]

    @property
    def open(self) -> bool:
        """Return whether this chat may be told anything: somebody's channel, with consent and without STOP."""
        return any(self.people.allowed(holder.id, self.chat) for holder in self.holders)

    @property
    def stopped(self) -> bool:
        """Return whether somebody said STOP in this chat."""
        return any(self.people.stopped_at(holder.id, self.chat) is not None for holder in self.holders)

    def wording(self, key: str, language: str) -> str:
        """Return which words somebody read, for the ledger: key, language and a hash of the text as it is now."""
        return f"{key} {language} {stable_id('wording', phrase(language, key))[:8]}"

    @property
    def language(self) -> str:
        """Return the language of the answer: a group's own, else the sender's, the farm's for strangers."""
        if self.group and self.holders:
            return self.words.speaks(self.holders[0])
        return self.words.speaks(self.person) if self.person else self.words.language

    def say(self, key: str, **fields: object) -> str:
        """Return a text in the sender's language."""
        return self.words.say(self.language, key, **fields)

    def note(self, text: str) -> None:
        """Say something on the spinner of the button that was pressed; nothing where there is none."""
        if self.update.callback:
            self.answer.note = cut(text, NOTE, utf16=True)

    def respond(self, text: str) -> None:
        """Answer on the spinner where there is one: a reply besides would be one message too many."""
        if self.update.callback:
            self.note(text)
        else:
            self.reply(text)

    def reply(
        self,
        text: str,
        *,
        once: str | None = None,
        person: Person | None = None,
        buttons: tuple[Button, ...] = (),
    ) -> None:
        """Answer where they wrote. `once`: whatever else is answered under the same words is told only once.

        A message's id is told once and for all by the outbox, so "once" needs no memory of ours and
        outlives a restart.
        """
        person = person or self.person
        number = len(self.answer.replies)
        self.answer.replies.append(
            Message(
                id=stable_id("reply", self.update.messenger, self.update.id, number) if once is None else once,
                kind=Kind.REPLY,
                subscriber=person.id if person else "",
                channels=(self.chat,),
                text=text,
                due=self.now,
                language=self.words.speaks(person) if person else self.words.language,
                buttons=buttons,
            )
        )

    def tell(self, person: Person, key: str, **fields: object) -> None:
        """Tell somebody else of what was said here, on their own channels and in their language."""
        number = len(self.answer.replies)
        language = self.words.speaks(person)
        self.answer.replies.append(
            Message(
                id=stable_id("said of", self.update.messenger, self.update.id, number, person.id),
                kind=Kind.DUTY,
                subscriber=person.id,
                channels=self.people.reachable(person.id),
                text=self.words.say(language, key, **fields),
                due=self.now,
                language=language,
            )
        )

    def command(
        self, action: str, numbers: Sequence[int], by: str, until: Micros | None = None, comment: str = ""
    ) -> None:
        """Ask the engine to do something to these alerts."""
        number = len(self.answer.commands)
        self.answer.commands.append(
            Command(
                id=stable_id("command", self.update.messenger, self.update.id, number),
                at=self.now,
                action=action,
                numbers=tuple(numbers),
                by=by,
                until=until,
                comment=comment,
                via=self.update.messenger,
            )
        )

    def clock(self, at: Micros, person: Person) -> str:
        """Return a time as the person's clock shows it."""
        return self.words.clock(at, person, self.now)

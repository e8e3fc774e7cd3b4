"""What people have changed: consent, duty, channels, devices switched."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from alertd.model.messages import Channel
from alertd.model.time import Micros


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """One line of the append-only consent ledger.

    `action`: given or withdrawn. `how`: config, joined, start, stop, blocked, erased. The
    address itself is not kept, only `address_hash`.
    """

    subscriber: str
    messenger: str
    address_hash: str
    action: str
    how: str
    wording: str
    at: Micros


@dataclass(frozen=True, slots=True)
class DutyWish:
    """Somebody's wish that another takes over their duty until a time; asked at `at`."""

    by: str
    until: Micros
    at: Micros


@dataclass(slots=True)
class PersonState:
    """What conversation changed about a person; wins over the file.

    `channels` were joined by message, in order; `stopped` maps a channel
    (`messenger:address`) to when STOP was said there; `consents` the same for a
    consent given by message. `duty` is what was last said about it: with False (DUTY OFF)
    or with `duty_until` it goes before the farm's plan, until then or, without, until the
    next word. `asked` is somebody's wish that they take over a duty. `erased`: when they were
    taken out of the store; nothing in the file counts for them any more, only what they say since.
    """

    id: str
    channels: list[Channel] = field(default_factory=list)
    stopped: dict[str, Micros] = field(default_factory=dict)
    consents: dict[str, Micros] = field(default_factory=dict)
    language: str | None = None
    duty: bool = True
    heard: dict[str, Micros] = field(default_factory=dict)
    """Channel to when they last wrote from it, where the messenger's window depends on it."""
    duty_until: Micros | None = None
    asked: DutyWish | None = None
    erased: Micros | None = None


@dataclass(slots=True)
class Invite:
    """A code to join by. `code_hash` only: the code itself is shown once and never kept."""

    code_hash: str
    subscriber: str
    created: Micros
    expires: Micros
    used: Micros | None = None


class Stage(StrEnum):
    """How far a wish to switch a device has come."""

    ASKED = "asked"
    """Asked back, not answered yet; after 2 min the question has lapsed."""
    DECLINED = "declined"
    CONFIRMED = "confirmed"
    """To be published now or never. Found after a restart, nobody can tell whether it was."""
    SENT = "sent"
    """The broker took it, and no result is asked for."""
    DONE = "done"
    """The device said so."""
    SILENT = "silent"
    """The broker took it, and the device did not say what was expected in time."""
    FAILED = "failed"
    """Nothing was switched."""
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Switching:
    """One wish to switch a device, and what became of it: kept as the record of who switched what.

    `action` is a name of the configuration, `by` who wished it where (`chat`); `alerts` are the numbers of
    the message whose button was pressed. `confirmed` is when it was meant: at once, or by the answer to the
    question. `why` says what went wrong.
    """

    id: str
    action: str
    by: str
    chat: Channel
    asked: Micros
    stage: Stage = Stage.ASKED
    alerts: tuple[str, ...] = ()
    confirmed: Micros | None = None
    ended: Micros | None = None
    why: str = ""

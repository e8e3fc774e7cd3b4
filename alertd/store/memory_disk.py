"""What survives a `MemoryStore`: its tables, as they would stand on a disk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from alertd.moving import moved_batch
from alertd.seams import Kept
from alertd.store.memory_outbox import MemoryOutbox

if TYPE_CHECKING:
    from alertd.model import Alert, Batch, ConsentEntry, Incident, Micros, Move, Silence, Switching
    from alertd.seams import Quarantined


@dataclass(slots=True)
class Page:
    """A row of the journal."""

    seq: int
    at: Micros
    batch: Batch
    session: str
    ledger: list[tuple[int, int]]


@dataclass(slots=True)
class Disk:
    """What survives a `MemoryStore`."""

    epoch: int = 0
    seq: int = 0
    at: Micros = 0
    kept: Kept = field(default_factory=Kept)
    alerts: dict[str, Alert] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    silences: dict[int, Silence] = field(default_factory=dict)
    switchings: dict[str, Switching] = field(default_factory=dict)
    commands: dict[str, Micros] = field(default_factory=dict)
    journal: list[Page] = field(default_factory=list)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    consents: list[ConsentEntry] = field(default_factory=list)
    quarantine: list[Quarantined] = field(default_factory=list)

    def shift(self, move: Move) -> None:
        """Do as `alertd.store.shift`."""
        if self.kept.snapshot_seq > move.seq:
            self.kept.snapshot, self.kept.snapshot_seq = None, 0
        self.outbox.shift(move)
        for page in self.journal:
            page.at = move.point(page.at)
            if page.seq > move.seq:
                page.batch = moved_batch(page.batch, move)
        self.commands = {key: move.point(at) for key, at in self.commands.items()}
        self.consents = [replace(one, at=move.point(one.at)) for one in self.consents]
        self.quarantine = [replace(one, at=move.point(one.at)) for one in self.quarantine]

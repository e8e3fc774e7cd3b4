"""The promises between the parts: Source, Detector, Store, Messenger, Clock.

Each Protocol says what both sides may rely on. One machine and many workers are
the same code behind other implementations of these five.
"""

from alertd.seams.clock import Clock
from alertd.seams.detector import Detector, History
from alertd.seams.messenger import Abilities, HasMenu, Heard, Hook, HookAnswer, HookCall, MakesLinks, Messenger, Place
from alertd.seams.source import Raw, RawBatch, Source
from alertd.seams.store import (
    BODIES_KEPT,
    FencedError,
    Flush,
    Kept,
    Quarantined,
    Settlement,
    Store,
    StoreBusyError,
    StoreDamagedError,
    StoreFullError,
    Waiting,
)

__all__ = [
    "BODIES_KEPT",
    "Abilities",
    "Clock",
    "Detector",
    "FencedError",
    "Flush",
    "HasMenu",
    "Heard",
    "History",
    "Hook",
    "HookAnswer",
    "HookCall",
    "Kept",
    "MakesLinks",
    "Messenger",
    "Place",
    "Quarantined",
    "Raw",
    "RawBatch",
    "Settlement",
    "Source",
    "Store",
    "StoreBusyError",
    "StoreDamagedError",
    "StoreFullError",
    "Waiting",
]

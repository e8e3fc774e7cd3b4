"""What will be due when: one heap for everything that the clock does.

A timer is a key (a tuple that begins with its kind) and a due time. Setting a key
again moves it. The heap holds hints only; the table is the truth, so that taking
back a step needs to restore nothing but table entries.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container

    from alertd.model import Micros
    from alertd.undo import Undo

Key = tuple[Any, ...]


class Timers:
    """Due times by key, popped in order of (due, key)."""

    __slots__ = ("_due", "_heap")

    def __init__(self) -> None:
        self._due: dict[Key, int] = {}
        self._heap: list[tuple[int, str, Key]] = []

    def __len__(self) -> int:
        return len(self._due)

    def get(self, key: Key) -> Micros | None:
        """Return when `key` is due, None if it is not set."""
        return self._due.get(key)

    def set(self, key: Key, due: Micros, undo: Undo) -> None:
        """Make `key` due at `due`, whatever it was before."""
        self._save(key, undo)
        self._due[key] = due
        self._push(key, due)

    def cancel(self, key: Key, undo: Undo) -> None:
        """Forget `key`; unknown keys are fine."""
        if key in self._due:
            self._save(key, undo)
            del self._due[key]

    def _save(self, key: Key, undo: Undo) -> None:
        undo.call(self._restore, key, self._due.get(key))

    def _restore(self, key: Key, before: Micros | None) -> None:
        if before is None:
            self._due.pop(key, None)
        else:
            self._due[key] = before
            self._push(key, before)

    def next_due(self) -> Micros | None:
        """Return the earliest due time, None if nothing is set."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due:
                return due
            heapq.heappop(self._heap)
        return None

    def first(self) -> Key | None:
        """Return the key of the earliest timer, None if nothing is set."""
        return None if self.next_due() is None else self._heap[0][2]

    def next_other(self, kinds: Container[str]) -> Micros | None:
        """Return the earliest due time of all timers but those of some kinds. Looks at every timer."""
        return min((due for key, due in self._due.items() if key[0] not in kinds), default=None)

    def pop(self, until: Micros, undo: Undo) -> tuple[Micros, Key] | None:
        """Take the earliest timer due at or before `until` out of the table and return it."""
        due = self.next_due()
        if due is None or due > until:
            return None
        key = heapq.heappop(self._heap)[2]
        self.cancel(key, undo)
        return due, key

    def _push(self, key: Key, due: int) -> None:
        # The text of the key breaks ties, so that equal due times run in the same order in every process.
        heapq.heappush(self._heap, (due, repr(key), key))
        if len(self._heap) > 64 + 4 * len(self._due):
            self._heap = [(due, repr(key), key) for key, due in self._due.items()]
            heapq.heapify(self._heap)

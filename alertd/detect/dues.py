"""What becomes due by the clock, earliest first, so that a step can take it back."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from alertd.model import Micros
    from alertd.undo import Undo

Key = TypeVar("Key", bound="tuple[object, ...]")


class Dues(Generic[Key]):
    """Due times by key. The heap holds hints; the table is the truth, so taking back restores table entries only."""

    def __init__(self) -> None:
        self._table: dict[Key, Micros] = {}
        self._heap: list[tuple[Micros, Key]] = []

    def get(self, key: Key) -> Micros | None:
        """Return when `key` is due, None if it is not."""
        return self._table.get(key)

    def put(self, key: Key, due: Micros | None) -> None:
        """Make `key` due; None: not any more. Outside of a step."""
        if due is None:
            self._table.pop(key, None)
        else:
            self._table[key] = due
            heapq.heappush(self._heap, (due, key))

    def set(self, key: Key, due: Micros | None, undo: Undo) -> None:
        """Do as `put`, within a step."""
        undo.call(self.put, key, self._table.get(key))
        self.put(key, due)

    def first(self) -> tuple[Micros, Key] | None:
        """Return the earliest (due, key), None if there is none."""
        while self._heap:
            due, key = self._heap[0]
            if self._table.get(key) == due:
                return due, key
            heapq.heappop(self._heap)
        return None

    def next_due(self) -> Micros | None:
        """Return the earliest due time."""
        found = self.first()
        return None if found is None else found[0]

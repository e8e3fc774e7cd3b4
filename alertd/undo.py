"""Take back a step: what it changed is saved first, and restored in reverse order.

The engine changes its arrays and tables in place (a copy of all windows per batch
would cost more than judging it). Each change is announced here just before it is
made; `rollback` then puts back exactly what was there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_ABSENT = object()


class Undo:
    """The changes of one step, newest last."""

    __slots__ = ("_log", "_touched")

    def __init__(self) -> None:
        self._log: list[Callable[[], None]] = []
        self._touched: set[int] = set()

    def cells(self, array: NDArray[Any], index: Any) -> None:
        """Save `array[index]` (any numpy index with distinct cells) before it is assigned."""
        before = array[index].copy()

        def restore() -> None:
            array[index] = before

        self._log.append(restore)

    def bytes(self, part: memoryview) -> None:
        """Save a stretch of memory before it is written."""
        before = bytes(part)

        def restore() -> None:
            part[:] = before

        self._log.append(restore)

    def item(self, table: dict[Any, Any], key: Any) -> None:
        """Save `table[key]`, or its absence, before it is set or deleted."""
        before = table.get(key, _ABSENT)

        def restore() -> None:
            if before is _ABSENT:
                table.pop(key, None)
            else:
                table[key] = before

        self._log.append(restore)

    def attrs(self, thing: Any) -> None:
        """Save all attributes of an object with `__slots__` before it changes; lists and dicts one level deep.

        Once per object and step: later calls for the same object do nothing.
        """
        if id(thing) in self._touched:
            return
        self._touched.add(id(thing))
        names = type(thing).__slots__
        before = [(name, _copy(getattr(thing, name))) for name in names]

        def restore() -> None:
            for name, value in before:
                setattr(thing, name, value)

        self._log.append(restore)

    def call(self, restore: Callable[[], None]) -> None:
        """Register anything else that must be done to take the change back."""
        self._log.append(restore)

    def rollback(self) -> None:
        """Restore everything, newest change first; afterwards the log is empty."""
        while self._log:
            self._log.pop()()
        self._touched.clear()


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: list(item) if isinstance(item, list) else item for key, item in value.items()}
    return list(value) if isinstance(value, list) else value

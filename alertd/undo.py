"""Take back a step: what it changed is saved first, and restored in reverse order.

The engine changes its arrays and tables in place (a copy of all windows per batch
would cost more than judging it). Each change is announced here just before it is
made; `rollback` then puts back exactly what was there.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_ABSENT = object()
_CONTAINERS: Final = frozenset({list, dict})
_SLOTS: Final[dict[type, attrgetter[tuple[Any, ...]]]] = {}
"""Class to what reads all its attributes at once; there are six such classes."""


class Undo(list[tuple[Any, ...]]):
    """The changes of one step, newest last: (what restores, with what).

    Plain tuples in a list, because a step of ten thousand alerts makes a hundred thousand; and the list itself,
    because most steps are of one reading: two objects more would be a tenth of what judging it costs.
    """

    __slots__ = ("_touched",)

    note = list.append
    """`call` for a tuple (what restores, with what) that is made already: the least a change can cost."""

    def cells(self, array: NDArray[Any], index: Any) -> None:
        """Save `array[index]` (any numpy index with distinct cells) before it is assigned."""
        self.note((array.__setitem__, index, array[index].copy()))

    def item(self, table: dict[Any, Any], key: Any) -> None:
        """Save `table[key]`, or its absence, before it is set or deleted."""
        self.note((_put_back, table, key, table.get(key, _ABSENT)))

    def attrs(self, thing: Any) -> None:
        """Save all attributes of an object with `__slots__` before it changes; lists and dicts one level deep.

        Once per object and step: later calls for the same object do nothing.
        """
        touched = self._known()
        if id(thing) in touched:
            return
        touched[id(thing)] = thing
        kind = type(thing)
        everything = _SLOTS.get(kind)
        if everything is None:
            everything = _SLOTS[kind] = attrgetter(*kind.__slots__)
        before = [_copy(value) if type(value) in _CONTAINERS else value for value in everything(thing)]
        self.note((_set_back, thing, before))

    def fresh(self, thing: Any) -> None:
        """Note that an object was made in this step: whoever takes it out of its table takes back all of it."""
        self._known()[id(thing)] = thing

    def call(self, restore: Callable[..., object], *facts: Any) -> None:
        """Register anything else that must be done, with these facts, to take the change back."""
        self.note((restore, *facts))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Take everything back where the block raised; what it raised goes on."""
        if kind is not None:
            self.rollback()

    def rollback(self) -> None:
        """Restore everything, newest change first; afterwards the log is empty."""
        while self:
            restore, *facts = self.pop()
            restore(*facts)
        self._known().clear()

    def _known(self) -> dict[int, Any]:
        """Return the objects saved or made in this step by identity; held, so that no other can have the same."""
        try:
            return self._touched
        except AttributeError:
            self._touched: dict[int, Any] = {}
            return self._touched


def write_back(part: memoryview, before: bytes) -> None:
    """Undo what was written over `before`."""
    part[:] = before


def _put_back(table: dict[Any, Any], key: Any, before: Any) -> None:
    if before is _ABSENT:
        table.pop(key, None)
    else:
        table[key] = before


def _set_back(thing: Any, before: list[Any]) -> None:
    for name, value in zip(type(thing).__slots__, before, strict=True):
        setattr(thing, name, value)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: list(item) if isinstance(item, list) else item for key, item in value.items()}
    return list(value) if isinstance(value, list) else value

"""What the members of a group said last, in order of size: its median costs no walk through the herd. Pure.

Of 200 members one says something new at a time. So the values that count are kept sorted; the oldest leave as time
passes, and come back where a late reading asks for an earlier time.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alertd.model import Micros

Known = tuple["Micros", float]
"""(time, value) of a member's newest reading."""


class Members:
    """One metric of a group, for all results that look at it with the same `max_age`."""

    __slots__ = ("_gone", "_known", "_order", "_values", "rows")

    def __init__(self) -> None:
        self.rows: set[int] = set()
        """All members, also those that said nothing yet."""
        self._known: dict[int, Known] = {}
        self._order: list[tuple[Micros, int]] = []
        """(time, row) of those that said something, oldest first."""
        self._gone = 0
        """How many of them, from the oldest on, do not count: they were silent since the time last asked for."""
        self._values: list[float] = []
        """What the others said, sorted."""

    def get(self, row: int) -> Known | None:
        """Return what a member said last, None if nothing."""
        return self._known.get(row)

    def put(self, row: int, known: Known | None) -> None:
        """Let that be what a member said last, whenever it said that; None: nothing."""
        order, values, before = self._order, self._values, self._known.pop(row, None)
        if before is not None:
            at = bisect_left(order, (before[0], row))
            del order[at]
            if at < self._gone:
                self._gone -= 1
            else:
                del values[bisect_left(values, before[1])]
        if known is not None:
            time, value = known[0], known[1] + 0.0  # -0.0 becomes 0.0: what is equal is the same, whoever comes first
            self._known[row] = time, value
            at = bisect_left(order, (time, row))
            order.insert(at, (time, row))
            if at < self._gone:
                self._gone += 1
            else:
                insort(values, value)

    def since(self, oldest: Micros) -> list[float]:
        """Return, sorted, what those say whose newest reading is not older; not to be changed, and gone with `put`."""
        order, values, known = self._order, self._values, self._known
        gone = bisect_left(order, (oldest,))
        if gone > self._gone:
            for _, row in order[self._gone : gone]:
                del values[bisect_left(values, known[row][1])]
        elif gone < self._gone:
            values += [known[row][1] for _, row in order[gone : self._gone]]
            values.sort()
        self._gone = gone
        return values

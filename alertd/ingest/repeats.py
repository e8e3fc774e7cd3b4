"""Messages that come twice under one id: several gateways, overlapping integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alertd.model import MINUTE

if TYPE_CHECKING:
    from alertd.model import Micros
    from alertd.seams import Raw

WITHIN: Final = 10 * MINUTE
"""How long an id is remembered."""

MOST: Final = 100_000
"""Ids remembered (about 20 MB at worst); beyond that the oldest goes."""

LONGEST: Final = 128
"""Characters of a part of an id; a longer id of one part is none, of several the rest is left out."""

LARGEST: Final = 1 << 53
"""No frame counter is a larger number."""

_CARE: Final = 64
"""Ids after which it is seen which are too old: to look each time costs as much as all the rest."""


class Repeats:
    """Ids of the last minutes, oldest first."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str, tuple[str | int, ...]], Micros] = {}
        self._due = _CARE

    def known(self, source: int, raw: Raw, name: tuple[str | int, ...], owner: str) -> bool:
        """Return whether another message of `owner` (topic or device) with this id came within the last 10 minutes.

        The same message decoded again (a commit failed) is no repeat, and neither is the
        broker's redelivery of what we did not acknowledge: those must not be lost, and their
        readings are known by their own time.
        """
        if raw.duplicate:
            return False
        seen = self._seen
        key = (source, owner, name)
        first = seen.get(key)
        if first is not None and raw.received - first < WITHIN:
            return first != raw.received
        if len(seen) >= self._due:
            self._forget(raw.received)
        seen[key] = raw.received
        return False

    def _forget(self, now: Micros) -> None:
        seen = self._seen
        while seen:
            oldest = next(iter(seen))
            if len(seen) < MOST and now - seen[oldest] < WITHIN:
                break
            del seen[oldest]
        self._due = len(seen) + _CARE


def name_of(parts: tuple[Any, ...]) -> tuple[str | int, ...]:
    """Return the id that a message is known by; empty: it has none.

    Of several parts the last is a text: without the payload itself a frame counter is no id, it starts again with
    every join.
    """
    last = parts[-1]
    if type(last) is not str or (len(parts) == 1 and not 0 < len(last) <= LONGEST):
        return ()
    name = [part[:LONGEST] if type(part) is str else part for part in parts if said(part)]
    return tuple(name) if name != [""] else ()


def said(part: Any) -> bool:
    """Return whether a part of an id says anything."""
    return type(part) is str or (type(part) is int and -LARGEST <= part <= LARGEST)

"""Messages that come twice under one id: several gateways, overlapping integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.model import MINUTE

if TYPE_CHECKING:
    from alertd.model import Micros
    from alertd.seams import Raw

WITHIN: Final = 10 * MINUTE
"""How long an id is remembered."""

MOST: Final = 100_000
"""Ids remembered (about 20 MB at worst); beyond that the oldest goes."""

LONGEST: Final = 128
"""Characters of an id; a longer one is none."""


class Repeats:
    """Ids of the last minutes, oldest first."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str, str], Micros] = {}

    def known(self, source: int, raw: Raw, name: object, owner: str) -> bool:
        """Return whether another message of `owner` (topic or device) with this id came within the last 10 minutes.

        The same message decoded again (a commit failed) is no repeat, and neither is the
        broker's redelivery of what we did not acknowledge: those must not be lost, and their
        readings are known by their own time.
        """
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST or raw.duplicate:
            return False
        seen = self._seen
        key = (source, owner, name)
        first = seen.get(key)
        if first is not None and raw.received - first < WITHIN:
            return first != raw.received
        while seen:
            oldest = next(iter(seen))
            if len(seen) < MOST and raw.received - seen[oldest] < WITHIN:
                break
            del seen[oldest]
        seen[key] = raw.received
        return False

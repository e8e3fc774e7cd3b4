"""How many unacknowledged messages the broker allows before it waits for us.

Nobody tells: on MQTT 5 a broker may stop below what we announce, on 3.1.1 its limit is
a line in its configuration. It matters because a source that waits 30 s with its
acknowledgements while the broker has stopped makes the broker's queue overflow.
"""

from __future__ import annotations

from typing import Final

from alertd.model import SECOND

QUIET: Final = SECOND // 5
"""A socket silent for 200 ms has nothing more to say now: an order above LAN and DSL round trips."""

_PROOFS: Final = 3
"""Times in a row that the broker must stop at the same number: sensors that fall silent and speak
again within `QUIET` of an acknowledgement by chance do not do it thrice with equal counts."""


class Window:
    """The broker's in-flight window as far as it is known: `limit` messages.

    It starts at what was announced (MQTT 5) or configured (3.1.1). It falls to where the broker
    was seen to stop: silent for `QUIET` with n unacknowledged, and at once speaking again when
    they were acknowledged. It rises to n when the broker speaks after `QUIET` although `limit` or
    more are unacknowledged. A burst alone is no proof of a wider window: mosquitto 2.0.11 stops a
    fresh burst at 20, but sends its whole queue after the first acknowledgement; whoever took that
    for the window would wait while the next burst overflows the queue.
    """

    def __init__(self, assumed: int) -> None:
        self.limit = assumed
        self._unacknowledged = 0
        self._stop = 0
        self._stops: list[int] = []
        self._heard_at = 0
        self._acknowledged_at = 0

    def heard(self, unacknowledged: int, now: int) -> None:
        """Count a read at `now` (microseconds) after which so many are unacknowledged."""
        if self._unacknowledged >= self.limit and now - self._heard_at >= QUIET:
            self.limit = max(self.limit, unacknowledged)
            self._stops = []
        if self._stop:
            waited_for_us = now - self._acknowledged_at < QUIET
            self._stops = [*self._stops[1 - _PROOFS :], self._stop] if waited_for_us else []
            self._stop = 0
            if len(self._stops) == _PROOFS and len(set(self._stops)) == 1:
                self.limit = min(self.limit, self._stops[0])
        self._heard_at = now
        self._unacknowledged = unacknowledged

    def acknowledged(self, unacknowledged: int, now: int) -> None:
        """Count an acknowledgement at `now` before which so many were unacknowledged."""
        self._stop = unacknowledged if now - self._heard_at >= QUIET else 0
        self._acknowledged_at = now
        self._unacknowledged = 0  # fewer than before: how many more it will send proves nothing yet

    def pressing(self, held: int) -> bool:
        """Return whether `held` fill half of the window: the other half covers the commit's own time."""
        return 2 * held >= self.limit

"""Who writes too much is not answered for a while: chats are open to the world."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

from alertd.conversation.talk import sender_key
from alertd.conversation.vocabulary import Word, read
from alertd.model import MINUTE

if TYPE_CHECKING:
    from alertd.model import Inbound, Micros

MOST: Final = 60
"""Updates of one sender in a minute that are answered: one a second, as fast as answers go out; a long night's
alerts pressed one by one, or somebody who tries every word there is, stay below."""
SENDERS: Final = 1000
"""Senders remembered at most (5 MB, should they all flood at once); the one heard longest ago is forgotten first."""


class Flood:
    """Counts what each sender wrote within the last minute. A restart forgets it: only the operator causes one."""

    def __init__(self) -> None:
        self._heard: OrderedDict[str, deque[Micros]] = OrderedDict()

    def over(self, update: Inbound, now: Micros) -> int:
        """Count an update and return by how many its sender is over the limit; STOP and going away never are."""
        sender = sender_key(update)
        times = self._heard.setdefault(sender, deque(maxlen=2 * MOST))
        self._heard.move_to_end(sender)
        if len(self._heard) > SENDERS:
            self._heard.popitem(last=False)
        while times and times[0] <= now - MINUTE:
            times.popleft()
        times.append(now)
        if update.gone or read(update.text).word is Word.STOP:
            return 0
        return max(0, len(times) - MOST)

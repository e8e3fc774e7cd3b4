"""Settings of the messengers that are not built yet: accepted and proved, not sent with. At present there are none.

A configuration written for the whole of alertd passes `alertd check` today, which says of
each such messenger that it is not available yet. One leaves this file when its module comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from alertd.settings import Settings

SETTINGS: Final[dict[str, type[Settings]]] = {}
"""Messenger as written under `messengers:` to its settings."""

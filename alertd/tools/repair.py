"""`alertd repair`: a damaged store set aside, people, consent, open alerts, numbers and outbox taken over."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from alertd.seams import StoreBusyError
from alertd.store.salvage import repair

if TYPE_CHECKING:
    from pathlib import Path

WORDS: Final = {
    "people": "people",
    "consents": "lines of the consent ledger",
    "alerts": "alerts",
    "incidents": "incidents",
    "counters": "counters",
    "messages": "messages",
    "series": "series",
    "journal": "flushes of readings",
}
"""Tables a person asks for, in their words."""


def main(path: Path) -> int:
    """Repair the store at `path` and say what became of it; return the exit code."""
    try:
        found = repair(path, datetime.now(UTC))
    except (FileNotFoundError, StoreBusyError, OSError) as error:
        print(f"alertd: {error}", file=sys.stderr)
        return 1
    if found.aside is None:
        print(f"{path}: sound, nothing to repair")
        return 0
    print(f"set aside: {found.aside}")
    kept = ", ".join(f"{found.rows[name]} {words}" for name, words in WORDS.items() if found.rows.get(name))
    print(f"salvaged: {kept or 'nothing could be read'}")
    if found.lost:
        print(f"not all could be read of: {', '.join(dict.fromkeys(found.lost))}")
    print(f"{path}: ready; `alertd run` goes on from here")
    return 0

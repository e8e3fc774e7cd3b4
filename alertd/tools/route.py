"""`alertd route` where no daemon runs: who would get what, when and why, as far as the configuration tells."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from alertd.parts import engine_of
from alertd.rehearsal import rehearse
from alertd.shell.route import WRITTEN, read_facts, read_moment, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.config.config import Config

DONE: Final = 0
REFUSED: Final = 2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def main(config: Config, facts: Sequence[str], at: str | None) -> int:
    """Print what an alert would lead to; return the exit code.

    Args:
        config: the farm.
        facts: `rule=NAME`, `device=ID` and further `key=value`.
        at: `2026-11-23 02:00` in the farm's time, or RFC 3339; None: now.
    """
    zone = ZoneInfo(config.farm.timezone)
    try:
        when = datetime.now(UTC) if at is None else read_moment(at, zone)
        moment = (when - _EPOCH) // timedelta(microseconds=1)
        found = rehearse(engine_of(config, moment), read_facts(facts), moment)
    except ValueError as error:
        sys.stderr.write(f"alertd: {error}\n")
        return REFUSED
    show(found.row(), zone, WRITTEN)
    return DONE

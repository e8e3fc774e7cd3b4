"""`alertd route`: who would get what, when and why (`alertd.rehearsal`), as a table or as lines for programs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from alertd.audience.hours import local
from alertd.parts import engine_of
from alertd.rehearsal import NoSuchAlertError, rehearse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.config.config import Config
    from alertd.model import Micros
    from alertd.rehearsal import Rehearsal

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
    try:
        moment = _moment(at, config.farm.timezone)
        found = rehearse(engine_of(config, moment), _pairs(facts), moment)
    except NoSuchAlertError as error:
        sys.stderr.write(f"alertd: {error}\n")
        return REFUSED
    _print(found, config.farm.timezone)
    return DONE


def _pairs(facts: Sequence[str]) -> dict[str, str]:
    wrong = next((fact for fact in facts if "=" not in fact), None)
    if wrong is not None:
        raise NoSuchAlertError(f"{wrong} must be written key=value, such as rule=fever")
    return dict(fact.split("=", 1) for fact in facts)


def _moment(text: str | None, timezone: str) -> Micros:
    if text is None:
        when = datetime.now(UTC)
    else:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise NoSuchAlertError(f'--at {text} must be a time such as "2026-11-23 02:00"') from None
        if when.tzinfo is None:
            when = when.replace(tzinfo=ZoneInfo(timezone))
    return (when - _EPOCH) // timedelta(microseconds=1)


def _print(found: Rehearsal, timezone: str) -> None:
    rows = [
        (f"{local(timezone, one.at):%Y-%m-%d %H:%M:%S}", one.person, one.messenger, one.kind, one.why)
        for one in found.told
    ]
    rows += [("never", person, "", "", why) for person, why in found.silent]
    if found.shadow:
        sys.stdout.write("mode: shadow, so the alert is recorded and told to nobody\n")
    if not sys.stdout.isatty():
        sys.stdout.writelines("\t".join(row) + "\n" for row in rows)
        return
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 (a pipe does without)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("when", "who", "messenger", "what", "why", box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    Console().print(table)

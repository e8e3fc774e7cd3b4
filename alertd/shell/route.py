"""Who would get what, when and why (`alertd.rehearsal`): asked of the running daemon, shown as a table or as lines."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from alertd.shell.doors import Setting, converse
from alertd.shell.printing import DONE, FAILED, USAGE, fail, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from alertd.web.client import Daemon

LIVE: Final = "people, duty, calendars, silences and budgets as the running alertd knows them"
WRITTEN: Final = (
    "from the configuration only: no alertd is running, so what people have said (DUTY, STOP, JOIN), calendars, "
    "silences and used budgets are not known"
)


def route(config_path: Path, facts: Sequence[str], at: str | None, without_daemon: Callable[[], int]) -> int:
    """Ask the running daemon what an alert would lead to; without one do `without_daemon`.

    Args:
        config_path: the farm.
        facts: `rule=NAME`, `device=ID` and further `key=value`.
        at: `2026-11-23 02:00` in the farm's time, or RFC 3339; None: now.
        without_daemon: says what the configuration alone tells.
    """

    async def do(daemon: Daemon, setting: Setting) -> int:
        try:
            when = None if at is None else read_moment(at, setting.zone).isoformat()
            body = {"facts": read_facts(facts), "at": when}
        except ValueError as error:
            return fail(str(error), USAGE)
        answer = await daemon.ask("POST", "/api/v1/route", body)
        if not answer.ok:
            return fail(answer.trouble, USAGE if answer.status == 400 else FAILED)  # noqa: PLR2004 (HTTP: bad request)
        show(answer.body, setting.zone, LIVE)
        return DONE

    return converse(config_path, do, without_daemon)


def read_facts(facts: Sequence[str]) -> dict[str, str]:
    """Read `key=value` words.

    Raises:
        ValueError: one is not written so.
    """
    wrong = next((fact for fact in facts if "=" not in fact), None)
    if wrong is not None:
        raise ValueError(f"{wrong} must be written key=value, such as rule=fever")
    return dict(fact.split("=", 1) for fact in facts)


def read_moment(text: str, zone: ZoneInfo) -> datetime:
    """Read a time; without an offset it is the farm's.

    Raises:
        ValueError: it is none.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'--at {text} must be a time such as "2026-11-23 02:00"') from None
    return when if when.tzinfo is not None else when.replace(tzinfo=zone)


def show(found: Mapping[str, Any], zone: ZoneInfo, source: str) -> None:
    """Print the answer of `/api/v1/route`, and on stderr where it comes from."""
    sys.stderr.write(f"{source}\n")
    if found["shadow"]:
        sys.stderr.write("mode: shadow, so the alert is recorded and told to nobody\n")
    told: dict[tuple[str, ...], list[datetime]] = {}
    for index, one in enumerate(found["told"]):
        alike = () if sys.stdout.isatty() else (index,)  # people read a day of reminders as one line, programs all
        key = (*(one[name] for name in ("person", "messenger", "kind", "why")), *alike)
        told.setdefault(key, []).append(datetime.fromisoformat(one["at"]).astimezone(zone))
    lines: list[tuple[str, ...]] = []
    for (person, messenger, kind, why, *_), times in told.items():
        more = f"; {len(times) - 1} more until {times[-1]:%Y-%m-%d %H:%M}" if len(times) > 1 else ""
        lines.append((f"{times[0]:%Y-%m-%d %H:%M:%S}", person, messenger, kind, why + more))
    lines += [("never", one["person"], "", "", one["why"]) for one in found["silent"]]
    rows(("when", "who", "messenger", "what", "why"), lines)

"""`alertd discover`: what is on a broker, what it decodes to, and the `sources:` that read it.

stdout is YAML that can be kept, the table in it as comments; on a terminal the table is
drawn and the listening shown. Nothing is published and no session is kept.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alertd.ingest.labels import clean
from alertd.tools.examining import counted
from alertd.tools.listening import Door, Heard, UnreachableError, listen
from alertd.tools.recognising import Findings, recognise
from alertd.tools.written import ROWS, devices_yaml, rows, scalar, sources_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    Telling = Callable[[Heard, float], None]

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
EVERYTHING: Final = (("#", 1),)
_UNREAD: Final = 12
"""Topics named that nobody could read."""


def main(mqtt: str, seconds: float, write: Path | None) -> int:
    """Listen, recognise, tell; returns the exit code of CONTRACT.md section 1."""
    try:
        door = Door.parse(mqtt)
    except ValueError as error:
        return _fail(str(error), USAGE)
    if write is not None and write.exists() and write.stat().st_size:
        return _fail(f"{write} exists and is left as it is: choose another name, or remove it", USAGE)
    try:
        heard = asyncio.run(watched(door, seconds))
    except UnreachableError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return FAILED
    found = recognise(heard.raws(), local_zone())
    text = proposal(door, heard, found)
    if sys.stdout.isatty():
        draw(found)
        print(text.partition("\n\n")[2], end="")
    else:
        print(text, end="")
    if write is not None:
        try:
            write.write_text(text, encoding="utf-8")
        except OSError as error:
            return _fail(f"{write}: {(error.strerror or str(error)).lower()}")
        print(f"written to {write}; next: alertd check -c {write}", file=sys.stderr)
    if not found.proposals:
        return _fail(f"nothing that could be read: {volume(heard)}")
    return DONE


async def watched(door: Door, seconds: float) -> Heard:
    """Listen to everything, showing it on a terminal.

    Raises:
        UnreachableError: the broker cannot be reached.
    """
    if not sys.stderr.isatty():
        return await listen(door, EVERYTHING, seconds)
    from rich.console import Console  # noqa: PLC0415 (a pipe does without)

    with Console(stderr=True).status(f"connecting to {door.address}") as status:

        def tell(heard: Heard, left: float) -> None:
            status.update(f"listening, {left:.0f} s left: {volume(heard)}")

        return await listen(door, EVERYTHING, seconds, tell)


def volume(heard: Heard) -> str:
    """Return how much was heard, in words."""
    return f"{counted(heard.count, 'message')} on {counted(len(heard.topics), 'topic')}"


def proposal(door: Door, heard: Heard, found: Findings) -> str:
    """Write everything that was found as one YAML file that `check` accepts."""
    now = datetime.now(UTC)
    lines = [
        f"# What was heard on {door.address} in {heard.seconds:.0f} s, {now:%Y-%m-%d %H:%M} UTC:",
        f"# {volume(heard)}.",
        "#",
    ]
    table = list(rows(found))
    width = [max((len(row[column]) for row in table[:ROWS]), default=0) for column in range(2)]
    lines += [f"# {source:<{width[0]}}  {device:<{width[1]}}  {values}" for source, device, values in table[:ROWS]]
    if len(table) > ROWS:
        lines.append(f"# … and {len(table) - ROWS} more")
    if found.unread:
        lines += ["#", f"# Not read ({counted(len(found.unread), 'topic')}):"]
        lines += [f"#   {clean(topic)}: {why[:120]}" for topic, why in found.unread[:_UNREAD]]
        lines += [f"#   … and {len(found.unread) - _UNREAD} more"] if len(found.unread) > _UNREAD else []
    mqtt = f"mqtt:\n  url: {scalar(door.url)}\n"
    if door.username is not None:
        mqtt += f"  username: {scalar(door.username)}\n  password: {{env: MQTT_PASSWORD}}\n"
    parts = ["\n".join(lines) + "\n", mqtt]
    if found.proposals:
        parts.append(sources_yaml(found.proposals))
    parts.append(devices_yaml(found))
    return "\n".join(part for part in parts if part)


def draw(found: Findings) -> None:
    """Draw the table on a terminal."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 (a pipe does without)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("source", "device", "values", box=SIMPLE_HEAD)
    all_rows = list(rows(found))
    for row in all_rows[:ROWS]:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    console.print(table)
    if len(all_rows) > ROWS:
        console.print(Text(f"… and {len(all_rows) - ROWS} more"))
    for topic, why in found.unread[:_UNREAD]:
        console.print(Text(f"not read: {clean(topic)}: {why}", style="yellow"), overflow="ellipsis", no_wrap=True)
    console.print()


def local_zone() -> str:
    """Return this machine's time zone by name, UTC if it cannot be told."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named:
        try:
            named = str(Path("/etc/localtime").readlink()).rpartition("zoneinfo/")[2]
        except OSError:
            named = ""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 (only here)

    try:
        ZoneInfo(named)
    except (KeyError, OSError, ValueError):
        return "UTC"
    return "UTC" if named in ("Etc/UTC", "") else named


def _fail(why: str, code: int = FAILED) -> int:
    print(f"alertd: {why}", file=sys.stderr)
    return code

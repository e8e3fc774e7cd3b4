"""`alertd doctor`: what would lose data or fail, before it does. Nothing is sent to a person.

Where a daemon runs, it is asked through its socket and examines itself in a child process
(under systemd secrets and store are its alone); else this process does the rounds. Exit
codes: 0 nothing fails (warnings may stand), 1 something does, 2 configuration or a secret.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from alertd.config.load import load
from alertd.model import DAY
from alertd.settings import SecretMissingError
from alertd.shell.doors import doors
from alertd.store import pages
from alertd.store.database import engine_for
from alertd.store.load import load as load_store
from alertd.store.settings import store_path
from alertd.tools.broker_rounds import examine_broker
from alertd.tools.examining import examine_stuck
from alertd.tools.finding import Finding, failed
from alertd.tools.machine_rounds import examine_clock, examine_disk, examine_memory
from alertd.tools.people_rounds import examine_calendars, examine_doors, examine_messengers, examine_people
from alertd.web.client import Doors, NoDaemonError, reach

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.config.config import Config
    from alertd.model import Reading
    from alertd.seams import Kept
    from alertd.tools.listening import Heard
    from alertd.web.client import Daemon

DONE: Final = 0
FAILED: Final = 1
REFUSED: Final = 2
LOOKED_AT: Final = 200_000
"""Kept readings looked at for stuck sensors."""
_COLOURS: Final = {"ok": "green", "note": "cyan", "warn": "yellow", "fail": "bold red"}


def main(path: Path, seconds: float, *, alone: bool = False, as_json: bool = False) -> int:
    """Do the rounds, or have the daemon do them; returns the exit code."""
    loaded = load(path)
    for problem in loaded.errors:
        print(problem, file=sys.stderr)
    if loaded.config is None:
        return REFUSED
    config = loaded.config
    if not alone:
        findings = asyncio.run(_through_the_daemon(config, path, seconds))
        if findings is not None:
            return _tell(findings, as_json=as_json)
    for problem in loaded.unreadable:
        print(problem, file=sys.stderr)
    if loaded.unreadable:
        return REFUSED
    warnings = [Finding("warn", "configuration", str(problem)) for problem in loaded.warnings]
    try:
        findings = asyncio.run(examine(config, path, seconds))
    except SecretMissingError as error:  # gone since it was looked at
        print(f"alertd: {error}", file=sys.stderr)
        return REFUSED
    return _tell([*warnings, *findings], as_json=as_json)


async def examine(config: Config, path: Path, seconds: float) -> list[Finding]:
    """Do all the rounds here.

    Raises:
        SecretMissingError: a secret cannot be read.
    """
    store = store_path(config.store, os.environ, path)
    found = [examine_clock(), *examine_disk(store), examine_memory(config)]
    found += await examine_broker(config, seconds, _progress)
    kept, readings, trouble = _remembered(store)
    found += trouble
    found += examine_stuck(readings)
    found += await examine_messengers(config)
    found += examine_people(config, kept)
    found += await examine_calendars(config, store)
    found += await examine_doors(config)
    return found


def _remembered(store: Path) -> tuple[Kept | None, list[Reading], list[Finding]]:
    """Look into the store, read-only: who joined, and the readings of the last day."""
    if not store.exists():
        return None, [], [Finding("note", "store", f"{store} does not exist yet", "the first run makes it")]
    engine = engine_for(store, reader=True)
    now = time.time_ns() // 1000
    try:
        with engine.connect() as connection:
            kept = load_store(connection)
            readings = pages.reading_page(
                connection, device=None, metric=None, start=now - DAY, end=now + DAY, limit=LOOKED_AT
            )
    except Exception as error:  # noqa: BLE001 (whatever SQLite says of a damaged or newer file: one finding)
        why = " ".join(str(error).split())[:160]
        return (
            None,
            [],
            [Finding("fail", "store", f"{store} cannot be read: {why}", "alertd repair salvages what it can")],
        )
    finally:
        engine.dispose()
    return kept, readings, [Finding("ok", "store", f"{store} can be read: {len(kept.series)} series")]


async def _through_the_daemon(config: Config, path: Path, seconds: float) -> list[Finding] | None:
    """Have a running daemon examine itself; None where there is none, or it may not be asked."""
    try:
        where = doors(config, path, os.environ)
    except SecretMissingError:
        return None
    where = Doors(tuple(one for one in where.sockets if one.exists()))
    if not where.sockets:
        return None
    try:
        async with reach(where) as daemon:
            findings = await _asked(daemon, seconds)
            return [*await _at_work(daemon), *findings]
    except NoDaemonError:
        return None


async def _asked(daemon: Daemon, seconds: float) -> list[Finding]:
    """Start the rounds and wait for them."""
    start = time.monotonic()
    while True:
        answer = await daemon.ask("POST", f"/api/v1/doctor?seconds={quote(f'{seconds:g}')}")
        if not answer.ok:
            return [Finding("fail", "daemon", answer.trouble)]
        if answer.body.get("findings") is not None:
            return [Finding(**row) for row in answer.body["findings"]]
        if time.monotonic() - start > seconds + 120:
            return [Finding("fail", "daemon", "its examination does not end")]
        await asyncio.sleep(0.5)


async def _at_work(daemon: Daemon) -> list[Finding]:
    """Say what only the running daemon knows: its parts, and what its sources bring."""
    found: list[Finding] = []
    health = (await daemon.ask("GET", "/healthz")).body
    parts: dict[str, Any] = health.get("parts", {})
    bad = {name: part for name, part in parts.items() if not part.get("ok")}
    found += [Finding("fail", f"daemon {name}", str(part.get("text"))) for name, part in bad.items()]
    if not bad:
        found.append(Finding("ok", "daemon", f"runs, {len(parts)} parts work"))
    answer = await daemon.all("/api/v1/sources", "sources")
    for row in answer.body.get("sources", []) if answer.ok else []:
        part, refused = f"source {row['name'] or '(none)'}", row.get("rejected") or {}
        if refused and not row.get("readings"):
            why = ", ".join(f"{count} {reason}" for reason, count in refused.items())
            found.append(Finding("warn", part, f"nothing of it was read since the start: {why}", "see /api/v1/sources"))
        elif not row.get("last_read"):
            found.append(Finding("note", part, "never heard"))
        else:
            found.append(Finding("ok", part, f"last read {row['last_read']}"))
    return found


def _progress(heard: Heard, left: float) -> None:
    if sys.stderr.isatty():
        end = "\n" if left <= 0.2 else ""  # noqa: PLR2004 (the last call of a listening)
        print(f"\rlistening, {max(0, left):.0f} s left: {heard.count} messages ", end=end, file=sys.stderr, flush=True)


def _tell(findings: list[Finding], *, as_json: bool) -> int:
    code = FAILED if failed(findings) else DONE
    if as_json:
        print(json.dumps([finding.row() for finding in findings], ensure_ascii=False))
        return code
    if not sys.stdout.isatty():
        for finding in findings:
            print("".join(letter for letter in str(finding) if letter.isprintable()))
        return code
    from rich.console import Console  # noqa: PLC0415 (a pipe does without)
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    for finding in findings:
        line = Text(f"{finding.level:<5}", style=_COLOURS[finding.level]) + Text(f"{finding.part}: {finding.text}")
        if finding.remedy:
            line += Text(f"\n     → {finding.remedy}", style="dim")
        console.print(line)
    return code

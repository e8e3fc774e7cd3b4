"""The operator's work from the shell, against the running daemon.

Every command takes the configuration's path and returns the exit code of CONTRACT.md
section 1: 0 done, 1 it failed, 2 usage or configuration. Answers go to stdout, trouble
as one line to stderr. On a terminal people get tables, in a pipe programs get one
tab-separated line each.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from alertd.settings import SecretMissingError
from alertd.store.settings import store_path
from alertd.web.answers import alert_number, silence_number
from alertd.web.client import Doors, NoDaemonError, reach
from alertd.web.unix import NAME, socket_path
from alertd.web.words import TEXTS, amount, harmless, moment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from alertd.config.config import Config
    from alertd.web.client import Daemon

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 404
_OURS: Final = Path("/etc/alertd")
"""ConfigurationDirectory= of the unit file: its daemon has the socket in /run/alertd."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """What of the configuration matters here."""

    doors: Doors
    zone: ZoneInfo
    language: str


def alerts(config_path: Path, state: str = "open") -> int:
    """List alerts, `open` or `all`, the newest first."""
    return _run(config_path, lambda daemon, setting: _alerts(daemon, setting, state))


def ack(config_path: Path, alert: str, by: str | None = None, comment: str = "") -> int:
    """Acknowledge one alert (`A-217`)."""
    if alert_number(alert) is None:
        return _fail(f"{alert} is not the number of an alert, such as A-217", USAGE)
    body = {"comment": comment} | ({"by": by} if by else {})

    async def do(daemon: Daemon, _setting: _Setting) -> int:
        answer = await daemon.ask("POST", f"/api/v1/alerts/{quote(alert, safe='')}/ack", body)
        if not answer.ok:
            return _fail(answer.trouble)
        _say(f"{answer.body['id']} acknowledged" + (f" by {by}" if by else ""))
        return DONE

    return _run(config_path, do)


def silence_add(config_path: Path, wanted: list[str], length: str, reason: str, by: str | None = None) -> int:
    """Make a silence and print its id (`S-3`) alone on the first line, then what it does."""
    match: dict[str, str | list[str]] = {}
    for word in wanted:
        key, equals, value = word.partition("=")
        if not equals or not key.strip() or not value.strip():
            return _fail(f"{word} must be KEY=VALUE, such as device=fan-3 or rule=fever", USAGE)
        before = match.get(key.strip())
        alike = before if isinstance(before, list) else [] if before is None else [before]
        match[key.strip()] = [*alike, value.strip()] if alike else value.strip()

    async def do(daemon: Daemon, setting: _Setting) -> int:
        body = {"match": match, "for": length, "reason": reason} | ({"by": by} if by else {})
        answer = await daemon.ask("POST", "/api/v1/silences", body)
        if not answer.ok:
            return _fail(answer.trouble, USAGE if answer.status == 400 else FAILED)  # noqa: PLR2004 (HTTP: bad request)
        _say(answer.body["id"])
        until = moment(answer.body["until"], setting.zone, time.time_ns() // 1000, setting.language)
        _say(f"quiet until {until}: {_plain(answer.body['match'])}")
        return DONE

    return _run(config_path, do)


def silence_list(config_path: Path, state: str = "active") -> int:
    """List silences, the newest first."""

    async def do(daemon: Daemon, setting: _Setting) -> int:
        answer = await daemon.all(f"/api/v1/silences?state={state}", "silences")
        if not answer.ok:
            return _fail(answer.trouble)
        now, people = time.time_ns() // 1000, sys.stdout.isatty()
        lines: list[tuple[str, ...]] = [
            (
                str(row["id"]),
                _plain(row["match"]),
                moment(row["until"], setting.zone, now, setting.language) if people else str(row["until"]),
                str(row["by"] or ""),
                str(row["reason"]),
                str(row["muted"]),
            )
            for row in answer.body["silences"]
        ]
        if people:
            _table(("id", "match", "until", "by", "reason", "muted"), lines)
        else:
            for line in lines:
                _line(line)
        return DONE

    return _run(config_path, do)


def silence_end(config_path: Path, silence: str, by: str | None = None) -> int:
    """End a silence (`S-3`) before its time."""
    if silence_number(silence) is None:
        return _fail(f"{silence} is not the number of a silence, such as S-3", USAGE)

    async def do(daemon: Daemon, _setting: _Setting) -> int:
        query = f"?by={quote(by, safe='')}" if by else ""
        answer = await daemon.ask("DELETE", f"/api/v1/silences/{quote(silence, safe='')}{query}")
        if not answer.ok:
            return _fail(answer.trouble)
        _say(f"{answer.body['id']} ended, {answer.body['muted']} alerts were kept quiet")
        return DONE

    return _run(config_path, do)


def people_list(config_path: Path) -> int:
    """List subscribers."""
    return _run(config_path, _people)


def people_invite(config_path: Path, person: str, messenger: str | None = None) -> int:
    """Print a code to join by: the code alone on the first line, then the links, then a QR code of each."""

    async def do(daemon: Daemon, _setting: _Setting) -> int:
        body = {"messenger": messenger} if messenger else {}
        answer = await daemon.ask("POST", f"/api/v1/people/{quote(person, safe='')}/invite", body)
        if not answer.ok:
            return _fail(answer.trouble, USAGE if answer.status in (400, 404) else FAILED)
        _say(answer.body["code"])
        links = answer.body["links"]
        for name, link in links.items():
            _say(f"{name}: {link}")
        for name, link in (links or {"": answer.body["code"]}).items():
            if len(links) > 1:
                _say(f"\n{name}")
            _qr(link)
        return DONE

    return _run(config_path, do)


def people_export(config_path: Path, person: str) -> int:
    """Print everything held of a person as JSON."""

    async def do(daemon: Daemon, _setting: _Setting) -> int:
        answer = await daemon.ask("GET", f"/api/v1/people/{quote(person, safe='')}/export")
        if not answer.ok:
            return _fail(answer.trouble, USAGE if answer.status == NOT_FOUND else FAILED)
        sys.stdout.write(json.dumps(answer.body, indent=2, ensure_ascii=False) + "\n")
        return DONE

    return _run(config_path, do)


def people_erase(config_path: Path, person: str, yes: bool) -> int:  # noqa: FBT001 (the command line's switch)
    """Take a person out of the store; without `yes` nothing is done."""
    if not yes:
        return _fail(f"this takes {person} out of messages and alerts for good; write --yes to do it", USAGE)

    async def do(daemon: Daemon, _setting: _Setting) -> int:
        answer = await daemon.ask("DELETE", f"/api/v1/people/{quote(person, safe='')}")
        if not answer.ok:
            return _fail(answer.trouble, USAGE if answer.status == NOT_FOUND else FAILED)
        facts = answer.body
        _say(f"{person} erased: {facts['messages']} messages and {facts['alerts']} alerts are anonymous now")
        _say("the consent ledger stays: it holds hashes, and proves what was agreed")
        if facts["listed"]:
            _say(f"nothing is sent to {person} any more; take them out of the configuration, too: {config_path}")
        return DONE

    return _run(config_path, do)


def send_test(
    config_path: Path, to: str, messenger: str | None = None, without_daemon: Callable[[], int] | None = None
) -> int:
    """Send one test message through the running daemon; where none runs, `without_daemon` does it instead."""

    async def do(daemon: Daemon, _setting: _Setting) -> int:
        body = {"messenger": messenger} if messenger else {}
        answer = await daemon.ask("POST", f"/api/v1/people/{quote(to, safe='')}/test", body)
        if not answer.ok:
            return _fail(answer.trouble, USAGE if answer.status in (400, 404) else FAILED)
        sent = answer.body
        facts = [f"{sent['outcome']} by {sent['messenger']}", sent.get("ref") and f"id {sent['ref']}", sent.get("why")]
        _say(", ".join(fact for fact in facts if fact))
        return DONE if sent["outcome"] == "sent" else FAILED

    return _run(config_path, do, without_daemon)


def doors(config: Config, config_path: Path, environ: Mapping[str, str]) -> Doors:
    """Say where the daemon of this configuration may be.

    Under systemd it has a runtime directory that the shell's environment does not name;
    only the installed configuration looks there, so that a trial's commands never reach
    the farm's daemon.

    Raises:
        SecretMissingError: no socket is there and the token cannot be read.
    """
    sockets = [socket_path(store_path(config.store, environ, config_path), environ)]
    if _OURS in config_path.absolute().parents:
        sockets.append(Path("/run/alertd") / NAME)
    if config.web.listen == "off":
        return Doors(tuple(sockets))
    host, _, port = config.web.listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}.get(host, host)  # noqa: S104 (where to call, not bind)
    try:
        token = config.web.token.read() if config.web.token else None
    except SecretMissingError:
        if any(path.exists() for path in sockets):  # the usual case as root: the socket needs no token
            return Doors(tuple(sockets))
        raise
    return Doors(tuple(sockets), f"http://{host}:{port}", token)


def _run(
    config_path: Path,
    command: Callable[[Daemon, _Setting], Awaitable[int]],
    without_daemon: Callable[[], int] | None = None,
) -> int:
    # Here, not above: the configuration comes after the web in the story, and is heavy.
    from alertd.config.load import load  # noqa: PLC0415

    loaded = load(config_path)
    if loaded.config is None:
        for problem in loaded.errors:
            sys.stderr.write(f"{problem}\n")
        return USAGE
    farm = loaded.config.farm
    try:
        setting = _Setting(doors(loaded.config, config_path, os.environ), ZoneInfo(farm.timezone), farm.language)
        return asyncio.run(_converse(setting, command))
    except SecretMissingError as error:
        return (
            without_daemon() if without_daemon else _fail(f"no socket of the daemon, and for HTTP: web.token: {error}")
        )
    except NoDaemonError as error:
        return without_daemon() if without_daemon else _fail(str(error))


async def _converse(setting: _Setting, command: Callable[[Daemon, _Setting], Awaitable[int]]) -> int:
    async with reach(setting.doors) as daemon:
        return await command(daemon, setting)


async def _alerts(daemon: Daemon, setting: _Setting, state: str) -> int:
    answer = await daemon.all(f"/api/v1/alerts?state={state}", "alerts")
    if not answer.ok:
        return _fail(answer.trouble)
    rows, now = answer.body["alerts"], time.time_ns() // 1000
    if not sys.stdout.isatty():
        keys = ("id", "state", "severity", "rule", "device", "metric", "value", "unit", "started", "acknowledged_by")
        for row in rows:
            _line([_plain(row[key]) for key in keys])
        return DONE
    if not rows:
        _say(TEXTS.get(setting.language, TEXTS["en"])["calm_more"])
        return DONE
    table: list[tuple[str, ...]] = [
        (
            row["id"],
            row["severity"],
            row["state"],
            row["device"] or row["group"] or "",
            row["metric"] or row["rule"],
            amount(row["value"], row["unit"], setting.language),
            amount(row["normal"], row["unit"], setting.language),
            moment(row["started"], setting.zone, now, setting.language),
            row["acknowledged_by"] or "",
        )
        for row in rows
    ]
    _table(("alert", "severity", "state", "where", "what", "value", "normal", "since", "taken by"), table)
    return DONE


async def _people(daemon: Daemon, _setting: _Setting) -> int:
    answer = await daemon.all("/api/v1/people", "people")
    if not answer.ok:
        return _fail(answer.trouble)
    rows = answer.body["people"]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = [tuple(_plain(row.get(key)) for key in keys) for row in rows]
    if sys.stdout.isatty():
        _table(tuple(keys), lines)
    else:
        for line in lines:
            _line(line)
    return DONE


def _plain(value: Any) -> str:
    """Write a JSON value in one cell."""
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return " ".join(f"{key}={_plain(item)}" for key, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 (a pipe does without)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*head, box=SIMPLE_HEAD)
    colours = {"critical": "bold red", "warning": "yellow"}
    for line in lines:
        table.add_row(*(Text(harmless(cell), style=colours.get(cell, "")) for cell in line))
    Console().print(table)


def _qr(text: str) -> None:
    import segno  # noqa: PLC0415 (only an invitation draws one)

    segno.make(text, error="m", micro=False).terminal(sys.stdout, border=2, compact=True)


def _say(text: object) -> None:
    sys.stdout.write(f"{harmless(text)}\n")


def _line(cells: Iterable[str]) -> None:
    sys.stdout.write("\t".join(harmless(cell) for cell in cells) + "\n")


def _fail(why: str, code: int = FAILED) -> int:
    sys.stderr.write(f"alertd: {harmless(why)}\n")
    return code

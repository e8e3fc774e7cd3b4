"""Planned quiet from the shell."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from alertd.shell.doors import Setting, converse
from alertd.shell.printing import DONE, FAILED, USAGE, fail, plain, rows, say
from alertd.web.answers import silence_number
from alertd.web.words import moment

if TYPE_CHECKING:
    from pathlib import Path

    from alertd.web.client import Daemon


def silence_add(config_path: Path, wanted: list[str], length: str, reason: str, by: str | None = None) -> int:
    """Make a silence and print its id (`S-3`) alone on the first line, then what it does."""
    match: dict[str, str | list[str]] = {}
    for word in wanted:
        key, equals, value = word.partition("=")
        if not equals or not key.strip() or not value.strip():
            return fail(f"{word} must be KEY=VALUE, such as device=fan-3 or rule=fever", USAGE)
        before = match.get(key.strip())
        alike = before if isinstance(before, list) else [] if before is None else [before]
        match[key.strip()] = [*alike, value.strip()] if alike else value.strip()

    async def do(daemon: Daemon, setting: Setting) -> int:
        body = {"match": match, "for": length, "reason": reason} | ({"by": by} if by else {})
        answer = await daemon.ask("POST", "/api/v1/silences", body)
        if not answer.ok:
            return fail(answer.trouble, USAGE if answer.status == 400 else FAILED)  # noqa: PLR2004 (HTTP: bad request)
        say(answer.body["id"])
        until = moment(answer.body["until"], setting.zone, time.time_ns() // 1000, setting.language)
        say(f"quiet until {until}: {plain(answer.body['match'])}")
        if "warning" in answer.body:
            sys.stderr.write(f"warning: {answer.body['warning']}\n")
        return DONE

    return converse(config_path, do)


def silence_list(config_path: Path, state: str = "active") -> int:
    """List silences, the newest first."""

    async def do(daemon: Daemon, setting: Setting) -> int:
        answer = await daemon.all(f"/api/v1/silences?state={state}", "silences")
        if not answer.ok:
            return fail(answer.trouble)
        now, people = time.time_ns() // 1000, sys.stdout.isatty()
        lines: list[tuple[str, ...]] = [
            (
                str(one["id"]),
                plain(one["match"]),
                moment(one["until"], setting.zone, now, setting.language) if people else str(one["until"]),
                str(one["by"] or ""),
                str(one["reason"]),
                str(one["muted"]),
            )
            for one in answer.body["silences"]
        ]
        rows(("id", "match", "until", "by", "reason", "muted"), lines)
        return DONE

    return converse(config_path, do)


def silence_end(config_path: Path, silence: str, by: str | None = None) -> int:
    """End a silence (`S-3`) before its time."""
    if silence_number(silence) is None:
        return fail(f"{silence} is not the number of a silence, such as S-3", USAGE)

    async def do(daemon: Daemon, _setting: Setting) -> int:
        query = f"?by={quote(by, safe='')}" if by else ""
        answer = await daemon.ask("DELETE", f"/api/v1/silences/{quote(silence, safe='')}{query}")
        if not answer.ok:
            return fail(answer.trouble)
        muted = answer.body["muted"]
        say(f"{answer.body['id']} ended, {muted} {'alert was' if muted == 1 else 'alerts were'} kept quiet")
        return DONE

    return converse(config_path, do)

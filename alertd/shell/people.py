"""People from the shell: list, invite, export, erase, and a test message to one of them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

from alertd.shell.doors import Setting, converse
from alertd.shell.printing import DONE, FAILED, NOT_FOUND, USAGE, fail, plain, qr, rows, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from alertd.web.client import Daemon


def people_list(config_path: Path) -> int:
    """List subscribers."""
    return converse(config_path, _people)


def people_invite(config_path: Path, person: str, messenger: str | None = None) -> int:
    """Print a code to join by: the code alone on the first line, then the links, then a QR code of each."""

    async def do(daemon: Daemon, _setting: Setting) -> int:
        body = {"messenger": messenger} if messenger else {}
        answer = await daemon.ask("POST", f"/api/v1/people/{quote(person, safe='')}/invite", body)
        if not answer.ok:
            return fail(answer.trouble, USAGE if answer.status in (400, 404) else FAILED)
        say(answer.body["code"])
        links = answer.body["links"]
        for name, link in links.items():
            say(f"{name}: {link}")
        for name, link in (links or {"": answer.body["code"]}).items():
            if len(links) > 1:
                say(f"\n{name}")
            qr(link)
        return DONE

    return converse(config_path, do)


def people_export(config_path: Path, person: str) -> int:
    """Print everything held of a person as JSON."""

    async def do(daemon: Daemon, _setting: Setting) -> int:
        answer = await daemon.ask("GET", f"/api/v1/people/{quote(person, safe='')}/export")
        if not answer.ok:
            return fail(answer.trouble, USAGE if answer.status == NOT_FOUND else FAILED)
        sys.stdout.write(json.dumps(answer.body, indent=2, ensure_ascii=False) + "\n")
        return DONE

    return converse(config_path, do)


def people_erase(config_path: Path, person: str, yes: bool) -> int:  # noqa: FBT001 (the command line's switch)
    """Take a person out of the store; without `yes` nothing is done."""
    if not yes:
        return fail(f"this takes {person} out of messages and alerts for good; write --yes to do it", USAGE)

    async def do(daemon: Daemon, _setting: Setting) -> int:
        answer = await daemon.ask("DELETE", f"/api/v1/people/{quote(person, safe='')}")
        if not answer.ok:
            return fail(answer.trouble, USAGE if answer.status == NOT_FOUND else FAILED)
        facts = answer.body
        say(f"{person} erased: {facts['messages']} messages and {facts['alerts']} alerts are anonymous now")
        say("the consent ledger stays: it holds hashes, and proves what was agreed")
        if facts["listed"]:
            say(f"nothing is sent to {person} any more; take them out of the configuration, too: {config_path}")
        return DONE

    return converse(config_path, do)


def send_test(
    config_path: Path, to: str, messenger: str | None = None, without_daemon: Callable[[], int] | None = None
) -> int:
    """Send one test message through the running daemon; where none runs, `without_daemon` does it instead."""

    async def do(daemon: Daemon, _setting: Setting) -> int:
        body = {"messenger": messenger} if messenger else {}
        answer = await daemon.ask("POST", f"/api/v1/people/{quote(to, safe='')}/test", body)
        if not answer.ok:
            return fail(answer.trouble, USAGE if answer.status in (400, 404) else FAILED)
        sent = answer.body
        facts = [f"{sent['outcome']} by {sent['messenger']}", sent.get("ref") and f"id {sent['ref']}", sent.get("why")]
        say(", ".join(fact for fact in facts if fact))
        return DONE if sent["outcome"] == "sent" else FAILED

    return converse(config_path, do, without_daemon)


async def _people(daemon: Daemon, _setting: Setting) -> int:
    answer = await daemon.all("/api/v1/people", "people")
    if not answer.ok:
        return fail(answer.trouble)
    people = answer.body["people"]
    keys = list(dict.fromkeys(key for one in people for key in one))
    lines = [tuple(plain(one.get(key)) for key in keys) for one in people]
    rows(tuple(keys), lines)
    return DONE

"""The doctor's rounds among people and messengers: tokens, consent, webhooks. Nothing is sent to anybody."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp

from alertd.audience.calendar import Calendar, calls, named
from alertd.messengers import build
from alertd.messengers.exchange import session
from alertd.parts import engine_of
from alertd.rota.fetching import UnreachableError, fetch, shown
from alertd.rota.rota import UnreadableError, copy_of, read_calendar
from alertd.tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alertd.config.config import Config
    from alertd.seams import Kept

PATIENCE: Final = 10.0
NAMED: Final = 5
"""Titles of events that are quoted."""


async def examine_messengers(config: Config) -> list[Finding]:
    """Ask every messenger who we are there.

    Raises:
        SecretMissingError: a token cannot be read.
    """
    found: list[Finding] = []
    async with session() as http:
        for name, settings in config.messengers.items():
            messenger = build(name, settings, http, lambda: time.time_ns() // 1000, config.web.public_url)
            try:
                async with asyncio.timeout(2 * PATIENCE):
                    found.append(Finding("ok", name, await messenger.check()))
            except ConnectionError as error:
                found.append(Finding("fail", name, str(error).removeprefix(f"{name}: ")))
            except TimeoutError:
                found.append(Finding("fail", name, "does not answer", "check network, proxy and api_base"))
            finally:
                await messenger.close()
    return found


def examine_people(config: Config, kept: Kept | None) -> Iterator[Finding]:
    """Say who cannot be told anything; `kept` is what the store knows of people who joined by message."""
    people = engine_of(config, time.time_ns() // 1000).people
    if kept is not None:
        people.apply(kept.people.values(), kept.invites.values())
    for person in people.all():
        channels = people.reachable(person.id)
        if channels:
            ways = ", ".join(dict.fromkeys(channel.messenger for channel in channels))
            yield Finding("ok", f"subscriber {person.id}", f"agreed, and can be told by {ways}")
        else:
            text = "has no channel with consent: nothing is sent to them"
            remedy = f"alertd people invite {person.id}, or consent: DATE if they agreed"
            yield Finding("warn", f"subscriber {person.id}", text, remedy)
    if not people.all():
        yield Finding("warn", "subscribers", "nobody is told of anything", "add a subscriber")


async def examine_calendars(config: Config, store: Path) -> list[Finding]:
    """Fetch and read the duty calendars: can they be, and do they name people we know?"""
    found: list[Finding] = []
    now = time.time_ns() // 1000
    for entry in (one for one in config.duty if isinstance(one, Calendar)):
        name, known = shown(entry), calls(config.subscribers, entry.names)
        try:
            async with aiohttp.ClientSession() as http:
                appointments = await read_calendar(await fetch(entry, http), config.farm.timezone, now)
        except (UnreachableError, UnreadableError) as error:
            kept = copy_of(entry, store)
            counts = "until then everybody counts as on duty"
            if kept.exists():
                read = datetime.fromtimestamp(kept.stat().st_mtime, UTC)
                counts = f"until it is back the copy of {read:%Y-%m-%d %H:%M} UTC counts"
            found.append(Finding("fail", "duty", f"{name} {error}", f"open its address in a browser; {counts}"))
            continue
        on = {person for one in appointments if one.start <= now < one.end for person in named(one, known)}
        strange = dict.fromkeys(one.summary for one in appointments if not named(one, known))
        ahead = sum(one.end > now for one in appointments)
        text = f"{name} can be read: {ahead} events ahead, now on duty: {', '.join(sorted(on)) or 'nobody'}"
        found.append(Finding("ok", "duty", text))
        if strange:
            quoted = ", ".join(list(strange)[:NAMED])
            remedy = "write who is meant under names:, or ignore it"
            found.append(Finding("warn", "duty", f"{name} has events that name nobody: {quoted}", remedy))
    return found


async def examine_doors(config: Config) -> list[Finding]:
    """Look whether webhooks can be reached: our own, and those of subscribers (connected to, not called)."""
    found: list[Finding] = []
    hooks = [
        (person.id, address)
        for person in config.subscribers
        for channel in person.channels
        for name, address in channel.items()
        if name == "webhook"
    ]
    for person, address in hooks:
        parts = urlsplit(address)
        why = await _connects(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        text = f"webhook {parts.hostname}: {why or 'listens'}"
        remedy = "start what listens there, or mend the address of the channel" if why else ""
        found.append(Finding("fail" if why else "ok", f"subscriber {person}", text, remedy))
    if config.web.public_url:
        found.append(await _public(config.web.public_url.rstrip("/")))
    return found


async def _public(url: str) -> Finding:
    """Ask our own public address whether it is us; the answer of any other program is the finding."""
    remedy = "point the proxy's /hooks/ to web.listen; some routers do not let a house reach itself: try from a phone"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http,
            http.post(f"{url}/hooks/doctor", allow_redirects=False) as answer,
        ):
            ours = '{"error":{"code"' in await answer.text()
            if answer.status < 500 and ours:  # noqa: PLR2004 (HTTP)
                return Finding("ok", "webhooks", f"{url}/hooks/ reaches alertd")
            return Finding("warn", "webhooks", f"{url}/hooks/ answers {answer.status}, and not by alertd", remedy)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        why = str(error) or "does not answer"
        return Finding("warn", "webhooks", f"{url} cannot be reached from here: {why}", remedy)


async def _connects(host: str, port: int) -> str:
    """Return why a TCP connection cannot be made, or nothing."""
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return "does not answer"
    except socket.gaierror:
        return "nobody knows this name (DNS)"
    except OSError as error:  # of a name with several addresses it has no number
        return os.strerror(error.errno).lower() if error.errno else "refuses the connection at every address"
    writer.close()
    return ""

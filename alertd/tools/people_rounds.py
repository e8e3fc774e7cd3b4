"""The doctor's rounds among people and messengers: tokens, consent, webhooks. Nothing is sent to anybody."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp

from alertd.config.later import without_later
from alertd.messengers import build
from alertd.parts import engine_of
from alertd.tools.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.config import Config
    from alertd.seams import Kept

PATIENCE: Final = 10.0


async def examine_messengers(config: Config) -> list[Finding]:
    """Ask every messenger who we are there.

    Raises:
        SecretMissingError: a token cannot be read.
    """
    found: list[Finding] = []
    async with aiohttp.ClientSession() as http:
        for name, settings in without_later(config).messengers.items():
            messenger = build(name, settings, http, lambda: time.time_ns() // 1000, config.web.public_url)
            try:
                async with asyncio.timeout(2 * PATIENCE):
                    found.append(Finding("ok", name, await messenger.check()))
            except ConnectionError as error:
                found.append(Finding("fail", name, str(error)))
            except TimeoutError:
                found.append(Finding("fail", name, "does not answer", "check network, proxy and api_base"))
            finally:
                await messenger.close()
    return found


def examine_people(config: Config, kept: Kept | None) -> Iterator[Finding]:
    """Say who cannot be told anything; `kept` is what the store knows of people who joined by message."""
    people = engine_of(without_later(config), time.time_ns() // 1000).people
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
        found.append(Finding("fail" if why else "ok", f"subscriber {person}", text))
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
    except OSError as error:
        return (error.strerror or str(error)).lower()
    writer.close()
    return ""

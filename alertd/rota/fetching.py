"""One calendar, as it is now: from a file, or over HTTPS. Its address may be a secret and is never shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp

from alertd.settings import Secret, SecretMissingError

if TYPE_CHECKING:
    from alertd.audience.calendar import Calendar

PATIENCE: Final = 20.0
LARGEST: Final = 8 << 20
"""Bytes: ten years of a busy calendar are 3 MB."""
_OK: Final = 200


class UnreachableError(Exception):
    """It cannot be fetched now; the message is one sentence without the address."""


def address(calendar: Calendar) -> str:
    """Return where a calendar is: an https:// address or a file's path.

    Raises:
        UnreachableError: the address is a secret that cannot be read.
    """
    written = calendar.calendar
    try:
        where = written.read() if isinstance(written, Secret) else written
    except SecretMissingError as error:
        raise UnreachableError(str(error)) from None
    scheme, colon, rest = where.partition("://")
    return f"https://{rest}" if colon and scheme.casefold() in ("webcal", "webcals") else where


def remote(where: str) -> bool:
    """Return whether an address is one of the network."""
    return "://" in where


def shown(calendar: Calendar) -> str:
    """Return what a calendar is called among people: its file, or the server it comes from."""
    try:
        where = address(calendar)
    except UnreachableError:
        return "the duty calendar"
    return f"the duty calendar of {urlsplit(where).hostname}" if remote(where) else f"the duty calendar {where}"


async def fetch(calendar: Calendar, http: aiohttp.ClientSession) -> bytes:
    """Return a calendar as it is now.

    Raises:
        UnreachableError: it cannot be fetched.
    """
    where = address(calendar)
    if remote(where):
        return await _download(where, http)
    try:
        return await asyncio.to_thread(Path(where).read_bytes)
    except OSError as error:
        raise UnreachableError(f"{where}: {error.strerror or error}") from None


async def _download(where: str, http: aiohttp.ClientSession) -> bytes:
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with http.get(where, timeout=timeout, headers={"Accept": "text/calendar, */*;q=0.1"}) as answer:
            if answer.status != _OK:
                raise UnreachableError(f"answers {answer.status} {answer.reason or ''}".rstrip())
            found = bytearray()
            async for part in answer.content.iter_any():
                found += part
                if len(found) > LARGEST:
                    raise UnreachableError(f"is larger than {LARGEST >> 20} MB")
            return bytes(found)
    except TimeoutError:
        raise UnreachableError(f"did not answer within {PATIENCE:g} s") from None
    except aiohttp.ClientConnectorError as error:
        raise UnreachableError(f"no connection: {error.strerror or type(error).__name__}") from None
    except (aiohttp.ClientError, ValueError) as error:  # their texts may hold the address
        raise UnreachableError(f"cannot be fetched: {type(error).__name__}") from None

"""Answers by ntfy: one stream of all answer topics, from where we left off.

The server keeps messages for half a day: what was pressed while we were away is heard then. Position
is the last message's id; a server that has forgotten it gives all it has, and updates are known by their ids.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec
import structlog

from alertd.model import SECOND, Inbound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from alertd.model import Micros

ANSWERS: Final = "-answers"
"""What stands behind a person's topic in the name of the one they answer to."""
SILENCE: Final = 150.0
"""Seconds without a sign of life (the server sends one each 45 s) after which the stream is opened again."""
CONNECT: Final = 10.0
LONGEST_LINE: Final = 65_536
_LONGEST_PAUSE: Final = 60.0
_PRESSED: Final = re.compile(r"[a-z]{2,4}:[\w.:,-]{1,60}", re.ASCII)

log = structlog.get_logger(__name__)


class Line:
    """What a stream needs, and the topics it is to cover."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        base: str,
        headers: Mapping[str, str],
        now: Callable[[], Micros],
        pause: Callable[[float], Awaitable[None]],
        topics: set[str],
    ) -> None:
        self.http = http
        self.base = base
        self.headers = headers
        self.now = now
        self.pause = pause
        self.topics = topics
        self.known = asyncio.Event()
        """Whether there is a topic at all."""
        if topics:
            self.known.set()

    def learn(self, topic: str) -> None:
        """Listen to the answers of this topic too, from the stream's next sign of life on."""
        self.topics.add(topic)
        self.known.set()


async def listen(line: Line, position: str) -> AsyncIterator[Sequence[Inbound]]:
    """Yield one update at a time, for ever; trouble is waited out with growing pauses and logged once per change."""
    since, trouble, failures = position or "all", "", 0
    while True:
        await line.known.wait()
        why = ""
        try:
            async for event in _stream(line, since):
                if trouble:
                    log.info("ntfy hears again", after=trouble)
                    trouble, failures = "", 0
                found = read(event, line.now())
                if found is not None:
                    since = found.position
                    yield [found]
        except _RefusedError as refused:
            why = str(refused)
            failures = max(failures, 6)  # a wrong token does not mend itself
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = type(error).__name__
        if why and why != trouble:
            log.warning("ntfy cannot hear", why=why)
            trouble = why
        if why:
            await line.pause(min(_LONGEST_PAUSE, 2.0**failures))
            failures += 1
        else:
            await line.pause(1.0)


def read(event: Any, now: Micros) -> Inbound | None:
    """Return what a person did, None for what says nothing to us. Never raises."""
    match event:
        case {"event": "message", "id": str(key), "time": int(time), "topic": str(topic), "message": str(text)}:
            pass
        case _:
            return None
    address = topic.removesuffix(ANSWERS)
    if not key or not address or address == topic or not text.strip():
        return None
    pressed = _PRESSED.fullmatch(text.strip()) is not None
    return Inbound(
        id=f"ntfy:{key}",
        at=min(max(time, 0) * SECOND, now),
        messenger="ntfy",
        address=address,
        sender=address,
        text="" if pressed else text,
        data=text.strip() if pressed else "",
        position=key,
    )


class _RefusedError(Exception):
    """The server does not let us listen."""


async def _stream(line: Line, since: str) -> AsyncIterator[Any]:
    """Yield the server's events until it ends the stream, or until there is a topic more."""
    topics = frozenset(line.topics)
    names = ",".join(f"{topic}{ANSWERS}" for topic in sorted(topics))
    limits = aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_read=SILENCE)
    query = {"since": since}
    async with line.http.get(
        f"{line.base}/{names}/json", params=query, headers=line.headers, timeout=limits, allow_redirects=False
    ) as response:
        if response.status != 200:  # noqa: PLR2004 (HTTP)
            raise _RefusedError(f"HTTP {response.status}")
        rest = b""
        async for chunk in response.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for one in lines:
                try:
                    yield msgspec.json.decode(one)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
            if len(rest) > LONGEST_LINE:
                rest = b""
            if topics != line.topics:
                return

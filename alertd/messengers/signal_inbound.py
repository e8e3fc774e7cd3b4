"""Signal: hearing, from signal-cli's stream of events.

Signal has no buttons: a thumb under our message is one. In a group the sender is who wrote, and its id the address.

The stream does not repeat what it told. Start signal-cli with `--receive-mode on-connection`: then what
is written while alertd is away waits at Signal.

Source: signal-cli's manual (JSON-RPC, HTTP) and the WHATWG's server-sent events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp
import msgspec

from alertd.messengers.thumbs import direction
from alertd.model import OBJECT, Inbound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from alertd.messengers.thumbs import Thumbs
    from alertd.model import Micros

LINE_BYTES: Final = 1_000_000


async def events(http: aiohttp.ClientSession, url: str, silence: float) -> AsyncIterator[Any]:
    """Yield the stream's decoded data until it ends; `silence`: seconds without even a comment that end it.

    Raises:
        aiohttp.ClientError, TimeoutError, OSError: no stream, or it broke.
    """
    limits = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=silence)
    headers = {"Accept": "text/event-stream"}
    async with http.get(url, timeout=limits, headers=headers, allow_redirects=False) as response:
        response.raise_for_status()
        rest, data = b"", b""
        async for chunk in response.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                bare = line.rstrip(b"\r")
                if bare.startswith(b"data:"):
                    data += bare[5:].removeprefix(b" ")
                elif not bare and data:
                    yield _decoded(data)
                    data = b""
            if len(rest) + len(data) > LINE_BYTES:
                raise aiohttp.ClientPayloadError("an event without end")


def read_event(event: Any, account: str, thumbs: Thumbs, now: Micros) -> Inbound | None:
    """Return what a person did, None for an event that says nothing to us. Never raises."""
    match event:
        case {"params": dict(inner)}:
            event = inner
    match event:
        case {"envelope": {"timestamp": int(stamp), "dataMessage": dict(message)} as envelope} if stamp >= 0:
            pass
        case _:
            return None
    who = envelope.get("sourceNumber") or envelope.get("sourceUuid") or envelope.get("source")
    if not isinstance(who, str) or not who or who == account:
        return None
    match message.get("groupInfo"):
        case {"groupId": str(group)} if group:
            address = group
        case None:
            address = who
        case _:
            return None
    text, data, ref = _said(message, account, thumbs)
    if not text and not data:
        return None
    name = envelope.get("sourceName")
    return Inbound(
        id=f"signal:{who}:{stamp}",
        at=min(stamp * 1000, now),
        messenger="signal",
        address=address,
        sender=who,
        name=name if isinstance(name, str) else "",
        text=text,
        data=data,
        ref=ref,
    )


def _said(message: Mapping[str, Any], account: str, thumbs: Thumbs) -> tuple[str, str, str]:
    match message:
        case {"reaction": {"emoji": str(emoji), "targetSentTimestamp": int(target)} as reaction}:
            up = direction(emoji)
            ours = account in (reaction.get("targetAuthorNumber"), reaction.get("targetAuthor"))
            if up is None or reaction.get("isRemove") or not ours:
                return "", "", ""  # a thumb for what somebody else wrote in the group takes no alert
            return *thumbs.said(str(target), up=up), str(target)
        case {"message": str(text)} if text:
            quote = message.get("quote")
            stamp = quote.get("id") if isinstance(quote, dict) else None
            return text, "", str(stamp) if isinstance(stamp, int) else ""
        case {"attachments": [_, *_]} | {"sticker": {}}:
            return OBJECT, "", ""
    return "", "", ""


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None

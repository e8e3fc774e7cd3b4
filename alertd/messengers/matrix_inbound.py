"""Matrix: what a /sync brings. Pure: the answer in, what people did and where we are invited out.

Source: spec.matrix.org/latest/client-server-api (syncing, m.reaction, rich replies).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.messengers.thumbs import direction
from alertd.model import OBJECT, Inbound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from alertd.messengers.thumbs import Thumbs
    from alertd.model import Micros

_NONE: Final[dict[str, Any]] = {"types": []}
FILTER: Final = msgspec.json.encode(
    {
        "presence": _NONE,
        "account_data": _NONE,
        "room": {
            "timeline": {"limit": 100, "types": ["m.room.message", "m.reaction"]},
            "state": _NONE,
            "ephemeral": _NONE,
            "account_data": _NONE,
        },
    }
).decode()
"""What we want to be told."""
WORDLESS: Final = frozenset({"m.audio", "m.file", "m.image", "m.location", "m.video"})
ALONE: Final = 2
"""Members of a room with one person, ourselves among them."""


def invited(sync: Mapping[str, Any]) -> list[str]:
    """Return the rooms to which we are invited."""
    return list(_mapping(_mapping(sync.get("rooms")).get("invite")))


def spoken(sync: Mapping[str, Any], me: str) -> dict[str, list[dict[str, Any]]]:
    """Return by room the events of others that could say something to us."""
    found: dict[str, list[dict[str, Any]]] = {}
    for room, joined in _mapping(_mapping(sync.get("rooms")).get("join")).items():
        events = _mapping(_mapping(joined).get("timeline")).get("events")
        others = [
            event
            for event in (events if isinstance(events, list) else [])
            if isinstance(event, dict) and event.get("sender") != me
        ]
        if others:
            found[room] = others
    return found


def updates(
    events: list[dict[str, Any]],
    address: str,
    *,
    alone: bool,
    thumbs: Thumbs,
    now: Micros,
    theirs: Collection[str] = (),
) -> Iterator[Inbound]:
    """Yield what people did in a room; never raises.

    `alone`: one person is there, so the room is that person. `theirs`: messages that are not ours; a thumb under one of
    them takes no alert.
    """
    for event in events:
        if reacted_to(event) in theirs:
            continue
        match event:
            case {"event_id": str(key), "sender": str(sender), "type": str(), "content": dict(content)}:
                text, data, ref = _said(event["type"], content, thumbs)
                if text or data:
                    stamp = event.get("origin_server_ts")
                    yield Inbound(
                        id=f"matrix:{key}",
                        at=max(0, min(stamp * 1000, now)) if isinstance(stamp, int) else now,
                        messenger="matrix",
                        address=address,
                        sender=address if alone else sender,
                        name=sender.partition(":")[0].removeprefix("@"),
                        text=text,
                        data=data,
                        ref=ref,
                    )


def reacted_to(event: Mapping[str, Any]) -> str:
    """Return the id of the message under which somebody put a thumb, "" for anything else."""
    match event:
        case {"type": "m.reaction", "content": {"m.relates_to": {"event_id": str(ref), "key": str(sign)}}}:
            return "" if direction(sign) is None else ref
    return ""


def _said(kind: str, content: Mapping[str, Any], thumbs: Thumbs) -> tuple[str, str, str]:
    related = _mapping(content.get("m.relates_to"))
    match kind, content, related:
        case "m.reaction", _, {"rel_type": "m.annotation", "event_id": str(ref), "key": str(sign)}:
            up = direction(sign)
            return ("", "", "") if up is None else (*thumbs.said(ref, up=up), ref)
        case "m.room.message", _, {"rel_type": "m.replace"}:
            return "", "", ""  # what somebody corrected was heard as it was first written
        case "m.room.message", {"msgtype": "m.text", "body": str(body)}, _:
            quoted = _mapping(related.get("m.in_reply_to")).get("event_id")
            return (_unquoted(body), "", quoted) if isinstance(quoted, str) else (body, "", "")
        case "m.room.message", {"msgtype": str(msgtype)}, _ if msgtype in WORDLESS:
            return OBJECT, "", ""
    return "", "", ""


def _unquoted(body: str) -> str:
    """Leave out the quotation that older clients put above an answer."""
    quote, empty, rest = body.partition("\n\n")
    return rest if empty and all(line.startswith(">") for line in quote.splitlines()) else body


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

"""Types of messages: what msgspec is told about a message, so that to decode it is to check it.

Keys, the kind of every value and the plausible range of numbers become a type. A payload
that does not fit is refused while it is read, and what nobody asks for is skipped
without being built: a third of the time of decoding it all and looking at each value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import msgspec

from alertd.ingest.paths import MISSING
from alertd.ingest.ranges import MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alertd.ingest.paths import Path

TYPES: Final = 1024
"""Types remembered (about 5 KB each): a farm has some dozens, whatever the number of its devices."""


class Leaf(NamedTuple):
    """One value: its type, and from where to where it may be. One that is not `required` is MISSING where it is not."""

    kind: Any = Any
    low: float = -MOST
    high: float = MOST
    required: bool = True


class Node(NamedTuple):
    """An object, or a list (`array`: its keys are 0, 1 and so on); a `strict` one holds nothing but its children."""

    children: tuple[tuple[str | int, Leaf | Node], ...]
    array: bool
    strict: bool


class Codec(NamedTuple):
    """What decodes payloads of one type, and how it is written what stands at a path of what it returns.

    `decode` raises `msgspec.DecodeError` or `ValueError` for a payload of another type.
    """

    decode: Callable[[Any], Any]
    at: Mapping[Path, str]


def codec_of(root: Node) -> Codec:
    """Return what decodes JSON of this type."""
    decode, names = _compiled(root)
    return Codec(decode, {path: f".{there}" for path, there in names.items()})


@lru_cache(maxsize=TYPES)
def _compiled(root: Node) -> tuple[Callable[[Any], Any], dict[Path, str]]:
    made, names = _struct(root)
    return msgspec.json.Decoder(made).decode, names


def _struct(node: Node) -> tuple[type[msgspec.Struct], dict[Path, str]]:
    """Return the type of a node, and how each path in it is called there."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    names: dict[Path, str] = {}
    keys: dict[str, str] = {}
    for number, (key, child) in enumerate(node.children):
        name = f"at_{number}"
        keys[name] = str(key)
        if isinstance(child, Leaf):
            kind = child.kind
            if child.low > -MOST or child.high < MOST:
                kind = Annotated[kind, msgspec.Meta(ge=child.low, le=child.high)]
            fields.append((name, kind) if child.required else (name, kind, MISSING))
            names[(key,)] = name
            continue
        made, inner = _struct(child)
        fields.append((name, made) if required(child) else (name, made, msgspec.field(default_factory=made)))
        names |= {(key, *path): f"{name}.{further}" for path, further in inner.items()}
    made = msgspec.defstruct(
        "Message",
        fields,
        rename=None if node.array else keys,
        array_like=node.array,
        forbid_unknown_fields=node.strict,
        kw_only=not node.array,
        gc=False,
    )
    return made, names


def required(child: Leaf | Node) -> bool:
    """Return whether a message without it is of another type."""
    if isinstance(child, Leaf):
        return child.required
    return child.strict or any(required(further) for _, further in child.children)


def sayable(key: object) -> bool:
    """Return whether msgspec takes a key as the name of a field."""
    return type(key) is int or (isinstance(key, str) and key.isprintable() and not set(key) & set('"\\'))

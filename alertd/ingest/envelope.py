"""An envelope: what a route reads of a message around the object with the measurements, taken in one go.

A network server wraps a dozen bytes of a sensor in two kilobytes about gateways. Which
paths count is known ahead, so msgspec skips the rest without building it: a third of the
time of decoding it all and looking up each path.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.ingest.paths import MISSING, keys_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.ingest.mapping import Route
    from alertd.ingest.paths import Path


_NOWHERE: Final = ("nothing of alertd's own",)
"""A key that no sender writes."""


class Envelope:
    """The values at some paths of JSON objects, made of keys alone; at None stands nothing. There are two at least."""

    def __init__(self, paths: Sequence[Path | None]) -> None:
        made, names = _struct(dict.fromkeys(path or _NOWHERE for path in paths))
        self._decode = msgspec.json.Decoder(made).decode
        self._fetch = attrgetter(*(names[path or _NOWHERE] for path in paths))

    def open(self, payload: bytes) -> tuple[Any, ...] | None:
        """Return what stands at the paths, MISSING where nothing does; None: not an object of this shape."""
        try:
            values: tuple[Any, ...] = self._fetch(self._decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return values


def around(route: Route) -> Envelope | None:
    """Compile what a route reads around the object; None where it needs the message as a whole.

    In this order: the object, its time, the object as text, the EUI, models, ids, fields of the message, later time.
    """
    row = route.rows[0][0]
    if not row or not route.auto or route.each is not None or route.device_path is not None or route.time is None:
        return None
    nested: Path | None = (route.nested,) if route.nested else None
    later = keys_of(route.later_time) if route.later_time is not None else None
    outer = [field.path for field in route.outer]
    paths = [row, route.time, nested, route.device_eui, *route.models, *route.repeat, *outer, later]
    plain = all(
        isinstance(step, str) and step.isprintable() and not set(step) & set('"\\')  # what msgspec takes as a name
        for path in paths
        for step in path or ()
    )
    return Envelope(paths) if plain else None


def _struct(paths: dict[Path, None]) -> tuple[type[msgspec.Struct], dict[Path, str]]:
    """Return a type that holds the paths (MISSING by default), and how each is called in it."""
    fields: list[tuple[str, Any, Any]] = []
    keys: dict[str, str] = {}
    names: dict[Path, str] = {}
    for number, key in enumerate(dict.fromkeys(path[0] for path in paths)):
        name = f"at_{number}"
        keys[name] = str(key)
        inside = {path[1:]: None for path in paths if path[0] == key}
        if () in inside:
            fields.append((name, Any, MISSING))
            names[(key,)] = name
            continue
        made, inner = _struct(inside)
        fields.append((name, made, msgspec.field(default_factory=made)))
        names |= {(key, *path): f"{name}.{further}" for path, further in inner.items()}
    return msgspec.defstruct("Envelope", fields, rename=keys, gc=False), names

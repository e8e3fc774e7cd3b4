"""A sketch: the type of a message while it is drawn, from one message and what is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from alertd.ingest.patterns.message_type import Leaf, Node, sayable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.paths import Path

SCALAR: Final = Leaf(str | int | float | bool | None)
THERE: Final = Leaf(str | int | float | bool)
NUMBER: Final = Leaf(int | float)
SOFT: Final = Leaf(required=False)
"""Anything, or nothing."""


class Unread(msgspec.Struct, gc=False):
    """An object that is no measurement; it would be one with a `value`."""

    value: msgspec.UnsetType | None = msgspec.UNSET


DEEP: Final = (Any, list, Unread)
"""Types of values in which more may stand than is asked for."""

MOST: Final = 128
"""Values of a message that is sketched; nothing on a farm says more at once."""


class Unlike(Exception):  # noqa: N818 (no error: the message is one of its own)
    """No type can be made of this message."""


class Sketch:
    """A tree of objects and lists; of what is not `strict` only the children asked for are read."""

    def __init__(self, *, array: bool = False, strict: bool = False) -> None:
        self.array = array
        self.strict = strict
        self.children: dict[str | int, Sketch | Leaf] = {}

    def put(self, path: Path, child: Sketch | Leaf) -> Path | None:
        """Add what is asked for at a path; None where a strict object says that nothing stands there.

        A value that may be anything is there already, whatever was said of it.

        Raises:
            Unlike: a path through a value, or one that is no chain of keys and places.
        """
        if not path or not all(map(sayable, path)):
            raise Unlike
        node = self
        for step, after in zip(path, (*path[1:], None), strict=True):
            assert isinstance(step, (str, int))
            if (type(step) is int) != node.array:
                if node.strict:
                    return None
                raise Unlike
            below = node.children.get(step)
            if below is None:
                if node.strict:
                    return None
                for place in range(len(node.children), step if isinstance(step, int) else 0):
                    node.children[place] = SOFT
                below = child if after is None else Sketch(array=type(after) is int)
                node.children[step] = below
            if after is None and (below is child or (isinstance(below, Leaf) and child is SOFT)):
                return path
            if after is None or isinstance(below, Leaf):
                raise Unlike
            node = below
        raise AssertionError("unreachable")

    def node(self) -> Node:
        """Return the finished type."""
        return Node(
            tuple((key, child.node() if isinstance(child, Sketch) else child) for key, child in self.children.items()),
            self.array,
            self.strict,
        )

    @property
    def deep(self) -> bool:
        """Whether parts of it are skipped, whatever stands in them."""
        inside = self.children.values()
        return not self.strict or any(one.deep if isinstance(one, Sketch) else one.kind in DEEP for one in inside)


def draw(value: dict[str, Any] | list[Any], leaves: Mapping[Path, Leaf], path: Path = ()) -> Sketch:
    """Return the type of objects with just these keys, and lists of just this length.

    Where `leaves` say nothing of a value it may be any scalar, and of what holds none of the leaves anything.

    Raises:
        Unlike: a key that msgspec does not take, or too many.
    """
    sketch = Sketch(array=type(value) is list, strict=True)
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        here = (*path, key)
        if not sayable(key) or len(sketch.children) >= MOST:
            raise Unlike
        if here in leaves:
            sketch.children[key] = leaves[here]
        elif type(inner) is not dict and type(inner) is not list:
            sketch.children[key] = SCALAR
        elif not inner or any(other[: len(here)] == here for other in leaves):
            sketch.children[key] = draw(inner, leaves, here)
        else:
            sketch.children[key] = Leaf()
    return sketch

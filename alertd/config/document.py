"""YAML with positions: text becomes a tree of nodes that know where they were written.

The tree is built from ruamel's parser events and not from its loader, for three
reasons: scalars are resolved here by the YAML 1.2 core schema with one stricter rule
(digits that begin with 0 are text, since ear tags and collars do), a key given twice is
an error with both places, and aliases are counted so that a small file cannot unfold
into a huge one. JSON is YAML, so it is read by the same code.

Source: yaml.org/spec/1.2.2, section 10.3 (core schema).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from alertd.config.malformed import malformed
from alertd.config.problem import Place, Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEEPEST: Final = 50
"""Levels of nesting; the deepest place of our own configuration is 7."""
UNFOLDED: Final = 100_000
"""Nodes that aliases may stand for in one file."""
LARGEST: Final = 32 * 1024 * 1024
"""Bytes of one file: 100,000 devices in YAML are about 10 MB."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_HEX_OR_OCTAL = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Any]] = (
    dict.fromkeys(("", "~", "null", "Null", "NULL"), None)
    | dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
    | dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf"))
    | dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf"))
    | dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan"))
)
_LONGEST_NUMBER: Final = 400
"""Characters; longer digits are text (Python refuses to read more than 4300)."""
_TAGS: Final = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


@dataclass(slots=True, eq=False)
class Node:
    """One value as it was written.

    `value` is text, number, bool or None; or a list of nodes; or a dict of nodes. `raw` is a
    scalar's own text (`0x1F`, `1e5`), `keys` the place of each key of a mapping, `size` how many
    values stand in it, aliases unfolded.
    """

    value: Any
    place: Place
    raw: str = ""
    keys: dict[str, Place] | None = None
    size: int = 1

    def plain(self) -> Any:
        """Return the values alone, as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def mapping(self) -> dict[str, Node]:
        """Return the entries, or nothing where this is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> list[Node]:
        """Return the elements, or nothing where this is no list."""
        return self.value if isinstance(self.value, list) else []

    def get(self, *keys: str) -> Node | None:
        """Return the node below these keys of mappings, or None."""
        node: Node | None = self
        for key in keys:
            node = node.mapping().get(key) if node is not None else None
        return node

    @property
    def text(self) -> str | None:
        """The value if it is text, else None."""
        return self.value if isinstance(self.value, str) else None


class _Unreadable(Exception):  # noqa: N818 (control flow of this module, never seen outside)
    """Nothing sensible can be read after this point."""

    def __init__(self, fault: Problem) -> None:
        self.fault = fault


def scalar(text: str) -> Any:
    """Resolve an unquoted scalar: None, bool, int, float or text.

    Digits with a leading zero stay text: `0421` is a collar, not 421.
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _HEX_OR_OCTAL.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def there(path: Path) -> bool:
    """Return whether a file is there; a name too long or a folder that may not be looked into counts as no."""
    try:
        return path.exists()
    except OSError:
        return False


def read(path: Path, shown: str) -> tuple[Node | None, list[Problem]]:
    """Read a file; `shown` is its name in messages. Without a tree there is at least one error."""
    text, fault = decoded(path, shown)
    return (None, [fault]) if fault is not None else parse(text, shown)


def decoded(path: Path, shown: str) -> tuple[str, Problem | None]:
    """Return a file as text, or what keeps it from being read."""
    start = Place(shown, 1, 1)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        return "", problem(start, (), f"cannot be read: {(error.strerror or str(error)).lower()}")
    if len(data) > LARGEST:
        return "", problem(start, (), f"is larger than {LARGEST // 2**20} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        col = len(before.rpartition(b"\n")[2]) + 1
        return "", problem(Place(shown, line, col), (), "is not UTF-8 text; save the file as UTF-8")
    return text, None


def parse(text: str, shown: str) -> tuple[Node | None, list[Problem]]:
    """Turn YAML text into a tree; `shown` is the file's name in messages.

    Returns:
        The tree, or None where nothing can be read, and everything wrong with the text itself.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 (only reading a configuration needs it)
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415
    from ruamel.yaml.reader import ReaderError  # noqa: PLC0415

    composer = _Composer(shown)
    try:
        tree = composer.document(YAML(typ="safe", pure=True).parse(text))
    except _Unreadable as stop:
        return None, [*composer.faults, stop.fault]
    except ReaderError as error:
        before = text[: max(error.position, 0)]
        place = Place(shown, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
        return None, [problem(place, (), "a control character that YAML does not allow")]
    except MarkedYAMLError as error:
        line, column, reason = malformed(error, text)
        others = [fault for fault in composer.faults if fault.line != line]  # of one line one reason is enough
        return None, [*others, problem(Place(shown, line, column), (), f"is not YAML: {reason}")]
    except (YAMLError, ValueError) as error:  # ValueError: ruamel on a malformed escape or %YAML line
        return None, [problem(Place(shown, 1, 1), (), f"is not YAML: {str(error).splitlines()[0]}")]
    return tree, composer.faults


class _Composer:
    """Builds the tree of one file from parser events (ruamel's, untyped)."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.faults: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.unfolded = 0

    def document(self, events: Iterator[Any]) -> Node:
        tree: Node | None = None
        for event in events:
            match type(event).__name__:
                case "StreamStartEvent" | "DocumentEndEvent" | "StreamEndEvent":
                    continue
                case "DocumentStartEvent" if tree is None:
                    tree = self.node(next(events), events, ())
                case _:
                    raise _Unreadable(problem(self.place(event), (), "a second document begins here; one is enough"))
        if tree is None:
            raise _Unreadable(problem(Place(self.shown, 1, 1), (), "is empty"))
        return tree

    def place(self, event: Any) -> Place:
        return Place(self.shown, event.start_mark.line + 1, event.start_mark.column + 1)

    def node(self, event: Any, events: Iterator[Any], keys: tuple[str | int, ...]) -> Node:
        place = self.place(event)
        if len(keys) > DEEPEST:
            raise _Unreadable(problem(place, (), f"is nested deeper than {DEEPEST} levels"))
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self.alias(event, place, keys)
        if event.tag and str(event.tag) not in _TAGS:
            self.faults.append(problem(place, keys, f"has a tag that means nothing here: {event.tag}"))
        if kind == "ScalarEvent":
            node = Node(self.value(event), place, raw=event.value)
        elif kind == "SequenceStartEvent":
            node = Node([], place)
            while type(inner := next(events)).__name__ != "SequenceEndEvent":
                node.value.append(self.node(inner, events, (*keys, len(node.value))))
            node.size += sum(element.size for element in node.value)
        else:
            node = self.entries(Node({}, place, keys={}), events, keys)
        if event.anchor:
            self.anchors[str(event.anchor)] = node
        return node

    def entries(self, node: Node, events: Iterator[Any], keys: tuple[str | int, ...]) -> Node:
        assert node.keys is not None
        while type(event := next(events)).__name__ != "MappingEndEvent":
            place = self.place(event)
            key = self.node(event, events, keys)
            if isinstance(key.value, dict | list):
                self.faults.append(
                    problem(
                        place, keys, "a key must be one word, not a list or mapping; text with {{ }} stands in quotes"
                    )
                )
            name = key.raw
            value = self.node(next(events), events, (*keys, name))
            if value.value is None and not value.raw:
                value.place = place  # nothing was written: the parser's place is that of what comes next
            if name in node.keys:
                first = node.keys[name]
                self.faults.append(problem(place, (*keys, name), f"is given twice (first in line {first.line})"))
            else:
                node.keys[name] = place
                node.value[name] = value
                node.size += value.size
        return node

    def alias(self, event: Any, place: Place, keys: tuple[str | int, ...]) -> Node:
        name = str(event.anchor)
        if name not in self.anchors:
            raise _Unreadable(problem(place, keys, f"no anchor &{name} stands complete above this alias"))
        self.unfolded += self.anchors[name].size
        if self.unfolded > UNFOLDED:
            raise _Unreadable(problem(place, keys, f"aliases unfold to more than {UNFOLDED} values"))
        return self.anchors[name]

    def value(self, event: Any) -> Any:
        """Resolve a scalar event; JSON writes what lies beyond 65,535 as two escapes, which are one character."""
        if not event.value.isascii():
            whole = event.value.encode("utf-16", "surrogatepass")
            try:
                event.value = whole.decode("utf-16")
            except UnicodeDecodeError:
                fault = problem(self.place(event), (), "half of a surrogate pair is not a character")
                raise _Unreadable(fault) from None
        plain_or_not_text = event.implicit[0] or (event.tag and not str(event.tag).endswith(":str"))
        return scalar(event.value) if plain_or_not_text else event.value

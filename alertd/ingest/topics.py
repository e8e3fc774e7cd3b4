"""Topics: a template such as `farm/{group}/{device}/#` becomes an MQTT filter and a matcher.

`{name}` is one level, `{name...}` one level or more, `+` and `#` as in MQTT. A trie
over the filters of all sources finds the few that may match a topic that was not
seen before; its cost does not grow with the number of sources.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alertd.ingest.labels import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEVEL = re.compile(r"\{([^{}/]+?)(\.\.\.)?\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled topic template: what to subscribe to, and what a topic's levels mean."""

    text: str
    filter: str
    names: tuple[str, ...]
    pattern: re.Pattern[str]

    def match(self, topic: str) -> dict[str, str] | None:
        """Return the named levels of the topic, cleaned; None if it does not match."""
        found = self.pattern.fullmatch(topic)
        if found is None:
            return None
        return {name: clean(level) for name, level in zip(self.names, found.groups(), strict=True)}


def compile_template(text: str) -> Template:
    """Compile a topic template.

    Raises:
        ValueError: a level is only partly a `{name}`, a name comes twice, `#` is not last, or it is a shared
            subscription (MQTT 5.0, 4.8.2): what the broker gives to another of its group, no rule would ever see.
    """
    levels = text.split("/")
    if levels[0] == "$share":
        alone = "/".join(levels[2:])
        raise ValueError(f"topic {text!r}: shared, others would get part of the messages; write it alone: {alone}")
    subscribe: list[str] = []
    pattern = ""
    names: list[str] = []
    rest = False
    for number, level in enumerate(levels):
        found = _LEVEL.fullmatch(level)
        slash = "/" if number else ""
        if found is not None:
            name, more = found.groups()
            if name in names:
                raise ValueError(f"topic {text!r}: {{{name}}} stands there twice")
            if more and rest:
                raise ValueError(f"topic {text!r}: only one {{name...}} is possible")
            names.append(name)
            pattern += slash + ("(.+)" if more else "([^/]*)")
            here = "#" if more else "+"
        elif level == "#":
            if number != len(levels) - 1:
                raise ValueError(f"topic {text!r}: # must be the last level")
            pattern += f"(?:{slash}.*)?" if number else ".*"
            here = "#"
        elif level == "+":
            pattern += slash + "[^/]*"
            here = "+"
        elif any(sign in level for sign in "{}+#"):
            raise ValueError(f"topic {text!r}: level {level!r} must be a word, + or one {{name}} alone")
        else:
            pattern += slash + re.escape(level)
            here = level
        if not rest:
            subscribe.append(here)
        rest = rest or here == "#"
    if levels[0].startswith(("{", "+", "#")):
        pattern = r"(?!\$)" + pattern  # MQTT 4.7.2: wildcards do not reach $SYS and its like
    return Template(text, "/".join(subscribe), tuple(names), re.compile(pattern, re.DOTALL))


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    here: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)


class TopicIndex:
    """Which of many filters may match a topic: a walk down a trie, level by level."""

    def __init__(self, filters: Iterable[str]) -> None:
        self._root = _Node()
        for number, text in enumerate(filters):
            node = self._root
            levels = text.split("/")
            for level in levels[:-1] if levels[-1] == "#" else levels:
                node = node.children.setdefault(level, _Node())
            (node.below if levels[-1] == "#" else node.here).append(number)

    def candidates(self, topic: str) -> list[int]:
        """Return the numbers of the filters that match, in the order they were given."""
        nodes = [self._root]
        found = list(self._root.below)
        for level in topic.split("/"):
            nodes = [child for node in nodes for child in _next(node, level)]
            for node in nodes:
                found += node.below
        for node in nodes:
            found += node.here
        return sorted(found)


def _next(node: _Node, level: str) -> Iterator[_Node]:
    for key in (level, "+") if level != "+" else ("+",):
        child = node.children.get(key)
        if child is not None:
            yield child


def covers(wide: str, narrow: str) -> bool:
    """Return whether every topic that filter `narrow` matches is matched by filter `wide` too.

    Wildcards at the first level do not match topics that begin with `$` (MQTT 5.0, 4.7.2).
    """
    left, right = wide.split("/"), narrow.split("/")
    if left[0] in ("+", "#") and right[0].startswith("$"):
        return False
    for number, level in enumerate(left):
        if level == "#":
            return True
        if number >= len(right):
            return False
        other = right[number]
        if other == "#" or (level not in ("+", other)):
            return False
    return len(left) == len(right)

"""What may be written today and works only later: one table, which later versions empty.

Accepted and proved like everything else, so that a file written for the whole of alertd keeps
its place; `check` says of each use in one line that nothing happens yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.config.problem import Keys, Problem, problem, show
from alertd.detect import KINDS
from alertd.messengers import MESSENGERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from alertd.config.config import Config
    from alertd.config.document import Node

LATER: Final[dict[str, str]] = {}
"""Path (`[]`: any entry) to the subject of "… not available yet"."""

BUILT: Final[dict[str, tuple[str, Collection[str]]]] = {
    "rules[].detect.kind": ("detector kind", KINDS),
}
"""Path to a noun and to the words that work today; any other word at this path does not yet."""


def not_yet(tree: Node) -> Iterator[Problem]:
    """Yield one warning for each thing that is written and does not work yet, per path once."""
    said: set[str] = set()
    for keys, node in _walk(tree, ()):
        pattern = show(tuple("[]" if isinstance(key, int) else key for key in keys)).replace(".[]", "[]")
        if pattern in LATER and pattern not in said and node.value not in (False, None, [], {}):
            said.add(pattern)
            yield problem(node.place, keys, f"{LATER[pattern]} not available yet")
        if pattern in BUILT and node.text is not None and node.text not in BUILT[pattern][1]:
            yield problem(node.place, keys, f"{BUILT[pattern][0]} {node.text} is not available yet")
    messengers = tree.get("messengers")
    for name, node in messengers.mapping().items() if messengers is not None else ():
        if name not in MESSENGERS:
            yield problem(node.place, ("messengers", name), f"messenger {name} is not available yet")


def without_later(config: Config) -> Config:
    """Return the part of a configuration that works today: what `run` and the tools build from.

    Rules, messengers and channels that `not_yet` warned of are left out; the other
    entries of the table are read by nobody yet.
    """
    people = [
        person.model_copy(update={"channels": [one for one in person.channels if MESSENGERS.keys() >= one.keys()]})
        for person in config.subscribers
    ]
    return config.model_copy(
        update={
            "rules": [rule for rule in config.rules if rule.detect.kind in KINDS],
            "messengers": {name: one for name, one in config.messengers.items() if name in MESSENGERS},
            "subscribers": people,
        }
    )


def _walk(node: Node, keys: Keys) -> Iterator[tuple[Keys, Node]]:
    yield keys, node
    for key, below in node.mapping().items():
        yield from _walk(below, (*keys, key))
    for index, below in enumerate(node.items()):
        yield from _walk(below, (*keys, index))

"""Warnings about languages nobody has read who speaks them, or that have no catalogue at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.config.problem import problem
from alertd.wording.catalogue import LANGUAGES, REVIEWED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.document import Node
    from alertd.config.problem import Keys, Problem


def unreviewed(tree: Node) -> Iterator[Problem]:
    """Yield one warning for each language that is not English or German, where it is first written."""
    said: set[str] = set()
    for keys, node in _languages(tree):
        code = node.text
        if code is None or code in REVIEWED or code in said:
            continue
        said.add(code)
        known = ", ".join(sorted(LANGUAGES))
        if code in LANGUAGES:
            yield problem(node.place, keys, f"the words of {code} were not read by somebody who speaks it yet")
        else:
            yield problem(node.place, keys, f"there are no words of {code} yet (there are {known}): another is spoken")


def _languages(tree: Node) -> Iterator[tuple[Keys, Node]]:
    farm = tree.get("farm", "language")
    if farm is not None:
        yield ("farm", "language"), farm
    people = tree.get("subscribers")
    for index, person in enumerate(people.items() if people is not None else ()):
        own = person.get("language")
        if own is not None:
            yield ("subscribers", index, "language"), own

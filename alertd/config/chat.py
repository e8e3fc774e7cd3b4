"""What people may write in a chat: names of actions and words of the farm's own, none of them taken already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd.config.names import entries, one_or_many
from alertd.config.problem import Keys, problem
from alertd.conversation.setup import plain
from alertd.conversation.vocabulary import NO, YES, read
from alertd.messengers import MESSENGERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alertd.config.config import Config
    from alertd.config.document import Node
    from alertd.config.problem import Problem


def check_chat(tree: Node) -> Iterator[Problem]:
    """Yield every name of an action and every word of the farm's own that means something else already."""
    taken: dict[str, tuple[str, Node]] = {}
    for owner, keys, node in _sayings(tree):
        assert node.text is not None
        saying = plain(node.text)
        word = read(node.text)
        if (word.word is not None and not word.rest) or saying in YES | NO or saying.isdigit() or not saying:
            yield problem(node.place, keys, f"{node.text!r} means something in a chat already: choose other words")
            continue
        other, first = taken.setdefault(saying, (owner, node))
        if other != owner:
            where = f"{first.place.file}:{first.place.line}"
            yield problem(node.place, keys, f"{node.text!r} is said of {other} already ({where})")


def check_allowed(config: Config, tree: Node) -> Iterator[Problem]:
    """Yield a warning for each action nobody can carry out from a chat."""
    people = {one.id: one for one in config.subscribers}
    for (keys, node), action in zip(entries(tree, "actions"), config.actions, strict=True):
        names = {name for one in action.allowed for channel in people[one].channels for name in channel}
        vouched = [name for name in names if name in MESSENGERS and MESSENGERS[name].abilities.authenticates]
        if not action.allowed:
            yield problem(node.place, keys, f"nobody is allowed to do {action.name}: name them under allowed")
        elif names and not vouched and "console" not in names:  # a first try on the own terminal
            listed = ", ".join(sorted(names))
            reason = f"{action.name} cannot be done by {listed}: senders can be forged there, or are not heard"
            yield problem(node.place, keys, reason)


def _sayings(tree: Node) -> Iterator[tuple[str, Keys, Node]]:
    """Yield (whose, path, text) of everything that is said to mean something."""
    for keys, action in entries(tree, "actions"):
        owner = f"{keys[0]}[{keys[1]}]"
        for key in ("name", "label"):
            found = action.get(key)
            if found is not None and found.text is not None:
                yield owner, (*keys, key), found
        label = action.get("label")
        for code, text in label.mapping().items() if label is not None else ():
            if text.text is not None:
                yield owner, (*keys, "label", code), text
    replies = tree.get("conversation", "replies")
    for index, reply in enumerate(replies.items() if replies is not None else ()):
        path: Keys = ("conversation", "replies", index)
        for keys, word in one_or_many(reply.get("words"), (*path, "words")):
            yield f"conversation.replies[{index}]", keys, word

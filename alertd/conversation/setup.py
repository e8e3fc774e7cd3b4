"""What conversation knows of the configuration: device actions, the farm's own texts, what messengers can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from alertd.conversation.settings import Conversation
from alertd.seams import Abilities
from alertd.settings import text_in
from alertd.wording.clean import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.ingest.settings import Action
    from alertd.settings import Text

UNKNOWN: Final = Abilities(limit=4096)
"""A messenger of which nothing is known: no buttons, and its senders may be anybody."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Fixed while the daemon runs. `actions` by name, `abilities` by messenger."""

    actions: Mapping[str, Action] = field(default_factory=dict)
    texts: Conversation = field(default_factory=Conversation)
    abilities: Mapping[str, Abilities] = field(default_factory=dict)

    def means(self, messenger: str) -> Abilities:
        """Return what a messenger can do."""
        return self.abilities.get(messenger, UNKNOWN)

    def action_key(self, key: str) -> Action | None:
        """Return the action a button stands for (`Action.key`), None if the configuration has it no more."""
        return next((action for action in self.actions.values() if action.key == key), None)

    def spellings(self) -> dict[str, Action]:
        """Return every way to name an action: its name and its labels, as `plain` writes them."""
        found: dict[str, Action] = {}
        for action in self.actions.values():
            labels = [action.label] if isinstance(action.label, str) else list(action.label.values())
            found |= {plain(text): action for text in (*labels, action.name)}
        return found

    def keyword(self, text: str) -> Text | None:
        """Return the farm's own answer to a message."""
        wanted = plain(text)
        return next((one.reply for one in self.texts.replies if wanted in map(plain, one.words)), None)


def plain(text: str) -> str:
    """Return a text as it is compared: case, dashes, blanks and closing signs do not matter."""
    return " ".join(text.casefold().replace("-", " ").replace("_", " ").rstrip(" .!?").split())


def label_of(action: Action, *languages: str) -> str:
    """Return what people call an action."""
    return clean(text_in(action.label, *languages)) or clean(action.name)

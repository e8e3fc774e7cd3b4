"""What the operator lets alertd say in chats besides its own words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from alertd.settings import Settings, Text

Keyword = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class KeywordReply(Settings):
    """An answer to a word of the farm's own: who the vet is, where the spare gateway lies."""

    words: list[Keyword] = Field(min_length=1, description="the whole message, in any case")
    reply: Text


class Conversation(Settings):
    """Texts for everybody, or one per language. None of them acts on anything."""

    welcome: Text | None = Field(None, description="added to the message that greets who has joined")
    replies: list[KeywordReply] = Field(default_factory=list)
    default: Text | None = Field(None, description="answered to what is not understood, in place of alertd's own words")

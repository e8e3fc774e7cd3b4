"""8. The farmer answers: words and buttons become commands and replies. Pure."""

from alertd.conversation.answering import answer
from alertd.conversation.talk import Answer, View, sender_key

__all__ = ["Answer", "View", "answer", "sender_key"]

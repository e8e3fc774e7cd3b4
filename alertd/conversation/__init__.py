"""8. The farmer answers: words and buttons become commands, switchings and replies. Pure."""

from alertd.conversation.answering import answer
from alertd.conversation.flood import Flood
from alertd.conversation.setup import Setup
from alertd.conversation.talk import Answer, View, sender_key

__all__ = ["Answer", "Flood", "Setup", "View", "answer", "sender_key"]

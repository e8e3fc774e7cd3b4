"""8. The farmer answers: words and buttons become commands and replies. Pure."""

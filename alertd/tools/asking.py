"""Questions on a terminal, or answers from a pipe: Enter, or the end of the input, takes the default."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TRIES = 3


class Dialogue:
    """Asks one question after the other; `over` once the input has ended, from then on all is default."""

    def __init__(self) -> None:
        self.over = False

    def ask(self, question: str, default: str = "", wrong: Callable[[str], str] = lambda _answer: "") -> str:
        """Return the answer; `wrong` says what is wrong with one (empty: nothing), and it is asked again."""
        for _ in range(TRIES):
            answer = self._line(f"{question} [{default}]: " if default else f"{question}: ") or default
            why = wrong(answer)
            if not why:
                return answer
            print(f"  {why}")
            if self.over:
                break
        return default

    def agree(self, question: str, *, default: bool) -> bool:
        """Return yes or no; anything but a clear word is the default."""
        answer = self._line(f"{question} [{'Y/n' if default else 'y/N'}]: ").lower()
        if answer in ("y", "yes", "j", "ja"):
            return True
        return False if answer in ("n", "no", "nein") else default

    def choose(self, question: str, choices: Sequence[str], default: str) -> str:
        """Return one of `choices`."""
        return self.ask(
            f"{question}: {', '.join(choices)}",
            default,
            lambda answer: "" if answer in choices else f"one of {', '.join(choices)}, please",
        )

    def secret(self, question: str) -> str:
        """Return an answer that is not shown on a terminal."""
        if self.over or not sys.stdin.isatty():
            return self._line(f"{question}: ")
        import getpass  # noqa: PLC0415 (only on a terminal)

        try:
            return getpass.getpass(f"{question}: ").strip()
        except EOFError:
            self.over = True
            return ""

    def _line(self, prompt: str) -> str:
        print(prompt, end="", flush=True)
        if not self.over:
            text = sys.stdin.readline()
            self.over = not text
            if text and sys.stdin.isatty():
                return text.strip()
            print(text.strip())  # a pipe does not echo: the record shows what was answered
            return text.strip()
        print()
        return ""

"""Why was it false? One question after a false alarm; the answer is a label that `alertd tune` counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.conversation.vocabulary import Word
from alertd.model import Button

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.conversation.talk import Talk

REASONS: Final = {
    "limit": "limit threshold grenze grenzwert límite limite seuil grens granica",
    "moved": "moved purpose bewegt umgestellt absicht movido exprès expres verplaatst celowo",
    "sensor": "sensor collar halsband fühler capteur czujnik",
}
"""Label to the spellings of it: the limit is wrong, it was done on purpose, the sensor is at fault."""
PRESSED: Final = "why"
"""Prefix of the buttons' data: `why:limit:217,218`."""
MOST: Final = 5
"""Alerts one question is about: more do not fit into a button's 64 bytes."""

_BY_SPELLING: Final = {spelling: label for label, spellings in REASONS.items() for spelling in spellings.split()}


def split(word: Word, rest: str) -> tuple[str, str]:
    """Return what stands after FALSE without the reason at its end, and the reason's label ("" if there is none)."""
    head, _, last = rest.rstrip(" .!").rpartition(" ")
    label = _BY_SPELLING.get(last.casefold(), "") if word is Word.FALSE else ""
    return (head, label) if label else (rest, "")


def question(talk: Talk, numbers: Sequence[int]) -> tuple[str, tuple[Button, ...]]:
    """Return the question and its three answers; where they cannot be pressed it says what to write."""
    named = ",".join(str(number) for number in numbers[:MOST])
    text = talk.say("why.ask")
    if talk.means.buttons < len(REASONS):
        text += " " + talk.say("why.words", number=f"A-{numbers[0]}")
    return text, tuple(Button(talk.say(f"why.{label}"), f"{PRESSED}:{label}:{named}") for label in REASONS)


def pressed(data: str) -> tuple[str, tuple[int, ...]]:
    """Return label and alert numbers of a pressed answer; ("", ()) if it is none of ours."""
    prefix, _, rest = data.partition(":")
    label, _, named = rest.partition(":")
    numbers = named.split(",")
    if prefix != PRESSED or label not in REASONS or not all(one.isascii() and one.isdigit() for one in numbers):
        return "", ()
    return label, tuple(int(one) for one in numbers[:MOST])


def note(talk: Talk, numbers: Sequence[int], label: str, by: str) -> str:
    """Have the reason kept with these alerts; return what is answered."""
    known = [number for number in numbers if talk.view.numbered(number) is not None]
    if not known:
        return talk.say("chat.too_old")
    talk.command("label", known, by, comment=label)
    return talk.say("why.noted", number=f"A-{known[0]}", reason=talk.say(f"why.{label}"))

"""The words people write, in every language at once, and what stands after them.

A word counts only as it is written here. One that is nearly right is asked about,
never acted upon: "STPO" must not stop alarms and "ich bin ok" must not take one.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alertd.messengers.thumbs import direction
from alertd.wording.catalogue import LANGUAGES, phrase


class Word(StrEnum):
    """What a person can ask for."""

    JOIN = "join"
    STOP = "stop"
    START = "start"
    HELP = "help"
    STATUS = "status"
    LIST = "list"
    ACK = "ack"
    SNOOZE = "snooze"
    FALSE = "false"
    CHART = "chart"
    DUTY = "duty"
    LANGUAGE = "language"
    MAINTENANCE = "maintenance"


WORDS: Final = {
    Word.JOIN: "join beitreten unirse rejoindre meedoen dołącz dolacz",
    Word.STOP: "stop stopp stopall unsubscribe abmelden parar arrêt arret",
    Word.START: "start unstop",
    Word.HELP: "help hilfe ? ayuda aide hulp pomoc",
    Word.STATUS: "status stand estado état etat stan",
    Word.LIST: "list liste lista lijst",
    Word.ACK: "ack ok okay quitt quittieren acknowledge vale recibido reçu recu begrepen przyjmuję przyjmuje",
    Word.SNOOZE: "snooze schlummern später spaeter luego reporter uitstellen później pozniej",
    Word.FALSE: "false fehlalarm falscher falschalarm falsa fausse vals fałszywy falszywy",
    Word.CHART: "chart kurve curva courbe grafiek wykres",
    Word.DUTY: "duty dienst guardia garde dyżur dyzur",
    Word.LANGUAGE: "language sprache idioma langue taal język jezyk",
    Word.MAINTENANCE: "maintenance wartung mantenimiento entretien onderhoud przegląd przeglad",
}
"""English, German, Spanish, French, Dutch, Polish; a further language adds its words to these lines."""

_BY_SPELLING: Final = {spelling: word for word, spellings in WORDS.items() for spelling in spellings.split()}

END: Final = frozenset(["end", "ende", "fin", "einde", "koniec"])
ON: Final = frozenset(["on", "an", "ein", "inicio", "début", "debut", "aan", "początek", "poczatek"])
OFF: Final = frozenset(["off", "aus", "fin", "uit", "koniec"])
SPOKEN: Final = {
    "en": "english englisch inglés ingles anglais engels angielski",
    "de": "german deutsch alemán aleman allemand duits niemiecki",
    "es": "spanish spanisch español espanol espagnol spaans hiszpański",
    "fr": "french französisch francés frances français francais frans francuski",
    "nl": "dutch holländisch niederländisch neerlandés néerlandais neerlandais nederlands niderlandzki holenderski",
    "pl": "polish polnisch polaco polonais pools polski",
}
"""Language to what people call it in each of them."""
SWAP: Final = frozenset(["swap", "tausch", "tauschen", "cambio", "échange", "echange", "ruil", "zamiana"])
YES: Final = frozenset(["yes", "ja", "sí", "si", "oui", "tak"])
NO: Final = frozenset(["no", "nein", "non", "nee", "nie"])
"""What may stand after DUTY; YES and NO also answer our own question, and are no words without one."""

LONGEST: Final = 400
"""Characters of a text that are looked at: the longest sensible one is a word, a duration and a few numbers."""

_ALERT: Final = re.compile(r"(?:a-?|#)([0-9]{1,9})")
_INCIDENT: Final = re.compile(r"i-?([0-9]{1,9})")
_BARE: Final = re.compile(r"[0-9]{1,9}")
_APART: Final = re.compile(r"\b(a|i)(?: ?- ?| )([0-9]+)\b")
"""`A 217`, as voices are written down."""
_LIKE: Final = 0.7
"""How like a word (1: the same) a text must be to ask whether it was meant."""
_SWAPPED: Final = 0.8
_QUESTIONS: Final = frozenset([Word.STATUS, Word.LIST, Word.HELP, Word.CHART, Word.DUTY])
"""Words that ask: a question mark behind them is no doubt."""
_DECORATION: Final = frozenset(["So", "Sk", "Cf", "Me"])
"""Categories of signs that say nothing beside a word: emoji, their colours and joiners, marks of direction."""
_EDGES: Final = ".!,:;…\"'„“”«»‹›‚‘’*_~()[]"
_BUTTONS: Final = {"button.ack": Word.ACK, "button.snooze": Word.SNOOZE, "button.false": Word.FALSE}
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑–—−", "-") | {"’": "'"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wrote: the word, or the spelling they probably meant, and the rest of the text as it stands."""

    word: Word | None
    meant: str = ""
    rest: str = ""
    slash: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What stands after ACK, SNOOZE and FALSE. `when`: until when, as written. `clear`: all of it is understood."""

    alerts: tuple[int, ...] = ()
    incidents: tuple[int, ...] = ()
    when: tuple[str, ...] = ()
    clear: bool = True


def stripped(text: str) -> str:
    """Return what was written without what phones put around it: emoji, quotation marks, joiners; dashes are plain."""
    signs = unicodedata.normalize("NFC", text[:LONGEST])
    kept = "".join(sign for sign in signs if not _decorates(sign))
    return " ".join(kept.translate(_DASHES).split())


def read(text: str) -> Asked:
    """Find the word a text begins with, or the label of a button; `/word@bot` is the word.

    Case, closing `.` or `!`, emoji and quotation marks do not matter; a question mark is a doubt, but for words that
    ask.
    """
    whole = stripped(text)
    first, rest = [*whole.split(None, 1), "", ""][:2]
    slash = first.startswith("/")
    doubted = first if first == "?" else first.strip(_EDGES)
    if slash:
        doubted = doubted.removeprefix("/").partition("@")[0]
    spelling = doubted.casefold()
    word = _BY_SPELLING.get(spelling)
    if word is None and spelling.endswith("?") and _BY_SPELLING.get(spelling.rstrip("?")) in _QUESTIONS:
        word = _BY_SPELLING[spelling.rstrip("?")]
    if word is not None:
        return Asked(word, rest=rest, slash=slash)
    said = whole.casefold().strip(_EDGES)
    for label, pressed in _LABELS.items():
        if said == label or said.startswith(f"{label} "):
            return Asked(pressed, rest=whole.strip(_EDGES)[len(label) :].strip())
    if direction(text.strip()):
        return Asked(None, meant="OK")
    return Asked(None, meant=_meant(spelling).upper(), rest=rest, slash=slash)


def _decorates(sign: str) -> bool:
    return unicodedata.category(sign) in _DECORATION or "\ufe00" <= sign <= "\ufe0f"


def _meant(spelling: str) -> str:
    """Return the spelling that is most like this one, "" if none is: of two equally like it, the first of `WORDS`.

    The same letters in another order (`AKC`) are like it however short the word.
    """

    def likeness(known: str) -> float:
        swapped = _SWAPPED if sorted(known) == sorted(spelling) else 0.0
        return max(swapped, difflib.SequenceMatcher(None, known, spelling).ratio())

    near = max(_BY_SPELLING, key=likeness)
    return near if likeness(near) >= _LIKE else ""


def target(word: Word, rest: str) -> Target:
    """Read the numbers after a word, and for SNOOZE until when.

    `A-217`, `a217`, `A 217`, `#217` and, but for SNOOZE (where it could be hours), `217` are alerts, `I-31` is an
    incident. What is left after SNOOZE says for how long (`moments.until`).
    """
    alerts: list[int] = []
    incidents: list[int] = []
    when: list[str] = []
    snooze = word is Word.SNOOZE
    text = _APART.sub(r"\1-\2", stripped(rest).casefold())
    tokens = re.sub(r",(?![0-9])|(?<![0-9])," if snooze else ",", " ", text).rstrip(_EDGES).split()
    if word is Word.FALSE and tokens[:1] in (["alarm"], ["alarma"], ["alerte"]):
        tokens = tokens[1:]
    for token in tokens:
        if found := _ALERT.fullmatch(token):
            alerts.append(int(found[1]))
        elif found := _INCIDENT.fullmatch(token):
            incidents.append(int(found[1]))
        elif snooze:
            when.append(token)
        elif _BARE.fullmatch(token):
            alerts.append(int(token))
        else:
            return Target(clear=False)
    return Target(tuple(dict.fromkeys(alerts)), tuple(dict.fromkeys(incidents)), tuple(when))


_LABELS: Final = {
    phrase(language, key).casefold().translate(_DASHES): word
    for language in LANGUAGES
    for key, word in _BUTTONS.items()
}
"""What stands on the buttons, for who writes it instead of pressing."""

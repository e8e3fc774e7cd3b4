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
from typing import TYPE_CHECKING, Final

from alertd.model import DAY, HOUR, MINUTE, Micros

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    Word.FALSE: "false fehlalarm falsa fausse vals fałszywy falszywy",
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
SWAP: Final = frozenset(["swap", "tausch", "tauschen", "cambio", "échange", "echange", "ruil", "zamiana"])
YES: Final = frozenset(["yes", "ja", "sí", "si", "oui", "tak"])
NO: Final = frozenset(["no", "nein", "non", "nee", "nie"])
UNTIL: Final = frozenset(["until", "till", "bis", "hasta", "jusque", "jusqu'à", "tot", "do"])
"""What may stand after DUTY; YES and NO also answer our own question, and are no words without one."""

LONGEST: Final = 400
"""Characters of a text that are looked at: the longest sensible one is a word, a duration and a few numbers."""

MOST_SNOOZE: Final = 7 * DAY
"""A longer quiet is a silence, which the operator plans."""

_UNITS: Final = {
    MINUTE: "m min mins minute minutes minuten minuto minutos minuut minuta minuty minut",
    HOUR: "h hour hours std stunde stunden hora horas heure heures uur uren godz godzina godziny godzin",
    DAY: "d day days t tag tage día días dia dias jour jours j dag dagen dzień dni",
}
_MICROS: Final = {name: micros for micros, names in _UNITS.items() for name in names.split()}
_ALERT: Final = re.compile(r"(?:a-?|#)([0-9]{1,9})")
_INCIDENT: Final = re.compile(r"i-?([0-9]{1,9})")
_BARE: Final = re.compile(r"[0-9]{1,9}")
_LIKE: Final = 0.7
"""How like a word (1: the same) a text must be to ask whether it was meant."""
_SWAPPED: Final = 0.8
_SPAN: Final = re.compile(r"([0-9]{1,6})([^\W\d_]+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wrote: the word, or the spelling they probably meant, and the rest of the text as it stands."""

    word: Word | None
    meant: str = ""
    rest: str = ""
    slash: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What stands after ACK, SNOOZE and FALSE. `clear` is False if any of it is not understood."""

    alerts: tuple[int, ...] = ()
    incidents: tuple[int, ...] = ()
    duration: Micros | None = None
    clear: bool = True


def read(text: str) -> Asked:
    """Find the word a text begins with; `/word@bot` is the word, case and closing `.` or `!` do not matter."""
    parts = unicodedata.normalize("NFC", text[:LONGEST]).split(None, 1)
    first, rest = [*parts, "", ""][:2]
    slash = first.startswith("/")
    spelling = first.rstrip(".!,:").casefold()
    if slash:
        spelling = spelling.removeprefix("/").partition("@")[0]
    word = _BY_SPELLING.get(spelling)
    if word is not None:
        return Asked(word, rest=rest.strip(), slash=slash)
    return Asked(None, meant=_meant(spelling).upper(), rest=rest.strip(), slash=slash)


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
    """Read the numbers and the duration after a word.

    `A-217`, `a217`, `#217` and, but for SNOOZE (where it could be hours), `217` are alerts, `I-31` is an
    incident; `2h`, `90 min`, `1h30m`, `2 Stunden` are durations, for SNOOZE only.
    """
    alerts: list[int] = []
    incidents: list[int] = []
    duration = 0
    tokens = rest.casefold().replace(",", " ").rstrip(".!").split()
    if word is Word.FALSE and tokens[:1] in (["alarm"], ["alarma"], ["alerte"]):
        tokens = tokens[1:]
    while tokens:
        token = tokens.pop(0)
        if found := _ALERT.fullmatch(token):
            alerts.append(int(found[1]))
        elif found := _INCIDENT.fullmatch(token):
            incidents.append(int(found[1]))
        elif word is Word.SNOOZE and _BARE.fullmatch(token) and tokens and tokens[0] in _MICROS:
            duration += int(token) * _MICROS[tokens.pop(0)]
        elif word is Word.SNOOZE and (lasting := _duration(token)) is not None:
            duration += lasting
        elif word is not Word.SNOOZE and _BARE.fullmatch(token):
            alerts.append(int(token))
        else:
            return Target(clear=False)
    if duration > MOST_SNOOZE:
        return Target(clear=False)
    return Target(tuple(dict.fromkeys(alerts)), tuple(dict.fromkeys(incidents)), duration or None)


def lasting(tokens: Sequence[str]) -> Micros | None:
    """Read `4h`, `90 min` or `1h30m`, casefolded; None if it is no duration, or no time at all."""
    rest, duration = list(tokens), 0
    while rest:
        token = rest.pop(0)
        if _BARE.fullmatch(token) and rest and rest[0] in _MICROS:
            duration += int(token) * _MICROS[rest.pop(0)]
        elif (one := _duration(token)) is not None:
            duration += one
        else:
            return None
    return duration or None


def _duration(token: str) -> Micros | None:
    """Return `2h`, `90min` or `1h30m` in microseconds; None if it is none, or no time at all."""
    parts = _SPAN.findall(token)
    if "".join(number + unit for number, unit in parts) != token or any(unit not in _MICROS for _, unit in parts):
        return None
    return sum(int(number) * _MICROS[unit] for number, unit in parts) or None


def span_of(tokens: list[str]) -> Micros | None:
    """Return `["2h"]`, `["90min"]` or `["2", "hours"]` in microseconds; None if it is anything else."""
    match [token.casefold() for token in tokens]:
        case [one]:
            return _duration(one)
        case [count, unit] if _BARE.fullmatch(count) and unit in _MICROS:
            return int(count) * _MICROS[unit] or None
    return None

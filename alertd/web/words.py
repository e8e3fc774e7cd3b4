"""The words, numbers and times of the page and of the shell's table, in the reader's language."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import tzinfo

    from alertd.model import Micros

TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "title": "Alerts",
        "calm": "All is well.",
        "calm_more": "No alert is open.",
        "critical": "critical",
        "warning": "warning",
        "info": "info",
        "pending": "being watched",
        "normal": "normally",
        "since": "since",
        "taken": "taken by",
        "taken_nobody": "taken",
        "snoozed": "snoozed until",
        "somebody": "Who are you?",
        "ack": "I take care of it",
        "unack": "Hand back",
        "snooze": "Later (2 h)",
        "false-alarm": "False alarm",
        "more": "and {n} more",
        "trouble": "alertd itself needs attention",
        "login": "Log in",
        "token": "Access token",
        "token_wrong": "This is not the token.",
        "logout": "Log out",
        "stale": "This page was out of date, so nothing was changed. Please press again.",
        "gone": "There is no alert {id}.",
        "people": "People",
        "invite": "Invite",
        "unreached": "not reached anywhere yet",
        "no_person": "Nobody has the id {id}.",
        "invited": "An invitation for {name}",
        "code_once": "Works once, within 24 hours. It is shown only here: whoever has it joins as this person.",
        "qr": "QR code that joins by {messenger}",
        "then_write": "Then write there: JOIN {code}",
        "no_link": "No messenger makes a link now. Write in a chat with the farm: JOIN {code}",
    },
    "de": {
        "title": "Alarme",
        "calm": "Alles in Ordnung.",
        "calm_more": "Kein Alarm ist offen.",
        "critical": "kritisch",
        "warning": "Warnung",
        "info": "Hinweis",
        "pending": "wird beobachtet",
        "normal": "normal",
        "since": "seit",
        "taken": "übernommen von",
        "taken_nobody": "übernommen",
        "snoozed": "zurückgestellt bis",
        "somebody": "Wer sind Sie?",
        "ack": "Ich kümmere mich",
        "unack": "Zurückgeben",
        "snooze": "Später (2 h)",
        "false-alarm": "Fehlalarm",
        "more": "und {n} weitere",
        "trouble": "alertd selbst braucht Aufmerksamkeit",
        "login": "Anmelden",
        "token": "Zugangsschlüssel",
        "token_wrong": "Das ist nicht der Schlüssel.",
        "logout": "Abmelden",
        "stale": "Diese Seite war veraltet, deshalb wurde nichts geändert. Bitte noch einmal drücken.",
        "gone": "Einen Alarm {id} gibt es nicht.",
        "people": "Leute",
        "invite": "Einladen",
        "unreached": "noch nirgends erreichbar",
        "no_person": "Niemand hat die Kennung {id}.",
        "invited": "Eine Einladung für {name}",
        "code_once": "Gilt einmal, 24 Stunden lang. Nur hier zu sehen: Wer den Code hat, tritt als diese Person bei.",
        "qr": "QR-Code zum Beitreten mit {messenger}",
        "then_write": "Danach dort schreiben: JOIN {code}",
        "no_link": "Kein Messenger gibt gerade einen Link her. Im Chat mit dem Hof schreiben: JOIN {code}",
    },
}
_SHOWN: Final = {"degC": "°C", "uS/cm": "µS/cm", "deg": "°", "bool": "", "count": ""}
"""Canonical units that people write otherwise."""


def language_of(accept: str, default: str) -> str:
    """Choose a language of ours by `Accept-Language`, which browsers send in order of preference."""
    for part in accept.split(","):
        wanted = part.partition(";")[0].strip()[:2].lower()
        if wanted in TEXTS:
            return wanted
    return default if default in TEXTS else "en"


def amount(value: float | None, unit: str | None, language: str) -> str:
    """Write a value with its unit, to at most four digits: `40.1 °C`, in German `40,1 °C`; empty for None."""
    if value is None:
        return ""
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004 (four digits, never 1e+03)
    shown = _SHOWN.get(unit or "", unit or "")
    return f"{text.replace('.', ',') if language == 'de' else text} {shown}".strip()


def with_units(why: str, unit: str | None) -> str:
    """Write a verdict's reason with the unit as people know it: `35 °C is above 30 °C`."""
    return why.replace(f" {unit}", f" {_SHOWN[unit]}".rstrip()) if unit in _SHOWN else why


def moment(time: str | None, zone: tzinfo, now: Micros, language: str) -> str:
    """Write an RFC 3339 time as the clock on the wall says it, with the day where it is not today's."""
    if time is None:
        return ""
    local = datetime.fromisoformat(time).astimezone(zone)
    if local.date() == datetime.fromtimestamp(now // 1_000_000, UTC).astimezone(zone).date():
        return f"{local:%H:%M}"
    return f"{local:%d.%m. %H:%M}" if language == "de" else f"{local.day} {_MONTHS[local.month - 1]} {local:%H:%M}"


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def harmless(text: object) -> str:
    """Return text without control and format characters: names come from the field and must not move a cursor."""
    return "".join(char for char in str(text) if unicodedata.category(char) not in {"Cc", "Cf"})

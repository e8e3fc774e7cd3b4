"""What a call says besides the alert, by language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Words:
    """`voice` is the language tag of who reads; `done` is said after a key. Nothing that XML would have to escape."""

    voice: str
    greeting: str
    keys: str
    done: Mapping[str, str]
    goodbye: str
    degrees: str


WORDS: Final = {
    "en": Words(
        "en-GB",
        "An alert from your farm.",
        "Press 1 to take it. Press 2 to pass it on.",
        {"1": "Thank you. It is noted.", "2": "It is noted. Whoever comes next in the chain is told now."},
        "Goodbye.",
        " degrees",
    ),
    "de": Words(
        "de-DE",
        "Ein Alarm von Ihrem Hof.",
        "Drücken Sie 1, wenn Sie sich kümmern. Drücken Sie 2, um ihn weiterzugeben.",
        {
            "1": "Danke. Das ist notiert.",
            "2": "Das ist notiert. Wer als Nächstes an der Reihe ist, wird jetzt verständigt.",
        },
        "Auf Wiederhören.",
        " Grad",
    ),
    "es": Words(
        "es-ES",
        "Una alerta de su granja.",
        "Pulse 1 para encargarse. Pulse 2 para pasarla a otra persona.",
        {"1": "Gracias. Queda anotado.", "2": "Queda anotado. Se avisa ahora a la siguiente persona."},
        "Adiós.",
        " grados",
    ),
    "fr": Words(
        "fr-FR",
        "Une alerte de votre ferme.",
        "Appuyez sur 1 pour vous en charger. Appuyez sur 2 pour la transmettre.",
        {"1": "Merci. C'est noté.", "2": "C'est noté. La personne suivante est prévenue maintenant."},
        "Au revoir.",
        " degrés",
    ),
    "nl": Words(
        "nl-NL",
        "Een alarm van uw boerderij.",
        "Druk op 1 om het op te pakken. Druk op 2 om het door te geven.",
        {"1": "Bedankt. Het is genoteerd.", "2": "Het is genoteerd. De volgende persoon krijgt nu bericht."},
        "Tot ziens.",
        " graden",
    ),
    "pl": Words(
        "pl-PL",
        "Alarm z gospodarstwa.",
        "Naciśnij 1, aby się tym zająć. Naciśnij 2, aby przekazać dalej.",
        {"1": "Dziękuję. Zanotowano.", "2": "Zanotowano. Następna osoba zostanie teraz powiadomiona."},
        "Do widzenia.",
        " stopni",
    ),
}
"""English and German are complete and read by speakers; the others follow the words of the messages."""

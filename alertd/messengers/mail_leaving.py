"""Leaving by the button that mail programs show: RFC 8058, a signed link that works without a login.

Only POST leaves, because programs that look for viruses open every link of a message.
"""

from __future__ import annotations

import hashlib
import hmac
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, urlencode

from alertd.model import Inbound
from alertd.seams import Heard, HookAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from alertd.model import Micros
    from alertd.seams import HookCall

_PAGE: Final = (
    "<!doctype html><html lang={language}><meta charset=utf-8>"
    "<meta name=viewport content='width=device-width, initial-scale=1'><title>{title}</title>"
    "<link rel=stylesheet href=/style.css><main><section class=calm><h2>{title}</h2>{body}</section></main></html>"
)
_FORM: Final = "<p>{0}</p><form method=post><button class=main>{1}</button></form>"


class Words(NamedTuple):
    """What the page says: its title, the question, the button, what pressing it did, and that a link is broken."""

    title: str
    ask: str
    button: str
    done: str
    broken: str


WORDS: Final = {
    "en": Words(
        "No more e-mails",
        "Shall no more messages come to {0}?",
        "Yes, stop them",
        "Done. One last e-mail confirms it and says how to come back.",
        "This link is not complete. Open it once more from the e-mail.",
    ),
    "de": Words(
        "Keine E-Mails mehr",
        "Sollen keine Nachrichten mehr an {0} kommen?",
        "Ja, keine mehr",
        "Erledigt. Eine letzte E-Mail bestätigt es und sagt, wie Sie zurückkommen.",
        "Dieser Link ist nicht vollständig. Öffnen Sie ihn noch einmal aus der E-Mail.",
    ),
    "es": Words(
        "No más correos",
        "¿No deben llegar más mensajes a {0}?",
        "Sí, no más",
        "Hecho. Un último correo lo confirma y dice cómo volver.",
        "Este enlace no está completo. Ábralo otra vez desde el correo.",
    ),
    "fr": Words(
        "Plus d'e-mails",
        "Faut-il ne plus envoyer de messages à {0} ?",
        "Oui, arrêter",
        "C'est fait. Un dernier e-mail le confirme et dit comment revenir.",
        "Ce lien n'est pas complet. Ouvrez-le encore une fois depuis l'e-mail.",
    ),
    "nl": Words(
        "Geen e-mails meer",
        "Moeten er geen berichten meer naar {0} komen?",
        "Ja, stoppen",
        "Klaar. Een laatste e-mail bevestigt het en zegt hoe u terugkomt.",
        "Deze link is niet volledig. Open hem nog eens vanuit de e-mail.",
    ),
    "pl": Words(
        "Koniec e-maili",
        "Czy nie wysyłać więcej wiadomości na adres {0}?",
        "Tak, zakończ",
        "Gotowe. Ostatni e-mail to potwierdzi i powie, jak wrócić.",
        "Ten link jest niepełny. Otwórz go jeszcze raz z e-maila.",
    ),
}
"""Language to the words of the page."""


class Leaving:
    """Signs links with a key made from the sender's password, and reads the calls they come to."""

    def __init__(self, password: str, public_url: str, now: Callable[[], Micros]) -> None:
        self._key = hashlib.sha256(b"alertd leaving " + password.encode()).digest()
        self._base = f"{public_url.rstrip('/')}/hooks/email"
        self._now = now

    def link(self, address: str, message: str, language: str) -> str:
        """Return the link by which this address leaves; `message` makes it one of its own."""
        facts = {"to": address, "m": message, "l": language, "sign": self._sign(address, message)}
        return f"{self._base}?{urlencode(facts, quote_via=quote)}"

    def __call__(self, call: HookCall) -> Heard:
        """Verify the link; a POST is heard as STOP from that address. What a person opens is a page, right or wrong."""
        language = call.query.get("l", "")
        words = WORDS.get(language, WORDS["en"])
        address, message = call.query.get("to", ""), call.query.get("m", "")
        given = call.query.get("sign", "").encode("utf-8", "surrogateescape")
        if not address or not hmac.compare_digest(given, self._sign(address, message).encode()):
            return Heard(_page(language, words, f"<p>{words.broken}</p>", 403))
        if call.method != "POST":
            return Heard(_page(language, words, _FORM.format(words.ask.format(escape(address)), words.button)))
        left = Inbound(
            id=f"email:stop:{message}",
            at=self._now(),
            messenger="email",
            address=address,
            sender=address,
            text="STOP",
        )
        return Heard(_page(language, words, f"<p>{words.done}</p>"), [left])

    def _sign(self, address: str, message: str) -> str:
        facts = f"{address}\n{message}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, facts, hashlib.sha256).hexdigest()[:32]


def _page(language: str, words: Words, body: str, status: int = 200) -> HookAnswer:
    known = language if language in WORDS else "en"
    page = _PAGE.format(language=known, title=words.title, body=body)
    return HookAnswer(status, page.encode(), "text/html")

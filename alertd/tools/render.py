"""`alertd render RULE`: a rule's message as a person will read it, with made-up values.

Without `--messenger` the text alone; with it, what that messenger shows: buttons, the three
parameters of WhatsApp's template, how many SMS it costs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from alertd.audience.person import Person
from alertd.messengers import MESSENGERS
from alertd.messengers.gsm import fitted, plain, segments
from alertd.messengers.meta import parameters
from alertd.messengers.sms import SEGMENTS
from alertd.messengers.text import clean
from alertd.model import SECOND, Incident, Kind, Message
from alertd.wording import Words
from alertd.wording.catalogue import LANGUAGES, REVIEWED
from alertd.wording.cut import cut
from alertd.wording.samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from alertd.alerting.settings import Rule
    from alertd.config.config import Config
    from alertd.ingest.settings import Device

NOW: Final = 1_795_312_200 * SECOND
"""Sunday, 22 November 2026, 01:50 UTC: the hour that messages are made for."""
BUTTONS: Final = frozenset({"telegram", "whatsapp", "messenger", "ntfy", "matrix"})
LIMITS: Final = {"whatsapp": 1024, "messenger": 640, "wechat": 20 * 4, "threema": 3500, "ntfy": 4096}
"""Characters, bytes for threema and ntfy, where no class says it; WhatsApp and Messenger with buttons."""

PAGE: Final = ("telegram", "whatsapp", "sms")
"""Messengers of the Markdown page."""


def main(
    config: Config, rules: Sequence[str], language: str | None, messenger: str | None, *, markdown: bool = False
) -> int:
    """Print the messages; return the exit code: 2 for a name that does not exist."""
    known = {rule.name: rule for rule in config.rules}
    codes = [language] if language else sorted(REVIEWED, reverse=True)
    for wrong, names, noun in (
        (next((name for name in rules if name not in known), None), sorted(known), "rule"),
        (next((code for code in codes if code not in LANGUAGES), None), sorted(LANGUAGES), "language"),
        (messenger if messenger and messenger not in MESSENGERS else None, sorted(MESSENGERS), "messenger"),
    ):
        if wrong is not None:
            print(
                f"alertd render: there is no {noun} {wrong} (there are: {', '.join(names) or 'none'})", file=sys.stderr
            )
            return 2
    if markdown:
        print(page(config, rules, codes, (messenger,) if messenger else PAGE), end="")
        return 0
    print("\n\n".join(rendered(known[name], config, code, messenger) for name in rules for code in codes))
    return 0


def rendered(rule: Rule, config: Config, language: str, messenger: str | None) -> str:
    """Return one message with a heading that says what it is."""
    words = _words(config, [rule])
    heading = " ".join(part for part in (f"--- {rule.name}", language, messenger) if part)
    fault = f"\n(!) {words.faults[0]}: the plain words are told" if words.faults else ""
    return f"{heading}{fault}\n" + "\n".join(lines(rule, words, config, language, messenger))


def lines(rule: Rule, words: Words, config: Config, language: str, messenger: str | None) -> Iterator[str]:
    """Yield what one messenger shows of a rule's message in one language."""
    alert, device = sample(rule, config.devices, NOW)
    words.facts.devices = {**words.facts.devices, device.id: device}
    person = Person("you", "You", language, config.farm.timezone, None, ())
    incident = Incident("sample", 31, rule.name, "", rule.severity, alert.started, alerts=[alert.id])
    if messenger == "whatsapp":
        yield "outside the 24-hour window (template):"
        parts = {"parts": words.parts(Kind.FIRING, [alert], incident, person, NOW)}
        texts = parameters(Message("sample", Kind.FIRING, person.id, (), "", NOW, data=parts), clean)
        yield from (f"  {{{{{place}}}}} {text}" for place, text in enumerate(texts, 1))
        yield "inside it:"
    text = cut(words.text(Kind.FIRING, [alert], incident, person, NOW), _limit(messenger), utf16=True)
    if messenger == "sms":
        text = fitted(plain(text), SEGMENTS)
    yield from text.split("\n")
    if messenger in BUTTONS:
        yield " ".join(f"[ {button.label} ]" for button in words.buttons("m", person, [alert]))
    if messenger == "sms":
        yield f"({segments(text)} SMS)"


def page(config: Config, rules: Iterable[str], languages: Sequence[str], messengers: Sequence[str]) -> str:
    """Return the messages as a Markdown page: a heading a rule, a block a messenger and language."""
    known = {rule.name: rule for rule in config.rules}
    out: list[str] = []
    for name in rules:
        rule = known[name]
        words = _words(config, [rule])
        out.append(f"## {name}\n\n{rule.severity.value}, `{rule.detect.kind}`" + (", shadow" if _quiet(rule) else ""))
        for language in languages:
            for messenger in messengers:
                block = "\n".join(lines(rule, words, config, language, messenger))
                out.append(f"{messenger}, {LANGUAGES[language]['name']}\n\n```\n{block}\n```")
    return "\n\n".join(out) + "\n"


def _quiet(rule: Rule) -> bool:
    return rule.mode == "shadow"


def _words(config: Config, rules: Sequence[Rule], devices: Sequence[Device] = ()) -> Words:
    return Words(
        rules,
        [*config.devices, *devices],
        language=config.farm.language,
        timezone=config.farm.timezone,
        farm=config.farm.name,
    )


def _limit(messenger: str | None) -> int:
    if messenger is None:
        return 100_000
    built = MESSENGERS.get(messenger)
    return int(built.abilities.limit) if built is not None else LIMITS.get(messenger, 4096)

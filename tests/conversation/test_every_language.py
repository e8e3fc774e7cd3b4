"""Whoever speaks Polish is never answered half in English, and may write what their help says."""

from __future__ import annotations

import re

import pytest
from barn import NOW, Barn, fever

from alertd.conversation.reasons import split
from alertd.conversation.vocabulary import END, NO, OFF, ON, SWAP, YES, Word, read
from alertd.model import MINUTE
from alertd.wording.catalogue import LANGUAGES, phrase

HELP = (
    Word.ACK,
    Word.SNOOZE,
    Word.FALSE,
    Word.LIST,
    Word.STATUS,
    Word.MAINTENANCE,
    Word.CHART,
    Word.DUTY,
    Word.LANGUAGE,
    Word.STOP,
)
"""What the lines of the help are about, in every language."""
SHOUTED = {"NOT", "NICHT", "PAS", "NIET", "NIE", "NO"}
"""Written large to be seen, not to be typed."""
ALIKE = {"chat.status_word", "monthly.messages.one", "monthly.messages.many"}
"""`STATUS` is Dutch too, and `message` French."""
FOREIGN = sorted(set(LANGUAGES) - {"en"})


CONTRACT = {
    "JOIN K7Q2-9MXW": Word.JOIN,
    "STOP": Word.STOP,
    "START": Word.START,
    "HELP": Word.HELP,
    "STATUS Berta": Word.STATUS,
    "LIST": Word.LIST,
    "ACK A-217": Word.ACK,
    "SNOOZE 2h A-217": Word.SNOOZE,
    "FALSE A-217": Word.FALSE,
    "CHART Berta": Word.CHART,
    "DUTY ON": Word.DUTY,
    "DUTY OFF": Word.DUTY,
    "LANGUAGE de": Word.LANGUAGE,
    "STOPP": Word.STOP,
    "HILFE": Word.HELP,
    "STAND Berta": Word.STATUS,
    "LISTE": Word.LIST,
    "OK": Word.ACK,
    "QUITT": Word.ACK,
    "SCHLUMMERN 2h": Word.SNOOZE,
    "SPÄTER 2h": Word.SNOOZE,
    "FEHLALARM A-217": Word.FALSE,
    "KURVE Berta": Word.CHART,
    "DIENST AN": Word.DUTY,
    "DIENST AUS": Word.DUTY,
    "SPRACHE de": Word.LANGUAGE,
}
"""What CONTRACT.md names, section 6."""
OWN = {
    "es": "UNIRSE PARAR AYUDA ESTADO LISTA RECIBIDO LUEGO FALSA CURVA GUARDIA IDIOMA",
    "fr": "REJOINDRE ARRÊT AIDE ÉTAT LISTE REÇU REPORTER FAUSSE COURBE GARDE LANGUE",
    "nl": "MEEDOEN STOP HULP STATUS LIJST BEGREPEN UITSTELLEN VALS GRAFIEK DIENST TAAL",
    "pl": "DOŁĄCZ STOP POMOC STAN LISTA PRZYJMUJĘ PÓŹNIEJ FAŁSZYWY WYKRES DYŻUR JĘZYK",
}
"""The same words in the languages that the contract welcomes; START is START in all of them."""
ORDER = (
    Word.JOIN,
    Word.STOP,
    Word.HELP,
    Word.STATUS,
    Word.LIST,
    Word.ACK,
    Word.SNOOZE,
    Word.FALSE,
    Word.CHART,
    Word.DUTY,
    Word.LANGUAGE,
)


@pytest.mark.parametrize("text", CONTRACT)
@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_every_word_of_the_contract_is_understood_in_any_case(text: str, case) -> None:
    assert read(case(text)).word is CONTRACT[text]


@pytest.mark.parametrize("language", OWN)
def test_every_word_of_the_contract_has_one_in_this_language(language: str) -> None:
    assert [read(word).word for word in OWN[language].split()] == list(ORDER)
    assert set(OWN) | {"en", "de"} == set(LANGUAGES), "a language more needs its words here"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_help_works(language: str) -> None:
    _, *lines = phrase(language, "chat.help").splitlines()
    assert len(lines) == len(HELP)
    for word, line in zip(HELP, lines, strict=True):
        for command in line.partition(" – ")[0].split(", "):
            assert read(command).word is word, command
    off, on = (read(one).rest.casefold() for one in lines[7].partition(" – ")[0].split(", "))
    assert off in OFF
    assert on in ON


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_in_capitals_is_understood(language: str) -> None:
    modifiers = ON | OFF | SWAP | YES | NO | END
    for key, text in LANGUAGES[language].items():
        if key.startswith(("chat.", "taken.lapses", "word.", "why.")):
            for word in re.findall(r"(?<![\w-])[^\W\d_]{3,}(?![\w-])", text):
                if word.isupper() and word not in SHOUTED:
                    assert read(word).word is not None or word.casefold() in modifiers, (key, word)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_a_question_are_those_of_its_answers(language: str) -> None:
    for word in (Word.ACK, Word.SNOOZE, Word.FALSE):
        assert read(phrase(language, f"word.{word}")).word is word
    asked = phrase(language, "why.words", number="A-217")
    found = [split(Word.FALSE, answer) for answer in re.findall(r"A-217 \w+", asked)]
    assert found == [("A-217", label) for label in ("limit", "moved", "sensor")]


@pytest.mark.parametrize("language", FOREIGN)
def test_no_answer_is_english(language: str) -> None:
    same = {
        key
        for key, text in LANGUAGES[language].items()
        if key.startswith(("chat.", "why.", "monthly.", "silence.", "digest.")) and text == LANGUAGES["en"].get(key)
    }
    assert same <= ALIKE


@pytest.mark.parametrize("language", LANGUAGES)
def test_duty_goes_off_for_a_while_and_on_until_a_time(language: str) -> None:
    usage = phrase(language, "chat.usage.duty")
    for command in re.findall(r"(\w+ \w+ 4h|\w+ \w+ \w+ 06:00)", usage):
        barn = Barn()
        barn.people.apply([barn.people.spoke("anna", language)], [])
        (state,) = barn.take(barn.update(command)).people
        assert state.duty_until is not None, command
        assert state.duty == ("06:00" in command)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_alert_is_taken_in_the_own_language(language: str) -> None:
    barn = Barn([fever(217), fever(218)], {"m1": ("anna", NOW - MINUTE, (217,)), "m2": ("anna", NOW, (218,))})
    barn.people.apply([barn.people.spoke("anna", language)], [])
    word = phrase(language, "word.ack")
    (which,) = barn.say("OK")
    assert which.startswith(phrase(language, "chat.which", word=word))
    assert barn.say(f"{word} A-217") == [phrase(language, "chat.taken", number="A-217", time="02:50")]

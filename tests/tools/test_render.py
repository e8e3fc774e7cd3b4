"""`alertd render`: what the operator sees is what the farmer will read."""

from __future__ import annotations

from pathlib import Path

import pytest

from alertd.config.load import load
from alertd.tools.render import PAGE, lines, main, page, rendered, segments
from alertd.wording import Words

ROOT = Path(__file__).parents[2]
DOCUMENTED = (
    *("fever", "hypothermia", "fever-relative", "calving", "pig-house-hot", "broiler-ammonia", "milk-tank-warm"),
    *("trough-empty", "fence-dead", "herd-panic", "power-cut", "sensor-silent"),
)


@pytest.fixture(scope="module")
def config():
    loaded = load(ROOT / "config" / "catalogue.yaml")
    assert loaded.config is not None
    return loaded.config


def test_a_message_is_shown_with_its_buttons(config) -> None:
    rule = next(rule for rule in config.rules if rule.name == "fever")
    assert rendered(rule, config, "de", "telegram").split("\n") == [
        "--- fever de telegram",
        "Fieber: Berta (DE 09 12300421), 40,4 °C (Grenze 39,5 °C) seit 02:10. Euter, Atmung, Fressen prüfen.",
        "A-217",
        "[ Ich übernehme ] [ 2 h Ruhe ] [ Fehlalarm ]",
    ]


@pytest.mark.parametrize("messenger", [None, "telegram", "whatsapp", "sms", "wechat", "console", "webhook"])
@pytest.mark.parametrize("language", ["en", "de", "fr", "pl"])
def test_every_rule_of_the_catalogue_has_a_message_everywhere(config, messenger: str | None, language: str) -> None:
    words = Words(config.rules, config.devices)
    assert words.faults == ()
    for rule in config.rules:
        shown = list(lines(rule, words, config, language, messenger))
        assert any("A-217" in line for line in shown), rule.name
        assert not any("None" in line or "{{ " in line for line in shown), (rule.name, shown)


def test_what_does_not_exist_is_named_with_what_does(config, capsys) -> None:
    assert main(config, ["fevr"], None, None) == 2
    assert "there is no rule fevr (there are: alarm-test-due, " in capsys.readouterr().err
    assert main(config, ["fever"], "xx", None) == 2
    assert main(config, ["fever"], None, "pigeon") == 2


@pytest.mark.parametrize(
    ("text", "count"),
    [("a" * 160, 1), ("a" * 161, 2), ("ä" * 160, 1), ("€" * 81, 2), ("°" * 70, 1), ("°" * 71, 2), ("Łódź" * 40, 3)],
)
def test_an_sms_holds_160_signs_of_its_own_alphabet_and_70_of_any(text: str, count: int) -> None:
    assert segments(text) == count


def test_the_documented_messages_are_those_that_are_sent(config) -> None:
    text = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    assert text.endswith(page(config, DOCUMENTED, ("en", "de"), PAGE)), "make docs writes it again"

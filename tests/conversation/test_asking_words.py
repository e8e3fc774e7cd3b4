from __future__ import annotations

import pytest
from barn import NOW, Barn, fever, two_fevers

from alertd.model import MINUTE, Reading

OPEN = [
    "3 alerts are open:",
    "A-217 Fever – Berta (DE 09 12300421), dairy, 40.1 °C since 02:10",
    "A-218 Fever – Alma, dairy, 40.1 °C since 02:10",
    "A-201 Fever – Berta (DE 09 12300421), dairy, 40.1 °C since 02:10, taken by Otto",
]
BERTA = ["Berta (DE 09 12300421)", "Activity 12 02:49", "Body temperature 40.1 °C 02:45"]


def milking() -> Barn:
    barn = two_fevers()
    barn.readings = [
        Reading("cow-0421", "body_temperature", 40.1, "degC", NOW - 5 * MINUTE, NOW - 5 * MINUTE),
        Reading("cow-0421", "activity", 12, "count", NOW - MINUTE, NOW - MINUTE),
    ]
    return barn


@pytest.mark.parametrize("text", ["LIST", "list", "/list", "Liste", "LIST please"])
def test_list_tells_what_is_open(text: str) -> None:
    assert milking().say(text) == ["\n".join(OPEN)]


def test_status_alone_tells_all_in_short() -> None:
    assert milking().say("STATUS") == ["\n".join([*OPEN, "Last reading 02:49."])]
    assert Barn().say("STAND") == ["Nothing is open. All normal.\nNothing was received yet."]


@pytest.mark.parametrize("animal", ["Berta", "berta", "COW-0421", "cow 0421", "DE0912300421"])
def test_an_animal_is_known_by_name_id_and_ear_tag(animal: str) -> None:
    (reply,) = milking().say(f"STATUS {animal}")
    assert reply.split("\n") == [*BERTA, OPEN[1], OPEN[3]]


def test_a_device_nobody_listed_can_be_asked_for_too() -> None:
    assert milking().say("status gw-1") == ["gw-1\nnothing received yet"]


def test_a_mistyped_animal_is_asked_back() -> None:
    assert milking().say("STATUS Bertha") == ["I do not know Bertha. Did you mean Berta?"]
    assert milking().say("STATUS Xqz\u202e") == ["I do not know Xqz."]


def test_shadow_alerts_are_not_listed() -> None:
    assert Barn([fever(1, shadow=True)]).say("LIST") == ["Nothing is open. All normal."]


def test_a_long_list_is_counted() -> None:
    lines = Barn([fever(number) for number in range(1, 26)]).say("LIST")[0].split("\n")
    assert (lines[0], lines[-1], len(lines)) == ("25 alerts are open:", "and 15 more", 12)


def test_language_changes_at_once_and_is_kept() -> None:
    barn = milking()
    assert barn.say("LANGUAGE de") == ["Ab jetzt auf Deutsch."]
    assert barn.say("LISTE")[0].startswith("3 Alarme sind offen:")
    assert barn.say("SPRACHE English") == ["From now on in English."]
    assert barn.say("LANGUAGE xx")[0].startswith("Nothing was changed. Write LANGUAGE en, LANGUAGE de,")


def test_duty_is_kept() -> None:
    barn = milking()
    assert barn.say("DUTY OFF")[0].startswith("Off duty")
    assert [one.duty for one in barn.people.all()] == [False, True, True, True]
    assert barn.say("Dienst an")[0].startswith("On duty")
    assert barn.people.all()[0].duty
    assert barn.say("DUTY maybe")[0].startswith("Nothing was changed. Write DUTY ON or DUTY OFF")


def test_help_and_chart_are_answered() -> None:
    barn = milking()
    assert "SNOOZE 2h A-217" in barn.say("HELP")[0]
    assert "SPÄTER 2h A-217" in barn.say("Hilfe", "4712")[0]
    assert barn.say("CHART Berta") == ["Berta (DE 09 12300421)\nBody temperature 40.1 °C 02:45"]


def test_a_photo_without_words_is_not_answered() -> None:
    assert milking().say("") == []

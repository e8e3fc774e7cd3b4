"""What is answered beside the words of the contract: numbers, the farm's own texts, ear tags, a flood, the menu."""

from __future__ import annotations

import pytest
from barn import MEANS, NOW, Barn, fever, two_fevers

from alertd.conversation import Flood, Setup
from alertd.conversation.flood import MOST, SENDERS
from alertd.conversation.menu import menus
from alertd.conversation.settings import Conversation
from alertd.conversation.vocabulary import read
from alertd.ingest.settings import Device
from alertd.messengers.text import numbered
from alertd.model import HOUR, MINUTE, OBJECT, Button, Channel, Kind, Message, Series
from alertd.wording import Words

INES = {"id": "ines", "name": "Ines", "channels": [{"signal": "4715"}], "consent": "2026-11-01"}
TEXTS = Conversation.model_validate(
    {
        "welcome": {"en": "The vet is Dr. Weber.", "de": "Tierarzt ist Dr. Weber."},
        "replies": [{"words": ["vet", "Tierarzt"], "reply": {"en": "0341 2345", "de": "Ruf 0341 2345 an"}}],
        "default": "Please call the office.",
    }
)


def on_signal(*alerts: int) -> Barn:
    barn = Barn([fever(number) for number in alerts], more=(INES,))
    barn.messages = {f"m{number}": ("ines", NOW - MINUTE, (number,)) for number in alerts}
    return barn


def write(barn: Barn, text: str) -> tuple[list[str], list[tuple[str, tuple[int, ...]]]]:
    said = barn.take(barn.update(text, "4715", messenger="signal"))
    return [one.text for one in said.replies], [(one.action, one.numbers) for one in said.commands]


@pytest.mark.parametrize(("number", "action"), [("1", "ack"), ("2", "snooze"), ("3", "false_alarm")])
def test_a_number_is_a_button_where_there_are_none(number: str, action: str) -> None:
    assert write(on_signal(217), number)[1] == [(action, (217,))]


def test_a_number_acts_only_when_exactly_one_message_waits() -> None:
    replies, commands = write(on_signal(217, 218), "1")
    assert commands == []
    assert replies[0].startswith("Which one? Nothing was done yet.")
    assert write(on_signal(), "1")[1] == []


@pytest.mark.parametrize("text", ["0", "4", "7", "12", "1 2", "²", "one"])
def test_a_number_no_button_has_does_nothing(text: str) -> None:
    replies, commands = write(on_signal(217), text)
    assert commands == []
    assert "nothing was done" in replies[0] or "Nothing was done" in replies[0]


def test_where_there_are_buttons_a_number_does_nothing() -> None:
    barn = Barn([fever(217)], {"m217": ("anna", NOW, (217,))})
    assert barn.take(barn.update("1")).commands == []


def test_the_text_says_which_numbers_there_are() -> None:
    buttons = (Button("I'll take it", "ack:m"), Button("Snooze 2 h", "snz:m"), Button("False alarm", "fa:m"))
    told = Message("m", Kind.FIRING, "ines", (Channel("signal", "4715"),), "Fever\nA-217", NOW, buttons=buttons)
    assert numbered(told).text == (
        "Fever\nAnswer with a number: 1 = I'll take it, 2 = Snooze 2 h, 3 = False alarm\nA-217"
    )
    asking = Message("r", Kind.REPLY, "ines", (), "Why?", NOW, buttons=(Button("Sensor", "why:sensor:1"),))
    assert numbered(asking) == asking, "its numbers would mean something else"


def test_the_question_why_is_pressed_where_one_can_press_and_written_elsewhere() -> None:
    barn = Barn([fever(217)], {"m217": ("anna", NOW, (217,))})
    (asked,) = barn.take(barn.update("FALSE A-217")).replies
    assert asked.text.splitlines()[-1] == "Why was it false?"
    assert [button.label for button in asked.buttons] == ["Wrong limit", "Moved on purpose", "Sensor fault"]
    replies, _ = write(on_signal(217), "3")
    assert replies[0].splitlines()[-1] == (
        "Why was it false? Write FALSE A-217 limit, FALSE A-217 moved or FALSE A-217 sensor."
    )


def test_a_voice_message_is_not_mistaken_for_an_answer() -> None:
    barn = two_fevers()
    assert barn.say(OBJECT) == ["I can read text only, so nothing was done. HELP shows what you can write."]
    assert barn.say(OBJECT, "999")[0].startswith("Hello! I do not know you yet")
    assert barn.say(OBJECT, address="-100") == [], "people show each other pictures in a group"


def test_the_farms_own_words_are_answered_and_do_nothing() -> None:
    barn = two_fevers()
    barn.setup = Setup(texts=TEXTS, abilities=MEANS)
    assert barn.say("Vet?") == ["0341 2345"]
    assert barn.say("TIERARZT", "4712") == ["Ruf 0341 2345 an"]
    assert barn.say("the vet was here") == ["Please call the office."]
    assert barn.say("STPO") == ["Did you mean STOP? Nothing was done. HELP shows what you can write."]
    assert barn.say("vet", "999") != ["0341 2345"], "strangers are told nothing"


def test_the_end_of_an_ear_tag_names_an_animal_and_several_are_asked_about() -> None:
    barn = Barn()
    listed = [
        Device(id="cow-0421", name="Berta", tag="DE 09 12300421"),
        Device(id="cow-7", name="Alma"),
        Device(id="cow-8", name="Alma", tag="DE 09 12310421"),
        Device(id="cow-1421", name="Cora"),
    ]
    barn.words = Words([], listed, language="en", farm="Hof")
    assert barn.say("STATUS 1421")[0].startswith("Cora")
    assert barn.say("STATUS 7")[0].startswith("Alma")
    assert barn.say("STATUS 00421")[0].startswith("Berta")
    (which,) = barn.say("STATUS Alma")
    assert which == "Which one?\nAlma: STATUS cow-7\nAlma (DE 09 12310421): STATUS DE 09 12310421"
    assert barn.say("STATUS DE 09 12310421")[0].startswith("Alma (DE 09 12310421)")
    (which,) = barn.say("CHART Alma")
    assert which == "Which one?\nAlma: CHART cow-7\nAlma (DE 09 12310421): CHART DE 09 12310421"
    assert barn.say("CHART DE 09 12310421")[0].startswith("Alma (DE 09 12310421)")


def test_who_floods_a_chat_is_told_once_and_a_stop_is_always_heard() -> None:
    flood, barn = Flood(), two_fevers()
    over = [flood.over(barn.update("LIST"), NOW) for _ in range(MOST + 3)]
    assert over[-4:] == [0, 1, 2, 3]
    assert flood.over(barn.update("stopp"), NOW) == 0
    assert flood.over(barn.update("LIST", "4712"), NOW) == 0, "others are answered"
    assert flood.over(barn.update("LIST"), NOW + MINUTE) == 0, "for a minute"


def test_a_thousand_strangers_take_no_more_memory_than_that() -> None:
    flood, barn = Flood(), Barn()
    for sender in range(SENDERS + 50):
        flood.over(barn.update("hi", str(sender)), NOW + sender)
    assert len(flood._heard) == SENDERS


def test_the_menu_is_made_of_words_that_are_understood() -> None:
    found = menus("de")
    assert found[""] == found["de"]
    for entries in found.values():
        for word, does in entries:
            assert read(f"/{word}").word is not None, word
            assert word.isascii()
            assert word == word.lower()
            assert 1 <= len(does) <= 256


@pytest.mark.parametrize(
    ("text", "hours"), [("LUEGO 2 horas A-217", None), ("später 3 uur A-217", 3), ("reporter 2 heures a-217", 2)]
)
def test_durations_are_read_in_every_language(text: str, hours: int | None) -> None:
    barn = two_fevers()
    (command,) = barn.take(barn.update(text)).commands
    assert command.until == NOW + (hours or 2) * HOUR


def test_the_first_words_of_a_name_are_enough_to_look_and_never_to_mute() -> None:
    barn = Barn()
    names = {"barn-3": "Barn 3 – south", "barn-30": "Barn 30", "aegir": "Ægir <b>"}
    listed = [Device(id=device, name=name) for device, name in names.items()]
    barn.words = Words([], listed, language="en", farm="Hof")
    assert barn.say("STATUS ægir")[0].startswith("Ægir <b>\n")
    assert barn.say("STATUS Barn 3")[0].startswith("Barn 3 – south\n")
    assert barn.say("CHART barn 3")[0].startswith("Barn 3 – south\n")
    assert barn.say("STATUS barn") == ["Which one?\nBarn 3 – south: STATUS barn-3\nBarn 30: STATUS barn-30"]
    assert barn.take(barn.update("MAINTENANCE ægir 2h")).silences == []


def test_what_only_the_brokers_retained_copy_says_is_told_as_of_unknown_age() -> None:
    barn = Barn()
    barn.copies["gw-1"] = [(Series("gw-1", "temperature", "degC"), 21.0)]
    assert barn.say("STATUS gw-1") == ["gw-1\nTemperature 21.0 °C (age unknown)"]

"""Who may switch what from a chat, what is asked back, and what is never done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from barn import MEANS, NOW, Barn, two_fevers

from alertd.conversation import Setup
from alertd.conversation.switching import MOST
from alertd.ingest.settings import Action
from alertd.model import HOUR, MINUTE, SECOND, Stage

FAN = {
    "name": "fan-3-on",
    "label": {"en": "Fan 3 on", "de": "Lüfter 3 an"},
    "publish": {"topic": "barn/fan3/set", "payload": "ON"},
    "allowed": ["anna", "otto", "ines"],
}
INES = {"id": "ines", "name": "Ines", "channels": [{"sms": "4714"}, {"signal": "4715"}], "consent": "2026-11-01"}
ASKED = "Fan 3 on? It is done only when you say yes within 2 minutes."


def barn_with(**more) -> Barn:
    """Two fevers that offer the fan, which asks back unless `confirm` is False."""
    action = Action.model_validate(FAN | {"confirm": True} | more)
    barn = two_fevers()
    barn.more = (INES,)
    barn.setup = Setup({action.name: action}, abilities=MEANS)
    barn.__post_init__()
    return barn


def stages(barn: Barn) -> list[Stage]:
    return [one.stage for one in barn.switchings.values()]


def press(barn: Barn, data: str, sender: str = "4711", now: int = NOW, **facts):
    """Press a button; return the note on its spinner and the replies."""
    said = barn.take(replace(barn.update("", sender, data=data, callback="c", **facts), at=now), now)
    return said.note, [reply.text for reply in said.replies]


def question(barn: Barn, sender: str = "4711", now: int = NOW, **facts) -> str:
    """Ask for the fan by name; return the data of the Yes button."""
    said = barn.take(replace(barn.update("Fan 3 on", sender, **facts), at=now), now)
    return said.replies[0].buttons[0].data


def test_it_asks_back_and_does_it_on_yes() -> None:
    barn = barn_with()
    said = barn.take(barn.update("fan-3-ON"))
    assert [reply.text for reply in said.replies] == [ASKED]
    assert [button.label for button in said.replies[0].buttons] == ["Yes: Fan 3 on", "No"]
    assert stages(barn) == [Stage.ASKED]
    assert press(barn, said.replies[0].buttons[0].data) == ("Fan 3 on: is being done …", [])
    (wish,) = barn.switchings.values()
    assert (wish.stage, wish.by, wish.confirmed, wish.chat.address) == (Stage.CONFIRMED, "anna", NOW, "4711")


@pytest.mark.parametrize("text", ["Fan 3 on", "fan 3 on!", "Lüfter 3 an", "FAN-3-ON", "fan_3_on"])
def test_an_action_goes_by_its_name_and_its_labels(text: str) -> None:
    barn = barn_with(confirm=False)
    barn.say(text)
    assert stages(barn) == [Stage.CONFIRMED]


@pytest.mark.parametrize("text", ["fan 3 onn", "fan 3", "please fan 3 on", "fan", "on"])
def test_what_is_not_quite_its_name_asks_back_and_does_nothing(text: str) -> None:
    barn = barn_with(confirm=False)
    (reply,) = barn.say(text)
    assert "othing was done" in reply
    assert stages(barn) == []


def test_a_button_under_an_alert_names_the_action_and_the_alert() -> None:
    barn = barn_with()
    alert = barn.numbered(217)
    anna, vet = barn.people.get("anna"), barn.people.get("vet")
    buttons = barn.words.buttons("m217", anna, [alert])
    assert [button.label for button in buttons] == ["I'll take it", "Snooze 2 h", "False alarm", "Fan 3 on"]
    assert len(buttons[3].data.replace("m217", "x" * 24).encode()) <= 64
    assert len(barn.words.buttons("m217", vet, [alert])) == 3, "only who may is offered it"
    assert press(barn, buttons[3].data) == ("", [ASKED])
    assert next(iter(barn.switchings.values())).alerts == ("A-217",)


def test_a_question_lapses_after_two_minutes() -> None:
    barn = barn_with()
    yes = question(barn)
    note, _ = press(barn, yes, now=NOW + 2 * MINUTE + 1)
    assert note == "Fan 3 on: not done, that was too long ago. Please ask for it again."
    assert stages(barn) == [Stage.ASKED]
    assert press(barn, yes, now=NOW + 2 * MINUTE)[0] == "Fan 3 on: is being done …"


def test_no_is_no() -> None:
    barn = barn_with()
    yes = question(barn)
    assert press(barn, yes.replace("yes:", "no:"))[0] == "Fan 3 on: not done."
    assert press(barn, yes)[0] == "Fan 3 on: answered already 02:50. Nothing more was done."
    assert stages(barn) == [Stage.DECLINED]


def test_yes_twice_is_once() -> None:
    barn = barn_with()
    yes = question(barn)
    press(barn, yes)
    said = barn.take(barn.update(data=yes, callback="c"))
    assert said.switchings == []
    assert said.note == "Fan 3 on: answered already 02:50. Nothing more was done."


def test_two_people_at_once_switch_it_once() -> None:
    barn = barn_with()
    anna, otto = question(barn), question(barn, "4712")
    press(barn, anna)
    assert (
        press(barn, otto, "4712")[0] == "Lüfter 3 an: Anna schaltet es gerade (02:50). Es ist nichts weiter geschehen."
    )
    assert stages(barn) == [Stage.CONFIRMED, Stage.ASKED]


def test_only_who_was_asked_can_answer() -> None:
    barn = barn_with()
    yes = question(barn)
    assert press(barn, yes, "4712")[0] == "Gefragt wurde Anna. Es ist nichts geschehen."
    assert stages(barn) == [Stage.ASKED]


def test_in_a_group_authority_is_the_senders() -> None:
    barn = barn_with(allowed=["anna"])
    group = {"address": "-100"}
    refused = ["Fan 3 on: you are not allowed to switch this. Nothing was done."]
    assert barn.say("Fan 3 on", "4712", **group) == refused, "in the group's language"
    assert barn.say("Fan 3 on", "999", **group) != [ASKED], "a stranger in the group"
    assert stages(barn) == []
    yes = question(barn, **group)
    press(barn, yes, "999", **group)
    assert stages(barn) == [Stage.ASKED]
    press(barn, yes, **group)
    assert stages(barn) == [Stage.CONFIRMED]


def test_who_may_not_and_who_is_unknown_switch_nothing() -> None:
    barn = barn_with(allowed=["otto"])
    assert barn.say("Fan 3 on") == ["Fan 3 on: you are not allowed to switch this. Nothing was done."]
    barn.say("Fan 3 on", "999")
    assert stages(barn) == []


def test_a_messenger_whose_senders_can_be_forged_switches_nothing() -> None:
    barn = barn_with()
    assert barn.say("Fan 3 on", "4714", messenger="sms") == [
        "Fan 3 on: not by sms, where a sender can be forged. Nothing was done."
    ]
    assert stages(barn) == []


def test_without_buttons_words_or_numbers_answer() -> None:
    for yes, no in (("YES", "no"), ("1", "2"), ("ja", "nein")):
        barn = barn_with()
        signal = {"messenger": "signal"}
        (asked,) = barn.say("Fan 3 on", "4715", **signal)
        assert asked == ("Fan 3 on? Answer YES (or 1) within 2 minutes, NO (or 2) to leave it. Nothing is done yet.")
        barn.say(yes, "4715", **signal)
        assert stages(barn) == [Stage.CONFIRMED]
        other = barn_with()
        other.say("Fan 3 on", "4715", **signal)
        assert other.say(no, "4715", **signal) == ["Fan 3 on: not done."]
        assert stages(other) == [Stage.DECLINED]


def test_yes_without_a_question_does_nothing() -> None:
    barn = barn_with()
    (reply,) = barn.say("yes")
    assert "nothing was done" in reply
    question(barn)
    (reply,) = barn.say("yes", now=NOW + 3 * MINUTE)
    assert "nothing was done" in reply
    assert stages(barn) == [Stage.ASKED]


def test_what_waited_at_the_messenger_switches_nothing() -> None:
    barn = barn_with(confirm=False)
    barn.take(barn.update("Fan 3 on", waited=True))
    assert stages(barn) == [Stage.ASKED], "it asks whether that is still wanted"
    (wish,) = barn.switchings.values()
    assert press(barn, f"yes:{wish.id}", waited=True)[0].startswith("Fan 3 on: not done, that was too long ago")
    old = replace(barn.update("Fan 3 on"), at=NOW - 11 * SECOND)
    barn.take(old)
    assert stages(barn) == [Stage.ASKED, Stage.ASKED]


def test_the_button_of_an_old_message_asks_back() -> None:
    for number, old in ((217, False), (200, True)):
        barn = barn_with(confirm=False)
        press(barn, f"act:{barn.setup.actions['fan-3-on'].key}:m{number}")
        assert stages(barn) == [Stage.ASKED if old else Stage.CONFIRMED]
    barn = barn_with(confirm=False)
    barn.numbered(217).started = NOW - 13 * HOUR
    press(barn, f"act:{barn.setup.actions['fan-3-on'].key}:m217")
    assert stages(barn) == [Stage.ASKED]
    assert press(barn, f"act:{barn.setup.actions['fan-3-on'].key}:gone")[0].startswith("This message is too old")


def test_an_action_is_switched_a_few_times_a_minute_at_most() -> None:
    barn = barn_with(confirm=False)
    for _ in range(MOST):
        barn.say("Fan 3 on")
        barn.switchings = {key: replace(one, stage=Stage.DONE) for key, one in barn.switchings.items()}
    assert barn.say("Fan 3 on") == ["Fan 3 on: 6 times within a minute already. Nothing was done, please wait."]
    assert barn.say("Fan 3 on", now=NOW + MINUTE) != []


def test_the_same_update_again_is_the_same_wish() -> None:
    barn = barn_with()
    update = barn.update("Fan 3 on")
    once = barn.take(update)
    barn.switchings.clear()
    assert barn.take(update).switchings == once.switchings


def test_help_names_what_this_person_may_switch() -> None:
    barn = barn_with(allowed=["anna"])
    assert barn.say("HELP")[0].endswith("Fan 3 on – switch it")
    assert "Lüfter" not in barn.say("HILFE", "4712")[0]


def test_a_press_of_unknown_age_asks_back_whatever_the_action_says() -> None:
    barn = barn_with(confirm=False)
    act = f"act:{barn.setup.actions['fan-3-on'].key}:m217"
    assert press(barn, act)[1] == []
    assert stages(barn) == [Stage.CONFIRMED], "by long polling it is known to be new"

    barn = barn_with(confirm=False)
    said = barn.take(barn.update("", data=act, callback="c", timeless=True))
    assert [reply.text for reply in said.replies] == [ASKED], "by webhook it may have waited for hours"
    assert stages(barn) == [Stage.ASKED]
    yes = said.replies[0].buttons[0].data
    assert press(barn, yes, now=NOW + MINUTE, timeless=True)[0] == "Fan 3 on: is being done …"
    assert stages(barn) == [Stage.CONFIRMED]


def test_a_yes_of_unknown_age_counts_no_longer_than_its_question() -> None:
    barn = barn_with(confirm=False)
    act = f"act:{barn.setup.actions['fan-3-on'].key}:m217"
    yes = barn.take(barn.update("", data=act, callback="c", timeless=True)).replies[0].buttons[0].data
    press(barn, yes, now=NOW + 3 * MINUTE, timeless=True)
    assert stages(barn) == [Stage.ASKED]

from __future__ import annotations

import pytest
from barn import NOW, Barn, two_fevers

from alertd.audience import invites
from alertd.model import DAY, HOUR, MINUTE, Channel

STRANGER = (
    "Hello! I do not know you yet, so I cannot tell you anything. If you were invited, "
    "write JOIN and your code. Nothing will be sent to you otherwise."
)
WRONG = "This code does not fit: mistyped, used already or older than 24 hours. Please ask for a new one."
WELCOME = (
    "Hello Dr. Weber, you have joined. Alerts of Hof Lindenau now come to this chat: what is wrong, where, "
    "since when. STOP ends it at any time, HELP shows what you can write.\n"
    "Another language? Press it, or leave it as it is."
)


def invited() -> tuple[Barn, str]:
    code, invite = invites.new("vet", b"12345", NOW)
    return Barn(invites={invite.code_hash: invite}), code


@pytest.mark.parametrize("form", ["JOIN {}", "/start {}", "join {}", "/start@farm_bot {}", "START {}"])
def test_a_code_opens_the_chat_and_records_consent(form: str) -> None:
    barn, code = invited()
    said = barn.take(barn.update(form.format(code), "900"))
    assert [one.text for one in said.replies] == [WELCOME]
    assert [(one.subscriber, one.action, one.how, one.at) for one in said.consents] == [("vet", "given", "joined", NOW)]
    assert said.consents[0].wording.startswith("chat.welcome en ")
    assert barn.people.reachable("vet") == (Channel("telegram", "900"),)
    assert not said.tried


def test_a_code_works_once() -> None:
    barn, code = invited()
    barn.say(f"JOIN {code}", "900")
    assert barn.say(f"JOIN {code}", "901") == [WRONG]
    assert barn.people.at("telegram", "901") is None


def test_pressing_the_link_again_is_harmless() -> None:
    barn, code = invited()
    barn.say(f"/start {code}", "900")
    assert barn.say(f"/start {code}", "900")[0].startswith("Alerts come to this chat.")
    assert barn.tries("telegram:900") == []


def test_a_code_ends_after_a_day() -> None:
    barn, code = invited()
    assert barn.say(f"JOIN {code}", "900", NOW + DAY) == [WRONG]


def test_after_five_wrong_codes_even_the_right_one_waits_an_hour() -> None:
    barn, code = invited()
    for number in range(5):
        assert barn.say(f"JOIN AAAA-AAA{number}", "900") == [WRONG]
    assert barn.say(f"JOIN {code}", "900") == ["Too many wrong codes. Please try again in an hour."]
    assert barn.say(f"JOIN {code}", "900") == []
    assert barn.people.at("telegram", "900") is None
    assert barn.say(f"JOIN {code}", "900", NOW + HOUR) == [WELCOME]


def test_a_code_is_not_taken_in_a_group() -> None:
    barn, code = invited()
    assert barn.say(f"/start {code}", "900", address="-555") == ["Please send the code to me alone, not in a group."]
    assert barn.people.at("telegram", "-555") is None


FAMILY = {"id": "home", "name": "Family", "shared": True, "language": "de"}


def of_the_family() -> tuple[Barn, str]:
    code, invite = invites.new("home", b"fghij", NOW)
    barn = Barn(more=(FAMILY,))
    barn.people.apply([], [invite])
    return barn, code


@pytest.mark.parametrize("form", ["/start@alertd_bot {}", "JOIN {}", "/join {}"])
def test_a_familys_code_is_written_in_its_group_and_makes_it_one_channel(form: str) -> None:
    barn, code = of_the_family()
    said = barn.take(barn.update(form.format(code), "900", address="-555"))
    (welcome,) = said.replies
    assert welcome.text.startswith("Hallo zusammen. Alarme von Hof Lindenau kommen jetzt in diese Gruppe")
    assert welcome.channels[0].address == "-555"
    assert [(one.subscriber, one.action, one.how) for one in said.consents] == [("home", "given", "joined")]
    assert barn.people.reachable("home") == (Channel("telegram", "-555"),)
    assert barn.people.at("telegram", "900") is None, "who wrote it is nobody yet"


def test_a_familys_group_is_left_by_a_stop_of_somebody_known_there() -> None:
    barn, code = of_the_family()
    barn.say(f"JOIN {code}", "900", address="-555")
    barn.say("STOP", "900", address="-555")
    assert barn.people.reachable("home") != ()
    assert barn.say("STOP", "4711", address="-555")[0].startswith("Gestoppt")
    assert barn.people.reachable("home") == ()


def test_a_group_has_one_language_for_all() -> None:
    barn, code = of_the_family()
    barn.say(f"JOIN {code}", "900", address="-555")
    assert barn.say("LISTE", "4711", address="-555") == ["Nichts ist offen. Alles normal."]
    assert barn.say("LANGUAGE fr", "4711", address="-555") == ["À partir de maintenant en français."]
    assert barn.say("LIST", "4711", address="-555") == ["Rien d'ouvert. Tout est normal."]
    assert barn.say("LIST") == ["Nothing is open. All normal."]


def test_a_stranger_hears_one_refusal_an_hour_and_no_data() -> None:
    barn = two_fevers()
    assert barn.say("LIST", "999") == [STRANGER]
    for text in ("STATUS Berta", "ACK A-217", "hello", "/start", "STOP", "START", "JOIN"):
        assert barn.say(text, "999") == []
    assert barn.say("LIST", "999", NOW + HOUR) == [STRANGER]


def test_a_listed_person_without_consent_is_told_no_more_than_a_stranger() -> None:
    barn = two_fevers()
    assert barn.say("LIST", "4713") == [STRANGER]
    assert barn.say("START", "4713") == []
    assert barn.people.reachable("vet") == ()


@pytest.mark.parametrize("text", ["STOP", "stopp", "/stop", "Stop!", "STOP ALL", "unsubscribe"])
def test_stop_is_at_once_recorded_and_confirmed_once(text: str) -> None:
    barn = two_fevers()
    said = barn.take(barn.update(text))
    assert [one.text for one in said.replies] == [
        "Stopped: no more messages come to this chat. START brings them back."
    ]
    assert [(one.subscriber, one.action, one.how) for one in said.consents] == [("anna", "withdrawn", "stop")]
    assert barn.people.reachable("anna") == ()
    again = barn.take(barn.update(text))
    assert (again.replies, again.consents) == ([], [])


def test_stop_the_fan_stops_no_alarms() -> None:
    barn = two_fevers()
    assert barn.say("Stop the fan") == [
        "Nothing was changed. To end all messages in this chat write STOP and nothing else."
    ]
    assert barn.people.reachable("anna") != ()


def test_a_stopped_person_gets_one_hint_and_no_data_until_start() -> None:
    barn = two_fevers()
    barn.say("STOP")
    assert barn.say("LIST") == ["Messages to this chat are stopped. Write START to get them again."]
    assert barn.say("STATUS Berta") == []
    assert barn.say("ok", now=NOW + DAY) == []
    said = barn.take(barn.update("/start"))
    assert [(one.action, one.how) for one in said.consents] == [("given", "start")]
    assert said.replies[0].text == "Started: alerts come to this chat again. STOP ends it."
    barn.say("STOP", now=NOW + MINUTE)
    assert barn.say("LIST", now=NOW + MINUTE) == ["Messages to this chat are stopped. Write START to get them again."]


def test_a_stopped_persons_press_does_nothing() -> None:
    barn = two_fevers()
    barn.say("STOP")
    said = barn.take(barn.update(data="ack:m217", callback="c"))
    assert (said.commands, said.note) == ([], "Messages to this chat are stopped. Write START to get them again.")


def test_a_code_undoes_a_stop_only_with_start() -> None:
    barn, code = invited()
    barn.say(f"JOIN {code}", "900")
    barn.say("STOP", "900")
    code, invite = invites.new("vet", b"67890", NOW)
    barn.people.apply([], [invite])
    assert barn.say(f"JOIN {code}", "900") == ["Messages to this chat are stopped. Write START to get them again."]
    assert barn.people.reachable("vet") == ()
    assert barn.say(f"START {code}", "900") == [WELCOME]
    assert barn.people.reachable("vet") == (Channel("telegram", "900"),)


def test_blocking_the_bot_is_a_stop_and_unblocking_is_not_yet_a_start() -> None:
    barn = two_fevers()
    said = barn.take(barn.update(gone=True))
    assert ([one.how for one in said.consents], said.replies) == (["blocked"], [])
    back = barn.take(barn.update(back=True))
    assert (back.people, back.replies) == ([], [])
    assert barn.people.reachable("anna") == ()
    assert barn.say("/start") == ["Started: alerts come to this chat again. STOP ends it."]
    assert barn.people.reachable("anna") != ()


def test_start_with_nothing_stopped_changes_nothing() -> None:
    barn = two_fevers()
    said = barn.take(barn.update("/start"))
    assert (said.people, said.consents) == ([], [])
    assert said.replies[0].text.startswith("Alerts come to this chat.")


def test_a_stranger_cannot_stop_a_group() -> None:
    barn = two_fevers()
    barn.say("STOP", "999", address="-100")
    assert barn.people.reachable("family") != ()
    barn.say("STOP", "4711", address="-100")
    assert barn.people.reachable("family") == ()
    assert barn.people.reachable("anna") != ()

from __future__ import annotations

import pytest

from alertd.audience.consent import address_hash, channel_key
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.model import DAY, Channel, Invite, PersonState

NOW = 1_795_312_200_000_000
TELEGRAM = Channel("telegram", "4711")
WHATSAPP = Channel("whatsapp", "+4915112345678")
ANNA = {
    "id": "anna",
    "name": "Anna",
    "language": "de",
    "channels": [{"telegram": "4711"}, {"whatsapp": "+4915112345678"}],
    "consent": "2026-11-01",
}


def people(*written: dict[str, object], states: dict[str, PersonState] | None = None) -> People:
    subscribers = [Subscriber.model_validate(one) for one in written]
    return People(subscribers, states or {}, operator=None, language="en", timezone="Europe/Berlin", invites={})


def after(known: People, change: tuple[PersonState, object]) -> People:
    known.apply([change[0]], [])
    return known


def test_consent_in_the_file_opens_the_files_channels_in_their_order() -> None:
    assert people(ANNA).reachable("anna") == (TELEGRAM, WHATSAPP)


def test_without_consent_nothing_is_sent() -> None:
    assert people(ANNA | {"consent": None}).reachable("anna") == ()


def test_somebody_who_is_not_listed_is_nobody() -> None:
    known = people(ANNA, states={"gone": PersonState("gone", [TELEGRAM], consents={"telegram:4711": NOW})})
    assert known.get("gone") is None
    assert known.reachable("gone") == ()


def test_stop_closes_only_the_channel_that_said_it() -> None:
    known = people(ANNA)
    state, entries = known.stopped("anna", TELEGRAM, NOW)
    assert [(entry.action, entry.how, entry.at) for entry in entries] == [("withdrawn", "stop", NOW)]
    assert after(known, (state, None)).reachable("anna") == (WHATSAPP,)


@pytest.mark.parametrize("date", ["2026-11-01", "2099-01-01"])
def test_nothing_in_the_file_undoes_a_stop(date: str) -> None:
    stopped = PersonState("anna", stopped={"telegram:4711": NOW})
    assert people(ANNA | {"consent": date}, states={"anna": stopped}).reachable("anna") == (WHATSAPP,)


def test_a_second_stop_is_not_recorded_again() -> None:
    known = people(ANNA)
    after(known, known.stopped("anna", TELEGRAM, NOW))
    state, entries = known.stopped("anna", TELEGRAM, NOW + 1)
    assert entries == []
    assert state.stopped == {"telegram:4711": NOW}


def test_start_brings_back_what_stop_took() -> None:
    known = people(ANNA)
    after(known, known.stopped("anna", TELEGRAM, NOW))
    state, entries = known.started("anna", TELEGRAM, NOW + 1)
    assert [(entry.action, entry.how) for entry in entries] == [("given", "start")]
    assert after(known, (state, None)).reachable("anna") == (TELEGRAM, WHATSAPP)


def test_start_gives_no_consent_that_never_was() -> None:
    known = people(ANNA | {"consent": None})
    after(known, known.stopped("anna", TELEGRAM, NOW))
    state, entries = known.started("anna", TELEGRAM, NOW + 1)
    assert entries == []
    assert after(known, (state, None)).reachable("anna") == ()


def test_a_join_opens_a_new_channel_before_the_files_own() -> None:
    known = people(ANNA)
    signal = Channel("signal", "+49301234")
    assert after(known, known.joined("anna", signal, NOW)).reachable("anna") == (signal, TELEGRAM, WHATSAPP)


def test_a_join_on_a_listed_channel_keeps_its_place() -> None:
    known = people(ANNA | {"consent": None})
    after(known, known.joined("anna", Channel("whatsapp", "4915112345678"), NOW))
    assert known.reachable("anna") == (WHATSAPP,)
    assert [one.messenger for one in known.all()[0].channels] == ["telegram", "whatsapp"]


def test_a_newer_join_undoes_a_stop() -> None:
    known = people(ANNA)
    after(known, known.stopped("anna", TELEGRAM, NOW))
    assert TELEGRAM in after(known, known.joined("anna", TELEGRAM, NOW + 1)).reachable("anna")


def test_a_blocked_bot_counts_as_stop() -> None:
    known = people(ANNA)
    state, entries = known.stopped("anna", TELEGRAM, NOW, "blocked")
    assert entries[0].how == "blocked"
    assert after(known, (state, None)).reachable("anna") == (WHATSAPP,)


def test_changes_are_values_until_they_are_applied_and_can_be_taken_back() -> None:
    known = people(ANNA)
    change = known.stopped("anna", TELEGRAM, NOW)
    assert known.reachable("anna") == (TELEGRAM, WHATSAPP)
    undo = known.apply([change[0]], [Invite("h", "anna", NOW, NOW + DAY)])
    assert known.reachable("anna") == (WHATSAPP,)
    undo()
    assert known.reachable("anna") == (TELEGRAM, WHATSAPP)


@pytest.mark.parametrize(
    ("messenger", "one", "other"),
    [
        ("whatsapp", "+4915112345678", "4915112345678"),
        ("signal", "+49 151 1234-5678", "004915112345678"),
        ("email", "Anna@Farm.example", "anna@farm.example"),
        ("threema", "abcd1234", "ABCD1234"),
    ],
)
def test_one_address_written_two_ways_is_one_channel(messenger: str, one: str, other: str) -> None:
    assert channel_key(Channel(messenger, one)) == channel_key(Channel(messenger, other))
    assert address_hash(Channel(messenger, one)) == address_hash(Channel(messenger, other))


def test_opaque_ids_stay_apart() -> None:
    assert channel_key(Channel("whatsapp", "DE.1349")) != channel_key(Channel("whatsapp", "1349"))
    assert channel_key(Channel("telegram", "-4711")) != channel_key(Channel("telegram", "4711"))


def test_a_person_is_found_by_address_and_a_shared_phone_has_two_holders() -> None:
    known = people(ANNA, ANNA | {"id": "otto", "name": None})
    found = known.at("whatsapp", "4915112345678")
    assert found is not None
    assert found.id == "anna"
    assert [one.id for one in known.holders(WHATSAPP)] == ["anna", "otto"]
    assert known.at("telegram", "1") is None


def test_conversation_wins_over_the_file_and_the_farm_fills_gaps() -> None:
    known = people(ANNA, {"id": "otto"})
    after(known, (known.spoke("anna", "en"), None))
    after(known, (known.on_duty("anna", duty=False), None))
    anna, otto = known.all()
    assert (anna.language, anna.duty) == ("en", False)
    assert (otto.name, otto.language, otto.timezone, otto.subscriptions) == ("otto", "en", "Europe/Berlin", None)


def test_the_operator_is_the_first_subscriber_unless_named() -> None:
    first, named = people(ANNA, {"id": "otto"}).operator, None
    subscribers = [Subscriber.model_validate(ANNA), Subscriber(id="otto")]
    named = People(subscribers, {}, operator="otto", language="en", timezone="UTC", invites={}).operator
    assert first is not None
    assert named is not None
    assert (first.id, named.id) == ("anna", "otto")
    assert people().operator is None

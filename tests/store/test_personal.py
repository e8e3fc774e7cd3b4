"""What is held of a person can be shown to them and taken away; that they had agreed stays provable."""

from __future__ import annotations

from pathlib import Path

import pytest
from deliveries import message

from alertd.audience.consent import address_hash, of_file
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.model import (
    DAY,
    HOUR,
    Alert,
    Changes,
    Channel,
    ConsentEntry,
    Incident,
    Invite,
    PersonState,
    Severity,
    State,
)
from alertd.seams import Flush, Quarantined, Settlement
from alertd.store.sqlite import SqliteStore

NOW = 1_795_312_200_000_000
PHONE = Channel("signal", "+4915112345678")


def taken(by: str) -> Alert:
    return Alert(
        *("a1", 1, "fever", "cow", "t", None, Severity.WARNING, State.RESOLVED, 40.0, "degC", None),
        started=NOW - 3 * DAY,
        resolved=NOW - 3 * DAY + HOUR,
        acknowledged_by=by,
        acknowledged_at=NOW - 3 * DAY,
        acknowledged_note="my back hurts",
        snoozed={by: NOW},
        incident="i1",
    )


async def filled(path: Path) -> SqliteStore:
    store = SqliteStore(path / "alertd.db", ballast=0)
    await store.open()
    incident = Incident("i1", 1, "fever", "k", Severity.WARNING, NOW, ["a1"], told={"anna": ["a1"], "bob": ["a1"]})
    facts = {"channels": (PHONE,), "due": NOW}
    changes = Changes(
        alerts={"a1": taken("anna")},
        incidents={"i1": incident},
        messages=[
            message("Berta has fever", id="m1", subscriber="anna", **facts),
            message("still unsent", id="m2", subscriber="anna", **facts),
            message("for Bob", id="m3", subscriber="bob", **facts),
        ],
        people={"anna": PersonState("anna", [PHONE])},
        consents=[ConsentEntry("anna", "signal", address_hash(PHONE), "given", "joined", "chat.welcome en 1", NOW)],
        invites={"h": Invite("h", "anna", NOW, NOW + DAY), "g": Invite("g", "bob", NOW, NOW + DAY)},
    )
    poison = [Quarantined("update", "signal", b"Inbound(address='+4915112345678')", "Traceback", NOW)]
    await store.commit(Flush(NOW, changes=changes, quarantine=poison))
    delivery = await store.claim("m1", NOW)
    await store.settle(delivery, Settlement("sent", "sent", NOW, ref="provider-77"))
    return store


async def test_all_that_is_held_is_shown(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    told, alerts, invites = await store.held_of("anna")
    await store.close()
    assert [(one["text"], one["state"], one["address"]) for one in told] == [
        ("Berta has fever", "sent", "+4915112345678"),
        ("still unsent", "queued", "+4915112345678"),
    ]
    assert told[0]["deliveries"][0]["ref"] == "provider-77"
    assert [alert.number for alert in alerts] == [1]
    assert [one.code_hash for one in invites] == ["h"]


async def test_after_an_erasure_nothing_names_the_person_but_the_ledger(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    await store.commit(Flush(NOW, changes=Changes(people={"anna": PersonState("anna", erased=NOW)})))
    assert await store.erase("anna", [PHONE.address], NOW) == (2, 1)
    assert await store.held_of("anna") == ([], [], [])
    assert [one.id for one in await store.waiting(NOW + HOUR)] == ["m3"]
    (entry,) = await store.consents("anna")
    assert entry.address_hash == address_hash(PHONE)
    assert await store.quarantined() == []
    (alert,) = await store.alert_history(10)
    assert (alert.acknowledged_by, alert.acknowledged_note, alert.snoozed) == ("erased", "", {})
    rows = await store.messages(10)
    assert [(one["subscriber"], one["text"], one["state"]) for one in rows] == [
        ("bob", "for Bob", "queued"),
        ("erased", None, "dropped"),
        ("erased", None, "sent"),
    ]
    await store.close()
    assert b"Berta has fever" not in content(tmp_path)


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("alertd.db*")))


async def test_an_erasure_twice_is_an_erasure(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    await store.erase("anna", [], NOW)
    assert await store.erase("anna", [], NOW) == (0, 0)
    await store.close()


ANNA = Subscriber.model_validate({"id": "anna", "channels": [{"signal": PHONE.address}], "consent": "2026-11-01"})


def people(state: PersonState | None = None, *, double_opt_in: bool = False) -> People:
    states = {"anna": state} if state else {}
    return People(
        *([ANNA], states),
        operator=None,
        language="en",
        timezone="UTC",
        invites={},
        double_opt_in=double_opt_in,
    )


def test_an_erased_person_gets_nothing_whatever_the_file_says_until_they_join_again() -> None:
    known = people()
    state, entries = known.forgotten("anna", NOW)
    assert [(one.action, one.how) for one in entries] == [("withdrawn", "erased")]
    known.apply([state], [])
    assert known.reachable("anna") == ()
    assert known.started("anna", PHONE, NOW)[1] == []
    known.apply([known.joined("anna", PHONE, NOW)[0]], [])
    assert known.reachable("anna") == (PHONE,)


def test_with_double_opt_in_the_files_word_waits_for_the_persons_own() -> None:
    known = people(double_opt_in=True)
    assert known.reachable("anna") == ()
    state, entries = known.started("anna", PHONE, NOW)
    assert entries
    known.apply([state], [])
    assert known.reachable("anna") == (PHONE,)
    assert people().reachable("anna") == (PHONE,)


def test_the_ledger_takes_over_what_the_file_says_once_and_its_end() -> None:
    first = of_file([ANNA], [], NOW)
    assert [(one.action, one.how, one.wording) for one in first] == [("given", "config", "consent: 2026-11-01")]
    assert of_file([ANNA], first, NOW + 1) == []
    gone = of_file([ANNA.model_copy(update={"consent": None})], first, NOW + 1)
    assert [(one.action, one.at) for one in gone] == [("withdrawn", NOW + 1)]
    assert len(of_file([ANNA], [*first, *gone], NOW + 2)) == 1


@pytest.mark.parametrize("days", [10, 90])
async def test_words_and_addresses_are_kept_as_long_as_the_farm_says(tmp_path: Path, days: int) -> None:
    store = await filled(tmp_path)
    await store.retain(NOW + days * DAY - HOUR, DAY, days * DAY)
    assert (await store.held_of("anna"))[0][0]["text"] == "Berta has fever"
    await store.retain(NOW + days * DAY + HOUR, DAY, days * DAY)
    first = (await store.held_of("anna"))[0][0]
    assert (first["text"], first["address"], first["state"]) == (None, "", "sent")
    await store.close()

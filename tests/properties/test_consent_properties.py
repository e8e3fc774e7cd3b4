"""The ledger only grows, and says at any time whether somebody may be written to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alertd.audience.consent import address_hash
from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.model import Channel, ConsentEntry

NOW = 1_795_312_200_000_000
CHANNELS = [Channel("telegram", "1"), Channel("signal", "+4915112345678")]
SAID = st.lists(
    st.tuples(st.sampled_from(["join", "stop", "start", "blocked", "erase"]), st.integers(0, 1)), max_size=20
)


@given(said=SAID)
def test_the_ledger_only_grows_and_its_last_line_is_the_truth(said) -> None:
    anna = Subscriber.model_validate({"id": "anna", "channels": []})
    people = People([anna], {}, operator=None, language="en", timezone="UTC", invites={})
    ledger: list[ConsentEntry] = []
    for number, (word, index) in enumerate(said):
        channel, at, before = CHANNELS[index], NOW + number, list(ledger)
        match word:
            case "join":
                state, entries = people.joined("anna", channel, at)
            case "start":
                state, entries = people.started("anna", channel, at)
            case "erase":
                state, entries = people.forgotten("anna", at)
            case _:
                state, entries = people.stopped("anna", channel, at, word)
        people.apply([state], [])
        ledger += entries
        assert ledger[: len(before)] == before
        for one in CHANNELS:
            lines = [entry for entry in ledger if entry.address_hash == address_hash(one)]
            assert people.allowed("anna", one) == (bool(lines) and lines[-1].action == "given")
        assert all("151" not in entry.address_hash or len(entry.address_hash) == 32 for entry in ledger)

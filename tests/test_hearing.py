"""What people say to the running daemon, through the engine's own turn: two at once, one after the other, said once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from farm import hot
from living import BEGINS, living

from alertd.hearing import quoting
from alertd.model import Changes, Inbound
from alertd.seams import Abilities, Flush, Settlement

PEOPLE = [
    {"id": "anna", "name": "Anna", "channels": [{"telegram": "4711"}], "consent": "2026-01-01"},
    {"id": "otto", "name": "Otto", "channels": [{"telegram": "4712"}], "consent": "2026-01-01"},
]


class Phone:
    """A messenger with spinners."""

    name = "telegram"
    abilities = Abilities(4096, buttons=3, edits=True, inbound=True, authenticates=True)

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    async def answered(self, update, note) -> None:
        self.notes[update.sender] = note


@pytest.fixture
async def daemon():
    """A barn that is too hot, told to Anna and Otto."""
    phone = Phone()
    async with living(hot(), people=PEOPLE, messengers={"telegram": phone}, readings=((10, "barn", 35.0),)) as life:
        yield life, phone


def press(life, who, address, number):
    data = next(button.data for button in life.told[who].buttons if button.data.startswith("ack:"))
    return Inbound(f"telegram:{number}", BEGINS, "telegram", address, address, data=data, callback=f"c{number}")


async def test_of_two_who_press_at_once_one_has_it_and_the_other_is_told_who(daemon):
    life, phone = daemon
    await asyncio.gather(
        life.keeper.done(press(life, "anna", "4711", 1)),
        life.keeper.done(press(life, "otto", "4712", 2)),
    )
    await asyncio.sleep(0)
    assert life.farm.book.numbered(1).acknowledged_by == "anna"
    assert phone.notes["4711"].startswith("A-1 taken by you")
    assert "taken by Anna" in phone.notes["4712"]


async def test_a_press_that_comes_again_is_taken_once(daemon):
    life, phone = daemon
    first = press(life, "anna", "4711", 1)
    await life.keeper.done(first)
    taken = life.farm.book.numbered(1).acknowledged_at
    await life.keeper.done(first)
    await life.keeper.done(replace(first, id="telegram:9", callback="c9"))
    await asyncio.sleep(0)
    assert life.farm.book.numbered(1).acknowledged_at == taken
    assert "already" in phone.notes["4711"]


async def test_what_a_text_quotes_is_found_and_a_press_names_its_message_itself(daemon):
    life, _ = daemon
    message = life.told["anna"]
    await life.store.commit(Flush(BEGINS, changes=Changes(messages=[message])))
    delivery = await life.store.claim(message.id, BEGINS)
    await life.store.settle(delivery, Settlement("sent", "sent", BEGINS, ref="77", channel=0))
    wrote = Inbound("telegram:3", BEGINS, "telegram", "4711", "4711", text="OK", ref="77")
    assert (await quoting(wrote, life.store)).about == message.id
    for other in (replace(wrote, ref="78"), replace(wrote, address="4712"), replace(wrote, text="", data="ack:x")):
        assert (await quoting(other, life.store)).about == ""

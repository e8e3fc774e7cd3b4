"""An invitation from the running daemon: committed before it is shown, with a link for each messenger that has one."""

from __future__ import annotations

import pytest
from living import living

from alertd.desk.persons import Persons
from alertd.seams import Abilities

ANNA = {"id": "anna", "name": "Anna", "channels": [], "consent": "2026-01-01"}


class Bot:
    """A messenger whose links are known once it says who it is."""

    abilities = Abilities(4096, inbound=True)

    async def check(self) -> str:
        return "@lindenau_bot"


class Account(Bot):
    """One that makes its links itself."""

    async def join_link(self, code: str) -> str:
        return f"http://weixin.qq.com/q/{code}"


class Away(Bot):
    async def check(self) -> str:
        raise ConnectionError("not there")


class Deaf(Bot):
    abilities = Abilities(4096)


@pytest.fixture
async def persons():
    messengers = {"telegram": Bot(), "wechat": Account(), "whatsapp": Away(), "email": Deaf()}
    async with living(people=[ANNA], messengers=messengers) as life:
        yield life, Persons(life.keeper, life.store, messengers)


async def test_each_messenger_that_hears_has_its_link_and_who_is_away_costs_only_its_own(persons):
    life, desk = persons
    made = await desk.invite("anna", None)
    code = made["code"]
    assert made["links"] == {
        "telegram": f"https://t.me/lindenau_bot?start={code}",
        "wechat": f"http://weixin.qq.com/q/{code}",
    }
    assert life.farm.engine.people.invite(code).subscriber == "anna"
    assert [one.subscriber for one in (await life.store.load()).invites.values()] == ["anna"], "it is committed"


async def test_one_messenger_may_be_asked_for(persons):
    _, desk = persons
    assert list((await desk.invite("anna", "wechat"))["links"]) == ["wechat"]


async def test_who_is_not_there_cannot_be_invited(persons):
    _, desk = persons
    with pytest.raises(KeyError):
        await desk.invite("bob", None)
    with pytest.raises(ValueError, match="pigeon"):
        await desk.invite("anna", "pigeon")

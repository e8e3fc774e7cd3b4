"""A message that fails when it is needed: the alarm goes out in plain words, and the operator hears of it once."""

from __future__ import annotations

from farm import ANNA, BOB, START, Farm, hot

from alertd.audience.people import People
from alertd.engine import Engine
from alertd.model import SECOND, Kind, Link


class Operated(Farm):
    """Bob keeps alertd running."""

    def made(self) -> Engine:
        engine = super().made()
        people = People(self.subscribers, {}, operator="bob", language="en", timezone="UTC", invites={})
        return Engine(engine.book, people, engine.words)


BOB_APART = BOB | {"subscriptions": []}


def test_the_alarm_goes_out_and_the_operator_is_told_once_and_once_when_it_works_again() -> None:
    picky = hot(message="{{ name }}: {{ 100 // (name|length - 3) }}", group_by=["device"])
    farm = Operated(picky, people=(ANNA, BOB_APART))
    told = farm.say((0, "cow", 35.0))
    assert [(one.subscriber, one.kind) for one in told] == [("bob", Kind.OPERATOR), ("anna", Kind.FIRING)]
    assert "rule hot: message: ZeroDivisionError" in told[0].text
    assert told[1].text.startswith("Hot – cow\nTemperature 35.0 °C (limit 30.0 °C)")
    assert [one.subscriber for one in farm.say((10, "pig", 35.0))] == ["anna"]
    mended = farm.say((20, "Berta", 35.0))
    assert {one.subscriber: one.text.partition("\n")[0] for one in mended}["anna"] == "Berta: 50"
    assert next(one.text for one in mended if one.subscriber == "bob").startswith(
        "alertd itself: the message of rule hot"
    )
    assert farm.book.troubles == {}
    assert farm.step(30, events=[Link(START + 30 * SECOND, up=True)]) == []

"""Before a month's budget is spent the operator hears of it: once a month, whatever restarts come."""

from __future__ import annotations

import pytest
from farm import ANNA, BOB, START, Farm, hot

from alertd.audience.people import People
from alertd.audience.settings import Subscriber
from alertd.model import DAY, HOUR, Kind, Severity, Spending
from alertd.spending import bounds, forecast, owed
from alertd.store.memory import MemoryStore
from alertd.store.memory_disk import Disk
from alertd.upkeep import spendings

MONTH, END = bounds(START)
LATE = MONTH + 20 * DAY


def farm(**operator):
    made = Farm(hot())
    everybody = [Subscriber.model_validate(one) for one in (ANNA | operator, BOB)]
    made.engine.people = People(everybody, {}, operator="anna", language="en", timezone="UTC", invites={})
    return made


def spent(amount, at=LATE, budget=20.0, messenger="whatsapp"):
    return Spending(at, messenger, amount, budget, "EUR")


def told(one, event):
    """One step at the time of the event."""
    return one.step((event.at - START) / 1_000_000, events=[event])


@pytest.mark.parametrize(
    ("amount", "day", "says"),
    [
        (15.9, 25, False),
        (16.0, 25, True),
        (25.0, 25, True),
        (14.0, 20, True),  # 21 by the end
        (13.0, 20, False),
        (3.0, 2, False),  # a bad night early on is no month
        (3.0, 4, True),
        (17.0, 1, True),
        (0.0, 20, False),
    ],
)
def test_it_is_told_when_four_fifths_are_spent_or_the_rest_will_not_last(amount, day, says):
    one = farm()
    assert owed(spent(amount, MONTH + day * DAY), one.book, one.engine.people) is says
    assert bool(told(one, spent(amount, MONTH + day * DAY))) is says


def test_what_is_told_says_how_much_is_spent_what_it_comes_to_and_what_follows():
    (message,) = told(farm(), spent(14.0))
    assert message.text == (
        "whatsapp: 14.00 EUR of this month's budget of 20.00 EUR are spent. "
        "At this pace it will be 21.00 EUR by the end of the month. "
        "Beyond the budget critical messages are still sent; others take the next channel or wait for the digest."
    )
    assert (message.kind, message.severity, message.subscriber) == (Kind.OPERATOR, Severity.INFO, "anna")


def test_it_is_told_in_the_operators_language_and_not_at_night():
    night = {"quiet_hours": {"from": "00:00", "to": "06:00"}}
    (message,) = told(farm(language="de", **night), spent(16.5))
    assert message.text.startswith("whatsapp: 16,50 EUR vom Monatsbudget von 20,00 EUR")
    assert message.due == LATE + 6 * HOUR


def test_it_is_told_once_a_month_and_for_each_messenger_by_itself():
    one = farm()
    assert len(told(one, spent(17.0))) == 1
    assert told(one, spent(19.0, LATE + DAY)) == []
    assert len(told(one, spent(17.0, LATE + 2 * DAY, messenger="sms"))) == 1
    assert len(told(one, spent(17.0, END + 20 * DAY))) == 1


def test_a_step_taken_back_has_told_nothing():
    one = farm()
    told(one, spent(17.0))
    one.engine.rollback()
    assert len(told(one, spent(17.0, LATE + 1))) == 1


def test_the_counter_that_commits_with_the_message_keeps_a_restart_from_telling_again():
    one = farm()
    told(one, spent(17.0))
    restarted = farm()
    restarted.book.counters |= one.changes[-1].counters
    assert told(restarted, spent(19.0, LATE + DAY)) == []


def test_without_an_operator_who_can_be_reached_nothing_is_told():
    one = farm(consent=None)
    assert told(one, spent(19.0)) == []


def test_the_pace_is_that_of_the_whole_month():
    assert forecast(10.0, MONTH + (END - MONTH) // 2) == pytest.approx(20.0)
    assert forecast(10.0, MONTH + DAY) is None


async def test_what_was_spent_is_asked_of_the_store():
    store = MemoryStore(Disk())
    await store.open()
    await store.pay("whatsapp", 3.25, LATE)
    await store.pay("whatsapp", 9.0, MONTH - DAY)
    assert await spendings(store, LATE, {"whatsapp": (20.0, "EUR")}) == [spent(3.25)]

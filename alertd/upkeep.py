"""What is done by the hour and by the month: forgetting, and the figures the operator is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alertd import monthly, spending
from alertd.model import HOUR, MINUTE, Monthly, Spending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertd.engine import Engine
    from alertd.keeping import Keeper
    from alertd.model import Micros
    from alertd.seams import Store


async def housekeeping(keeper: Keeper, store: Store, keep: Micros, bodies: Micros) -> None:
    """Once an hour: forget what nobody can ask for any more, in memory and on the disk."""
    while True:
        await keeper.clock.sleep_until(keeper.clock.now() + HOUR)
        keeper.engine.book.forget(keeper.clock.now())
        await store.retain(keeper.clock.now(), keep, bodies)


async def watch_spending(keeper: Keeper, store: Store, budgets: Mapping[str, tuple[float, str]]) -> None:
    """Every hour: bring the engine what each messenger with a budget (amount, currency) has cost this month."""
    while budgets:
        for event in await spendings(store, keeper.clock.now(), budgets):
            if spending.owed(event, keeper.engine.book, keeper.engine.people):
                await keeper.done(event)
        await keeper.clock.sleep_until(keeper.clock.now() + HOUR)


async def spendings(store: Store, now: Micros, budgets: Mapping[str, tuple[float, str]]) -> list[Spending]:
    """Return what there is to say of each budget."""
    costs = (await store.figures(now, now)).costs
    return [Spending(now, name, costs.get(name, 0.0), amount, currency) for name, (amount, currency) in budgets.items()]


async def summarise(keeper: Keeper, store: Store, currencies: Mapping[str, str]) -> None:
    """Once a month, a day or so after its end: bring the engine what the operator is to be told of it."""
    while True:
        event = await summary(keeper.engine, store, keeper.clock.now(), currencies)
        if event is not None:
            await keeper.done(event)
        await keeper.clock.sleep_until(keeper.clock.now() + MINUTE)


async def summary(engine: Engine, store: Store, now: Micros, currencies: Mapping[str, str]) -> Monthly | None:
    """Return the event with the figures of the month that is to be told now, if any is."""
    due = monthly.owed(engine.book, engine.people, now)
    if due is None:
        return None
    month, start, end = due
    return Monthly(now, month, await store.figures(start, end), currencies)

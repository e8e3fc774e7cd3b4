"""A month in numbers: what each rule raised and what people thought of it, what was told and what it cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from alertd.model import Alert, Figures, RuleFigures
from alertd.store.rows import MILLION, REACHED, cost_counter, read_alert
from alertd.store.schema import alerts, counters, messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from alertd.model import Micros


def gather(connection: Connection, start: Micros, end: Micros) -> Figures:
    """Return what started, and what reached somebody, from `start` to before `end`."""
    bodies = select(alerts.c.body).where(alerts.c.started >= start, alerts.c.started < end).order_by(alerts.c.number)
    raised = by_rule(read_alert(body) for body in connection.execute(bodies).scalars())
    reached = (
        select(messages.c.messenger, func.count())
        .where(messages.c.state.in_(REACHED), messages.c.settled >= start, messages.c.settled < end)
        .group_by(messages.c.messenger)
        .order_by(messages.c.messenger)
    )
    told = {row[0]: row[1] for row in connection.execute(reached)}
    kept = {row.name: row.value for row in connection.execute(select(counters).where(counters.c.name.like("cost %")))}
    return Figures(raised, told, costs_of(kept, (start + end) // 2))


def by_rule(raised: Iterable[Alert]) -> tuple[RuleFigures, ...]:
    """Count alerts by their rule, the busiest first."""
    own: dict[tuple[str, bool], list[Alert]] = {}
    for alert in raised:
        own.setdefault((alert.rule, alert.shadow), []).append(alert)
    found = []
    for (rule, shadow), mine in own.items():
        false = [alert for alert in mine if alert.false_alarm_by is not None]
        reasons = Counter(alert.false_reason for alert in false)
        found.append(RuleFigures(rule, len(mine), len(false), dict(reasons.most_common()), shadow))
    return tuple(sorted(found, key=lambda one: (one.shadow, -one.alerts, one.rule)))


def costs_of(kept: Mapping[str, int], at: Micros) -> dict[str, float]:
    """Return what each messenger's messages cost in the month (UTC) of a time, from the counters of the store."""
    of_month = cost_counter("", at).removeprefix("cost ")
    return {
        name.removeprefix("cost ").removesuffix(of_month): value / MILLION
        for name, value in sorted(kept.items())
        if name.startswith("cost ") and name.endswith(of_month)
    }

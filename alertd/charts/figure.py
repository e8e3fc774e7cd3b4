"""What a chart shows beside its curve, as plain data: the daemon says it, the child draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from alertd.model import DAY, HOUR, SECOND, State
from alertd.wording.figures import figure, metric_name
from alertd.wording.times import local

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alertd.alerting.settings import Rule
    from alertd.audience.person import Person
    from alertd.model import Alert, Micros, Series
    from alertd.wording import Words

SPAN: Final = DAY
"""How much of a series a chart shows, in microseconds."""


class Chart(msgspec.Struct, frozen=True):
    """One picture. Times are hours before its right edge `now`, so not above 0; values in the metric's unit.

    `limits` are values with their labels, `spans` (from, to, label) of alerts, `hours` the ticks: hours
    before the edge and what the clock showed then. `usual` names the normal band.
    """

    store: str
    device: str
    metric: str
    now: int
    title: str
    subtitle: str
    limits: list[tuple[float, str]]
    spans: list[tuple[float, float, str]]
    hours: list[tuple[float, str]]
    usual: str
    decimal: str


def chart_of(
    latest: tuple[Series, float, Micros],
    alerts: Iterable[Alert],
    rules: Iterable[Rule],
    words: Words,
    person: Person,
    now: Micros,
    store: str,
) -> Chart:
    """Return the chart of one series in a person's language and zone.

    Args:
        latest: the series, its last value and when that was measured.
        alerts: of the series, open or ended within the span.
        rules: those that judge it; their fixed limits become lines.
        words: names and languages.
        person: whose language and zone.
        now: the right edge.
        store: the file that holds the readings.
    """
    series, value, time = latest
    language = words.speaks(person)
    last = figure(value, series.unit, series.metric, language) or ""
    clock = words.clock(time, person, now)
    return Chart(
        store=store,
        device=series.device,
        metric=series.metric,
        now=now,
        title=words.facts.device(series.device),
        subtitle=f"{metric_name(series.metric, language)} {last}, {clock}",
        limits=_limits(rules, series, language),
        spans=[_span(alert, now) for alert in alerts],
        hours=_ticks(now, person.timezone),
        usual=words.say(language, "chart.usual"),
        decimal="," if "," in (figure(0.5, "", None, language) or "") else ".",
    )


def _span(alert: Alert, now: Micros) -> tuple[float, float, str]:
    end = now if alert.state is not State.RESOLVED or alert.resolved is None else alert.resolved
    return max(alert.started - now, -SPAN) / HOUR, (end - now) / HOUR, f"A-{alert.number}"


def _limits(rules: Iterable[Rule], series: Series, language: str) -> list[tuple[float, str]]:
    found: dict[float, str] = {}
    for rule in rules:
        if rule.detect.kind == "threshold":
            for limit in (getattr(rule.detect, "above", None), getattr(rule.detect, "below", None)):
                if limit is not None:
                    found[limit] = figure(limit, series.unit, series.metric, language) or f"{limit:g}"
    return sorted(found.items())


def _ticks(now: Micros, timezone: str) -> list[tuple[float, str]]:
    """Return every fourth full hour of the person's clock within the span."""
    wall = local(now, timezone)
    full = now - now % SECOND - (wall.minute * 60 + wall.second) * SECOND
    moments = [full - number * HOUR for number in range(25) if now - full + number * HOUR <= SPAN]
    clocks = [(moment, local(moment, timezone)) for moment in reversed(moments)]
    return [((moment - now) / HOUR, f"{clock:%H}:00") for moment, clock in clocks if clock.hour % 4 == 0]

"""The plain words of a message, for one alert and for several; the number comes after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.model import Kind, State
from alertd.wording.catalogue import counted, phrase
from alertd.wording.clean import clean
from alertd.wording.figures import figure, metric_name
from alertd.wording.times import clock, span
from alertd.wording.values import Figure, Moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alertd.audience.person import Person
    from alertd.model import Alert, Incident, Micros
    from alertd.wording.facts import Facts

NAMES: Final = 5
"""How many of several animals are named; the rest is counted."""


def body_of(
    facts: Facts,
    kind: Kind,
    alerts: Sequence[Alert],
    incident: Incident,
    person: Person,
    now: Micros,
    *,
    by: str | None,
    ended: bool,
) -> str:
    """Return two to four lines: what and where, how bad since when, what to do."""
    language = person.language
    over = ended or kind is Kind.RESOLVE
    lines = [headline(facts, kind, alerts, incident, person, now, by=by, over=over)]
    if ended and len(alerts) == 1:
        lines.append(_was(facts, alerts[0], person, now))
    elif over:
        lines += [names(facts, alerts, language, values=False), facts.lasted(alerts, person, now)]
    else:
        since = facts.since(min(alert.started for alert in alerts), person, now)
        bad = f"{facts.bad(alerts[0], language)} {since}" if len(alerts) == 1 else names(facts, alerts, language)
        named = len(alerts) == 1 and alerts[0].device is not None and lines[0] != heading(facts, alerts, language)
        lines.append(f"{facts.name(alerts[0].device or '')}: {bad}" if named and herd_event(kind, incident) else bad)
        if len(alerts) > 1:
            lines.append(since)
        if kind is not Kind.TAKEN:
            lines.append(facts.advice(max(alerts, key=lambda alert: alert.severity.rank), language))
    return "\n".join(line.strip() for line in lines if line.strip())


def headline(
    facts: Facts,
    kind: Kind,
    alerts: Sequence[Alert],
    incident: Incident,
    person: Person,
    now: Micros,
    *,
    by: str | None,
    over: bool,
) -> str:
    """Return the first line: what and where, of how many, and who took it."""
    language = person.language
    if not over and herd_event(kind, incident):
        return _of_herd(facts, alerts, incident, language)
    if kind is Kind.DELTA:
        return _more(facts, alerts, incident, language)
    text = heading(facts, alerts, language)
    if kind is Kind.DIGEST:
        return counted(language, "digest", len(alerts)) + ": " + text
    return f"{text}: {taken(alerts[0], person, now, by)}" if kind is Kind.TAKEN else text


def herd_event(kind: Kind, incident: Incident) -> bool:
    """Return whether a message tells that many of a group have this at once (`alerting.guard`)."""
    return kind in (Kind.FIRING, Kind.DELTA) and "herd_of" in incident.ordinals


def _of_herd(facts: Facts, alerts: Sequence[Alert], incident: Incident, language: str) -> str:
    """Return `Restless: 7 of 24 animals, dairy`: all that fire in the group, those told before among them."""
    return phrase(
        language,
        f"herd.{facts.noun(alerts)}",
        what=_whats(facts, alerts, language),
        count=incident.ordinals["herd"],
        all=incident.ordinals["herd_of"],
        group=clean(alerts[0].group or ""),
    )


def heading(facts: Facts, alerts: Sequence[Alert], language: str) -> str:
    """Return `Fever – Berta (DE 09 12300421), dairy` or `Fever – 7 animals in dairy`."""
    if len(alerts) == 1:
        return f"{facts.what(alerts[0], language)} – {facts.where(alerts[0])}"
    return f"{_whats(facts, alerts, language)} – {_in_group(alerts, facts.counted(alerts, language), language)}"


def names(facts: Facts, alerts: Sequence[Alert], language: str, *, values: bool = True) -> str:
    """Return `Berta 40.1 °C, Alma 39.9 °C and 5 more`, each animal once; "" for one alert (the heading names it)."""
    if len(alerts) == 1:
        return ""
    listed: dict[str, str] = {}
    for alert in alerts:
        key = alert.device or facts.where(alert)
        if key in listed:
            continue
        listed[key] = ""  # ten thousand are counted, only the first few written
        if len(listed) <= NAMES:
            name = facts.where(alert) if alert.device is None else facts.name(alert.device)
            value = facts.value(alert, language) if values and facts.kind(alert) != "absence" else ""
            listed[key] = f"{name} {value}".strip()
    shown = ", ".join(list(listed.values())[:NAMES])
    rest = len(listed) - NAMES
    return f"{shown} {phrase(language, 'more', count=rest)}" if rest > 0 else shown


def taken(alert: Alert, person: Person, now: Micros, by: str | None) -> str:
    """Return `taken by Anna 03:12`, or that somebody ended it."""
    key, who, at = "taken", alert.acknowledged_by, alert.acknowledged_at
    if alert.false_alarm_by is not None:
        key, who, at = "taken.false", alert.false_alarm_by, alert.resolved
    elif alert.state is State.RESOLVED:
        key, who, at = "taken.ended", alert.acknowledged_by, alert.resolved
    time = clock(now if at is None else at, now, person.timezone, person.language)
    return phrase(person.language, key, name=clean(by or who or "?"), time=time)


def variables(facts: Facts, alert: Alert, person: Person, now: Micros) -> dict[str, str]:
    """Return what a rule's own message may name (`templates.VARIABLES`)."""
    language = person.language
    device = alert.device
    value, normal, limit = alert.value, alert.normal, facts.limit_of(alert)
    delta = None if value is None or normal is None else value - normal

    def as_figure(text: str, amount: float | None) -> Figure:
        return Figure.of(text, amount, alert.unit, alert.metric, language)

    return {
        "device": facts.device(device) if device is not None else facts.where(alert),
        "name": facts.name(device) if device is not None else facts.where(alert),
        "tag": facts.tag(device) if device is not None else "",
        "id": clean(device) if device is not None else "",
        "group": clean(alert.group) if alert.group else "",
        "metric": metric_name(alert.metric, language),
        "value": as_figure(facts.value(alert, language), value),
        "normal": as_figure(facts.figure(normal, alert, language), normal),
        "limit": as_figure(facts.limit(alert, language), limit),
        "delta": as_figure(signed(facts.figure(delta, alert, language), delta), delta),
        "ratio": Figure.of(*_ratio(value, normal, language), language=language),
        "since": Moment.of(alert.started, now, person.timezone, language),
        "duration": span(now - alert.started, language),
        "rule": facts.what(alert, language),
        "severity": phrase(language, f"severity.{alert.severity.value}"),
        "number": f"A-{alert.number}",
    }


def signed(text: str, amount: float | None) -> str:
    """Return a difference with its sign: `+1.5 °C`, `−320 g`."""
    return f"+{text}" if amount is not None and amount > 0 and text else text


def _ratio(value: float | None, normal: float | None, language: str) -> tuple[str, float | None]:
    """Return value over normal in per cent (`72 %`), and the number itself."""
    if value is None or not normal:
        return "", None
    return figure(100 * value / normal, "%", None, language) or "", value / normal


def _more(facts: Facts, alerts: Sequence[Alert], incident: Incident, language: str) -> str:
    """Return the heading of a delta: how many came, and how many there are now."""
    whole = len(incident.alerts)
    text = heading(facts, alerts, language)
    if len(alerts) > 1:
        more = phrase(language, "delta", count=facts.counted(alerts, language))
        text = f"{_whats(facts, alerts, language)} – {_in_group(alerts, more, language)}"
    return f"{text}; {phrase(language, 'in_all', count=whole)}" if whole > len(alerts) else text


def _was(facts: Facts, alert: Alert, person: Person, now: Micros) -> str:
    """Return `Body temperature 40.1 °C 02:10–02:50, now normal`."""
    end = now if alert.resolved is None else alert.resolved
    lasted = phrase(
        person.language,
        "range.normal",
        start=clock(alert.started, now, person.timezone, person.language),
        end=clock(end, now, person.timezone, person.language),
    )
    return f"{facts.bad(alert, person.language, normal=False)} {lasted}"


def _whats(facts: Facts, alerts: Sequence[Alert], language: str) -> str:
    first = {alert.rule: alert for alert in reversed(alerts)}  # what it is called follows from the rule
    return ", ".join(dict.fromkeys(facts.what(alert, language) for alert in reversed(first.values())))


def _in_group(alerts: Sequence[Alert], count: str, language: str) -> str:
    groups = {alert.group for alert in alerts}
    group = groups.pop() if len(groups) == 1 else None
    return phrase(language, "several", count=count, group=clean(group)) if group else count

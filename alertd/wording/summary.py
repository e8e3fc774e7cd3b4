"""The operator's month on one page: rules, false alarms, messages and cost, silent sensors, what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alertd.wording.catalogue import counted, phrase
from alertd.wording.cldr import decimal, month
from alertd.wording.clean import clean
from alertd.wording.times import local

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alertd.audience.person import Person
    from alertd.model import Micros, Monthly, RuleFigures
    from alertd.wording.words import Words

MANY_FALSE: Final = 0.3
"""Share of false alarms from which a rule is pointed at: people stop reading (DOMAIN.md section 3.3)."""
RULES: Final = 12
"""Rules that get a line each; the rest is counted."""
SENSORS: Final = 8
"""Silent devices that are named; the rest is counted."""


def summary_text(
    words: Words, person: Person, event: Monthly, first: Micros, silent: Sequence[tuple[str, Micros | None]]
) -> str:
    """Return the whole summary in the person's language.

    Args:
        words: for the farm's name and those of devices.
        person: whose language and zone.
        event: the figures.
        first: the first instant of the month.
        silent: devices that are not heard, with when they last were.
    """
    language = words.speaks(person)
    name = month(local(first, person.timezone), language)
    lines = [phrase(language, "monthly", month=name, farm=words.farm_name(language))]
    lines += _rules(language, event.figures.rules)
    lines += _messages(language, event)
    if silent:
        named = [_device(words, language, device, last, person, event.at) for device, last in silent[:SENSORS]]
        if len(silent) > SENSORS:
            named.append(phrase(language, "more", count=len(silent) - SENSORS))
        lines.append(phrase(language, "monthly.silent", devices=", ".join(named)))
    advice = [_advice(language, rule) for rule in event.figures.rules if worth_a_look(rule)]
    if silent:
        advice.append(phrase(language, "monthly.look_sensors"))
    lines.append(phrase(language, "monthly.look" if advice else "monthly.fine"))
    return "\n".join([*lines, *(f"– {one}" for one in advice)])


def worth_a_look(rule: RuleFigures) -> bool:
    """Return whether so many of a rule's alerts were judged false that its limit should be looked at."""
    return rule.false > 0 and rule.false / rule.alerts >= MANY_FALSE


def _rules(language: str, rules: Sequence[RuleFigures]) -> Iterator[str]:
    live = [rule for rule in rules if not rule.shadow]
    total = sum(rule.alerts for rule in live)
    yield counted(language, "monthly.alerts", total) if total else phrase(language, "monthly.none")
    for rule in rules[:RULES]:
        text = f"{clean(rule.rule, 60)}: {rule.alerts}"
        if rule.shadow:
            text = phrase(language, "monthly.shadow", text=text)
        if rule.false:
            share = f"{rule.false / rule.alerts:.0%}".replace("%", " %" if language != "en" else "%")
            text = f"{text}, {counted(language, 'monthly.false', rule.false)} ({share})"
        yield f"– {text}"
    if len(rules) > RULES:
        yield phrase(language, "more", count=len(rules) - RULES)


def _messages(language: str, event: Monthly) -> Iterator[str]:
    figures = event.figures
    text = counted(language, "monthly.messages", sum(figures.messages.values()))
    if figures.messages:
        text = f"{text}: {', '.join(f'{count} {name}' for name, count in figures.messages.items())}"
    costs: dict[str, float] = {}
    for messenger, cost in figures.costs.items():
        currency = event.currencies.get(messenger, "")
        costs[currency] = costs.get(currency, 0.0) + cost
    spent = [decimal(f"{cost:.2f} {currency}".strip(), language) for currency, cost in costs.items()]
    yield f"{text}. {phrase(language, 'monthly.cost', cost=', '.join(spent))}" if spent else f"{text}."


def _device(words: Words, language: str, device: str, last: Micros | None, person: Person, now: Micros) -> str:
    name = words.facts.name(device)
    since = phrase(language, "since.now", time=words.clock(last, person, now)) if last is not None else None
    return f"{name} ({since or phrase(language, 'monthly.never')})"


def _advice(language: str, rule: RuleFigures) -> str:
    reason = next(iter(rule.reasons), "")
    key = f"monthly.look_{reason if reason in ('limit', 'moved', 'sensor') else 'false'}"
    return phrase(language, key, rule=clean(rule.rule, 60))

"""`alertd audit`: which alarms the law and the authorities ask for, and whether this farm has them.

It reads the configuration and, for the last test, the store. It is a check list, not legal advice: what
applies to a farm depends on its animals and country.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from alertd.audience.routing import audience
from alertd.model import DAY
from alertd.parts import engine_of
from alertd.store.settings import store_path
from alertd.wording.samples import sample
from alertd.wording.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from alertd.alerting.settings import Rule
    from alertd.audience.people import People
    from alertd.audience.person import Person
    from alertd.config.config import Config
    from alertd.model import Micros

HOUSES: Final = ("house", "nursery", "barn")
"""What `labels: {role: …}` calls animals' houses (config/rules)."""
PERIOD: Final = 7 * DAY
"""How old the last test may be: weekly in Austria and the UK (PB1147), monthly in the Netherlands (DOMAIN.md 3.4)."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """An alarm somebody asks for. A live rule on one of `metrics` has it; `side` of its limit, if it matters.

    `housed`: only a rule about animals' houses counts, not one about a water line or a grain store.
    """

    name: str
    source: str
    metrics: tuple[str, ...]
    side: str = ""
    kinds: tuple[str, ...] = ()
    housed: bool = False


_LALLF: Final = "LALLF M-V guide"
_DIRECTIVE: Final = "Directive 2007/43/EC Annex II"
CRITERIA: Final = (
    Criterion("ventilation fails", "Directive 98/58/EC Annex 13; TierSchNutztV §3", ("fan_power", "fan_running")),
    Criterion("house too hot", _LALLF, ("temperature",), side="above", housed=True),
    Criterion("house too cold", _LALLF, ("temperature",), side="below", housed=True),
    Criterion("mains fail", _LALLF, ("mains_ok",)),
    Criterion("a breaker trips", _LALLF, ("breaker_ok", "motor_ok")),
    Criterion("water is short", _LALLF, ("water_level", "water_volume", "water_flow", "water_ok"), side="below"),
    Criterion("fire", _LALLF, ("fire", "smoke")),
    Criterion("the alarm system fails: a gateway", _LALLF, ("online", "channel_ok")),
    Criterion("the alarm system fails: a sensor is silent", _LALLF, (), kinds=("absence",)),
    Criterion("ammonia above 20 ppm", f"{_DIRECTIVE} 3(a)", ("nh3",), side="above", housed=True),
    Criterion("CO2 above 3000 ppm", f"{_DIRECTIVE} 3(a)", ("co2",), side="above", housed=True),
    Criterion("3 K warmer than outside", f"{_DIRECTIVE} 3(b)", ("temperature_above_outside",), side="above"),
    Criterion("70 % humidity over 48 h", f"{_DIRECTIVE} 3(c)", ("humidity_48h",), side="above"),
    Criterion("milk too warm", "Reg. (EC) 853/2004", ("milk_temperature",), side="above"),
)
"""From DOMAIN.md section 3.4; the last five are for who keeps broilers or sells milk."""


def main(config: Config, path: Path, environ: Mapping[str, str], period: Micros = PERIOD) -> int:
    """Print the list; return 0: what a farm lacks is for people to judge."""
    now = time.time_ns() // 1000
    people = engine_of(config, now).people
    try:
        tested = last_test(store_path(config.store, environ, path))
    except sqlite3.Error as error:
        print(f"alertd audit: the store cannot be read, tests are unknown: {error}", file=sys.stderr)
        tested = None
    for line in report(config, people, tested, now, period):
        print(line)
    return 0


def last_test(store: Path) -> Micros | None:
    """Return when the last test message was delivered (`alertd send-test`), None if none ever was.

    Raises:
        sqlite3.Error: the store is not there, or may not be read.
    """
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        query = "SELECT max(settled) FROM messages WHERE kind = 'test' AND state = 'sent'"
        found: int | None = connection.execute(query).fetchone()[0]
        return found


def report(config: Config, people: People, tested: Micros | None, now: Micros, period: Micros) -> Iterator[str]:
    """Yield a line for each criterion, then one for the test."""
    for criterion in CRITERIA:
        rules = [rule for rule in config.rules if rule.enabled and _meets(criterion, rule)]
        live = [rule for rule in rules if rule.mode == "live"]
        yield f"{'ok  ' if _well(live, config, people, now) else 'LACK'} {criterion.name} ({criterion.source})"
        if not rules:
            yield "       no rule"
        for rule in rules:
            ways = _ways(rule, config, people, now)
            shadow = "shadow: tells nobody; " if rule.mode == "shadow" else ""
            reached = ", ".join(ways) if ways else "nobody"
            messengers = len({way.rpartition(" ")[2] for way in ways})
            yield f"       {rule.name}: {shadow}{_count(messengers)} ({reached})"
    days = period // DAY
    if tested is None:
        yield f"LACK alarm test within {days} days: none is known (alertd send-test)"
    else:
        fresh = now - tested <= period
        yield f"{'ok  ' if fresh else 'LACK'} alarm test within {days} days: the last was {rfc3339(tested)}"


def _meets(criterion: Criterion, rule: Rule) -> bool:
    metric = rule.match.get("metric")
    metrics = metric if isinstance(metric, list) else [metric]
    if criterion.kinds:
        return rule.detect.kind in criterion.kinds and metrics != ["alarm_test"]
    if rule.detect.kind == "absence" or not set(metrics) & set(criterion.metrics):
        return False
    role = (rule.match.get("labels") or {}).get("role") or rule.match.get("role")
    if criterion.housed and not ("species" in rule.match or role in HOUSES):
        return False
    limits = (criterion.side, f"delta_{criterion.side}", f"ratio_{criterion.side}")
    sided = any(getattr(rule.detect, limit, None) is not None for limit in limits)
    return not criterion.side or rule.detect.kind == "state" or sided


def _well(rules: list[Rule], config: Config, people: People, now: Micros) -> bool:
    """Return whether one of the rules has two parallel ways: two messengers, or one outage silences both."""
    return any(len({way.rpartition(" ")[2] for way in _ways(rule, config, people, now)}) > 1 for rule in rules)


def _ways(rule: Rule, config: Config, people: People, now: Micros) -> list[str]:
    """Return the ways by which a rule's alert leaves, `anna by telegram`: subscribers' and those of its escalation."""
    alert, _ = sample(rule, config.devices, now)
    own = {"device": alert.device or "", "metric": alert.metric or "", "group": alert.group or ""}
    known = dict(alert.labels) | own
    listed = next((one for one in config.devices if one.id == alert.device), None)
    if listed is not None and listed.species:
        known["species"] = listed.species
    found: dict[str, Person] = {person.id: person for person in audience(people, alert, known, now)}
    for step in rule.escalate:
        person = people.get(step.to) if isinstance(step.to, str) else None
        if person is not None:
            found.setdefault(person.id, person)
    return [f"{name} by {channel.messenger}" for name in found for channel in people.reachable(name)]


def _count(messengers: int) -> str:
    return "1 messenger" if messengers == 1 else f"{messengers} messengers"
